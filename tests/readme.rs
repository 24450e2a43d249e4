//! The README is accurate: its transcript is executed, and its tables are compared with the program.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use regex::Regex;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("the README is readable")
}

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let readme = readme();
    let mut parts = readme.split(&fence);
    let mut before = parts.next().unwrap_or_default();
    let mut blocks = Vec::new();
    for rest in parts {
        // A block that contains blocks has longer fences.
        let end = if before.ends_with('`') { "````" } else { "```" };
        blocks.push(rest.split(end).next().unwrap_or_default().to_owned());
        before = rest;
    }
    blocks
}

/// roadlab with a state folder of its own.
fn roadlab(state: &Path, words: &[String]) -> Output {
    let mut command = roadlab_command(state, words);
    let command = command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.output().expect("roadlab runs")
}

/// roadlab in a folder of its own, with the labs of this repository.
pub(crate) fn roadlab_in(folder: &Path, words: &[String]) -> Output {
    let labs = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs");
    let mut command = roadlab_command(&folder.join(".state"), words);
    let command = command.current_dir(folder).env("ROADLAB_LABS", labs);
    command.output().expect("roadlab runs")
}

fn roadlab_command(state: &Path, words: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
    command
        .args(words)
        .env("XDG_STATE_HOME", state)
        .env("LANG", "C.UTF-8")
        .env_remove("ROADLAB_LABS")
        .env_remove("ROADLAB_LANG");
    command
}

/// Splits a line into words, as a shell does; only double quotes are known.
pub(crate) fn words(line: &str) -> Vec<String> {
    let pattern = Regex::new(r#""([^"]*)"|(\S+)"#).expect("a regular expression");
    let word = |found: regex::Captures<'_>| {
        found
            .get(1)
            .or(found.get(2))
            .map(|word| word.as_str().to_owned())
    };
    pattern.captures_iter(line).filter_map(word).collect()
}

/// Durations and ports differ from run to run.
pub(crate) fn steady(text: &str) -> String {
    let time = Regex::new(r"\d+(\.\d+)? (ms|s)\b").expect("a regular expression");
    let port = Regex::new(r"127\.0\.0\.1:\d+").expect("a regular expression");
    port.replace_all(&time.replace_all(text, "TIME"), "127.0.0.1:PORT")
        .into_owned()
}

#[apply(engine_test)]
fn the_transcript_is_accurate() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let block = blocks("console").remove(0);
    let mut seen = String::new();
    for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let words = words(line);
        assert_eq!(words[0], "roadlab", "{line}");
        let output = roadlab(state.path(), &words[1..]);
        seen.push_str(&format!(
            "$ {line}\n{}",
            String::from_utf8_lossy(&output.stdout)
        ));
        if !seen.ends_with('\n') {
            seen.push('\n');
        }
    }
    roadlab(state.path(), &["down".into(), "--all".into()]);
    assert_eq!(steady(&seen), steady(&block));
}

#[apply(test)]
fn the_command_table_names_every_command() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let help = roadlab(state.path(), &["--help".to_owned()]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let (_, help) = help.split_once("Learn:").expect("the first group");
    // Two columns: a command begins two places after the edge of its column.
    let column = Regex::new(r"(?m)^(?:.{40})?  ([a-z]+) ").expect("a regular expression");
    let resources = Regex::new(r"(?m)^  ([a-z]+) ").expect("a regular expression");
    let names = column
        .captures_iter(help)
        .chain(resources.captures_iter(help));
    let commands: BTreeSet<&str> = names
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str())
        .collect();
    let readme = readme();
    let row = Regex::new(r"(?m)^\| `roadlab (\w+)").expect("a regular expression");
    let table: BTreeSet<&str> = row
        .captures_iter(&readme)
        .filter_map(|found| found.get(1))
        .map(|name| name.as_str())
        .collect();
    assert!(commands.len() > 15, "{help}");
    assert_eq!(table, commands);
}

#[apply(test)]
fn the_example_lab_is_valid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lab = folder.path().join("labs/example");
    let catalogue = folder.path().join("compose/redis");
    for made in [&lab, &catalogue] {
        std::fs::create_dir_all(made).expect("a folder");
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/redis");
    for name in ["compose.yaml", "Dockerfile", "entrypoint.sh"] {
        std::fs::copy(source.join(name), catalogue.join(name)).expect("the catalogue has it");
    }
    let guide = "# Example\n\nWords.\n\n## One {#expire-session}\n\nDo.\n\n### Checks {.checks}\n\n- `has-ttl`: it ends\n\n\
                 ### Hint {.hint}\n\nA.\n\n### Hint {.hint}\n\nB.\n\n### Forever {.hint #forever}\n\nIt stays.\n";
    let compose = "include: [../../compose/redis/compose.yaml]\n";
    for (name, text) in [
        ("lab.yaml", blocks("yaml")[0].as_str()),
        ("compose.yaml", compose),
        ("guide.en.md", guide),
    ] {
        std::fs::write(lab.join(name), text).expect("a file");
    }
    let path = lab.to_str().expect("a path in UTF-8").to_owned();
    let output = roadlab(folder.path(), &["validate".to_owned(), path]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1 folder: no problems\n"
    );
}

#[apply(test)]
fn ci_runs_the_documented_commands() {
    let block = blocks("sh").remove(0);
    assert_eq!(block.lines().count(), 2);
    let ci = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run"))
        .expect("CI's script");
    for part in [
        "engine up --yes",
        "cargo test --release",
        "run redis --auto --yes",
    ] {
        assert!(block.contains(part) && ci.contains(part), "{part}");
    }
}
