//! The guided session in a real terminal, on the real engine: one key at a time, with deeds from another terminal.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/terminal.rs"]
mod terminal;

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::engine::EngineLab;
use crate::terminal::Terminal;

/// A deed from outside is seen within this, however seldom checks are looked at by themselves.
const SOON: Duration = Duration::from_secs(2);

fn redis() -> EngineLab {
    EngineLab::copy_of("labs/redis")
}

fn terminal(real: &EngineLab, columns: u16, rows: u16) -> Terminal {
    Terminal::open(columns, rows, &real.command(""))
}

fn start(real: &EngineLab, terminal: &mut Terminal, more: &str) {
    terminal.type_in(&format!(
        "roadlab --labs labs --offline run {} {more}\r",
        real.copy.id
    ));
}

/// A deed in another terminal.
fn redis_cli(real: &EngineLab, words: &str) {
    real.run(&format!("shell LAB -- redis-cli {words}"), 0);
}

/// The process that runs the session.
fn session_of(real: &EngineLab) -> Pid {
    let words = format!("\0run\0{}\0", real.copy.id);
    let processes = std::fs::read_dir("/proc").expect("readable").flatten();
    let mut ids = processes.filter_map(|entry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let id = entry.file_name().to_str()?.parse().ok()?;
        line.contains(&words).then_some(id)
    });
    Pid::from_raw(ids.next().expect("the session runs")).expect("a process has an id")
}

#[test]
fn keys_hints_and_deeds_from_outside() {
    let real = redis();
    let mut terminal = terminal(&real, 80, 24);
    start(&real, &mut terminal, "--down");
    terminal.wait_for("1 of 3 hold");
    assert!(
        terminal.screen().contains("── 1/16 Settings"),
        "{}",
        terminal.screen()
    );
    assert!(
        !terminal.screen().contains('┃'),
        "nothing was done yet that a hint could be about"
    );

    terminal.type_in("h");
    terminal.wait_for("Hint 1 of 2");
    // A mistake gets its own hint without a key.
    let mut took = Vec::new();
    redis_cli(&real, "SET config:checkout:banner Spring");
    took.push(terminal.wait("the hint about the mistake", |screen| screen.contains('┃')));
    redis_cli(
        &real,
        "MSET config:checkout:currency EUR config:checkout:retries 3",
    );
    took.push(terminal.wait_for("2 of 3 hold"));
    redis_cli(&real, "DEL config:checkout:currency");
    took.push(terminal.wait_for("1 of 3 hold"));
    took.sort();
    assert!(took[1] <= SOON, "{took:?}");

    // The solution is played after a question.
    terminal.type_in("s");
    terminal.wait_for("Show the solution and play it?");
    terminal.type_in("x");
    terminal.wait("no question", |screen| !screen.contains("play it?"));
    terminal.type_in("sy");
    terminal.wait("solved", |screen| screen.contains("─ solved ─"));
    terminal.type_in("\r");
    terminal.wait_for("── 2/16");
    terminal.type_in("p");
    terminal.wait_for("── 1/16");
    terminal.type_in("l");
    terminal.wait_for("Go to exercise:");
    terminal.type_in("3");
    terminal.wait_for("── 3/16");
    terminal.type_in("q");
    terminal.wait_for("ready>");
    let screen = terminal.screen();
    assert!(screen.contains("1 of 16 exercises solved"), "{screen}");
    assert!(
        screen.contains("hints: 1") && screen.contains("by the solution"),
        "{screen}"
    );
    assert!(
        screen.contains("removed 1 container, 1 network, 1 volume in"),
        "{screen}"
    );
}

#[test]
fn leaving_keeps_the_lab_and_coming_back_resumes() {
    let real = redis();
    let mut terminal = terminal(&real, 120, 40);
    start(&real, &mut terminal, "");
    terminal.wait_for("1 of 3 hold");
    terminal.type_in("sy");
    terminal.wait("solved", |screen| screen.contains("─ solved ─"));
    terminal.type_in("q");
    terminal.wait_for("Your progress stays either way.");
    // Another key is no answer, and Escape stays.
    terminal.type_in("q\u{1b}");
    terminal.wait("solved", |screen| {
        screen.contains("─ solved ─") && !screen.contains("either way")
    });
    terminal.type_in("qk");
    terminal.wait_for("stays up: `roadlab down");
    assert_eq!(real.left().len(), 3);

    start(&real, &mut terminal, "");
    terminal.wait_for("── 2/16");
    terminal.type_in("qr");
    terminal.wait_for("removed 1 container, 1 network, 1 volume in");
    assert_eq!(real.left(), [""; 0]);

    // The services are new now; progress is not.
    start(&real, &mut terminal, "--down");
    terminal.wait_for("going on at exercise 2");
    terminal.wait_for("── 2/16");
    terminal.type_in("q");
    terminal.wait("prompt", |screen| screen.trim_end().ends_with("ready>"));
    assert_eq!(real.left(), [""; 0]);
}

