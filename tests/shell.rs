//! `shell` hands over the terminal, or pipes where there is none, and gives it back as it was.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/terminal.rs"]
mod terminal;

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::engine::EngineLab;
use crate::support::Ended;
use crate::terminal::Terminal;

fn tiny() -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    real.run("up LAB", 0);
    real
}

/// `shell` with a script to run in the container.
fn script(real: &EngineLab, script: &str) -> Command {
    let mut command = real.command("shell LAB redis -- sh -c");
    command.arg(script);
    command
}

/// What `stty` says of the terminal, without what a resize changes.
fn modes(terminal: &mut Terminal) -> String {
    let said = terminal.run("stty -g");
    let line = said.lines().find(|line| line.contains(':'));
    line.expect("stty says one line").to_owned()
}

#[test]
fn a_terminal_is_handed_over_with_size_keys_and_exit_code_and_comes_back() {
    let real = tiny();
    let mut terminal = Terminal::open(200, 30, &real.command("list"));
    let before = modes(&mut terminal);
    let script = "trap \"echo he''ard\" INT; until [ \"$(stty size)\" = \"30 200\" ]; do :; done; echo first''size; \
        until [ \"$(stty size)\" = \"20 190\" ]; do :; done; echo second''size; \
        word=; until [ \"$word\" ]; do read word; done; echo \"go''t $word\"; test -t 0 && exit 7";
    let script = script.replace("''", "\"\"");
    let id = &real.copy.id;
    terminal.type_in(&format!(
        "roadlab --labs labs shell {id} redis -- sh -c '{script}'; echo co''de $?\r"
    ));
    terminal.wait_for("firstsize");
    terminal.resize(190, 20);
    terminal.wait_for("secondsize");
    // Ctrl-C is the program's, not ours.
    terminal.type_in("\u{3}");
    terminal.wait_for("heard");
    terminal.type_in("mango\r");
    terminal.wait_for("got mango");
    terminal.wait_for("code 7");
    assert_eq!(modes(&mut terminal), before);
    real.run("down LAB", 0);
}

#[test]
fn the_client_is_the_services_own_and_a_killed_roadlab_leaves_the_terminal_as_it_was() {
    let real = tiny();
    let mut terminal = Terminal::open(100, 24, &real.command("list"));
    let before = modes(&mut terminal);
    let id = &real.copy.id;
    // The pid is written down by who then becomes roadlab.
    let shell = format!("sh -c 'echo $$ >pid; exec roadlab --labs labs shell {id}'");
    terminal.type_in(&format!("{shell}; echo co''de $?\r"));
    terminal.wait_for("127.0.0.1:6379>");
    terminal.type_in("GET kept\r");
    terminal.wait_for("\"1\"");
    let pid = std::fs::read_to_string(real.copy.path("pid")).unwrap();
    let killed = Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(killed.unwrap().success());
    terminal.wait_for("code 143");
    assert_eq!(modes(&mut terminal), before);
    assert!(!runs(&real, "redis-cli"));
    real.run("down LAB", 0);
}

#[test]
fn without_a_terminal_it_works_over_pipes() {
    let real = tiny();
    let piped = |mut command: Command, typed: &[u8]| {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut keys = child.stdin.take().unwrap();
        let typed = typed.to_vec();
        let writer = std::thread::spawn(move || keys.write_all(&typed).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    };
    let output = piped(real.command("shell LAB"), b"PING\nGET kept\n");
    assert_eq!(output.stdout, b"PONG\n1\n");
    assert!(output.status.success());
    // Bytes pass as they are, and more of them than any buffer holds.
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    assert!(piped(script(&real, "cat"), &bytes).stdout == bytes);
    let ended = Ended::of(&mut script(&real, "echo one; echo two >&2; exit 9")).with(9);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("one\n", "two\n")
    );
    let ended = real.run("shell LAB -- no-such-program", 6);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("`no-such-program`"), "{ended:?}");
    real.run("down LAB", 0);
}

/// Whether a program of the container has this in its command line.
fn runs(real: &EngineLab, part: &str) -> bool {
    let look = "for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$file; echo; done 2>/dev/null";
    let said = Ended::of(&mut script(real, look)).with(0).stdout;
    said.lines()
        .any(|line| line.contains(part) && !line.contains("/proc/"))
}

#[test]
fn who_reads_no_more_ends_it() {
    let real = tiny();
    let mut child = script(&real, "yes | cat").spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(141));
    assert!(!runs(&real, "yes"));
    real.run("down LAB", 0);
}

#[test]
fn who_stops_it_stops_what_it_runs() {
    let real = tiny();
    // One that does not heed a polite request, and one that waits for input.
    for (deaf, signal, code) in [
        ("trap '' TERM; sleep 4711; sleep 4711", Signal::INT, 130),
        ("cat; sleep 4711", Signal::TERM, 143),
    ] {
        let mut command = script(&real, deaf);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        assert!(real.soon(|| runs(&real, "4711")));
        let id = Pid::from_child(&child);
        kill_process(id, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!runs(&real, "4711"), "{deaf}");
    }
    real.run("down LAB", 0);
}

#[test]
fn of_several_clients_one_is_chosen_by_its_service() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let extends = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";
    let both = format!("{extends}  twin:\n{extends}    volumes: []\n");
    real.copy.change("compose.yaml", extends, &both);
    real.run("up LAB", 0);
    let said = real.run("shell LAB", 2).stderr;
    assert!(said.contains("SERVICE`: redis, twin"), "{said}");
    real.run("shell LAB redis -- redis-cli SET mine 1", 0);
    assert_eq!(
        real.run("shell LAB twin -- redis-cli EXISTS mine", 0)
            .stdout,
        "0\n"
    );
    real.run("down LAB", 0);
}
