//! Imports point to lower layers only, as the table in `src/lib.rs` has them.

use std::collections::BTreeSet;

use super::source::{Sources, texts};
use super::{Finding, assert_kept, found, sources};

/// The rooms by layer, as the table in `src/lib.rs` has them: lowest first.
fn layers() -> Vec<BTreeSet<String>> {
    let (_, text) = texts("src", "rs")
        .into_iter()
        .find(|(file, _)| file == "src/lib.rs")
        .expect("the root");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let rooms = cells.filter(|cells| cells[0].parse::<usize>().is_ok());
    rooms
        .map(|cells| {
            cells[1]
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

/// Imports point to lower layers only. The rooms of the highest layer are the program itself and know each other.
fn layering(sources: &Sources, layers: &[BTreeSet<String>]) -> Vec<Finding> {
    let layer = |room: &str| match room {
        "lib" | "main" => Some(layers.len() - 1),
        room => layers.iter().position(|rooms| rooms.contains(room)),
    };
    let mut findings = Vec::new();
    for source in &sources.files {
        let here = source.room();
        let Some(own) = layer(here) else {
            findings.push(Finding::new(
                source,
                1,
                format!("room `{here}` is not in the table of src/lib.rs"),
            ));
            continue;
        };
        for named in &source.paths {
            let Some(there) = sources
                .internal(named)
                .and_then(|path| path.first().cloned())
            else {
                continue;
            };
            // A name of the root itself, such as a macro.
            let Some(other) = layer(&there) else { continue };
            if there != here && other >= own && own != layers.len() - 1 {
                findings.push(Finding::new(
                    source,
                    named.line,
                    format!("`{here}` must not use `{there}`"),
                ));
            }
        }
    }
    findings
}

#[apply(test)]
fn imports_point_to_lower_layers() {
    assert_kept(layering(&Sources::read(), &layers()));
}

#[apply(test)]
fn an_import_from_a_higher_layer_is_found() {
    let layers = [["lab"], ["plan"], ["cli"]].map(|rooms| rooms.map(str::to_owned).into());
    let broken = sources(&[
        ("src/plan/mod.rs", ""),
        ("src/lab/mod.rs", "use crate::{plan::{self, Plan}};"),
        (
            "src/lab/yaml.rs",
            "fn f() { println!(\"{}\", super::super::plan::x()) }\n// use crate::plan;",
        ),
        (
            "src/cli.rs",
            "use crate::lab::Lab; #[cfg(test)] mod tests { use crate::nowhere::X; }",
        ),
        ("src/other.rs", ""),
    ]);
    let rule = "`lab` must not use `plan`";
    assert_eq!(
        found(layering(&broken, &layers)),
        [
            rule,
            rule,
            rule,
            "room `other` is not in the table of src/lib.rs"
        ]
    );
}
