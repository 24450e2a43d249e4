//! `roadlab dispute`: writes what the checks of an exercise see to a file, for the author of the lab.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::app::find_exercise;
use crate::commands::Context;
use crate::exit::Exit;
use crate::localized;
use crate::proof::Dispute;
use crate::report::{self, output};
use crate::runner::Failure;

/// The most files of one exercise in a folder.
const MAX_FILES: u32 = 100;

pub(crate) async fn dispute(
    context: &Context,
    name: &str,
    exercise: &str,
    message: Option<String>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let exercise = find_exercise(&lab, exercise)?;
    let engine = context.app.existing_engine().await?;
    let dispute = context
        .app
        .dispute(&engine, &lab, exercise, message)
        .await?;
    let file = save(&dispute)?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({
            "file": report::json_path(&file),
            "lab": dispute.lab,
            "exercise": dispute.exercise,
            "passed": dispute.passed,
            "observations": dispute.observations.len(),
        }));
        return Ok(Exit::Success);
    }
    let shown = file.display();
    output(&localized!(
        "wrote {file}: what each check of `{exercise}` saw, the files that you changed, and what you typed into the clients",
        file = shown,
        exercise = dispute.exercise
    ));
    if dispute.passed {
        output(&context.paint.warn(&localized!(
            "all checks of `{exercise}` pass at the moment: the file records that, and disputes that they accept this answer; to dispute a check that fails, run the command while it fails",
            exercise = dispute.exercise
        )));
    }
    output(&localized!(
        "not in it: commands that came through a pipe, and what your own tools did; the author sees what they left, and `-m TEXT` can say the rest"
    ));
    output(&localized!(
        "read it, remove what you do not want to share, and send it to the author of the lab, who judges it with `roadlab test {lab} --case {file}`",
        lab = name,
        file = shown
    ));
    Ok(Exit::Success)
}

/// Writes the file into the current folder, beside earlier ones.
fn save(dispute: &Dispute) -> Result<PathBuf, Failure> {
    let text = serde_json::to_string_pretty(dispute).map_err(anyhow::Error::new)? + "\n";
    let stem = format!("roadlab-dispute-{}-{}", dispute.lab, dispute.exercise);
    let names = std::iter::once(format!("{stem}.json"));
    let names = names.chain((2..MAX_FILES).map(|number| format!("{stem}-{number}.json")));
    for name in names {
        let path = PathBuf::from(name);
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes());
                written.map_err(|error| Failure::cannot_write(&path, &error))?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::cannot_write(&path, &error)),
        }
    }
    let error = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    Err(Failure::cannot_write(&PathBuf::from(stem), &error))
}
