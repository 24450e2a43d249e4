//! Completion in real shells: a test presses TAB in a terminal and compares the command that the shell then runs.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::offline::NO_ENGINE;
use crate::support::second_instance;
use crate::support::{LabCopy, ProgramOutput};

/// What is typed before TAB, and the resulting arguments.
const CASES: [(&str, &str); 12] = [
    ("roadlab val", "validate"),
    ("roadlab check redis --ju", "check redis --junit"),
    ("roadlab up tin", "up tiny"),
    (
        "roadlab up tiny --instance sec",
        "up tiny --instance second",
    ),
    ("roadlab down tin", "down tiny"),
    ("roadlab check tiny gre", "check tiny greet"),
    ("roadlab restart tiny red", "restart tiny redis"),
    ("roadlab answer tiny whe", "answer tiny when"),
    ("roadlab answer tiny when sca", "answer tiny when scans"),
    ("roadlab --lang k", "--lang ko"),
    ("roadlab catalogue show rabb", "catalogue show rabbitmq"),
    ("roadlab new a --service mari", "new a --service mariadb"),
];

/// Types all cases in a shell whose start file has the line that `completions --help` shows.
#[track_caller]
fn assert_completes(shell: &str, command: &str, start_file: &str, before: &str, after: &str) {
    let copy = second_instance::tiny();
    let help = ProgramOutput::of(&mut copy.roadlab("completions --help")).expect_code(0);
    let lines = help.stdout.lines();
    let line = lines.filter_map(|line| line.split('\'').nth(1));
    let line = line.into_iter().find(|line| line.contains(shell));
    let program = Path::new(env!("CARGO_BIN_EXE_roadlab"));
    let line = line
        .expect("the help has a line for this shell")
        .replace("roadlab", program.to_str().expect("a path in UTF-8"));
    let text = format!("{before}\n{line}\n{after}\n");
    std::fs::write(copy.path(start_file), text).expect("the copy is writable");
    let mut shell = Shell::open(&copy, command);
    for (typed, expected) in CASES {
        assert_eq!(shell.complete(typed), expected, "{typed}");
    }
}

/// A shell in a terminal of its own; `timeout` bounds its life.
struct Shell {
    script: Child,
    keys: ChildStdin,
    screen: ChildStdout,
}

impl Shell {
    fn open(copy: &LabCopy, command: &str) -> Self {
        let mut script = Command::new("timeout")
            .args(["600", "script", "-qec", command, "/dev/null"])
            .current_dir(copy.path("."))
            .env("HOME", copy.path("."))
            .env("ZDOTDIR", copy.path("."))
            .env("XDG_STATE_HOME", copy.path("state"))
            .env("XDG_CACHE_HOME", copy.path("cache"))
            .env("XDG_DATA_HOME", copy.path("data"))
            .env("DOCKER_HOST", NO_ENGINE)
            .env("TERM", "dumb")
            .env("SHELL", "/bin/sh")
            .env_remove("ROADLAB_LABS")
            .env_remove("ROADLAB_LANG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`timeout` and `script` are there");
        let (keys, screen) = (script.stdin.take(), script.stdout.take());
        let mut shell = Self {
            keys: keys.expect("a pipe"),
            screen: screen.expect("a pipe"),
            script,
        };
        shell.read_until("READY>");
        shell
    }

    /// Types a line, TAB and Enter; returns the arguments of `roadlab`.
    fn complete(&mut self, line: &str) -> String {
        writeln!(self.keys, "{line}\t").expect("the shell reads");
        self.read_until("RAN:");
        let words = self.read_until(":END");
        self.read_until("READY>");
        words.trim().to_owned()
    }

    /// Returns the output before the next `end`.
    fn read_until(&mut self, end: &str) -> String {
        let mut output = Vec::new();
        let mut byte = [0];
        while !output.ends_with(end.as_bytes()) {
            let read = self.screen.read(&mut byte).expect("a screen");
            assert_ne!(
                read,
                0,
                "the shell ended: {}",
                String::from_utf8_lossy(&output)
            );
            output.push(byte[0]);
        }
        output.truncate(output.len() - end.len());
        String::from_utf8_lossy(&output).into_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // `timeout` ends a shell that does not exit.
        drop(self.keys.write_all(b"exit\n"));
        drop(self.script.wait());
    }
}

