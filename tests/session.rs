//! The guided session in a terminal, with keys and with changes from another terminal.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::engine_lab::EngineLab;
use crate::support::schema::Schema;
use crate::support::terminal::Terminal;

fn redis() -> EngineLab {
    EngineLab::copy_of("labs/redis")
}

fn terminal(lab: &EngineLab, columns: u16, rows: u16) -> Terminal {
    Terminal::open(columns, rows, &lab.command(""))
}

fn start(lab: &EngineLab, terminal: &mut Terminal, more: &str) {
    let id = &lab.copy.id;
    terminal.start(&format!("roadlab --labs labs --offline run {id} {more}"));
}

/// Changes the service from another terminal.
fn redis_cli(lab: &EngineLab, words: &str) {
    lab.run(&format!("shell LAB -- redis-cli {words}"), 0);
}

/// The process that runs the session.
fn session_of(lab: &EngineLab) -> Pid {
    let words = format!("\0run\0{}\0", lab.copy.id);
    let processes = std::fs::read_dir("/proc").expect("readable").flatten();
    let mut ids = processes.filter_map(|entry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let id = entry.file_name().to_str()?.parse().ok()?;
        line.contains(&words).then_some(id)
    });
    Pid::from_raw(ids.next().expect("the session runs")).expect("a process has an id")
}

#[apply(engine_test)]
fn a_session_reacts_to_keys_and_to_changes_from_another_terminal() {
    let lab = redis();
    let mut terminal = terminal(&lab, 80, 24);
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("2 of 5 checks pass");
    assert!(
        terminal.screen().contains("── 1/18 Settings"),
        "{}",
        terminal.screen()
    );
    assert!(!terminal.screen().contains('┃'), "no hint yet");

    // The keys are the last line of the panel.
    terminal.wait("the keys in one line", |screen| {
        let lines = screen.lines().filter(|line| line.contains("l list"));
        lines.filter(|line| line.contains("q quit")).count() == 1
    });

    terminal.type_in("h");
    terminal.wait_for("Hint 1 of 2");
    // A mistake shows its hint without a key.
    redis_cli(&lab, "SET config:checkout:banner Spring");
    terminal.wait("the hint about the mistake", |screen| screen.contains('┃'));
    redis_cli(
        &lab,
        "MSET config:checkout:currency EUR config:checkout:retries 3",
    );
    terminal.wait_for("3 of 5 checks pass");
    redis_cli(&lab, "DEL config:checkout:currency");
    terminal.wait_for("2 of 5 checks pass");

    // After the last hint there is no further one.
    terminal.type_in("h");
    terminal.wait_for("Hint 2 of 2");
    terminal.type_in("h");
    terminal.wait_for("there is no further hint");

    // The solution runs after a confirmation.
    terminal.type_in("s");
    terminal.wait_for("Show and play the solution?");
    terminal.type_in("x");
    terminal.wait("no question", |screen| {
        !screen.contains("play the solution?")
    });
    terminal.type_in("sy");
    terminal.wait_for("─ solution played, all checks pass ─");
    terminal.type_in("\r");
    terminal.wait_for("── 2/18");
    terminal.type_in("p");
    terminal.wait_for("── 1/18");
    terminal.type_in("l");
    terminal.wait_for("Go to exercise:");
    terminal.type_in("3\r");
    terminal.wait_for("── 3/18");
    terminal.type_in("q");
    terminal.wait_for_prompt();
    let screen = terminal.screen();
    assert!(screen.contains("solved 0 of 18"), "{screen}");
    assert!(
        screen.contains("hints: 2") && screen.contains("solution played"),
        "{screen}"
    );
    assert!(
        screen.contains("removed 1 container, 1 network, 1 volume in"),
        "{screen}"
    );
}

