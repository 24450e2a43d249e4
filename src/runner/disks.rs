//! Disks of services that a fault fills: file systems in memory, which a file fills until it is removed.

use std::time::Duration;

use futures_util::future::join_all;

use crate::engine::{Engine, EngineError, ErrorKind, Exec};
use crate::lab::{Lab, Service, ServiceName};
use crate::plan::{Observed, ObservedContainer, Running};
use crate::runner::{Failure, Runner};
use crate::text;

/// How long filling a disk or removing what fills it may take.
const DISK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it may take to find out which disks are full. A service whose programs do not answer has none that could be freed.
const OBSERVATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The file that fills a disk.
const FILLING: &str = ".roadlab-fill";

/// Fills the disk that `$1` is on. The shell reports that it is full, which is what was wanted.
const FILL: &str = "cat /dev/zero > \"$1\" 2>/dev/null; test -e \"$1\"";

/// Prints the position of each file that exists, from 0.
const FIND: &str = "at=0; for file; do test -e \"$file\" && echo $at; at=$((at + 1)); done; :";

/// Fills a disk of a service.
pub(super) async fn fill<E: Engine>(
    runner: &Runner<'_, E>,
    service: &ServiceName,
    container: &str,
    path: &str,
) -> Result<(), Failure> {
    let exec = as_root(["sh", "-c", FILL, "sh"], [filling(path)]);
    let context = || text!("cannot fill `{path}` of `{service}`", path, service);
    let output = runner.engine.exec(container, &exec, DISK_TIMEOUT).await;
    let output = output.map_err(Failure::engine(context()))?;
    match output.exit_code {
        0 => Ok(()),
        _ => Err(Failure::Step(text!(
            "cannot fill `{path}` of `{service}`: {reason}",
            path,
            service,
            reason = output.stderr.trim()
        ))),
    }
}

/// Removes what fills a disk of a container. Without the program, nothing could have filled it.
pub(super) async fn free<E: Engine>(
    engine: &E,
    container: &str,
    path: &str,
) -> Result<(), EngineError> {
    let exec = as_root(["rm", "-f"], [filling(path)]);
    match engine.exec(container, &exec, DISK_TIMEOUT).await {
        Err(error) if !matches!(error.kind, ErrorKind::NoProgram | ErrorKind::CannotRun) => {
            Err(error)
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Finds out which disks of the services of a lab are full because of a fault. Only services with a file system in memory are
/// asked.
pub async fn observe_disks<E: Engine>(engine: &E, lab: &Lab, observed: &mut Observed) {
    let containers = observed.containers.iter_mut().map(async |container| {
        let service = container.run_labels.service.as_ref();
        if let Some(service) = service.and_then(|name| lab.services.get(name)) {
            container.full_disks = full_disks(engine, service, container).await;
        }
    });
    join_all(containers).await;
}

/// Returns the disks of a running service that a fault filled.
pub async fn full_disks<E: Engine>(
    engine: &E,
    service: &Service,
    container: &ObservedContainer,
) -> Vec<String> {
    if service.tmpfs.is_empty() || container.running != Running::Yes {
        return Vec::new();
    }
    let files = service.tmpfs.keys().map(|path| filling(path));
    let exec = as_root(["sh", "-c", FIND, "sh"], files);
    let output = engine.exec(&container.id, &exec, OBSERVATION_TIMEOUT).await;
    let found = output.map(|output| output.stdout).unwrap_or_default();
    let full = found.lines().filter_map(|at| at.parse().ok());
    full.filter_map(|at: usize| service.tmpfs.keys().nth(at).cloned())
        .collect()
}

fn as_root<const N: usize>(
    program: [&str; N],
    arguments: impl IntoIterator<Item = String>,
) -> Exec {
    Exec {
        run: program
            .map(str::to_owned)
            .into_iter()
            .chain(arguments)
            .collect(),
        user: Some("0".to_owned()),
        workdir: None,
        env: Vec::new(),
    }
}

fn filling(path: &str) -> String {
    format!("{}/{FILLING}", path.trim_end_matches('/'))
}
