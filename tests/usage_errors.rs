//! Wrong arguments and engines that cannot be used: each is one error with the next step and a documented exit code, and nothing
//! is created. No engine is needed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::harness;
use crate::support::offline::{assert_fails, tiny};
use crate::support::{LabCopy, ProgramOutput, run_like};

#[apply(test)]
fn an_unknown_name_gets_a_suggestion() {
    let copy = tiny();
    assert_fails(
        &copy,
        "up tyny",
        2,
        "error: no such lab: `tyny`\n  = did you mean `tiny`?\n",
    );
    assert_fails(
        &copy,
        "up kafka",
        2,
        "error: no such lab: `kafka`\n  = available: `tiny`\n",
    );
    assert_fails(
        &copy,
        "check LAB gret",
        2,
        "error: lab `tiny` has no exercise `gret`\n  = did you mean `greet`?\n",
    );
    assert_fails(
        &copy,
        "restart LAB rediss",
        2,
        "error: lab `tiny` has no service `rediss`\n  = did you mean `redis`?\n",
    );
    assert_fails(
        &copy,
        "answer LAB when pair",
        2,
        "error: `pair` is not a choice; the choices are 1 to 2, or their names\n  = did you mean `pairs`?\n",
    );
}

#[apply(test)]
fn an_exercise_in_the_place_of_a_lab_is_named_with_its_lab() {
    let copy = tiny();
    for (typed, expected) in [
        ("check greet", "roadlab check tiny greet"),
        ("show greet", "roadlab show tiny greet"),
        ("solve greet greet", "roadlab solve tiny greet"),
        (
            "hint when --instance b",
            "roadlab hint tiny --instance b when",
        ),
        ("run greet", "roadlab run tiny"),
    ] {
        let name = typed.split(' ').nth(1).expect("it is named");
        assert_fails(
            &copy,
            typed,
            2,
            &format!(
                "error: no such lab: `{name}`; it is an exercise of `tiny`\n  = try `{expected}`\n"
            ),
        );
    }
}

#[apply(test)]
fn contradictory_arguments_are_refused() {
    let copy = tiny();
    assert_fails(
        &copy,
        "up LAB --instance A",
        2,
        "error: --instance: invalid name `A`: use 1 to 40 lowercase letters, digits, `-` and `_`, beginning with a letter or digit\n",
    );
    assert_fails(
        &copy,
        "answer LAB greet hello",
        2,
        "error: `greet` is not a quiz: solve it, then run `roadlab check tiny greet`\n",
    );
    assert_fails(
        &copy,
        "down",
        2,
        "error: specify a lab: `roadlab down LAB`, or `roadlab down --all`\n",
    );
    assert_fails(
        &copy,
        "up LAB --labs nowhere",
        2,
        "error: no such folder: nowhere (from `--labs` or $ROADLAB_LABS)\n",
    );
}

#[apply(test)]
fn an_empty_variable_is_as_one_that_is_not_set() {
    let copy = tiny();
    let with = |variable: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
        // The folder of the copy has the folder `labs`.
        run_like(command.args(["list", "--json"]), &copy.roadlab(""));
        ProgramOutput::of(command.env_remove("ROADLAB_LABS").env(variable, value))
    };
    for variable in ["ROADLAB_LABS", "ROADLAB_LANG"] {
        let output = with(variable, "").expect_code(0);
        assert!(output.stdout.contains("\"tiny\""), "{output:#?}");
        with(variable, "nowhere").expect_code(2);
    }
}

#[apply(test)]
fn a_missing_engine_is_reported_with_the_next_step() {
    let copy = tiny();
    let host = |address: &str, stderr: &str| {
        let output =
            ProgramOutput::of(copy.roadlab("up LAB").env("DOCKER_HOST", address)).expect_code(3);
        assert_eq!(
            (output.stderr.as_str(), output.stdout.as_str()),
            (stderr, "")
        );
    };
    host(
        "unix:///nope.sock",
        "error: no container engine at unix:///nope.sock (from $DOCKER_HOST); start an engine there, or `unset DOCKER_HOST` to use the default socket\n",
    );
    host(
        "tcp://127.0.0.1:2375",
        "error: `tcp://127.0.0.1:2375` (from $DOCKER_HOST) is not a local Unix socket, so that ports and lab files would not be on this machine; `unset DOCKER_HOST` to use the default socket\n",
    );
    assert_fails(
        &copy,
        "up LAB --engine ./labs/tiny/lab.yaml",
        3,
        "error: unix://./labs/tiny/lab.yaml (from `--engine`) is not a socket; start an engine there, or omit `--engine`\n",
    );
}