#[apply(engine_test)]
fn the_list_and_the_task_fit_a_small_terminal_and_keys_count_from_the_first_panel_on() {
    let lab = redis();
    let mut terminal = terminal(&lab, 80, 24);
    // What follows the command is typed before the session can read it.
    start(&lab, &mut terminal, "--down\r\rq");
    terminal.wait_for("2 of 5 checks pass");
    let screen = terminal.screen();
    let first = "The checkout service reads its settings";
    assert!(screen.contains(first), "{screen}");
    assert!(screen.contains("more lines: press Space"), "{screen}");
    assert!(!screen.contains('✗'), "{screen}");
    terminal.type_in(" ");
    terminal.wait_for("press Space to see the checks");
    terminal.type_in(" ");
    terminal.wait("the checks", |screen| {
        screen.contains('✗') && !screen.contains("press Space")
    });
    terminal.type_in("l");
    terminal.wait_for("Go to exercise:");
    let screen = terminal.screen();
    assert!(screen.contains("── 1/18"), "{screen}");
    let numbers = |screen: &str| {
        let first = |line: &str| {
            line.trim_start_matches('→')
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        };
        screen.lines().filter_map(first).collect::<Vec<usize>>()
    };
    assert_eq!(numbers(&screen), (1..=18).collect::<Vec<_>>(), "{screen}");

    // Where there is no room for all, the present one is in sight, and the list goes on.
    terminal.resize(80, 14);
    terminal.wait("the list and the question below it", |screen| {
        screen.contains("exercises 1 to 7 of 18") && screen.contains("Go to exercise:")
    });
    terminal.type_in("l");
    terminal.wait_for("exercises 8 to 14 of 18");
    terminal.type_in("9\r");
    terminal.wait_for("── 9/18");
    terminal.type_in("l");
    terminal.wait("the present exercise", |screen| {
        screen
            .lines()
            .any(|line| line.starts_with('→') && line.contains(" 9 "))
    });
    terminal.type_in("1\r");
    terminal.wait_for("── 1/18");

    // The task has the screen page by page, with the title always in sight, and the checks follow.
    terminal.resize(80, 24);
    terminal.wait("the new size", |screen| {
        let mut below = screen.lines().skip(14);
        below.any(|line| line.contains("q quit"))
    });
    terminal.type_in("t");
    terminal.wait("the first page without the checks", |screen| {
        let title = screen.matches("1/18 Settings").count() >= 2;
        let first = screen.contains("The checkout service reads its settings");
        title && first && screen.contains("more lines: press Space") && !screen.contains('✗')
    });
    terminal.type_in(" ");
    terminal.wait("the last page", |screen| {
        let title = screen.contains("── 1/18 Settings");
        let last = screen.contains("Your task");
        title && last && screen.contains("press Space to see the checks")
    });
    terminal.type_in("d");
    terminal.wait("every check in full", |screen| {
        screen.matches('✗').count() == 3
    });
    terminal.type_in("q");
    terminal.wait_for("removed 1 container, 1 network, 1 volume in");
}

#[apply(engine_test)]
fn the_last_exercise_leads_to_one_that_is_open_until_all_are_solved() {
    let lab = EngineLab::tiny();
    let mut terminal = terminal(&lab, 80, 24);
    start(&lab, &mut terminal, "");
    terminal.wait_for("1 of 2 checks pass");
    terminal.type_in("n");
    terminal.wait_for("── 2/2");
    terminal.type_in("1");
    terminal.wait_for("─ solved ─");
    terminal.type_in("n");
    terminal.wait_for("Exercise 1 is not solved. Go to it?");
    terminal.type_in("\r");
    terminal.wait_for("── 1/2");
    redis_cli(&lab, "SET greeting hello");
    terminal.wait_for("─ solved ─");
    terminal.type_in("\r");
    terminal.wait_for("── 2/2");
    terminal.type_in("\r");
    terminal.wait_for("Your progress is saved.");
    terminal.type_in("r");
    terminal.wait_for("removed 1 container");
}