#[apply(test)]
fn bash_completes_names() {
    let stub = "roadlab() { echo \"RAN:$*:END\"; }\nPS1='READY>'";
    assert_completes("bash", "bash", ".bashrc", "", stub);
}

#[apply(zsh_test)]
fn zsh_completes_names() {
    let stub = "roadlab() { print -r -- \"RAN:$*:END\" }\nPROMPT='READY>'";
    let before = "autoload -Uz compinit && compinit -u -D";
    assert_completes("zsh", "zsh -i", ".zshrc", before, stub);
}

#[apply(zsh_test)]
fn zsh_completes_at_once_from_a_folder_of_functions() {
    let copy = second_instance::tiny();
    let script = ProgramOutput::of(&mut copy.roadlab("completions zsh")).expect_code(0);
    std::fs::write(copy.path("_roadlab"), script.stdout).expect("the copy is writable");
    let start_file = "fpath=($ZDOTDIR $fpath)\nautoload -Uz compinit && compinit -u -D\n\
                      roadlab() { print -r -- \"RAN:$*:END\" }\nPROMPT='READY>'\n";
    std::fs::write(copy.path(".zshrc"), start_file).expect("the copy is writable");
    let mut shell = Shell::open(&copy, "zsh -i");
    let (typed, expected) = CASES[0];
    assert_eq!(shell.complete(typed), expected);
}

/// Requests candidates, as the completion script of a shell does.
fn complete(copy: &LabCopy, words: &[&str]) -> ProgramOutput {
    complete_in("fish", copy, words)
}

fn complete_in(shell: &str, copy: &LabCopy, words: &[&str]) -> ProgramOutput {
    let command = copy.roadlab("");
    let mut request = Command::new(command.get_program());
    let known = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    request.envs(known).current_dir(copy.path("."));
    request.args(["--", "roadlab"]).args(words);
    request.env("DOCKER_HOST", NO_ENGINE);
    request.env("ROADLAB_COMPLETE", shell);
    request.env("_CLAP_IFS", "\u{b}");
    request.env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    ProgramOutput::of(&mut request).expect_code(0)
}

#[apply(test)]
fn completion_omits_what_was_typed_and_shows_titles() {
    let copy = second_instance::tiny();
    let names = |words: &[&str]| {
        let answer = complete(&copy, words).stdout;
        let names = answer
            .lines()
            .map(|line| line.split('\t').next().unwrap_or_default());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["check", "tiny", ""]), ["greet", "when"]);
    assert_eq!(names(&["check", "tiny", "greet", ""]), ["when"]);
    assert_eq!(names(&["answer", "tiny", ""]), ["when"]);
    assert_eq!(names(&["answer", "tiny", "when", ""]), ["pairs", "scans"]);
    assert_eq!(names(&["--labs", "labs", "check", ""]), ["tiny"]);
    let korean = complete(&copy, &["--lang", "ko", "check", "tiny", "gr"]).stdout;
    assert_eq!(korean, "greet\t인사\n");
}

#[apply(test)]
fn bash_gets_its_separator_between_candidates() {
    let copy = second_instance::tiny();
    let answer = complete_in("bash", &copy, &["check", "tiny", ""]).stdout;
    assert_eq!(answer, "greet\u{b}when\n");
}

#[apply(test)]
fn completion_is_silent_about_unreadable_files() {
    let copy = second_instance::tiny();
    copy.change("lab.yaml", "level: beginner", "level: [");
    let broken = ProgramOutput::of(&mut copy.roadlab("validate --json")).expect_code(2);
    assert!(broken.json()["problems"][0]["line"].is_number());
    let silent = |words: &[&str]| {
        let output = complete(&copy, words);
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("", ""),
            "{words:?}"
        );
    };
    silent(&["check", "tiny", "gr"]);
    silent(&["check", "nowhere", "gr"]);
    silent(&["--labs", "nowhere", "check", "ti"]);
    silent(&["up", "tiny", "--instance", "x"]);
    silent(&["answer", "tiny", "when", "s"]);
    silent(&["nonsense", "--nonsense=", "x"]);
}

#[apply(test)]
fn a_guide_without_a_section_for_an_exercise_offers_nothing_and_does_not_panic() {
    let copy = second_instance::tiny();
    copy.change("guide.en.md", "{#greet}", "{#welcome}");
    let ended = complete(&copy, &["check", "tiny", "gr"]);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}
