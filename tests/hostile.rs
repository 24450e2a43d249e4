//! Labs that somebody wrote to break out, to hang, or to confuse: each ends with one clear word, and nothing is created. The files
//! in `tests/hostile/` are written by hand, the variants are made from the tiny lab. No engine is needed.

mod support;

#[path = "hostile/escapes.rs"]
mod escapes;
#[path = "support/nothing.rs"]
mod nothing;
#[path = "hostile/trust.rs"]
mod trust;
#[path = "hostile/variants.rs"]
mod variants;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::nothing::{files, tiny};
use crate::support::Copy;
use crate::variants::{by_hand, generated, large};

/// A lab that hangs is found; a machine that is busy is not blamed.
const HANGS: Duration = Duration::from_secs(60);

/// What a lab may cost, in seconds of the processor; without optimization everything costs more.
const COSTS: u64 = if cfg!(debug_assertions) { 20 } else { 1 };

/// A lab with one thing wrong.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The exit code; `None` for a variant that may even be sound.
    pub(crate) code: Option<i32>,
    /// The file that is changed, and what it becomes.
    pub(crate) file: &'static str,
    pub(crate) text: Vec<u8>,
}

/// Runs a command to its end; one that hangs is killed, by the kernel if it takes more of the processor than it may, and has no
/// exit code.
fn run(copy: &Copy, words: &str) -> (Option<i32>, String) {
    let mut command = copy.roadlab(words);
    command.env("DOCKER_HOST", "unix:///nowhere/engine.sock");
    let child = command.spawn().expect("the program can be run");
    let most = Rlimit {
        current: Some(COSTS),
        maximum: Some(COSTS),
    };
    let limited = prlimit(Some(Pid::from_child(&child)), Resource::Cpu, most);
    limited.expect("a child of ours");
    let id = child.id().to_string();
    let (ended, waits) = mpsc::channel();
    let waiting = std::thread::spawn(move || ended.send(child.wait_with_output()));
    let output = waits.recv_timeout(HANGS).or_else(|_| {
        let killed = Command::new("kill").args(["-9", &id]).status();
        assert!(killed.is_ok_and(|status| status.success()), "it is there");
        waits.recv()
    });
    let output = output.expect("it has ended").expect("a child of ours");
    waiting.join().expect("it sends").expect("somebody hears");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("what is said is UTF-8");
    (output.status.code(), said)
}

/// What is wrong with how a case ended, in words.
fn wrong(case: &Case) -> Vec<String> {
    let copy = tiny();
    let path = copy.path("labs/tiny").join(case.file);
    std::fs::write(&path, &case.text).expect("a file of ours");
    let before = files(&copy.path("."));
    let mut wrong = Vec::new();
    for words in ["validate labs/tiny", "up LAB --dry-run"] {
        let (code, said) = run(&copy, words);
        let mut tell = |what: &str| wrong.push(format!("{}: {words}: {what}\n{said}", case.name));
        // A sound lab gets as far as the engine, which is not there.
        let sound = if words.starts_with("up") { 3 } else { 0 };
        let expected = match case.code {
            Some(expected) => code == Some(expected),
            None => code.is_some_and(|code| [2, 4, sound].contains(&code)),
        };
        if !expected {
            tell(&format!("ended with {code:?}, not with {:?}", case.code));
        }
        if said.contains("panicked") {
            tell("a panic");
        }
        if said.chars().any(|c| c.is_control() && !"\n\t".contains(c)) || said.contains('\u{202e}')
        {
            tell("what steers a terminal is not shown but sent");
        }
        let complains = code.is_some_and(|code| [2, 4].contains(&code));
        if complains && !names_the_place(&said, case.file) {
            tell("no file and line");
        }
    }
    if files(&copy.path(".")) != before {
        wrong.push(format!("{}: files were made", case.name));
    }
    wrong
}

