//! `roadlab new`: creates a lab from entries of the catalogue or from a Compose file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::app::{CreatedLab, LabSource, NewLab};
use crate::commands::error_output::problem_json;
use crate::commands::{Context, bad_name};
use crate::exit::Exit;
use crate::lab::{LabId, Lang};
use crate::localized;
use crate::report::{self, cut, output, sanitize, table};
use crate::runner::Failure;

/// The variable that names the folder of labs.
const LABS_VARIABLE: &str = "ROADLAB_LABS";

pub(crate) fn new(
    context: &Context,
    name: &str,
    folder: Option<PathBuf>,
    source: LabSource,
) -> Result<Exit, Failure> {
    let id = LabId::new(name).map_err(bad_name("lab"))?;
    let by_name = folder
        .as_deref()
        .is_none_or(|folder| folder == Path::new("labs"));
    let variable = std::env::var_os(LABS_VARIABLE).map(PathBuf::from);
    let by_variable = folder.is_none() && variable.is_some() && variable == context.global.labs;
    let parent = folder.or_else(|| context.global.labs.clone());
    let new = NewLab {
        id,
        parent: parent.unwrap_or_else(|| PathBuf::from("labs")),
        source,
        languages: languages(context),
    };
    let created = context.app.create_lab(&new)?;
    if context.global.json {
        report::document(&as_json(&new, &created));
        return Ok(Exit::Success);
    }
    let called = match by_name {
        true => context.app.lab_argument(&new.id),
        false => created.folder.display().to_string(),
    };
    show(context, &new, &created, &called);
    if by_variable {
        output(&context.paint.dim(&localized!(
            "`{variable}` names the folder; `roadlab new {lab} DIR` creates a lab in another one",
            variable = LABS_VARIABLE,
            lab = new.id
        )));
    }
    Ok(Exit::Success)
}

/// Returns the languages of the guides: those of `--lang` and English, which every lab has; without the option, all that
/// roadlab speaks.
fn languages(context: &Context) -> Vec<Lang> {
    let english = Lang::english();
    if context.languages.is_empty() {
        let all = crate::text::Language::ALL.map(|language| Lang::parse(language.code()));
        return all.into_iter().flatten().collect();
    }
    let others = context.languages.iter().filter(|lang| **lang != english);
    std::iter::once(english.clone())
        .chain(others.cloned())
        .collect()
}

fn as_json(new: &NewLab, created: &CreatedLab) -> Value {
    let services: Vec<Value> = created
        .services
        .iter()
        .map(|service| {
            json!({
                "service": service.name,
                "image": service.image,
                "ready": service.ready,
                "guessed": service.guessed,
                "health_check": service.health_check,
            })
        })
        .collect();
    json!({
        "lab": new.id.as_str(),
        "folder": report::json_path(&created.folder),
        "services": services,
        "languages": created.languages.iter().map(Lang::as_str).collect::<Vec<_>>(),
        "notes": created.notes.iter().map(problem_json).collect::<Vec<_>>(),
    })
}

fn show(context: &Context, new: &NewLab, created: &CreatedLab, called: &str) {
    let paint = context.paint;
    for note in &created.notes {
        output(&report::problem(note, paint));
        output("");
    }
    output(&localized!(
        "created lab {folder}",
        folder = created.folder.display()
    ));
    if let LabSource::Compose { .. } = new.source {
        let rows = created.services.iter().map(|service| {
            let image = service.image.clone();
            let ready = match (&service.ready, service.guessed) {
                (Some(ready), true) => localized!("ready (guessed): {probe}", probe = ready),
                (Some(ready), false) => localized!("ready: {probe}", probe = ready),
                (None, _) if service.health_check => localized!("ready: its health check"),
                (None, _) => localized!("no probe says when it is ready"),
            };
            let image = image.unwrap_or_else(|| localized!("built from its recipe"));
            vec![
                format!("  {}", paint.bold(&service.name)),
                sanitize(&image),
                paint.dim(&sanitize(&ready)),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        for line in table(&rows) {
            let width = context.width();
            output(&width.map_or(line.clone(), |width| cut(&line, width)));
        }
    }
    let translated: Vec<&str> = created
        .languages
        .iter()
        .map(Lang::as_str)
        .filter(|lang| !["en", "ko"].contains(lang))
        .collect();
    if !translated.is_empty() {
        output(&localized!(
            "the guides in {languages} are in English: translate them",
            languages = translated.join(", ")
        ));
    }
    output(&paint.dim(&localized!(
        "next: `roadlab author {lab}` keeps it up and tests what you save; `roadlab run {lab}` shows it as a learner sees it",
        lab = sanitize(called)
    )));
}
