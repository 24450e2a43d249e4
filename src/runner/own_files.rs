//! Gives the files of a learner's folder back to the learner, after a container made some of them as another user.

use std::path::Path;
use std::time::Duration;

use crate::engine::{Engine, clock};
use crate::lab::{Access, Service};
use crate::plan::{
    AddressNumbers, ContainerSpec, HostPorts, MountSpec, Placement, RunLabels, ServiceImage,
};
use crate::runner::{Failure, Runner};
use crate::text;
use crate::text::Text;

/// Where the container has the folder.
const FOLDER: &str = "/workspace";

/// Gives everything below `$0` to the owner of `$0`. Links are not followed.
const SCRIPT: &str =
    r#"owner=$(stat -c %u:%g "$0") && chown -hR "$owner" "$0" && chmod -R u+rwX "$0""#;

/// How long the container may run, and how often it is inspected.
const TIMEOUT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Runs a short-lived container as root that gives everything in a folder to the folder's owner. It uses the image of a service,
/// has only this folder, and is removed again. Its labels are those of the run, so that whatever ends this process leaves
/// nothing behind.
pub async fn own_files<E: Engine>(
    runner: &Runner<'_, E>,
    run_labels: &RunLabels,
    service: &Service,
    image: &ServiceImage,
    folder: &Path,
) -> Result<(), Failure> {
    let spec = container(run_labels, service, image, folder);
    let context = || {
        text!(
            "cannot give the files of {folder} back to you",
            folder = folder.display()
        )
    };
    let engine = runner.engine;
    // A process that was ended may have left one.
    let removed = engine.remove_container(&spec.name).await;
    removed.map_err(Failure::engine(context()))?;
    let created = engine.create_container(&spec).await;
    let id = created.map_err(Failure::engine(context()))?;
    let ended = run(runner, &id, &context).await;
    let removed = engine.remove_container(&id).await;
    ended?;
    removed.map_err(Failure::engine(context()))
}

async fn run<E: Engine>(
    runner: &Runner<'_, E>,
    id: &str,
    context: &dyn Fn() -> Text,
) -> Result<(), Failure> {
    let engine = runner.engine;
    engine.start(id).await.map_err(Failure::engine(context()))?;
    let begun = clock::now();
    loop {
        let state = engine.inspect(id).await;
        let state = state.map_err(Failure::engine(context()))?;
        if !state.running && state.status != "created" {
            if state.exit_code == 0 {
                return Ok(());
            }
            let log = engine.logs(id, 3).await.unwrap_or_default();
            return Err(Failure::Environment(text!(
                "{context}: {reason}",
                context = context(),
                reason = log.trim()
            )));
        }
        if clock::since(begun) > TIMEOUT {
            return Err(Failure::Environment(text!(
                "{context}: it takes longer than {seconds} s",
                context = context(),
                seconds = TIMEOUT.as_secs()
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn container(
    run_labels: &RunLabels,
    service: &Service,
    image: &ServiceImage,
    folder: &Path,
) -> ContainerSpec {
    let bare = Service {
        ports: Vec::new(),
        mounts: Vec::new(),
        networks: std::collections::BTreeMap::new(),
        environment: std::collections::BTreeMap::new(),
        ..service.clone()
    };
    let run_labels = RunLabels {
        service: None,
        digest: None,
        mounted: None,
        ..run_labels.clone()
    };
    let placement = Placement {
        run_labels: &run_labels,
        image: &image.id,
        workspace: None,
    };
    ContainerSpec {
        name: run_labels.name("files"),
        entrypoint: Some(vec!["sh".to_owned(), "-c".to_owned(), SCRIPT.to_owned()]),
        command: Some(vec![FOLDER.to_owned()]),
        mounts: vec![MountSpec::Bind {
            source: folder.to_owned(),
            target: FOLDER.to_owned(),
            access: Access::ReadWrite,
        }],
        user: Some("0".to_owned()),
        working_dir: None,
        healthcheck: None,
        labels: run_labels.labels(),
        ..ContainerSpec::new(
            &bare,
            &placement,
            &HostPorts::default(),
            &AddressNumbers::new(),
        )
    }
}