#[apply(engine_test)]
fn a_session_can_leave_the_lab_up_and_resume() {
    let lab = redis();
    // So high that the line before the exercise is still on the screen.
    let mut terminal = terminal(&lab, 120, 60);
    start(&lab, &mut terminal, "");
    terminal.wait_for("2 of 5 checks pass");
    terminal.type_in("sy");
    terminal.wait_for("─ solution played, all checks pass ─");
    terminal.type_in("q");
    terminal.wait_for("Your progress is saved.");
    // Another key is ignored, and Escape stays.
    terminal.type_in("q\u{1b}");
    terminal.wait("solved", |screen| {
        screen.contains("─ solution played") && !screen.contains("Your progress is saved")
    });
    terminal.type_in("qk");
    terminal.wait_for("stays up; remove it with `roadlab down");
    assert_eq!(lab.resources().len(), 3);

    start(&lab, &mut terminal, "");
    terminal.wait_for("── 2/18");
    terminal.type_in("qr");
    terminal.wait_for("removed 1 container, 1 network, 1 volume in");
    assert_eq!(lab.resources(), [""; 0]);

    // The services are new; progress is kept.
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("resuming at exercise 2");
    terminal.wait_for("── 2/18");
    terminal.type_in("q");
    terminal.wait_for_prompt();
    assert_eq!(lab.resources(), [""; 0]);
}

