//! `roadlab new`: a lab to begin with, sound at once.
//!
//! The files lie in `new/`; the catalogue's entry comes along where the new lab has no catalogue beside it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::{Context, bad_name};
use crate::exit::Exit;
use crate::lab::LabId;
use crate::report::{self, output, t};
use crate::runner::Failure;
use crate::store::catalogue_entry;

const FILES: [(&str, &str); 4] = [
    ("lab.yaml", include_str!("new/lab.yaml")),
    ("compose.yaml", include_str!("new/compose.yaml")),
    ("guide.en.md", include_str!("new/guide.en.md")),
    ("guide.ko.md", include_str!("new/guide.ko.md")),
];

/// The catalogue's service that the lab uses, and where its file lies as seen from a lab of a repository.
const SERVICE: &str = "redis";
const BESIDE: &str = "../../compose/redis/compose.yaml";
/// Where it lies in a lab that brings its own.
const WITHIN: &str = "compose/redis/compose.yaml";

pub(crate) fn new(context: &Context, name: &str, folder: Option<&Path>) -> Result<Exit, Failure> {
    let id = LabId::new(name).map_err(bad_name("lab"))?;
    let usual = || context.global.labs.clone();
    let parent = folder.map(Path::to_owned).or_else(usual);
    let parent = parent.unwrap_or_else(|| PathBuf::from("labs"));
    let lab = parent.join(id.as_str());
    let refused = |error: std::io::Error| {
        let lab = lab.display();
        Failure::Usage(crate::text::Text::verbatim(match error.kind() {
            ErrorKind::AlreadyExists => format!("{lab} is there already: nothing is overwritten"),
            _ => format!("cannot make {lab}: {error}"),
        }))
    };
    std::fs::create_dir_all(&parent).map_err(refused)?;
    std::fs::create_dir(&lab).map_err(refused)?;
    if let Err(error) = fill(&lab) {
        // Half a lab would be in the way of the next try; the folder is ours, it was just made.
        let _ = std::fs::remove_dir_all(&lab);
        return Err(refused(error));
    }
    let by_name = folder.is_none() || parent == Path::new("labs");
    let called = match by_name {
        true => id.to_string(),
        false => lab.display().to_string(),
    };
    if context.global.json {
        report::document(&json!({ "lab": id.as_str(), "folder": lab }));
        return Ok(Exit::Success);
    }
    output(&t!("author.made", folder = lab.display()));
    output(&context.paint.dim(&t!("author.next", lab = called)));
    Ok(Exit::Success)
}

fn fill(lab: &Path) -> std::io::Result<()> {
    let beside = lab.join(BESIDE).exists();
    for (name, text) in FILES {
        let text = match beside {
            true => text.to_owned(),
            false => text.replace(BESIDE, WITHIN),
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
    fn the_compose_file_names_the_catalogue_in_the_one_way_that_is_replaced() {
        let compose = FILES.iter().find(|(name, _)| *name == "compose.yaml");
        assert_eq!(compose.unwrap().1.matches(BESIDE).count(), 1);
        assert!(BESIDE.ends_with(WITHIN) && WITHIN.contains(SERVICE));
    }
}
