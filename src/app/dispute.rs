//! Records what the checks of an exercise see, for the author of the lab.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::app::{App, BuiltImages, RunningLab, clients};
use crate::engine::Engine;
use crate::lab::{ExecProbe, Exercise, Lab, OutputFormat, ServiceName, StepKind, Task};
use crate::probe::{ProbeMode, probe};
use crate::proof::{DISPUTE_VERSION, Dispute, disputed, typed_lines};
use crate::runner::{Failure, PullPolicy, record};
use crate::store::{LabFingerprint, changed_files};
use crate::text;

/// The most lines of a client's history.
const LINES: usize = 60;

const TIMEOUT: Duration = Duration::from_secs(5);

impl App {
    /// Records what the checks of an exercise of a running lab see, with the learner's files and what was typed into the
    /// clients of its services. Secrets of the lab are left out.
    pub async fn dispute<E: Engine>(
        &self,
        engine: &E,
        lab: &Lab,
        exercise: &Exercise,
        message: Option<String>,
    ) -> Result<Dispute, Failure> {
        if let Task::Quiz(_) = exercise.task {
            return Err(Failure::Usage(text!(
                "exercise `{exercise}` is a quiz, which has no checks to record",
                exercise = exercise.id
            )));
        }
        let running = self.running(engine, lab).await?;
        let baselines = running.baselines_for(&[exercise]).await?;
        let recording = record(&running.runner, &running.live, exercise, &baselines).await;
        let seen = recording.observations.iter();
        let seen: Vec<_> = seen.map(|one| one.actual.clone()).collect();
        let solution_played = running.is_of_solution(exercise, &seen)?;
        let files = running.workspace.as_ref().zip(lab.workspace.as_deref());
        let files = files.map(|(workspace, original)| changed_files(&workspace.path, original));
        let typed = typed(&running).await;
        let dispute = Dispute {
            version: DISPUTE_VERSION,
            roadlab: env!("ROADLAB_VERSION").to_owned(),
            lab: lab.id.to_string(),
            digest: LabFingerprint::digest(&lab.folder)?,
            images: self.image_names(engine, lab).await,
            exercise: exercise.id.to_string(),
            draw: lab.random.draw.clone().filter(|_| !lab.random.is_empty()),
            message,
            passed: recording.passed(),
            solution_played,
            observations: disputed(&recording, exercise.checks()),
            files: files.unwrap_or_default(),
            typed,
        };
        running.live.connections.close().await;
        Ok(dispute)
    }

    /// Returns the names and ids of the images that a lab uses; none if they cannot be listed.
    async fn image_names<E: Engine>(&self, engine: &E, lab: &Lab) -> BTreeMap<String, String> {
        let images = self.images(engine, lab, PullPolicy::Offline, BuiltImages::Keep);
        let images = images.await.unwrap_or_default().into_iter();
        let names = images.filter_map(|image| {
            let found = image.found?;
            Some((
                image.service.to_string(),
                format!("{} {}", found.name, found.id),
            ))
        });
        names.collect()
    }
}

/// Returns what was typed into the clients of the services last.
async fn typed<E: Engine>(running: &RunningLab<'_, E>) -> BTreeMap<String, Vec<String>> {
    let mut typed = BTreeMap::new();
    for (service, client) in clients(running.lab) {
        let Some(history) = client.first().and_then(|program| history(program)) else {
            continue;
        };
        let lines = read_history(running, service, history).await;
        if !lines.is_empty() {
            typed.insert(service.to_string(), lines);
        }
    }
    typed
}

/// Returns the shell command that prints the history of a client, oldest line first.
fn history(program: &str) -> Option<&'static str> {
    match Path::new(program).file_name()?.to_str()? {
        "redis-cli" => Some("cat ~/.rediscli_history"),
        "psql" => Some("cat ~/.psql_history"),
        // This client writes the newest line first.
        "mongosh" => Some("tac ~/.mongodb/mongosh/mongosh_repl_history"),
        _ => None,
    }
}

async fn read_history<E: Engine>(
    running: &RunningLab<'_, E>,
    service: &ServiceName,
    command: &str,
) -> Vec<String> {
    let step = StepKind::Exec(ExecProbe {
        service: service.clone(),
        run: vec![
            "sh".to_owned(),
            "-c".to_owned(),
            format!("{command} 2>/dev/null | tail -n {LINES}"),
        ],
        user: None,
        workdir: None,
        env: BTreeMap::new(),
        input: None,
        format: OutputFormat::Text,
    });
    let target = running.live.target(&running.runner);
    let output = probe(
        &step,
        ProbeMode::ReadOnly,
        &target,
        &running.live.connections,
        TIMEOUT,
    )
    .await;
    // A container that does not run has no history to read.
    let Ok(output) = output else {
        return Vec::new();
    };
    typed_lines(output.value.as_str().unwrap_or_default().lines())
}

/// Reads a file of `roadlab dispute`.
pub fn read_dispute(file: &Path) -> Result<Dispute, Failure> {
    let refused = |reason: text::Text| {
        Failure::Usage(text!(
            "cannot read {file}: {reason}",
            file = file.display(),
            reason
        ))
    };
    let source = std::fs::read_to_string(file)
        .map_err(|error| refused(text::Text::verbatim(error.to_string())))?;
    let dispute: Dispute = serde_json::from_str(&source)
        .map_err(|error| refused(text::Text::verbatim(error.to_string())))?;
    match dispute.version {
        DISPUTE_VERSION => Ok(dispute),
        _ => Err(refused(text!(
            "another version of roadlab wrote it: {version}",
            version = dispute.roadlab
        ))),
    }
}
