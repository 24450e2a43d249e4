//! Labs that are written to break out, to hang or to confuse: each is refused with one message, and nothing is created. The
//! cases in `tests/hostile/` are written by hand, the variants are derived from the tiny lab. No engine is needed.

mod escapes;
mod trust;
mod variants;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use self::variants::{by_hand, generated, large};
use crate::support::offline::NO_ENGINE;
use crate::support::offline::{files, tiny};
use crate::support::{LabCopy, TIME_LIMIT};

/// The processor time that a command may take, in seconds. It is the time of the process alone, and generous, because a busy
/// machine makes each instruction slower; a debug build takes several times as much.
const CPU_LIMIT: u64 = if cfg!(debug_assertions) { 40 } else { 5 };

/// A lab with one thing wrong.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The exit code; `None` for a variant that may be valid.
    pub(crate) code: Option<i32>,
    /// The file that is changed, and its new content.
    pub(crate) file: &'static str,
    pub(crate) text: Vec<u8>,
}

/// Runs a command to its end. One that hangs is killed and has no exit code; the kernel kills it if it exceeds its processor
/// time.
fn run(copy: &LabCopy, words: &str) -> (Option<i32>, String) {
    let mut command = copy.roadlab(words);
    command.env("DOCKER_HOST", NO_ENGINE);
    let child = command.spawn().expect("the program can be run");
    let most = Rlimit {
        current: Some(CPU_LIMIT),
        maximum: Some(CPU_LIMIT),
    };
    let limited = prlimit(Some(Pid::from_child(&child)), Resource::Cpu, most);
    limited.expect("a child process");
    let id = child.id().to_string();
    let (ended, waits) = mpsc::channel();
    let waiting = std::thread::spawn(move || ended.send(child.wait_with_output()));
    let output = waits.recv_timeout(TIME_LIMIT).or_else(|_| {
        let killed = Command::new("kill").args(["-9", &id]).status();
        assert!(killed.is_ok_and(|status| status.success()), "it runs");
        waits.recv()
    });
    let output = output.expect("the thread sends").expect("a child process");
    waiting
        .join()
        .expect("it sends")
        .expect("the receiver exists");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("the output is UTF-8");
    (output.status.code(), printed)
}

/// What is wrong with the result of a case.
fn wrong(case: &Case) -> Vec<String> {
    let copy = tiny();
    let path = copy.path("labs/tiny").join(case.file);
    std::fs::write(&path, &case.text).expect("the copy is writable");
    let before = files(&copy.path("."));
    let mut wrong = Vec::new();
    for words in ["validate labs/tiny", "up LAB --dry-run"] {
        let (code, printed) = run(&copy, words);
        let mut report =
            |what: &str| wrong.push(format!("{}: {words}: {what}\n{printed}", case.name));
        // A valid lab fails at the missing engine.
        let sound = if words.starts_with("up") { 3 } else { 0 };
        let expected = match case.code {
            Some(expected) => code == Some(expected),
            None => code.is_some_and(|code| [2, 4, sound].contains(&code)),
        };
        if !expected {
            report(&format!("ended with {code:?}, not with {:?}", case.code));
        }
        if printed.contains("panicked") {
            report("a panic");
        }
        if printed
            .chars()
            .any(|c| c.is_control() && !"\n\t".contains(c))
            || printed.contains('\u{202e}')
        {
            report("control characters are not escaped");
        }
        let complains = code.is_some_and(|code| [2, 4].contains(&code));
        if complains && !names_the_place(&printed, case.file) {
            report("no file and line");
        }
    }
    if files(&copy.path(".")) != before {
        wrong.push(format!("{}: files were created", case.name));
    }
    wrong
}

