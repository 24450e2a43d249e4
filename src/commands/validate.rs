//! `roadlab validate`: shows all problems of lab files, without an engine.

use std::path::PathBuf;

use serde_json::json;

use crate::app::ValidationReport;
use crate::commands::Context;
use crate::commands::error_output::problem_json;
use crate::exit::Exit;
use crate::report::{self, output};
use crate::runner::Failure;
use crate::{localized, text_plural};

pub(crate) fn validate(context: &Context, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let ValidationReport {
        folders,
        problems,
        notes,
    } = context.app.validate(paths)?;
    if context.global.json {
        let documents: Vec<_> = problems.iter().map(problem_json).collect();
        let folders: Vec<String> = folders
            .iter()
            .map(|folder| report::json_path(folder))
            .collect();
        let notes: Vec<_> = notes.iter().map(problem_json).collect();
        report::document(&json!({ "checked": folders, "problems": documents, "notes": notes }));
    } else {
        for problem in notes.iter().chain(&problems) {
            match context.global.verbose {
                true => output(&format!("{}\n", report::problem(problem, context.paint))),
                false => output(&report::problem_line(problem, context.paint)),
            }
        }
        if folders != paths {
            let names = folders.iter().map(|folder| folder.display().to_string());
            let names = report::sanitize(&names.collect::<Vec<_>>().join(", "));
            output(&localized!("checked: {names}", names));
        }
        let folders = text_plural!("{count} folder", "{count} folders", count = folders.len());
        match problems.len() {
            0 => output(&localized!("{folders}: no problems", folders)),
            count => output(&localized!(
                "{problems} in {folders}",
                problems = text_plural!("{count} problem", "{count} problems", count),
                folders
            )),
        }
    }
    match problems.is_empty() {
        true => Ok(Exit::Success),
        false => Ok(Exit::from(&Failure::Problems(problems))),
    }
}
