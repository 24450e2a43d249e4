//! The files of a room form no cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Sources;
use super::{Finding, assert_kept, found, sources};

/// The files that a file uses, directly or through others.
fn reachable<'a>(uses: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        let others = uses.get(file).into_iter().flatten().copied();
        next.extend(others.filter(|file| reached.insert(*file)));
    }
    reached
}

/// The files of a room form no cycle. A module and the modules inside of it count as one here: they may know each other.
fn cycles(sources: &Sources) -> Vec<Finding> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in &sources.files {
        for named in &source.paths {
            let Some(path) = sources.internal(named) else {
                continue;
            };
            let other = sources.file(&sources.home(&path));
            let nested = other.module.starts_with(&source.module)
                || source.module.starts_with(&other.module);
            if other.room() == source.room() && !nested {
                uses.entry(&source.file).or_default().insert(&other.file);
            }
        }
    }
    let all: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|file| (*file, reachable(&uses, file)))
        .collect();
    let mut findings = Vec::new();
    for source in &sources.files {
        let Some(reached) = all.get(source.file.as_str()) else {
            continue;
        };
        let back = |file: &&&str| {
            all.get(**file)
                .is_some_and(|reached| reached.contains(source.file.as_str()))
        };
        let cycle: Vec<&str> = reached.iter().filter(back).copied().collect();
        // Each cycle is reported once, at its first file.
        if cycle.len() > 1 && cycle.first() == Some(&source.file.as_str()) {
            findings.push(Finding::new(
                source,
                1,
                format!("a cycle of {}", cycle.join(", ")),
            ));
        }
    }
    findings
}

#[apply(test)]
fn the_files_of_a_room_form_no_cycle() {
    assert_kept(cycles(&Sources::read()));
}

#[apply(test)]
fn a_cycle_is_found() {
    let broken = sources(&[
        (
            "src/lab/mod.rs",
            "mod one; mod two; mod three; mod four; pub(crate) use one::One; pub(crate) use four::Four;",
        ),
        (
            "src/lab/one.rs",
            "use super::two::Two; pub(crate) struct One;",
        ),
        ("src/lab/two.rs", "fn f() { crate::lab::three::three() }"),
        ("src/lab/three.rs", "use crate::lab::One;"),
        ("src/lab/four.rs", "use super::One; use super::Four;"),
    ]);
    assert_eq!(
        found(cycles(&broken)),
        ["a cycle of src/lab/one.rs, src/lab/three.rs, src/lab/two.rs"]
    );
}
