//! For authors of labs: the schema agrees with the reader, `new` creates a valid lab, and the manual is complete. No engine is
//! needed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{LabCopy, ProgramOutput};

fn tiny() -> LabCopy {
    LabCopy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

fn schema(copy: &LabCopy, of: &str) -> jsonschema::Validator {
    let text = ProgramOutput::of(&mut copy.roadlab(&format!("schema {of}"))).expect_code(0);
    let schema = text.json();
    assert!(
        jsonschema::meta::is_valid(&schema),
        "a schema of its own draft"
    );
    jsonschema::validator_for(&schema).expect("a schema")
}

fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("readable");
    serde_yaml::from_str(&text).expect("YAML")
}

/// The files of this name in the subfolders of a folder of the repository.
fn files(folder: &str, name: &str) -> Vec<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(root).expect("readable");
    let paths = entries.map(|entry| entry.expect("readable").path().join(name));
    paths.filter(|path| path.exists()).collect()
}

#[apply(test)]
fn all_labs_and_the_catalogue_match_the_schema() {
    let copy = tiny();
    let kinds = [
        ("lab", "labs", "lab.yaml", 5),
        ("compose", "compose", "compose.yaml", 8),
    ];
    for (of, folder, name, least) in kinds {
        let schema = schema(&copy, of);
        let files = files(folder, name);
        assert!(files.len() >= least, "{files:?}");
        for path in files {
            let file = yaml(&path);
            let wrong: Vec<String> = schema
                .iter_errors(&file)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(wrong, [""; 0], "{}", path.display());
        }
    }
}

/// Changes that make the tiny lab invalid.
const BROKEN: [(&str, &str); 23] = [
    ("level: beginner", "level: begginer"),
    ("level: beginner\n", ""),
    ("minutes: 5", "minutes: five"),
    ("roadmap: [redis]", "roadmap: redis"),
    ("roadmap:", "roadmapp:"),
    ("- id: greet\n", "- id: Greet\n"),
    ("- id: greet\n    checks", "- checks"),
    ("{ equals: hello }", "{ eqals: hello }"),
    ("{ equals: hello }", "{}"),
    ("{ equals: hello }", "{ path: $.a }"),
    ("{ equals: hello }", "{ at_least: many }"),
    ("{ equals: hello }", "{ one_of: hello }"),
    ("{ equals: hello }", "{ any: [] }"),
    ("{ equals: hello }", "{ equals: hello }\n        within: 5"),
    ("command: [GET, greeting]", "comand: [GET, greeting]"),
    ("command: [GET, greeting]", "command: GET greeting"),
    (
        "command: [PING] }",
        "command: [PING] }\n    tcp: { service: redis }",
    ),
    ("guard: true", "guard: sometimes"),
    (
        "{ when: { equals: hallo }, say: spelling }",
        "{ say: spelling }",
    ),
    ("choices: [pairs, scans]", "choices: [pairs]"),
    ("      answer: pairs\n", ""),
    ("  - id: when\n", "  - id: when\n    checks: []\n"),
    ("        hint: spelling\n", "        hnt: spelling\n"),
];

#[apply(test)]
fn the_reader_refuses_what_the_schema_refuses() {
    for (from, to) in BROKEN {
        let copy = tiny();
        copy.change("lab.yaml", from, to);
        ProgramOutput::of(&mut copy.roadlab("validate")).expect_code(2);
        let file = yaml(&copy.path("labs/tiny/lab.yaml"));
        assert!(!schema(&copy, "lab").is_valid(&file), "{from:?} -> {to:?}");
    }
}

/// Runs the program in a folder outside of this repository.
fn elsewhere(folder: &Path, words: &[&str]) -> ProgramOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
    command.args(words).current_dir(folder).env("LC_ALL", "C");
    for name in ["STATE", "CACHE", "DATA"] {
        let home = folder.join(".home").join(name);
        command.env(format!("XDG_{name}_HOME"), home);
    }
    command
        .env_remove("ROADLAB_LABS")
        .env_remove("ROADLAB_LANG");
    ProgramOutput::of(command.stdin(Stdio::null()))
}

