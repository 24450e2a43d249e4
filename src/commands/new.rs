//! `roadlab new`: creates a valid lab skeleton from the files in `new/`.
//!
//! The entry of the catalogue that it uses is copied where the new lab has no catalogue beside it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::{Context, bad_name};
use crate::exit::Exit;
use crate::lab::LabId;
use crate::localized;
use crate::report::{self, output};
use crate::runner::Failure;
use crate::store::catalogue_entry;
use crate::text;

const FILES: [(&str, &str); 4] = [
    ("lab.yaml", include_str!("new/lab.yaml")),
    ("compose.yaml", include_str!("new/compose.yaml")),
    ("guide.en.md", include_str!("new/guide.en.md")),
    ("guide.ko.md", include_str!("new/guide.ko.md")),
];

/// The service of the catalogue that the skeleton uses, and its file as seen from a lab in a repository.
const SERVICE: &str = "redis";
const SHARED_CATALOGUE: &str = "../../compose/redis/compose.yaml";
/// The file in a lab with its own copy.
const OWN_CATALOGUE: &str = "compose/redis/compose.yaml";

pub(crate) fn new(context: &Context, name: &str, folder: Option<&Path>) -> Result<Exit, Failure> {
    let id = LabId::new(name).map_err(bad_name("lab"))?;
    let usual = || context.global.labs.clone();
    let parent = folder.map(Path::to_owned).or_else(usual);
    let parent = parent.unwrap_or_else(|| PathBuf::from("labs"));
    let lab = parent.join(id.as_str());
    let refused = |error: std::io::Error| {
        let lab = lab.display();
        Failure::Usage(match error.kind() {
            ErrorKind::AlreadyExists => {
                text!("{lab} already exists; choose another name or folder", lab)
            }
            _ => text!("cannot create {lab}: {reason}", lab, reason = error),
        })
    };
    std::fs::create_dir_all(&parent).map_err(refused)?;
    std::fs::create_dir(&lab).map_err(refused)?;
    if let Err(error) = fill(&lab) {
        // An incomplete lab would block the next attempt, and this process has just created the folder.
        let _ = std::fs::remove_dir_all(&lab);
        return Err(refused(error));
    }
    let by_name = folder.is_none() || parent == Path::new("labs");
    let called = match by_name {
        true => id.to_string(),
        false => lab.display().to_string(),
    };
    if context.global.json {
        report::document(&json!({ "lab": id.as_str(), "folder": report::json_path(&lab) }));
        return Ok(Exit::Success);
    }
    output(&localized!("created lab {folder}", folder = lab.display()));
    output(&context.paint.dim(&localized!(
        "next: `roadlab test {lab}`, `roadlab run {lab}`; then edit lab.yaml and the guides",
        lab = called
    )));
    Ok(Exit::Success)
}

fn fill(lab: &Path) -> std::io::Result<()> {
    let beside = lab.join(SHARED_CATALOGUE).exists();
    for (name, text) in FILES {
        let text = match beside {
            true => text.to_owned(),
            false => text.replace(SHARED_CATALOGUE, OWN_CATALOGUE),
        };
        std::fs::write(lab.join(name), text)?;
    }
    if !beside {
        catalogue_entry(SERVICE, &lab.join("compose"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compose_file_names_the_catalogue_exactly_once() {
        let compose = FILES.iter().find(|(name, _)| *name == "compose.yaml");
        assert_eq!(compose.unwrap().1.matches(SHARED_CATALOGUE).count(), 1);
        assert!(SHARED_CATALOGUE.ends_with(OWN_CATALOGUE) && OWN_CATALOGUE.contains(SERVICE));
    }
}
