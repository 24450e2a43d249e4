//! What the learner did is kept: progress, files, and what a solution does not count for.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::engine_lab::EngineLab;
use crate::support::offline::{NO_ENGINE, tiny};
use crate::support::terminal::Terminal;
use crate::support::{LabCopy, ProgramOutput};

/// The tiny lab with a workspace of `a.txt`, which the service has at `/work`, and a solution that also changes that file.
fn with_workspace() -> EngineLab {
    let lab = EngineLab::tiny_with("    volumes: ['${WORKSPACE:-./files/workspace}:/work']\n");
    lab.copy.change(
        "lab.yaml",
        "level: beginner\n",
        "level: beginner\nworkspace: files/workspace\n",
    );
    lab.copy.change(
        "lab.yaml",
        "    solution:\n",
        "    solution:\n      - file: { path: a.txt, write: solution }\n",
    );
    let folder = lab
        .copy
        .path("labs")
        .join(&lab.copy.id)
        .join("files/workspace");
    std::fs::create_dir_all(&folder).expect("a folder of the copy");
    std::fs::write(folder.join("a.txt"), "original\n").expect("a file of the copy");
    lab
}

fn file(lab: &EngineLab, name: &str) -> PathBuf {
    lab.copy
        .path(&format!("roadlab-{}", lab.copy.id))
        .join(name)
}

fn text(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &std::path::Path, content: &str) {
    std::fs::write(path, content).expect("the folder is the learner's");
}

fn progress(copy: &LabCopy) -> Value {
    let file = copy.path(&format!("state/roadlab/progress/{}@main.json", copy.id));
    serde_json::from_slice(&std::fs::read(file).expect("there is progress")).expect("it is JSON")
}

/// What the learner did, without what services hold.
fn deserved(copy: &LabCopy) -> [Value; 4] {
    let progress = progress(copy);
    ["solved", "answers", "hints", "seconds"].map(|part| progress[part].clone())
}

fn status(lab: &EngineLab) -> Value {
    lab.run("status LAB --json", 0).json()[0].take()
}

#[apply(engine_test)]
fn nothing_but_forgetting_takes_progress_or_files() {
    let lab = with_workspace();
    lab.run("up LAB", 0);
    lab.run("hint LAB greet", 0);
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    lab.run("check LAB greet", 0);
    lab.run("answer LAB when pairs", 0);
    write(&file(&lab, "own.txt"), "own");
    write(&file(&lab, "a.txt"), "mine");
    let before = deserved(&lab.copy);
    assert_eq!(before[1], json!({ "when": "pairs" }));
    let check_kept = |command: &str| {
        assert_eq!(deserved(&lab.copy), before, "{command}");
        assert_eq!(text(&file(&lab, "own.txt")), "own", "{command}");
        let run = status(&lab);
        assert_eq!(run["done"], json!(["greet", "when"]), "{command}");
    };

    let reset = lab.run("reset LAB", 0);
    check_kept("reset");
    assert!(reset.stdout.contains("kept: your progress"), "{reset:?}");
    assert_eq!(text(&file(&lab, "a.txt")), "original\n");
    let mut copies = std::fs::read_dir(file(&lab, "")).expect("the folder is there");
    let copy = copies.find_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?.starts_with("a.txt.");
        name.then_some(path)
    });
    let copy = copy.expect("the changed file is kept");
    assert_eq!(text(&copy), "mine");
    assert!(
        reset.stderr.contains(copy.to_str().expect("UTF-8")),
        "{reset:?}"
    );

    write(&file(&lab, "a.txt"), "mine again");
    let json = lab.run("reset LAB --to when --json", 0).json();
    check_kept("reset --to");
    let kept = json["kept"][0]["kept"].as_str().expect("it is named");
    assert_eq!(text(std::path::Path::new(kept)), "mine again");
    assert_eq!(json["kept"][0]["file"], "a.txt");

    lab.run("reset LAB --hard", 0);
    check_kept("reset --hard");
    assert_eq!(text(&file(&lab, "a.txt")), "original\n");

    write(&file(&lab, "a.txt"), "before the demo");
    let data = || {
        let words = "shell LAB -- redis-cli GET greeting";
        lab.run(words, 0).stdout
    };
    lab.run("shell LAB -- redis-cli SET greeting mine", 0);
    let refused = lab.run(&format!("run {} --auto", lab.copy.id), 2).stderr;
    let own = format!("roadlab run {} --auto --instance demo", lab.copy.id);
    assert!(
        refused.contains("--yes") && refused.contains(&own),
        "{refused}"
    );
    assert_eq!(data(), "mine\n", "a refusal changes nothing");
    lab.run(&format!("run {} --auto --keep --yes", lab.copy.id), 0);
    assert_eq!(data(), "\n");
    check_kept("run --auto");
    assert_eq!(text(&file(&lab, "a.txt")), "before the demo");

    lab.run("solve LAB greet", 0);
    check_kept("solve");
    lab.run("down LAB", 0);
    assert_eq!(deserved(&lab.copy), before);
    assert_eq!(text(&file(&lab, "own.txt")), "own");
}

