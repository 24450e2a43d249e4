//! `shell` gives a program in a service the terminal, or pipes, and restores the terminal.

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::ProgramOutput;
use crate::support::engine_lab::{EngineLab, SERVICE};
use crate::support::eventually;
use crate::support::terminal::Terminal;

fn started() -> EngineLab {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    lab
}

/// `shell` with a script to run in the container.
fn script(lab: &EngineLab, script: &str) -> Command {
    let mut command = lab.command("shell LAB redis -- sh -c");
    command.arg(script);
    command
}

/// The modes of the terminal, without what a resize changes.
fn modes(terminal: &mut Terminal) -> String {
    let printed = terminal.run("stty -g");
    let line = printed.lines().find(|line| line.contains(':'));
    line.expect("stty prints one line").to_owned()
}

#[apply(engine_test)]
fn shell_passes_size_keys_and_exit_code_and_restores_the_terminal() {
    let lab = started();
    let mut terminal = Terminal::open(200, 30, &lab.command("list"));
    let before = modes(&mut terminal);
    let script = "trap \"echo he''ard\" INT; until [ \"$(stty size)\" = \"30 200\" ]; do :; done; echo first''size; \
        until [ \"$(stty size)\" = \"20 190\" ]; do :; done; echo second''size; \
        word=; until [ \"$word\" ]; do read word; done; echo \"go''t $word\"; test -t 0 && exit 7";
    let script = script.replace("''", "\"\"");
    let id = &lab.copy.id;
    terminal.type_in(&format!(
        "roadlab --labs labs shell {id} redis -- sh -c '{script}'; echo co''de $?\r"
    ));
    terminal.wait_for("firstsize");
    terminal.resize(190, 20);
    terminal.wait_for("secondsize");
    // Ctrl-C goes to the program.
    terminal.type_in("\u{3}");
    terminal.wait_for("heard");
    terminal.type_in("mango\r");
    terminal.wait_for("got mango");
    terminal.wait_for("code 7");
    assert_eq!(modes(&mut terminal), before);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn shell_starts_the_client_of_the_service_and_restores_the_terminal_when_killed() {
    let lab = started();
    let mut terminal = Terminal::open(100, 24, &lab.command("list"));
    let before = modes(&mut terminal);
    let id = &lab.copy.id;
    // The shell writes its process id and then becomes roadlab.
    let shell = format!("sh -c 'echo $$ >pid; exec roadlab --labs labs shell {id}'");
    terminal.type_in(&format!("{shell}; echo co''de $?\r"));
    terminal.wait_for("127.0.0.1:6379>");
    terminal.type_in("GET kept\r");
    terminal.wait_for("\"1\"");
    let pid = std::fs::read_to_string(lab.copy.path("pid")).unwrap();
    let killed = Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(killed.unwrap().success());
    terminal.wait_for("code 143");
    assert_eq!(modes(&mut terminal), before);
    assert!(eventually(|| !is_running(&lab, "redis-cli")));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn shell_works_over_pipes() {
    let lab = started();
    let piped = |mut command: Command, typed: &[u8]| {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut keys = child.stdin.take().unwrap();
        let typed = typed.to_vec();
        let writer = std::thread::spawn(move || keys.write_all(&typed).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    };
    let output = piped(lab.command("shell LAB"), b"PING\nGET kept\n");
    assert_eq!(output.stdout, b"PONG\n1\n");
    assert!(output.status.success());
    // All bytes pass unchanged, also more than any buffer holds.
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    assert!(piped(script(&lab, "cat"), &bytes).stdout == bytes);
    let ended =
        ProgramOutput::of(&mut script(&lab, "echo one; echo two >&2; exit 9")).expect_code(9);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("one\n", "two\n")
    );
    let ended = lab.run("shell LAB -- no-such-program", 6);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("`no-such-program`"), "{ended:?}");
    lab.run("down LAB", 0);
}

/// Whether a program of the container has this in its command line.
fn is_running(lab: &EngineLab, part: &str) -> bool {
    let list = "for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done 2>/dev/null";
    let printed = ProgramOutput::of(&mut script(lab, list))
        .expect_code(0)
        .stdout;
    printed
        .lines()
        .any(|line| line.contains(part) && !line.contains("/proc/"))
}

#[apply(engine_test)]
fn shell_ends_when_its_output_is_closed() {
    let lab = started();
    let mut child = script(&lab, "yes | cat").spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(141));
    assert!(eventually(|| !is_running(&lab, "yes")));
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_signal_to_shell_ends_the_program_in_the_container() {
    let lab = started();
    // One program ignores SIGTERM, and one waits for input.
    for (program, signal, code) in [
        ("trap '' TERM; sleep 4711; sleep 4711", Signal::INT, 130),
        ("cat; sleep 4711", Signal::TERM, 143),
    ] {
        let mut command = script(&lab, program);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        assert!(eventually(|| is_running(&lab, "4711")));
        let id = Pid::from_child(&child);
        kill_process(id, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(eventually(|| !is_running(&lab, "4711")), "{program}");
    }
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn the_program_of_a_killed_shell_is_ended_by_the_next_command() {
    let lab = started();
    let mut command = script(&lab, "trap '' TERM; sleep 4712; sleep 4712");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let sleeps = || {
        let processes = format!("/containers/{}/top", lab.container());
        let list = lab.request("GET", &processes, &serde_json::Value::Null);
        list.to_string().contains("sleep 4712")
    };
    assert!(eventually(sleeps));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(sleeps(), "the engine ends no program");
    lab.run("status LAB", 0);
    assert!(!sleeps());
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn shell_requires_a_service_if_several_have_a_client() {
    let lab = started();
    let both = format!("{SERVICE}  twin:\n{SERVICE}    volumes: []\n");
    lab.copy.change("compose.yaml", SERVICE, &both);
    lab.run("up LAB", 0);
    let printed = lab.run("shell LAB", 2).stderr;
    assert!(
        printed.contains("SERVICE`, one of: redis, twin"),
        "{printed}"
    );
    lab.run("shell LAB redis -- redis-cli SET mine 1", 0);
    assert_eq!(
        lab.run("shell LAB twin -- redis-cli EXISTS mine", 0).stdout,
        "0\n"
    );
    lab.run("down LAB", 0);
}
