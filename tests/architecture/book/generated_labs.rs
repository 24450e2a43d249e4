//! The table of labs in the README, from the labs themselves.

use std::path::Path;

use roadlab::diagnosis::format_bytes;
use roadlab::lab::{Lang, Level, Summary, load};
use roadlab::store::OsFs;

use super::generated::table;

/// Returns the summaries of all labs of this repository by name, those for beginners first.
fn summaries() -> Vec<(String, Summary)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
    let entries = std::fs::read_dir(folder).expect("the labs");
    let folders = entries.map(|entry| entry.expect("a lab").path());
    let labs = folders.filter(|folder| folder.join("lab.yaml").is_file());
    let mut summaries: Vec<(String, Summary)> = labs
        .map(|folder| {
            let name = folder.file_name().and_then(|name| name.to_str());
            let name = name.expect("a name in UTF-8").to_owned();
            let loaded = load(&folder, &OsFs).expect("a sound lab");
            (name, Summary::of(&loaded.lab))
        })
        .collect();
    let level = |summary: &Summary| Level::ALL.iter().position(|level| *level == summary.level);
    summaries.sort_by_key(|(name, summary)| (level(summary), name.clone()));
    summaries
}

fn rows(lang: &Lang, levels: [&'static str; 3]) -> Vec<Vec<String>> {
    let row = |(name, summary): (String, Summary)| {
        let level = Level::ALL.into_iter().zip(levels);
        let mut level = level.filter(|(level, _)| *level == summary.level);
        vec![
            format!("`{name}`"),
            summary.text(lang).title,
            level.next().map_or("", |(_, word)| word).to_owned(),
            summary.exercises.len().to_string(),
            summary.minutes.to_string(),
            format_bytes(summary.memory as u64),
        ]
    };
    summaries().into_iter().map(row).collect()
}

pub(super) fn english() -> String {
    let head = ["lab", "about", "level", "exercises", "minutes", "memory"];
    let levels = ["beginner", "intermediate", "advanced"];
    table(&head, rows(&Lang::english(), levels))
}

pub(super) fn korean() -> String {
    let head = ["랩", "내용", "난이도", "연습", "분", "메모리"];
    let korean = Lang::parse("ko").expect("a language");
    table(&head, rows(&korean, ["초급", "중급", "고급"]))
}
