//! The `exec` probe: runs a program in a service's container, never on this machine.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{ContainerExec, ErrorKind, Exec};
use crate::expect::{Actual, Status};
use crate::lab::{ClientInput, ExecProbe, Lab, OutputFormat};
use crate::probe::address::address;
use crate::probe::error::ProbeError;
use crate::probe::limits::MAX_ANSWER;
use crate::probe::output_format::parse;
use crate::probe::target::Target;
use crate::text;

pub(super) async fn run<E: ContainerExec>(
    probe: &ExecProbe,
    target: &Target<'_, E>,
    timeout: Duration,
) -> Result<Actual, ProbeError> {
    let service = &probe.service;
    let container = &address(target, service)?.container;
    let env = probe.env.iter().map(|(k, v)| format!("{k}={v}"));
    let input = probe.input.iter().map(|input| format!("{INPUT}={input}"));
    let exec = Exec {
        run: match &probe.input {
            None => probe.run.clone(),
            Some(_) => piped(&probe.run),
        },
        user: probe.user.clone(),
        workdir: probe.workdir.clone(),
        env: env.chain(input).collect(),
    };
    let output = target.engine.exec(container, &exec, timeout).await;
    let output = output.map_err(|error| match error.kind {
        ErrorKind::ContainerExited => {
            let program = probe.run.first().cloned().unwrap_or_default();
            ProbeError::ContainerExited {
                service: service.clone(),
                program,
            }
        }
        _ => ProbeError::from_engine(service, error, timeout),
    })?;
    let status = match output.exit_code {
        0 => Status::Success(0),
        code => Status::Failure(code),
    };
    if matches!(status, Status::Failure(_)) && output.stdout.is_empty() {
        return Ok(Actual::with_status(output.stderr.trim(), status));
    }
    // The engine returns no more than that, and a part of a list or table would pass for the whole.
    if probe.format != OutputFormat::Text && output.stdout.len() >= MAX_ANSWER {
        return Err(ProbeError::TooLarge);
    }
    let value = output.stdout.as_str();
    let value = value.strip_suffix('\n').unwrap_or(value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    let value = parse(value, probe.format);
    Ok(Actual::with_status(value, status))
}

/// Returns the program with the variable as its standard input.
fn piped(run: &[String]) -> Vec<String> {
    let shell = ["sh", "-c", PIPE, "sh"].map(str::to_owned).into_iter();
    shell.chain(run.iter().cloned()).collect()
}

/// The variable that holds the input of a client, which a shell in the container pipes into it.
const INPUT: &str = "ROADLAB_INPUT";
const PIPE: &str = "printf %s \"$ROADLAB_INPUT\" | \"$@\"";

/// Returns the program that runs the client of a service with its input.
pub(super) fn client(client: &ClientInput, lab: &Lab) -> Result<ExecProbe, ProbeError> {
    let service = &client.service;
    let shell = lab.services.get(service);
    let shell = shell.and_then(|service| service.interface.shell.as_deref());
    let Some(shell) = shell.filter(|shell| !shell.is_empty()) else {
        return Err(ProbeError::InvalidStep(text!(
            "`{service}` has no client; add `shell` to its `x-roadlab`",
            service
        )));
    };
    // A last line without an end would not be read by every client.
    let input = match client.input.ends_with('\n') {
        true => client.input.clone(),
        false => format!("{}\n", client.input),
    };
    Ok(ExecProbe {
        service: service.clone(),
        run: shell.to_vec(),
        user: None,
        workdir: None,
        env: BTreeMap::new(),
        input: Some(input),
        format: OutputFormat::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EngineError, ExecOutput};
    use crate::lab::StepKind;
    use crate::probe::double::{Double, Scene};

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
        run_as(engine, OutputFormat::Text).await
    }

    async fn run_as(engine: Double, format: OutputFormat) -> Result<Actual, ProbeError> {
        let act = StepKind::Exec(ExecProbe {
            service: Scene::service(),
            run: vec!["tool".to_owned()],
            user: None,
            workdir: None,
            env: [("A".to_owned(), "1".to_owned())].into(),
            input: None,
            format,
        });
        Scene::new(engine, 1).probe(&act).await
    }

    #[tokio::test]
    async fn the_value_is_the_output() {
        let result = run(output(0, "a\nb\n", "noise")).await.unwrap();
        assert_eq!(result, Actual::with_status("a\nb", Status::Success(0)));
        let result = run(output(3, "", " no such key\n")).await.unwrap();
        assert_eq!(
            result,
            Actual::with_status("no such key", Status::Failure(3))
        );
        let result = run(output(3, "half\n", "broken")).await.unwrap();
        assert_eq!(result, Actual::with_status("half", Status::Failure(3)));
    }

    #[tokio::test]
    async fn an_output_that_was_cut_is_a_text_and_no_list() {
        let cut = "a\n".repeat(MAX_ANSWER / 2);
        let text = run(output(0, &cut, "")).await.unwrap();
        assert_eq!(text.value.as_str().map(str::len), Some(MAX_ANSWER - 1));
        for (_, format) in OutputFormat::NAMED {
            let result = run_as(output(0, &cut, ""), format).await;
            assert_eq!(result, Err(ProbeError::TooLarge), "{format:?}");
        }
        let whole = run_as(output(0, &cut[2..], ""), OutputFormat::Lines)
            .await
            .unwrap();
        assert_eq!(
            whole.value.as_array().map(Vec::len),
            Some(MAX_ANSWER / 2 - 1)
        );
    }

    #[tokio::test]
    async fn a_program_that_cannot_run_is_an_error() {
        let engine = |kind| Double {
            exec: Some(Err(EngineError::new(kind, text!("no program `tool`")))),
            ..Double::default()
        };
        let check = async |kind, expected: &str| {
            let error = run(engine(kind)).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check(ErrorKind::NoProgram, "no program `tool`").await;
        check(ErrorKind::NotRunning, "`db` is not running").await;
        check(
            ErrorKind::ContainerExited,
            "`db` exited while `tool` ran in it",
        )
        .await;
    }
}