#[apply(engine_test)]
fn a_file_of_the_learner_is_kept_even_if_it_is_the_solution() {
    let lab = with_workspace();
    lab.run("up LAB", 0);
    let copies = || {
        let entries = std::fs::read_dir(file(&lab, "")).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.filter(|name| name.to_string_lossy().starts_with("a.txt."));
        names.count()
    };
    // What roadlab wrote leaves no copy.
    lab.run("solve LAB greet", 0);
    lab.run("reset LAB", 0);
    lab.run("reset LAB --to when", 0);
    lab.run("reset LAB", 0);
    assert_eq!(copies(), 0);
    for (at, command) in [
        "reset LAB",
        "reset LAB --to when",
        "reset LAB --hard",
        "solve LAB greet",
    ]
    .iter()
    .enumerate()
    {
        lab.run("reset LAB", 0);
        write(&file(&lab, "a.txt"), "solution");
        lab.run(command, 0);
        assert_eq!(copies(), at + 1, "{command}");
    }
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_played_solution_is_not_solved_by_the_learner() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    lab.run("solve LAB greet", 0);
    lab.run("check LAB greet", 0);
    let run = status(&lab);
    assert_eq!(
        [&run["done"], &run["solution_played"], &run["holding"]],
        [&json!([]), &json!(["greet"]), &json!(["greet"])]
    );
    let listed = lab.run("list --json", 0).json();
    assert_eq!(
        [
            &listed[0]["done"],
            &listed[0]["solution_played"],
            &listed[0]["held_last"]
        ],
        [&json!(0), &json!(1), &json!(1)]
    );
    // Both show the same counts in the same words; only `status` runs the checks.
    let counts = "solved 0 of 2 · solution played 1";
    let table = lab.run("list", 0).stdout;
    assert!(table.contains(&format!("{counts}  ")), "{table}");
    let shown = lab.run("status LAB", 0).stdout;
    assert!(shown.contains(&format!("{counts} · passing 1")), "{shown}");
    // The learner solves it after it was undone.
    lab.run("reset LAB", 0);
    assert_eq!(status(&lab)["holding"], json!([]));
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    lab.run("check LAB greet", 0);
    assert_eq!(status(&lab)["done"], json!(["greet"]));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_solution_that_does_not_work_from_here_starts_at_the_exercise() {
    let lab = EngineLab::tiny();
    lab.copy.change(
        "lab.yaml",
        "      - redis: { service: redis, command: [SET, greeting, hello] }\n    wrong:",
        "      - redis: { service: redis, command: [SETNX, greeting, hello] }\n        expect: { equals: 1 }\n    wrong:",
    );
    lab.run("up LAB", 0);
    let solved = lab.run("solve LAB greet --json", 0).json();
    assert_eq!(solved["reset_because"], Value::Null);
    lab.run("shell LAB -- redis-cli SET greeting other", 0);
    // Without a terminal that could answer, and without consent, nothing is reset.
    let refused = lab.run("solve LAB greet --json", 2);
    assert!(refused.stdout.contains("--yes"), "{refused:?}");
    assert_eq!(
        lab.run("shell LAB -- redis-cli GET greeting", 0).stdout,
        "other\n"
    );
    let solved = lab.run("solve LAB greet --json --yes", 0).json();
    assert!(solved["reset_because"].is_string(), "{solved}");
    lab.run("check LAB greet", 0);
    let typed = &solved["typed"]["greet"]["blocks"][0]["lines"];
    assert_eq!(*typed, json!(["SETNX greeting hello"]));
    // On a terminal there is a question first, and without consent nothing is reset.
    lab.run("shell LAB -- redis-cli SET greeting other", 0);
    let mut terminal = Terminal::open(100, 24, &lab.command(""));
    let id = &lab.copy.id;
    terminal.type_in(&format!("roadlab --labs labs --offline solve {id} greet\r"));
    terminal.wait_for("[y/N]");
    terminal.type_in("n\r");
    terminal.type_in("echo ended $?\r");
    terminal.wait_for("ended 1");
    lab.run("check LAB greet", 1);
    // A session asks, too.
    terminal.type_in(&format!("roadlab --labs labs --offline run {id} --keep\r"));
    terminal.wait_for("── 2/2");
    terminal.type_in("p");
    terminal.wait_for("─ watching, 1 of 2 checks pass");
    terminal.type_in("s");
    terminal.wait_for("Show and play the solution?");
    terminal.type_in("y");
    terminal.wait_for("does not work from the present state");
    terminal.type_in("\x1b");
    terminal.wait("no question", |screen| {
        !screen.contains("play the solution there?")
    });
    assert_eq!(
        lab.run("shell LAB -- redis-cli GET greeting", 0).stdout,
        "other\n"
    );
    terminal.type_in("s");
    terminal.wait_for("Show and play the solution?");
    terminal.type_in("y");
    terminal.wait_for("does not work from the present state");
    terminal.type_in("y");
    terminal.wait_for("all checks pass");
    terminal.type_in("q");
    terminal.wait_for_prompt();
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn forgetting_must_be_confirmed_and_reports_what_was_forgotten() {
    let lab = with_workspace();
    lab.run("up LAB", 0);
    lab.run("answer LAB when pairs", 0);
    let refused = lab.run("reset LAB --progress", 2);
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(deserved(&lab.copy)[1], json!({ "when": "pairs" }));
    let reset = lab.run("reset LAB --progress --yes", 0).stdout;
    assert!(reset.contains("forgotten: solved: 1"), "{reset}");
    assert_eq!(deserved(&lab.copy)[1], json!({}));

    lab.run("answer LAB when pairs", 0);
    lab.run("down LAB --forget", 2);
    assert_eq!(
        lab.resources().len(),
        3,
        "nothing is removed without consent"
    );
    lab.run("down LAB", 0);
    assert!(file(&lab, "a.txt").exists());
    let down = lab.run("down LAB --forget --yes", 0).stdout;
    assert!(down.contains("progress in"), "{down}");
    assert!(down.contains(&format!("roadlab-{}", lab.copy.id)), "{down}");
    assert!(!file(&lab, "").exists());
    assert_eq!(
        lab.run("down LAB --forget", 0).stdout,
        "nothing to remove\n"
    );
}

#[apply(engine_test)]
fn a_workspace_that_was_moved_is_created_and_mounted_again() {
    let lab = with_workspace();
    lab.run("up LAB", 0);
    let mode = std::fs::metadata(file(&lab, "")).expect("the folder is there");
    assert_eq!(mode.permissions().mode() & 0o022, 0);
    let moved = lab.copy.path("moved");
    for command in ["reset LAB", "up LAB"] {
        std::fs::rename(file(&lab, ""), &moved).expect("the learner may move it");
        lab.run(command, 0);
        let seen = lab.run("shell LAB -- cat /work/a.txt", 0).stdout;
        assert_eq!(seen, "original\n", "{command}");
        write(&file(&lab, "a.txt"), "new\n");
        let seen = lab.run("shell LAB -- cat /work/a.txt", 0).stdout;
        assert_eq!(seen, "new\n", "{command}");
        assert!(moved.join("a.txt").exists());
        std::fs::remove_dir_all(&moved).expect("the learner may remove it");
    }
    // A link is not followed.
    std::fs::rename(file(&lab, ""), &moved).expect("the learner may move it");
    std::os::unix::fs::symlink(&moved, lab.copy.path(&format!("roadlab-{}", lab.copy.id)))
        .expect("the learner may make a link");
    let refused = lab.run("reset LAB", 3);
    assert!(refused.stderr.contains("symbolic link"), "{refused:?}");
    lab.run("down LAB", 0);
}

#[apply(test)]
fn down_without_an_engine_forgets_nothing() {
    let copy = tiny();
    ProgramOutput::of(&mut copy.roadlab("answer LAB when pairs")).expect_code(0);
    let mut down = copy.roadlab("down LAB --forget --yes");
    ProgramOutput::of(down.env("DOCKER_HOST", NO_ENGINE)).expect_code(3);
    assert_eq!(progress(&copy)["answers"], json!({ "when": "pairs" }));
}

#[apply(engine_test)]
fn pausing_a_lab_with_a_time_limit_prints_what_happens_at_its_end() {
    let lab = EngineLab::tiny();
    lab.run("up LAB --ttl 150m", 0);
    let paused = lab.run("pause LAB", 0).stdout;
    assert!(paused.contains("\nexpires in 2 h "), "{paused}");
    assert!(paused.contains("the data of its services"), "{paused}");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_paused_lab_goes_on_with_its_data_progress_and_files() {
    let lab = with_workspace();
    lab.run("up LAB", 0);
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    lab.run("check LAB greet", 0);
    write(&file(&lab, "own.txt"), "own");
    let before = deserved(&lab.copy);
    let containers = lab.resources();

    let paused = lab.run("pause LAB", 0).stdout;
    assert!(paused.contains(" is paused after "), "{paused}");
    let shown = status(&lab);
    assert!(shown["paused"].is_u64(), "{shown}");
    assert_eq!(shown["services"][0]["running"], false);
    assert_eq!(shown["services"][0]["fault"], Value::Null);
    assert_eq!(shown["holding"], Value::Null);
    let id = &lab.copy.id;
    let checked = lab.run("check LAB greet", 3).stderr;
    let expected = format!("lab `{id}` is paused: continue with `roadlab up {id}`");
    assert!(checked.contains(&expected), "{checked}");
    let again = lab.run("pause LAB", 0).stdout;
    assert!(again.contains(" is paused already"), "{again}");

    lab.run("up LAB", 0);
    assert_eq!(lab.resources(), containers);
    assert_eq!(status(&lab)["paused"], Value::Null);
    lab.run("check LAB greet", 0);
    assert_eq!(deserved(&lab.copy), before);
    assert_eq!(text(&file(&lab, "own.txt")), "own");
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn everything_is_removed_only_after_it_is_confirmed() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let before = lab.resources();
    let refused = lab.run("gc --everything", 2);
    assert!(
        refused.stderr.contains("confirm it with `--yes`"),
        "{refused:?}"
    );
    assert_eq!(lab.resources(), before);
    let listed = lab.run("images list LAB", 0).stdout;
    assert!(listed.contains("1 image, at most "), "{listed}");
    lab.run("down LAB", 0);
}
