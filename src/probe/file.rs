//! The `file` probe: changes a file if the step says so, then reads it. The file is in the learner's workspace or in a
//! service's container.

use std::time::Duration;

use serde_json::Value;

use crate::engine::{ContainerAccess, EngineError, Exec};
use crate::expect::Actual;
use crate::lab::{FileChange, FileProbe, ServiceName};
use crate::probe::address::address;
use crate::probe::error::ProbeError;
use crate::probe::folder::Folder;
use crate::probe::limits::lossy_text;
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

pub(super) async fn run<E: ContainerAccess>(
    probe: &FileProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let bytes = match &probe.service {
        None => in_workspace(probe, target)?,
        Some(service) => in_container(probe, service, target, timeout).await?,
    };
    let value = bytes.map_or(Value::Null, |bytes| Value::from(lossy_text(&bytes)));
    Ok(Actual::value(value))
}

fn in_workspace<E>(
    probe: &FileProbe,
    target: &Target<'_, E>,
) -> Result<Option<Vec<u8>>, ProbeError> {
    let workspace = target.workspace.ok_or_else(|| {
        ProbeError::InvalidStep(text!(
            "the lab has no workspace; add `workspace` to lab.yaml"
        ))
    })?;
    let workspace = Folder::open(workspace)?;
    match content(probe, target)? {
        Some(content) => workspace.write(&probe.path, &content)?,
        None if probe.change == FileChange::Remove => workspace.remove(&probe.path)?,
        None => {}
    }
    workspace.read(&probe.path)
}

async fn in_container<E: ContainerAccess>(
    probe: &FileProbe,
    service: &ServiceName,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Option<Vec<u8>>, ProbeError> {
    let path = &probe.path;
    if !path.starts_with('/') {
        return Err(ProbeError::InvalidStep(text!(
            "`{path}`: a path in a container must start with `/`",
            path
        )));
    }
    let container = &address(target, service)?.container;
    let engine = target.engine;
    let failed = |error: EngineError| ProbeError::from_engine(service, error, timeout);
    match content(probe, target)? {
        Some(content) => {
            if let Some((folder, _)) = path.rsplit_once('/').filter(|(above, _)| !above.is_empty())
            {
                run_tool(engine, container, &["mkdir", "-p", "--", folder], timeout)
                    .await
                    .map_err(failed)??;
            }
            let written = engine.write_file(container, path, &content).await;
            written.map_err(failed)?;
        }
        None if probe.change == FileChange::Remove => {
            run_tool(engine, container, &["rm", "-f", "--", path], timeout)
                .await
                .map_err(failed)??;
        }
        None => {}
    }
    engine.read_file(container, path).await.map_err(failed)
}

/// Returns what the step writes, if it writes.
fn content<E>(probe: &FileProbe, target: &Target<'_, E>) -> Result<Option<Vec<u8>>, ProbeError> {
    match &probe.change {
        FileChange::Nothing | FileChange::Remove => Ok(None),
        FileChange::Write(text) => Ok(Some(text.clone().into_bytes())),
        FileChange::CopyFrom(from) => {
            let folder = Folder::open(&target.lab.folder)?;
            if folder.is_cut(from)? {
                return Err(ProbeError::InvalidStep(text!(
                    "`{from}` is larger than 1 MiB; mount it instead",
                    from
                )));
            }
            let bytes = folder.read(from)?;
            let missing =
                || ProbeError::InvalidStep(text!("no such file in the lab: `{from}`", from));
            bytes.ok_or_else(missing).map(Some)
        }
    }
}

/// Runs a small tool of the image, which must succeed.
async fn run_tool<E: ContainerAccess>(
    engine: &E,
    container: &str,
    words: &[&str],
    timeout: Duration,
) -> Result<Result<(), ProbeError>, EngineError> {
    let exec = Exec {
        run: words.iter().map(|word| (*word).to_owned()).collect(),
        user: Some("0".to_owned()),
        workdir: None,
        env: Vec::new(),
    };
    let output = engine.exec(container, &exec, timeout).await?;
    Ok(match output.exit_code {
        0 => Ok(()),
        _ => Err(ProbeError::InvalidStep(Text::verbatim(
            output.stderr.trim(),
        ))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ExecOutput;
    use crate::lab::StepKind;
    use crate::probe::double::{Double, Scene};

    fn probe(service: Option<ServiceName>, path: &str, change: FileChange) -> StepKind {
        StepKind::File(FileProbe {
            service,
            path: path.to_owned(),
            change,
        })
    }

    /// Creates a lab with `files/x.txt`, and a workspace beside it.
    fn scene(engine: Double) -> (tempfile::TempDir, Scene) {
        let outer = tempfile::tempdir().unwrap();
        let lab = outer.path().join("lab");
        std::fs::create_dir_all(lab.join("files")).unwrap();
        std::fs::create_dir(outer.path().join("work")).unwrap();
        std::fs::write(lab.join("files/x.txt"), "of the lab").unwrap();
        std::fs::write(outer.path().join("secret"), "secret").unwrap();
        let mut scene = Scene::new(engine, 1);
        scene.workspace = Some(outer.path().join("work"));
        scene.lab.folder = lab;
        (outer, scene)
    }

    #[tokio::test]
    async fn a_file_in_the_workspace_is_changed_and_then_read() {
        let (_outer, scene) = scene(Double::default());
        let run = async |change| scene.probe(&probe(None, "dags/a.py", change)).await;
        let value = |text: &str| Ok(Actual::value(text));
        assert_eq!(run(FileChange::Nothing).await.unwrap().value, Value::Null);
        assert_eq!(run(FileChange::Write("1".into())).await, value("1"));
        let copy = FileChange::CopyFrom("files/x.txt".into());
        assert_eq!(run(copy).await, value("of the lab"));
        assert_eq!(run(FileChange::Nothing).await, value("of the lab"));
        assert_eq!(run(FileChange::Remove).await.unwrap().value, Value::Null);
    }

    #[tokio::test]
    async fn only_files_of_the_lab_can_be_copied() {
        let (_outer, scene) = scene(Double::default());
        for from in ["../secret", "/etc/passwd", "files/missing", "files"] {
            let copy = FileChange::CopyFrom(from.to_owned());
            let result = scene.probe(&probe(None, "a", copy)).await;
            assert!(matches!(result, Err(ProbeError::InvalidStep(_))), "{from}");
        }
    }

    #[tokio::test]
    async fn a_file_in_a_container_is_changed_and_read_through_the_engine() {
        let done = ExecOutput {
            exit_code: 0,
            stdout: String::new(),
            stderr: String::new(),
        };
        let engine = Double {
            exec: Some(Ok(done)),
            ..Double::default()
        };
        let (_outer, scene) = scene(engine);
        let service = || Some(Scene::service());
        let write = probe(service(), "/etc/x/y.conf", FileChange::Write("z".into()));
        assert_eq!(scene.probe(&write).await, Ok(Actual::value("z")));
        let remove = probe(service(), "/etc/x/y.conf", FileChange::Remove);
        scene.probe(&remove).await.unwrap();
        let calls = scene.engine.calls.borrow().join("\n");
        insta::assert_snapshot!(calls, @r"
        exec mkdir -p -- /etc/x
        write /etc/x/y.conf
        read /etc/x/y.conf
        exec rm -f -- /etc/x/y.conf
        read /etc/x/y.conf
        ");
        let relative = probe(service(), "x", FileChange::Nothing);
        assert!(scene.probe(&relative).await.is_err());
    }
}