/// `--> labs/tiny/compose.yaml:4:5`; a file as a whole has no line.
fn names_the_place(said: &str, file: &str) -> bool {
    // What a file lacks stands on none of its lines.
    let whole = [
        "is empty",
        "cannot read",
        "the limit is",
        "missing title",
        "missing section",
    ];
    let whole = whole.iter().any(|words| said.contains(words));
    let places = said
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> labs/tiny"));
    places.into_iter().any(|place| {
        let rest = place
            .strip_prefix('/')
            .and_then(|place| place.strip_prefix(file));
        let numbered = rest.is_some_and(|rest| rest.starts_with(':'));
        // What is wrong with one file may be told where another refers to it.
        numbered || whole || place.contains(':') || place.is_empty()
    })
}

/// Runs all cases, two at a time.
#[track_caller]
fn all_end_well(cases: &[Case]) {
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "each case has a name of its own");
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let slowest = Mutex::new(Duration::ZERO);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let wrong = wrong(case);
                    let mut slowest = slowest.lock().expect("nobody panics");
                    *slowest = (*slowest).max(begun.elapsed() / 2);
                    found.lock().expect("nobody panics").extend(wrong);
                }
            });
        }
    });
    let found = found.into_inner().expect("nobody panics");
    assert!(
        found.is_empty(),
        "{} of {}:\n{}",
        found.len(),
        cases.len(),
        found.join("\n")
    );
    let count = cases.len();
    let slowest = slowest.into_inner().expect("nobody panics").as_millis();
    let said = writeln!(
        std::io::stdout(),
        "{count} hostile labs: none created anything, panicked or took {COSTS} s of the processor; a command on the slowest took {slowest} ms"
    );
    said.expect("somebody reads");
}

#[test]
fn a_hundred_labs_written_to_break_out_are_told_with_their_line() {
    let cases = by_hand();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    all_end_well(&cases);
}

#[test]
fn a_lab_that_is_broken_anywhere_is_told_or_is_none_the_worse() {
    all_end_well(&generated());
}

#[test]
fn a_lab_that_is_far_too_large_is_told_in_short() {
    all_end_well(&large());
}

#[test]
fn what_is_no_file_is_not_opened() {
    let copy = tiny();
    let folder = copy.path("labs/tiny");
    let made = |program: &str, words: &[&str]| {
        let ended = Command::new(program)
            .args(words)
            .current_dir(&folder)
            .status();
        assert!(ended.expect("a tool of every system").success());
    };
    let lab = folder.join("lab.yaml");
    std::fs::remove_file(&lab).expect("a file of ours");
    made("mkfifo", &["lab.yaml"]);
    let says = |copy: &Copy, words: &str| {
        let (code, said) = run(copy, words);
        assert!(said.contains("not a regular file"), "{said}");
        assert_eq!(code, Some(2));
    };
    says(&copy, "validate labs/tiny");
    made("rm", &["lab.yaml"]);
    made("ln", &["-s", "/dev/zero", "lab.yaml"]);
    says(&copy, "validate labs/tiny");
    made("rm", &["lab.yaml"]);
    made("mkdir", &["lab.yaml"]);
    says(&copy, "validate labs/tiny");
}

/// Links of both kinds lead out of the lab's folder, whatever their name says.
#[test]
fn links_out_of_the_lab_are_refused() {
    let link = |make: &dyn Fn(&Path, &Path)| {
        let copy = tiny();
        let secret = copy.path("secret");
        std::fs::write(&secret, "KEY=secret\n").expect("a file of ours");
        make(&secret, &copy.path("labs/tiny/data"));
        let extends = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";
        for line in [
            "volumes: [\"./data:/x:ro\"]",
            "env_file: [data]",
            "volumes: [\".:/x\"]",
        ] {
            let with = copy.path("labs/tiny/compose.yaml");
            let text = format!(
                "services:\n  redis:\n{extends}    {line}\nvolumes: {{ redis-data: {{}} }}\n"
            );
            std::fs::write(with, text).expect("a file of ours");
            let (code, said) = run(&copy, "up LAB --dry-run");
            let inside = line.contains("\".:") && copy.path("labs/tiny/data").is_symlink();
            // A link within a mounted folder leads to the container's own files.
            assert_eq!(code, Some(if inside { 3 } else { 4 }), "{line}: {said}");
            assert!(!said.contains("=secret"), "{said}");
        }
    };
    link(&|secret, place| std::os::unix::fs::symlink(secret, place).expect("a link of ours"));
    link(&|secret, place| std::fs::hard_link(secret, place).expect("a link of ours"));
}
