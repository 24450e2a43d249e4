//! The house keeps its order: imports point down, each crate has one home, files stay small. Read from `src/` itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms by layer, lowest first; rooms of one layer do not know each other.
const LAYERS: [&[&str]; 8] = [
    &["expect", "problem"],
    &["lab"],
    &["plan"],
    &["event"],
    &["engine", "store", "machine", "report"],
    &["probe"],
    &["runner"],
    &["cli", "commands", "exit", "signals", "lib", "main"],
];

/// Where each crate may be named. A path ends in `/` for a whole room.
const HOMES: [(&str, &[&str]); 22] = [
    ("bollard", &["src/engine/docker/"]),
    ("reqwest", &["src/probe/http"]),
    ("indicatif", &["src/report/terminal.rs"]),
    ("rust_i18n", &["src/lib.rs", "src/report/mod.rs"]),
    ("termimad", &["src/report/markdown.rs"]),
    ("quick_junit", &["src/report/junit.rs"]),
    (
        "clap",
        &["src/cli", "src/commands/complete.rs", "src/commands/man.rs"],
    ),
    ("clap_complete", &["src/cli.rs", "src/commands/complet"]),
    ("clap_mangen", &["src/commands/man.rs"]),
    ("serde_yaml", &["src/lab/yaml/node.rs"]),
    ("pulldown_cmark", &["src/lab/guide.rs"]),
    ("redis", &["src/probe/"]),
    ("tokio_postgres", &["src/probe/sql"]),
    ("mongodb", &["src/probe/mongo"]),
    ("lapin", &["src/probe/amqp"]),
    ("rust_embed", &["src/store/embedded.rs"]),
    ("etcetera", &["src/store/paths.rs"]),
    (
        "time",
        &["src/machine/clock.rs", "src/engine/docker/convert.rs"],
    ),
    (
        "ulid",
        &["src/runner/up.rs", "src/engine/docker/live_tests.rs"],
    ),
    // `commands/mod.rs` calls our own module of that name.
    (
        "cap_std",
        &["src/store/workspace.rs", "src/probe/folder.rs"],
    ),
    ("open", &["src/commands/open.rs", "src/commands/mod.rs"]),
    ("tar", &["src/engine/docker/", "src/engine/base/"]),
];

/// Who may hold the engine's client, and who may read a stream item by item: in `wire.rs` each wait is bounded, programs are read
/// within the limit of their run, and a shell lasts as long as its user likes.
const CALLERS: [(&str, &[&str]); 2] = [
    ("bollard::Docker", &["wire.rs", "mod.rs"]),
    (
        "StreamExt",
        &[
            "wire.rs",
            "exec.rs",
            "shell.rs",
            "shell_pipe.rs",
            "carry.rs",
        ],
    ),
];

const LONGEST_FILE: usize = 400;

fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    found.sort();
    let name = |path: &PathBuf| {
        path.strip_prefix(root)
            .expect("readable")
            .to_str()
            .expect("readable")
            .to_owned()
    };
    found
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).expect("readable")))
        .collect()
}

/// The room of a file: `src/lab/yaml.rs` is in `lab`, `src/exit.rs` in `exit`.
fn room(file: &str) -> &str {
    let below = file.strip_prefix("src/").expect("readable");
    below.split(['/', '.']).next().expect("readable")
}

fn layer(room: &str) -> usize {
    let found = LAYERS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| {
        panic!("room `{room}` is in no layer: add it to LAYERS and to the map in src/lib.rs")
    })
}

/// Code without comments, so that words about other rooms do not count.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The rooms that a line names through `crate::`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").map(|(at, found)| {
        let rest = &line[at + found.len()..];
        rest.split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .expect("readable")
    })
}

