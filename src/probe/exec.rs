//! A program run inside a service's container; never one of this machine.

use std::time::Duration;

use crate::engine::{ContainerExec, ErrorKind, Exec};
use crate::expect::Actual;
use crate::lab::ExecProbe;
use crate::probe::dial::address;
use crate::probe::{ProbeError, Target, unseen};

pub(super) async fn probe<E: ContainerExec>(
    probe: &ExecProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let service = &probe.service;
    let container = &address(target, service)?.container;
    let exec = Exec {
        run: probe.run.clone(),
        user: probe.user.clone(),
        workdir: probe.workdir.clone(),
        env: probe.env.iter().map(|(k, v)| format!("{k}={v}")).collect(),
    };
    let output = target.engine.exec(container, &exec, timeout).await;
    let output = output.map_err(|error| match error.kind {
        ErrorKind::ContainerExited => {
            let program = probe.run.first().map_or("", String::as_str);
            ProbeError::NoAnswer(format!("`{service}` died while `{program}` ran in it"))
        }
        _ => unseen(service, error, timeout),
    })?;
    let success = output.exit_code == 0;
    let said = if !success && output.stdout.is_empty() {
        output.stderr.trim()
    } else {
        let said = output.stdout.as_str();
        let said = said.strip_suffix('\n').unwrap_or(said);
        said.strip_suffix('\r').unwrap_or(said)
    };
    Ok(Actual::with_status(said, output.exit_code, success))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EngineError, ExecOutput};
    use crate::lab::StepKind;
    use crate::probe::double::{Double, Scene};
    use crate::text;

    fn output(exit_code: i64, stdout: &str, stderr: &str) -> Double {
        Double {
            exec: Some(Ok(ExecOutput {
                exit_code,
                stdout: stdout.to_owned(),
                stderr: stderr.to_owned(),
            })),
            ..Double::default()
        }
    }

    async fn run(engine: Double) -> Result<Actual, ProbeError> {
        let act = StepKind::Exec(ExecProbe {
            service: Scene::service(),
            run: vec!["tool".to_owned()],
            user: None,
            workdir: None,
            env: [("A".to_owned(), "1".to_owned())].into(),
        });
        Scene::new(engine, 1).probe(&act).await
    }

    #[tokio::test]
    async fn the_value_is_what_it_printed() {
        let seen = run(output(0, "a\nb\n", "noise")).await.unwrap();
        assert_eq!(seen, Actual::with_status("a\nb", 0, true));
        let seen = run(output(3, "", " no such key\n")).await.unwrap();
        assert_eq!(seen, Actual::with_status("no such key", 3, false));
        let seen = run(output(3, "half\n", "broken")).await.unwrap();
        assert_eq!(seen, Actual::with_status("half", 3, false));
    }

    #[tokio::test]
    async fn a_program_that_cannot_run_is_no_wrong_answer() {
        let engine = |kind| Double {
            exec: Some(Err(EngineError::new(kind, text!("no program `tool`")))),
            ..Double::default()
        };
        let unseen = run(engine(ErrorKind::CannotRun)).await.unwrap_err();
        assert_eq!(
            unseen,
            ProbeError::CannotLook("no program `tool`".to_owned())
        );
        let unseen = run(engine(ErrorKind::NotRunning)).await.unwrap_err();
        assert_eq!(
            unseen,
            ProbeError::NoAnswer("`db` is not running".to_owned())
        );
        let unseen = run(engine(ErrorKind::ContainerExited)).await.unwrap_err();
        assert_eq!(unseen.to_string(), "`db` died while `tool` ran in it");
    }
}