#[test]
fn a_lab_that_is_taken_down_meanwhile_is_told_and_not_kept() {
    let real = redis();
    let mut terminal = terminal(&real, 120, 40);
    start(&real, &mut terminal, "");
    terminal.wait_for("1 of 3 hold");
    real.run("down LAB", 0);
    terminal.wait_for("was removed outside roadlab");
    terminal.type_in("qk");
    terminal.wait_for("was taken down meanwhile");
    terminal.wait("prompt", |screen| screen.trim_end().ends_with("ready>"));
    assert_eq!(real.run("status --json", 0).stdout, "[]\n");
    // Made again by hand, it goes on where it stands.
    start(&real, &mut terminal, "");
    terminal.wait_for("1 of 3 hold");
    real.run("down LAB", 0);
    terminal.wait_for("was removed outside roadlab");
    real.run("up LAB", 0);
    terminal.wait_for("1 of 3 hold");
    terminal.type_in("qr");
    terminal.wait_for("was taken down meanwhile");
    real.run("check LAB settings", 1);
    real.run("down LAB", 0);
}

#[test]
fn the_terminal_comes_back_as_it_was() {
    let real = redis();
    let mut terminal = terminal(&real, 80, 24);
    terminal.run("stty -a > before");
    let same = |terminal: &mut Terminal| {
        let screen = terminal.run("stty -a > after; cmp before after && echo sa''me");
        assert!(screen.contains("\nsame\n"), "{screen}");
        assert_eq!(real.left(), [""; 0]);
    };
    start(&real, &mut terminal, "");
    terminal.wait_for("1 of 3 hold");
    terminal.type_in("\u{3}");
    terminal.wait_for("removed 1 container, 1 network, 1 volume");
    same(&mut terminal);

    start(&real, &mut terminal, "");
    terminal.wait_for("1 of 3 hold");
    kill_process(session_of(&real), Signal::TERM).expect("it is there");
    terminal.wait_for("removed 1 container, 1 network, 1 volume");
    same(&mut terminal);

    // Stopped and let go on, it is drawn anew.
    start(&real, &mut terminal, "--down");
    terminal.wait_for("1 of 3 hold");
    terminal.type_in("\u{1a}");
    terminal.wait_for("Stopped");
    let screen = terminal.run("stty -a > after; cmp before after && echo sa''me");
    assert!(screen.contains("\nsame\n"), "{screen}");
    terminal.type_in("fg\r");
    terminal.wait_for("1 of 3 hold");
    terminal.type_in("q");
    terminal.wait_for("removed 1 container, 1 network, 1 volume");
    same(&mut terminal);
}

#[test]
fn in_korean_on_a_korean_keyboard_and_a_terminal_that_changes_its_size() {
    let real = redis();
    let mut command = real.command("");
    command.env("ROADLAB_LANG", "ko");
    let mut terminal = Terminal::open(120, 40, &command);
    start(&real, &mut terminal, "--down");
    terminal.wait_for("3개 중 1개 통과");
    terminal.type_in("ㅜ");
    terminal.wait_for("── 2/16");
    terminal.resize(60, 20);
    terminal.wait("the menu in the new size", |screen| {
        screen.contains("── 2/16") && screen.contains("나가기") && screen.lines().count() <= 20
    });
    terminal.resize(100, 30);
    terminal.wait("the menu in the new size", |screen| {
        screen.contains("── 2/16") && screen.contains("나가기")
    });
    terminal.type_in("ㅂ");
    terminal.wait_for("정리했습니다");
}

#[test]
fn a_shell_in_between_gives_the_terminal_back() {
    let real = redis();
    let mut terminal = terminal(&real, 80, 24);
    start(&real, &mut terminal, "--down");
    terminal.wait_for("1 of 3 hold");
    terminal.type_in("c");
    terminal.wait("redis-cli", |screen| screen.trim_end().ends_with('>'));
    terminal.type_in("SET config:checkout:banner \"Spring sale\"\r");
    terminal.wait_for("OK");
    terminal.type_in("exit\r");
    terminal.wait_for("2 of 3 hold");
    terminal.type_in("q");
    terminal.wait_for("removed 1 container");
}

#[test]
fn a_title_that_would_steer_the_terminal_is_shown() {
    let real = redis();
    let hostile = "## Set\u{1b}[31mtings {#settings}";
    real.copy.change(
        "guide.en.md",
        "## Settings: one name, one value {#settings}",
        hostile,
    );
    let mut terminal = terminal(&real, 80, 40);
    start(&real, &mut terminal, "--down");
    terminal.wait_for("1 of 3 hold");
    assert!(
        terminal.screen().contains("── 1/16 Set\\u{1b}[31mtings"),
        "{}",
        terminal.screen()
    );
    terminal.type_in("q");
    terminal.wait_for("removed 1 container");
}

#[test]
fn over_a_pipe_it_is_plain_text() {
    let real = redis();
    let ended = real.run("run LAB", 1);
    assert!(ended.stdout.contains("1/16 Settings"), "{ended:#?}");
    assert!(
        ended.stdout.contains("0 of 16 exercises solved"),
        "{ended:#?}"
    );
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }
}

#[test]
fn watching_ends_when_everything_holds() {
    let real = redis();
    real.run("up LAB", 0);
    let mut watching = real.command("check LAB settings --watch --json");
    let watching = watching.spawn().expect("the program can be run");
    real.run("solve LAB settings", 0);
    let output = watching.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let last: serde_json::Value =
        serde_json::from_str(lines.lines().last().expect("an event")).expect("JSON");
    assert_eq!(
        (&last["event"], &last["passed"]),
        (&"checked".into(), &true.into())
    );
    real.run("down LAB", 0);
}