#[apply(test)]
fn an_engine_that_never_responds_is_given_up() {
    let copy = tiny();
    let _listener = UnixListener::bind(copy.path("silent.sock")).unwrap();
    assert_fails(
        &copy,
        "up LAB --engine ./silent.sock",
        3,
        "error: Docker does not answer at unix://./silent.sock (`--engine`); it is frozen or overloaded: inspect it with `roadlab engine status`, then restart it\n",
    );
}

#[apply(test)]
fn a_stale_socket_means_that_docker_is_not_running() {
    let copy = tiny();
    drop(UnixListener::bind(copy.path("dead.sock")).unwrap());
    assert_fails(
        &copy,
        "up LAB --engine ./dead.sock",
        3,
        "error: Docker is not running at unix://./dead.sock (`--engine`); start an engine there, or omit `--engine`\n",
    );
}

/// The same command as a user who is not root.
pub(crate) fn as_other_user(copy: &LabCopy, command: &Command) -> Command {
    let mut other = Command::new(command.get_program());
    if harness::is_root() {
        // Other users cannot reach the build folder, so the program is copied to where they can.
        let open = |path: &Path| {
            let mode = Permissions::from_mode(0o755);
            std::fs::set_permissions(path, mode).expect("the copy is writable");
        };
        open(&copy.path("."));
        let program = copy.path("roadlab");
        std::fs::copy(command.get_program(), &program).expect("the copy is writable");
        open(&program);
        other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        other.arg(program);
    }
    run_like(other.args(command.get_args()), command);
    other
}

#[apply(other_user_test)]
fn a_socket_without_permission_is_reported_with_the_fix() {
    let copy = tiny();
    let socket = copy.path("closed.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, Permissions::from_mode(0o000)).unwrap();
    let command = copy.roadlab("up LAB --engine ./closed.sock");
    let output = ProgramOutput::of(&mut as_other_user(&copy, &command)).expect_code(3);
    assert_eq!(
        output.stderr,
        "error: permission denied on unix://./closed.sock (`--engine`); join the `docker` group with `sudo usermod -aG docker \"$USER\"` and log in again (its members can do what root can), or use rootless Docker\n"
    );
}

#[apply(test)]
fn problems_of_a_lab_are_reported_before_a_missing_engine() {
    let copy = tiny();
    copy.change("lab.yaml", "level: beginner", "level: easy");
    let mut command = copy.roadlab("up LAB --json --engine /nowhere/engine.sock");
    let printed = ProgramOutput::of(&mut command).expect_code(2).json();
    let problems = printed["error"]["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &problems[0]["line"]), (1, &1.into()));
    assert_eq!(printed["error"]["code"], "problems");
    copy.change("lab.yaml", "level: easy", "level: beginner");
    let printed = ProgramOutput::of(&mut command).expect_code(3).json();
    assert_eq!(printed["error"]["exit"], 3);
    assert_eq!(printed["error"]["code"], "engine_unreachable");
}

/// The columns that a line takes on a terminal.
fn columns(line: &str) -> usize {
    console::measure_text_width(line)
}

#[apply(test)]
fn the_help_of_every_command_fits_80_columns_in_both_languages() {
    let copy = tiny();
    let man = copy.path("man");
    ProgramOutput::of(copy.roadlab("man").arg(&man)).expect_code(0);
    let pages = std::fs::read_dir(&man).expect("the pages of all commands");
    let pages = pages.map(|page| {
        page.expect("a page")
            .file_name()
            .into_string()
            .expect("a name")
    });
    let commands = pages.map(|page| page.trim_end_matches(".1").replace('-', " "));
    let commands: Vec<String> = commands.collect();
    assert!(commands.len() > 30, "{commands:?}");
    for command in &commands {
        let command = command.trim_start_matches("roadlab").trim();
        for (lang, long) in [
            ("en", "--help"),
            ("ko", "--help"),
            ("en", "-h"),
            ("ko", "-h"),
        ] {
            let mut program = copy.roadlab(&format!("--lang {lang} {command} {long}"));
            let help = ProgramOutput::of(program.env("COLUMNS", "80")).expect_code(0);
            for line in help.stdout.lines() {
                assert!(columns(line) <= 80, "{command} in {lang}: {line}");
            }
            // An example that is cut in two cannot be pasted.
            let examples = help.stdout.lines().filter(|line| line.starts_with("  "));
            let examples = examples.filter(|line| line.contains(&format!("roadlab {command}")));
            let has_example = command.is_empty() || examples.count() > 0;
            assert!(has_example, "{command} in {lang}: {}", help.stdout);
        }
    }
}
