//! For authors of labs: the schema agrees with the reader, `new` creates a valid lab, and the manual is complete. No engine is
//! needed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::schema::Schema;
use crate::support::{LabCopy, ProgramOutput};

fn tiny() -> LabCopy {
    LabCopy::of("tests/labs/tiny", |_| "tiny".to_owned())
}

fn schema(copy: &LabCopy, of: &str) -> Schema {
    let text = ProgramOutput::of(&mut copy.roadlab(&format!("schema {of}"))).expect_code(0);
    Schema::new(text.json())
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
            assert_eq!(schema.error(&file), None, "{}", path.display());
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
    assert!(made.stdout.contains("roadlab author my-lab"), "{made:?}");
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
fn a_new_lab_has_the_services_and_languages_that_were_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let new = |words: &str| elsewhere(folder.path(), &words.split(' ').collect::<Vec<_>>());
    let made = new("new shop --service postgres --service rabbitmq --lang en,de --json");
    let made = made.expect_code(0).json();
    assert_eq!(made["languages"], serde_json::json!(["en", "de"]));
    assert_eq!(made["services"][1]["service"], "rabbitmq");
    new("validate labs/shop").expect_code(0);
    let lab = folder.path().join("labs/shop");
    assert!(lab.join("guide.de.md").exists() && !lab.join("guide.ko.md").exists());
    // Another language of messages by habit is no choice of guides.
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
    command.args(["new", "both"]).current_dir(folder.path());
    for name in ["STATE", "CACHE", "DATA"] {
        command.env(format!("XDG_{name}_HOME"), folder.path().join(".home"));
    }
    ProgramOutput::of(command.env("ROADLAB_LANG", "en")).expect_code(0);
    assert!(folder.path().join("labs/both/guide.ko.md").exists());
    let unknown = new("new other --service postgre").expect_code(2);
    assert!(
        unknown.stderr.contains("did you mean `postgres`?"),
        "{unknown:?}"
    );
    assert!(!folder.path().join("labs/other").exists());
    let bad = new("new other --lang en,,").expect_code(2);
    assert!(
        bad.stderr.contains("is not the code of a language"),
        "{bad:?}"
    );
}

#[apply(test)]
fn a_lab_from_a_compose_file_has_its_files_and_variables_and_notes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let course = folder.path().join("course");
    std::fs::create_dir_all(course.join("init")).expect("a folder");
    let compose = "services:\n  db:\n    image: mariadb:${TAG}\n    container_name: course-db\n    env_file: db.env\n    volumes: ['./init:/docker-entrypoint-initdb.d:ro']\n";
    std::fs::write(course.join("stack.yml"), compose).expect("a file");
    std::fs::write(
        course.join("db.env"),
        "MARIADB_ROOT_PASSWORD=a b\nMARIADB_DATABASE=shop\n",
    )
    .expect("a file");
    std::fs::write(course.join("init/1.sql"), "SELECT 1;").expect("a file");
    let new = |words: &str| elsewhere(folder.path(), &words.split(' ').collect::<Vec<_>>());
    let missing = new("new shop --from-compose course/stack.yml").expect_code(2);
    assert!(missing.stderr.contains("course/stack.yml:3"), "{missing:?}");
    assert!(missing.stderr.contains("--var NAME=VALUE"), "{missing:?}");
    let made = new("new shop --from-compose course/stack.yml --var TAG=11.8").expect_code(0);
    for part in ["container_name", "sql: { query: SELECT 1 AS up }"] {
        assert!(made.stdout.contains(part), "{part}: {made:?}");
    }
    new("validate labs/shop").expect_code(0);
    let lab = folder.path().join("labs/shop");
    assert!(lab.join("init/1.sql").exists() && lab.join("db.env").exists());
    let text = std::fs::read_to_string(lab.join("lab.yaml")).expect("a file");
    assert!(text.contains("vars:\n  TAG: \"11.8\"\n"), "{text}");
}

#[apply(test)]
fn the_catalogue_is_listed_shown_and_copied() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |words: &str| elsewhere(folder.path(), &words.split(' ').collect::<Vec<_>>());
    let list = run("catalogue list --json").expect_code(0).json();
    let names: Vec<&str> = list
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|entry| entry["entry"].as_str())
        .collect();
    assert!(
        names.contains(&"mariadb") && names.contains(&"airflow"),
        "{names:?}"
    );
    let postgres = list
        .as_array()
        .expect("a list")
        .iter()
        .find(|entry| entry["entry"] == "postgres");
    let postgres = &postgres.expect("an entry")["services"][0];
    assert_eq!(
        (
            &postgres["image"],
            &postgres["version"],
            &postgres["ports"][0]
        ),
        (&"postgres:17".into(), &"17".into(), &5432.into())
    );
    let shown = run("catalogue show airflow").expect_code(0);
    let snippet = "include:\n  - compose/postgres/compose.yaml\n  - compose/airflow/compose.yaml\n";
    assert!(shown.stdout.contains(snippet), "{shown:?}");
    run("new mine").expect_code(0);
    let copied = run("catalogue copy airflow mine").expect_code(0);
    let lab = folder.path().join("labs/mine");
    for file in [
        "compose/postgres/compose.yaml",
        "compose/airflow/Dockerfile",
    ] {
        assert!(lab.join(file).exists(), "{file}");
        assert!(
            copied.stdout.contains("  - compose/airflow/compose.yaml\n"),
            "{copied:?}"
        );
    }
    // What is there is not overwritten, and the labs of the program are not changed.
    std::fs::write(lab.join("compose/airflow/Dockerfile"), "mine").expect("a file");
    run("catalogue copy airflow mine").expect_code(2);
    let kept = std::fs::read_to_string(lab.join("compose/airflow/Dockerfile")).expect("a file");
    assert_eq!(kept, "mine");
    run("catalogue copy postgres redis").expect_code(2);
    let korean = run("catalogue list --lang ko").expect_code(0);
    assert!(korean.stdout.starts_with("이름 "), "{korean:?}");
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