#[apply(engine_test)]
fn a_lab_removed_during_a_session_is_reported_and_not_kept() {
    let lab = redis();
    let mut terminal = terminal(&lab, 120, 40);
    start(&lab, &mut terminal, "");
    terminal.wait_for("2 of 5 checks pass");
    lab.run("down LAB", 0);
    terminal.wait_for("was removed outside roadlab");
    terminal.type_in("qk");
    terminal.wait_for("was removed in the meantime");
    terminal.wait_for_prompt();
    assert_eq!(lab.run("status LAB --json", 0).stdout, "[]\n");
    // The session continues when the lab is up again.
    start(&lab, &mut terminal, "");
    terminal.wait_for("2 of 5 checks pass");
    lab.run("down LAB", 0);
    terminal.wait_for("was removed outside roadlab");
    lab.run("up LAB", 0);
    terminal.wait_for("2 of 5 checks pass");
    terminal.type_in("qr");
    terminal.wait_for("was removed in the meantime");
    terminal.wait_for_prompt();
    lab.run("check LAB settings", 1);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_session_restores_the_terminal() {
    let lab = redis();
    let mut terminal = terminal(&lab, 80, 24);
    terminal.run("stty -a > before");
    let same = |terminal: &mut Terminal| {
        let screen = terminal.run("stty -a > after; cmp before after && echo sa''me");
        assert!(screen.contains("\nsame\n"), "{screen}");
        assert_eq!(lab.resources(), [""; 0]);
    };
    start(&lab, &mut terminal, "");
    terminal.wait_for("2 of 5 checks pass");
    terminal.type_in("\u{3}");
    terminal.wait_for("removed 1 container, 1 network, 1 volume");
    same(&mut terminal);

    start(&lab, &mut terminal, "");
    terminal.wait_for("2 of 5 checks pass");
    kill_process(session_of(&lab), Signal::TERM).expect("the session runs");
    terminal.wait_for("removed 1 container, 1 network, 1 volume");
    same(&mut terminal);

    // Suspended and resumed, it is redrawn.
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("2 of 5 checks pass");
    terminal.type_in("\u{1a}");
    terminal.wait_for("Stopped");
    let screen = terminal.run("stty -a > after; cmp before after && echo sa''me");
    assert!(screen.contains("\nsame\n"), "{screen}");
    terminal.type_in("fg\r");
    terminal.wait_for("2 of 5 checks pass");
    terminal.type_in("q");
    terminal.wait_for("removed 1 container, 1 network, 1 volume");
    same(&mut terminal);
}

#[apply(engine_test)]
fn a_session_that_another_program_stops_and_the_shell_continues_is_redrawn_and_reads_keys() {
    let lab = EngineLab::tiny();
    let mut terminal = terminal(&lab, 80, 24);
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("1 of 2 checks pass");
    kill_process(session_of(&lab), Signal::STOP).expect("the session runs");
    terminal.wait_for("Stopped");
    terminal.wait_for_prompt();
    terminal.type_in("fg\r");
    terminal.wait("the session alone", |screen| {
        screen.contains("1 of 2 checks pass") && !screen.contains("Stopped")
    });
    terminal.type_in("q");
    terminal.wait_for("removed 1 container");
}

#[apply(engine_test)]
fn a_session_works_in_korean_and_follows_the_terminal_size() {
    let lab = redis();
    let mut command = lab.command("");
    command.env("ROADLAB_LANG", "ko");
    let mut terminal = Terminal::open(120, 40, &command);
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("5개 중 2개 통과");
    terminal.type_in("ㅜ");
    terminal.wait_for("── 2/18");
    terminal.resize(60, 20);
    terminal.wait("the menu in the new size", |screen| {
        screen.contains("── 2/18") && screen.contains("나가기") && screen.lines().count() <= 20
    });
    terminal.resize(100, 30);
    terminal.wait("the menu in the new size", |screen| {
        screen.contains("── 2/18") && screen.contains("나가기")
    });
    terminal.type_in("ㅂ");
    terminal.wait_for("제거했습니다");
}

#[apply(engine_test)]
fn a_session_resumes_after_a_shell() {
    let lab = redis();
    let mut terminal = terminal(&lab, 80, 24);
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("2 of 5 checks pass");
    terminal.type_in("c");
    // Between two prompts, redis-cli does not read keys one by one: its terminal turns the Enter that it gets then into a
    // line feed, which the next prompt does not take for an Enter.
    terminal.wait("prompt", |screen| screen.trim_end().ends_with('>'));
    terminal.type_in("SET config:checkout:banner \"Spring sale\"\r");
    terminal.wait("second prompt", |screen| {
        screen.contains("OK\n") && screen.trim_end().ends_with('>')
    });
    terminal.type_in("exit\r");
    terminal.wait_for("3 of 5 checks pass");
    terminal.type_in("q");
    terminal.wait_for("removed 1 container");
}

#[apply(engine_test)]
fn a_title_with_control_characters_is_escaped() {
    let lab = redis();
    let hostile = "## Set\u{1b}[31mtings {#settings}";
    lab.copy.change(
        "guide.en.md",
        "## Settings: one name, one value {#settings}",
        hostile,
    );
    let mut terminal = terminal(&lab, 80, 40);
    start(&lab, &mut terminal, "--down");
    terminal.wait_for("2 of 5 checks pass");
    assert!(
        terminal.screen().contains("── 1/18 Set\\u{1b}[31mtings"),
        "{}",
        terminal.screen()
    );
    terminal.type_in("q");
    terminal.wait_for("removed 1 container");
}

#[apply(engine_test)]
fn a_session_over_a_pipe_is_plain_text() {
    let lab = redis();
    let ended = lab.run("run LAB", 1);
    assert!(ended.stdout.contains("1/18 Settings"), "{ended:#?}");
    assert!(ended.stdout.contains("solved 0 of 18"), "{ended:#?}");
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }
}

#[apply(engine_test)]
fn check_watch_ends_when_all_checks_pass() {
    let lab = redis();
    lab.run("up LAB", 0);
    let mut watching = lab.command("check LAB settings --watch --json");
    let watching = watching.spawn().expect("the program can be run");
    lab.run("solve LAB settings", 0);
    let output = watching.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Schema::new(roadlab::event::schema()).assert_valid_lines(&lines);
    let last: serde_json::Value =
        serde_json::from_str(lines.lines().last().expect("an event")).expect("JSON");
    assert_eq!(
        (&last["event"], &last["passed"]),
        (&"checked".into(), &true.into())
    );
    lab.run("down LAB", 0);
}