#[test]
fn imports_point_down_only() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let here = room(&file);
        for (at, line) in code(&text) {
            for there in named(line).filter(|there| !there.is_empty() && *there != here) {
                if layer(there) >= layer(here) && layer(here) != LAYERS.len() - 1 {
                    wrong.push(format!("{file}:{at}: `{here}` must not know `{there}`"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_crate_has_one_home() {
    let mut wrong = Vec::new();
    let mut lived_in = BTreeSet::new();
    for (file, text) in sources("src") {
        for (name, homes) in HOMES {
            let path = format!("{name}::");
            let names = |line: &str| {
                line.match_indices(&path).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                })
            };
            for (at, _) in code(&text).filter(|(_, line)| names(line)) {
                lived_in.insert(name);
                if !homes.iter().any(|home| file.starts_with(home)) {
                    wrong.push(format!(
                        "{file}:{at}: `{name}` lives in {}",
                        homes.join(", ")
                    ));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let empty: Vec<_> = HOMES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !lived_in.contains(name))
        .collect();
    assert_eq!(
        empty,
        Vec::<&str>::new(),
        "crates that nobody uses any more"
    );
}

#[test]
fn no_call_of_the_engine_is_without_a_deadline() {
    let docker = "src/engine/docker/";
    let mut wrong = Vec::new();
    let mut held = BTreeSet::new();
    for (file, text) in sources(docker) {
        for (at, line) in code(&text) {
            let client = line.contains("bollard::Docker") || imports_client(line);
            let found = [client, line.contains("StreamExt")];
            for ((what, callers), _) in CALLERS.iter().zip(found).filter(|(_, found)| *found) {
                match callers
                    .iter()
                    .find(|caller| file == format!("{docker}{caller}"))
                {
                    Some(caller) => drop(held.insert((*what, *caller))),
                    None => wrong.push(format!(
                        "{file}:{at}: `{what}` is for {}",
                        callers.join(", ")
                    )),
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let callers: usize = CALLERS.iter().map(|(_, callers)| callers.len()).sum();
    assert_eq!(held.len(), callers, "callers that call no more: {held:?}");
}

/// `use bollard::{Docker, …}`.
fn imports_client(line: &str) -> bool {
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    line.contains("bollard::{") && words.into_iter().any(|word| word == "Docker")
}

#[test]
fn the_fault_catalogue_names_every_row_and_tests_that_are_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/FAULTS.md");
    let page = fs::read_to_string(path).expect("readable");
    let code: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(folder))
        .map(|(_, text)| text)
        .collect();
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let row = cells.next()?.parse::<usize>();
        Some((row, cells.nth(1)?.to_owned()))
    });
    let (mut numbers, mut wrong) = (Vec::new(), Vec::new());
    for (row, tests) in rows {
        numbers.extend(row.clone());
        // The head of a table and its line name no test.
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if row.is_ok() && names.is_empty() {
            wrong.push(format!("{row:?} has no test"));
        }
        for name in names {
            if !code.contains(&format!("fn {name}()")) {
                wrong.push(format!("there is no test `{name}`"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(numbers, (1..=77).collect::<Vec<_>>());
}

#[test]
fn only_reports_print() {
    let printing = ["println!", "eprintln!", "print!(", "stdout()", "stderr()"];
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        // `shell` hands a program's own bytes on; the engine's terminal session does the same.
        let allowed = file.starts_with("src/report/")
            || file.starts_with("src/engine/docker/shell")
            || file == "src/commands/shell.rs"
            || file.contains("test");
        for (at, line) in code(&text).filter(|_| !allowed) {
            if printing.iter().any(|word| line.contains(word)) && !line.contains("Term::stdout()") {
                wrong.push(format!("{file}:{at}: {}", line.trim()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_stay_small() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src")
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("benches"))
    {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{file}: {lines} lines, at most {LONGEST_FILE}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_text_names_a_mirror_or_this_machine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for folder in ["compose", "labs"] {
        let mut left = vec![root.join(folder)];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(
                    fs::read_dir(&path)
                        .expect("readable")
                        .map(|entry| entry.expect("readable").path()),
                );
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for word in [
                "deb.debian.org",
                "pypi.org",
                "registry.npmjs.org",
                "files.pythonhosted.org",
                "artifactory",
            ] {
                if text.contains(word) {
                    wrong.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Other people's labs may be in one language only; these are in both.
#[test]
fn every_lab_is_in_english_and_korean() {
    let labs = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
    let folders = fs::read_dir(labs).expect("readable").flatten();
    let folders = folders
        .map(|entry| entry.path())
        .filter(|path| path.join("lab.yaml").exists());
    let mut labs = 0;
    for folder in folders {
        labs += 1;
        for guide in ["guide.en.md", "guide.ko.md"] {
            assert!(
                folder.join(guide).exists(),
                "{} has no {guide}",
                folder.display()
            );
        }
    }
    assert!(labs >= 5, "the labs of this repository are looked at");
}