#[apply(test)]
fn a_new_lab_is_valid_and_found_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = elsewhere(folder.path(), &["new", "my-lab"]).expect_code(0);
    assert!(
        made.stdout.starts_with("created lab labs/my-lab"),
        "{made:?}"
    );
    let inside = folder.path().join("labs/my-lab");
    for path in [".", "./", "../my-lab"] {
        elsewhere(&inside, &["validate", path]).expect_code(0);
        elsewhere(&inside, &["show", path]).expect_code(0);
    }
    assert!(made.stdout.contains("roadlab test my-lab"), "{made:?}");
    let sound = elsewhere(folder.path(), &["validate", "labs/my-lab"]).expect_code(0);
    assert_eq!(sound.stdout, "1 folder: no problems\n");
    let shown = elsewhere(folder.path(), &["show", "my-lab", "--lang", "ko"]).expect_code(0);
    assert!(shown.stdout.starts_with("첫 번째 랩"), "{shown:?}");
    let schema = schema(&tiny(), "lab");
    let file = yaml(&folder.path().join("labs/my-lab/lab.yaml"));
    assert!(schema.is_valid(&file));
}

#[apply(test)]
fn a_new_lab_uses_the_catalogue_beside_it() {
    let copy = tiny();
    let made = ProgramOutput::of(&mut copy.roadlab("new fresh")).expect_code(0);
    assert!(
        made.stdout.starts_with("created lab labs/fresh"),
        "{made:?}"
    );
    let compose = std::fs::read_to_string(copy.path("labs/fresh/compose.yaml")).expect("a file");
    assert!(
        compose.contains("- ../../compose/redis/compose.yaml"),
        "{compose}"
    );
    assert!(!copy.path("labs/fresh/compose").exists());
    ProgramOutput::of(&mut copy.roadlab("validate labs/fresh")).expect_code(0);
}

#[apply(test)]
fn a_new_lab_overwrites_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let there = folder.path().join("mine/first");
    std::fs::create_dir_all(&there).expect("a folder");
    let refused = elsewhere(folder.path(), &["new", "first", "mine"]).expect_code(2);
    let text = "error: mine/first already exists; choose another name or folder\n";
    assert_eq!(refused.stderr, text);
    assert_eq!(std::fs::read_dir(&there).expect("a folder").count(), 0);
    let bad = elsewhere(folder.path(), &["new", "My Lab", "mine"]).expect_code(2);
    assert!(bad.stderr.contains("invalid name"), "{bad:?}");
    assert_eq!(
        std::fs::read_dir(folder.path().join("mine"))
            .expect("a folder")
            .count(),
        1
    );
}

#[apply(test)]
fn the_manual_has_a_page_with_examples_for_every_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = elsewhere(folder.path(), &["man", "pages"]).expect_code(0);
    let pages = std::fs::read_dir(folder.path().join("pages")).expect("pages");
    let mut names: Vec<String> = Vec::new();
    for page in pages {
        let path = page.expect("a page").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let text = std::fs::read_to_string(&path).expect("a page");
        let title = name.trim_end_matches(".1").to_uppercase();
        assert!(text.contains(&format!(".TH \"{title}\" \"1\" ")), "{text}");
        assert!(
            name == "roadlab.1" || text.contains(".SH \"EXAMPLES\"\n.nf\n\\&  "),
            "{text}"
        );
        names.push(name.to_owned());
    }
    assert_eq!(
        made.stdout,
        format!("wrote {} pages to pages\n", names.len())
    );
    for name in [
        "roadlab.1",
        "roadlab-up.1",
        "roadlab-images-export.1",
        "roadlab-man.1",
    ] {
        assert!(names.iter().any(|there| there == name), "{name}");
    }
    let first = elsewhere(folder.path(), &["man"]).expect_code(0);
    assert!(
        first.stdout.contains("\n.SH \"EXIT STATUS\"\n"),
        "{first:?}"
    );
    // Every line is plain or begins with a request of the man macros.
    let known = [
        ".TH", ".SH", ".nf", ".fi", ".TP", ".RS", ".RE", ".IP", ".br", ".sp", ".ie", ".el", ".PP",
    ];
    for line in first.stdout.lines().filter(|line| line.starts_with('.')) {
        assert!(
            known.iter().any(|request| line.starts_with(request)),
            "{line}"
        );
    }
}
