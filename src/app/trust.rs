//! Decides whether the learner grants what a lab requests beyond the defaults. What the policy refuses cannot be granted.

use std::path::Path;

use crate::app::{App, Trust};
use crate::event::Event;
use crate::lab::{Lab, LoadedLab, check_memory};
use crate::machine;
use crate::problem::{Problem, ProblemKind};
use crate::runner::Failure;
use crate::store::{DocumentError, LabFingerprint, RecordingFs};
use crate::text;

/// How many changed files a problem names.
const NAMED: usize = 5;

/// What is granted, and the problems that remain.
#[derive(Default)]
pub(super) struct Decision {
    pub(super) granted: Vec<Problem>,
    pub(super) problems: Vec<Problem>,
}

/// Returns the problems of a lab that cannot be loaded; if the person grants trust now, without those that it would solve.
pub(super) fn unresolved(app: &App, mut problems: Vec<Problem>) -> Vec<Problem> {
    let granted = app.options.trust == Trust::Granted;
    problems.retain(|problem| !(granted && problem.kind == ProblemKind::NeedsTrust));
    problems
}

/// Grants what needs trust if the person grants it now, or did before and no file of the lab has changed since. Otherwise optional
/// services that need it do not run.
pub(super) fn decide(
    app: &App,
    folder: &Path,
    files: &RecordingFs,
    loaded: &mut LoadedLab,
) -> Result<Decision, Failure> {
    let lab = &mut loaded.lab;
    let mut problems = std::mem::take(&mut loaded.needs_trust);
    if problems.is_empty() && lab.withheld_services().next().is_none() {
        return Ok(Decision::default());
    }
    let state = &app.paths.state;
    let mut read = files.files();
    if let Some(name) = folder.file_name().and_then(|name| name.to_str())
        && app.added_labs().of_folder(folder).is_some()
    {
        // With it, trust covers the images that came with the lab.
        read.extend(std::fs::canonicalize(app.added_labs().manifest_path(name)).ok());
    }
    let now = LabFingerprint::compute(folder, &read)?;
    let before = LabFingerprint::trusted(state, folder).map_err(unreadable)?;
    if before.as_ref() == Some(&now) {
        lab.take_withheld();
        return Ok(Decision::default());
    }
    if app.options.trust == Trust::Granted {
        now.trust(state, folder).map_err(unreadable)?;
        problems.extend(lab.take_withheld());
        return Ok(Decision {
            granted: problems,
            problems: Vec::new(),
        });
    }
    let changed = before.map(|before| changed_since(&before, &now));
    if problems.is_empty() {
        for service in lab.services.values_mut().filter(|one| one.is_withheld()) {
            service.needs_trust.extend(changed.clone());
        }
        return Ok(Decision::default());
    }
    // `--trust` would grant that, too.
    problems.extend(lab.withheld());
    problems.extend(changed);
    Ok(Decision {
        problems,
        ..Decision::default()
    })
}

/// The record of trust cannot be used. It is not replaced unasked: another version of roadlab may have written it.
fn unreadable(error: DocumentError) -> Failure {
    if let DocumentError::NotUtf8 { .. } = error {
        return Failure::Environment(error.text());
    }
    Failure::Environment(text!(
        "{reason}; remove that file to trust the lab again with `--trust`",
        reason = error.text()
    ))
}

/// The problem that files of a trusted lab have changed.
fn changed_since(before: &LabFingerprint, now: &LabFingerprint) -> Problem {
    let changed = now.changed_since(before);
    let names = changed.iter().take(NAMED);
    let mut names: Vec<String> = names.map(|file| file.display().to_string()).collect();
    if changed.len() > NAMED {
        names.push("…".to_owned());
    }
    let what = text!(
        "you trusted this lab before; these files have changed since: {files}",
        files = names.join(", ")
    );
    let help = text!("review them, then run again with `--trust`");
    let problem = Problem::new(what).kind(ProblemKind::NeedsTrust);
    problem.help(help)
}

impl App {
    /// Returns the command that starts a lab with all that it requests.
    pub(super) fn trust_command(&self, lab: &Lab) -> String {
        format!("roadlab up {} --trust", self.lab_argument(&lab.id))
    }

    /// Reports the services that do not run without `--trust`, and what that would grant.
    pub(super) fn report_withheld(&self, lab: &Lab) {
        let withheld = lab.withheld_services();
        let services: Vec<String> = withheld.map(|service| service.name.to_string()).collect();
        if services.is_empty() {
            return;
        }
        let requests = lab.withheld();
        let requests = requests.iter().map(|request| request.what.localized());
        self.emit(Event::ServicesNeedTrust {
            services,
            requests: requests.collect(),
            command: self.trust_command(lab),
        });
    }

    /// Refuses to start a lab that may use most of the machine's memory, unless the person trusts it now.
    pub(super) fn require_trusted_memory(&self, lab: &Lab) -> Result<(), Failure> {
        let Some(memory) = machine::memory() else {
            return Ok(());
        };
        match check_memory(lab.memory(), memory.total) {
            Some(problem) if self.options.trust == Trust::NotGranted => {
                Err(Failure::Problems(vec![problem]))
            }
            Some(_) | None => Ok(()),
        }
    }
}
