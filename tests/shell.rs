//! `shell` hands over the terminal, or pipes where there is none, and gives it back as it was.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/terminal.rs"]
mod terminal;

use std::io::Write;
use std::process::{Command, Stdio};

use crate::engine::Real;
use crate::support::Ended;
use crate::terminal::Terminal;

fn tiny() -> Real {
    let real = Real::copy_of("tests/labs/tiny");
    real.run("up LAB", 0);
    real
}

/// `shell` with a script to run in the container.
fn script(real: &Real, script: &str) -> Command {
    let mut command = real.command("shell LAB redis -- sh -c");
    command.arg(script);
    command
}

/// The command below a shell of this machine, which then says how it ended and whether the terminal is as it was.
fn judged(command: &Command) -> Command {
    let script = "before=$(stty -g); \"$@\"; code=$?; \
        [ \"$before\" = \"$(stty -g)\" ] && echo \"as before, code $code\"";
    let mut judged = Command::new("sh");
    judged.args(["-c", script, "sh"]).arg(command.get_program());
    judged.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => judged.env(name, value),
            None => judged.env_remove(name),
        };
    }
    judged.current_dir(command.get_current_dir().unwrap());
    judged
}

#[test]
fn a_terminal_is_handed_over_with_size_keys_and_exit_code_and_comes_back() {
    let real = tiny();
    let command = script(
        &real,
        "until [ \"$(stty size)\" = '30 90' ]; do :; done; echo first size; \
         until [ \"$(stty size)\" = '20 70' ]; do :; done; echo second size; \
         trap 'echo heard' INT; read word; read word; echo \"got $word\"; test -t 0 -a -t 1 && exit 7",
    );
    let mut terminal = Terminal::run(&judged(&command), 30, 90);
    terminal.shows("first size");
    terminal.resize(20, 70);
    terminal.shows("second size");
    // Ctrl-C is the program's, not ours.
    terminal.keys("\u{3}");
    terminal.shows("heard");
    terminal.keys("mango\r");
    terminal.shows("got mango");
    terminal.shows("as before, code 7");
    assert_eq!(terminal.ended(), 0);
    real.run("down LAB", 0);
}

#[test]
fn the_client_is_the_services_own_and_a_killed_roadlab_leaves_the_terminal_as_it_was() {
    let real = tiny();
    let mut terminal = Terminal::run(&judged(&real.command("shell LAB")), 24, 80);
    terminal.shows("127.0.0.1:6379>");
    terminal.keys("GET kept\r");
    terminal.shows("\"1\"");
    let roadlab = terminal.grandchild().to_string();
    let killed = Command::new("kill").args(["-TERM", &roadlab]).status();
    assert!(killed.unwrap().success());
    terminal.shows("as before, code 143");
    terminal.ended();
    real.run("down LAB", 0);
}

#[test]
fn without_a_terminal_it_works_over_pipes() {
    let real = tiny();
    let piped = |mut command: Command, typed: &[u8]| {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut keys = child.stdin.take().unwrap();
        keys.write_all(typed).unwrap();
        drop(keys);
        child.wait_with_output().unwrap()
    };
    let output = piped(real.command("shell LAB"), b"PING\nGET kept\n");
    assert_eq!(output.stdout, b"PONG\n1\n");
    assert!(output.status.success());
    // Bytes pass as they are, and more of them than any buffer holds.
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    assert_eq!(piped(script(&real, "cat"), &bytes).stdout, bytes);
    let ended = Ended::of(&mut script(&real, "echo one; echo two >&2; exit 9")).with(9);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("one\n", "two\n")
    );
    let ended = real.run("shell LAB -- no-such-program", 6);
    assert_eq!(ended.stdout, "");
    assert!(
        ended.stderr.contains("`no-such-program`"),
        "{}",
        ended.stderr
    );
    real.run("down LAB", 0);
}

#[test]
fn who_reads_no_more_ends_it() {
    let real = tiny();
    let mut child = script(&real, "yes").spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(141));
    real.run("down LAB", 0);
}