/// `--> labs/tiny/compose.yaml:4:5`; a file as a whole has no line.
fn names_the_place(printed: &str, file: &str) -> bool {
    // What a file lacks has no line.
    let whole = [
        "is empty",
        "cannot read",
        "at most",
        "too large",
        "missing title",
        "missing section",
    ];
    let whole = whole.iter().any(|words| printed.contains(words));
    // `error: FILE:LINE:COLUMN: what is wrong`, `refused: …`, or `--> FILE:LINE:COLUMN` below it.
    let places = printed.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = ["--> ", "error: ", "refused: ", "needs --trust: "]
            .iter()
            .find_map(|mark| line.strip_prefix(mark))?;
        let place = line.split(' ').next()?;
        place.trim_end_matches(':').strip_prefix("labs/tiny")
    });
    places.into_iter().any(|place| {
        let rest = place
            .strip_prefix('/')
            .and_then(|place| place.strip_prefix(file));
        let numbered = rest.is_some_and(|rest| rest.starts_with(':'));
        // A problem of one file may be reported where another refers to it.
        numbered || whole || place.contains(':') || place.is_empty()
    })
}

/// Runs all cases, two at a time.
#[track_caller]
fn assert_all_refused(cases: &[Case]) {
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "each case has a unique name");
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let wrong = wrong(case);
                    found.lock().expect("no thread panics").extend(wrong);
                }
            });
        }
    });
    let found = found.into_inner().expect("no thread panics");
    assert!(
        found.is_empty(),
        "{} of {}:\n{}",
        found.len(),
        cases.len(),
        found.join("\n")
    );
}

#[apply(test)]
fn hostile_labs_are_refused_with_the_line() {
    let cases = by_hand();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    assert_all_refused(&cases);
}

#[apply(test)]
fn a_lab_broken_anywhere_is_refused_or_still_valid() {
    assert_all_refused(&generated());
}

#[apply(test)]
fn a_lab_that_is_far_too_large_is_refused_briefly() {
    assert_all_refused(&large());
}

#[apply(test)]
fn only_regular_files_are_opened() {
    let copy = tiny();
    let folder = copy.path("labs/tiny");
    let create = |program: &str, words: &[&str]| {
        let status = Command::new(program)
            .args(words)
            .current_dir(&folder)
            .status();
        assert!(status.expect("a tool of every system").success());
    };
    let lab = folder.join("lab.yaml");
    std::fs::remove_file(&lab).expect("the copy is writable");
    create("mkfifo", &["lab.yaml"]);
    let refused = |copy: &LabCopy, words: &str| {
        let (code, printed) = run(copy, words);
        assert!(printed.contains("not a regular file"), "{printed}");
        assert_eq!(code, Some(2));
    };
    refused(&copy, "validate labs/tiny");
    create("rm", &["lab.yaml"]);
    create("ln", &["-s", "/dev/zero", "lab.yaml"]);
    refused(&copy, "validate labs/tiny");
    create("rm", &["lab.yaml"]);
    create("mkdir", &["lab.yaml"]);
    refused(&copy, "validate labs/tiny");
}

/// Symbolic and hard links that lead out of the folder of the lab.
#[apply(test)]
fn links_out_of_the_lab_are_refused() {
    let link = |make: &dyn Fn(&Path, &Path)| {
        let copy = tiny();
        let secret = copy.path("secret");
        std::fs::write(&secret, "KEY=secret\n").expect("the copy is writable");
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
            std::fs::write(with, text).expect("the copy is writable");
            let (code, printed) = run(&copy, "up LAB --dry-run");
            let inside = line.contains("\".:") && copy.path("labs/tiny/data").is_symlink();
            // A link in a mounted folder refers to files of the container.
            assert_eq!(code, Some(if inside { 3 } else { 4 }), "{line}: {printed}");
            assert!(!printed.contains("=secret"), "{printed}");
        }
    };
    link(&|secret, place| std::os::unix::fs::symlink(secret, place).expect("a link"));
    link(&|secret, place| std::fs::hard_link(secret, place).expect("a link"));
}
