//! `status`, `logs` and `open` on a running lab.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Command};

use serde_json::{Value, json};

use crate::support::engine_lab::{EngineLab, SERVICE};
use crate::support::terminal::Terminal;
use crate::support::{ProgramOutput, eventually};

/// The tiny lab, up, with a second service.
fn twins() -> EngineLab {
    let lab = EngineLab::tiny();
    let both = format!("{SERVICE}  twin:\n{SERVICE}    volumes: []\n");
    lab.copy.change("compose.yaml", SERVICE, &both);
    lab.run("up LAB", 0);
    lab
}

/// A command that runs until it is interrupted, and its output.
struct Following {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program can be run");
        let stdout = child.stdout.take().expect("its output is piped");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// Reads on until a line has all of these parts.
    #[track_caller]
    fn wait_for_line(&mut self, parts: &[&str]) {
        let mut seen = Vec::new();
        for line in self.lines.by_ref() {
            let line = line.expect("it writes UTF-8");
            if parts.iter().all(|part| line.contains(part)) {
                return;
            }
            seen.push(line);
        }
        panic!("it ended without {parts:?}: {seen:#?}");
    }

    fn interrupt(&mut self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill can be run").success());
    }

    /// Its exit code. What it still writes is read, so that its output is not closed before it ends.
    fn code(mut self) -> Option<i32> {
        self.lines.by_ref().for_each(drop);
        self.child.wait().expect("it ends").code()
    }
}

#[apply(engine_test)]
fn status_shows_the_health_of_each_service() {
    let lab = EngineLab::tiny();
    let nothing = lab.run("status LAB", 0).stdout;
    assert_eq!(
        nothing,
        "no labs are running; `roadlab list` shows the labs\n"
    );
    lab.run("up LAB", 0);
    let status = || lab.run("status LAB --json", 0).json()[0].take();
    let run = status();
    assert_eq!((&run["done"], &run["exercises"]), (&json!([]), &json!(2)));
    let service = &run["services"][0];
    assert_eq!(
        (&service["health"], &service["why"]),
        (&json!("healthy"), &Value::Null)
    );
    assert_eq!(service["memory_limit"], 256 << 20);
    let memory = service["memory"].as_u64().unwrap();
    assert!((1 << 18..256 << 20).contains(&memory), "{service}");
    assert!(service["uptime"].is_u64(), "{service}");
    lab.run("shell LAB -- redis-cli CONFIG SET requirepass secret", 0);
    let service = &status()["services"][0];
    assert_eq!(
        (&service["running"], &service["health"]),
        (&json!(true), &json!("unhealthy"))
    );
    let why = service["why"].as_str().unwrap();
    assert!(why.contains("PING") && why.contains("NOAUTH"), "{why}");
    let output = lab.run("status LAB", 0).stdout;
    assert!(
        output.contains("running  unhealthy") && output.contains("NOAUTH"),
        "{output}"
    );
    let listed = lab.run("list --json", 0).json();
    assert_eq!(listed[0]["up"], json!(["main"]));
    lab.run("down LAB", 0);
    assert_eq!(lab.run("list --json", 0).json()[0]["up"], json!([]));
}

#[apply(engine_test)]
fn a_watched_status_is_printed_at_each_change() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let mut watch = Following::of(lab.command("status LAB --watch"));
    watch.wait_for_line(&["solved 0 of 2"]);
    watch.wait_for_line(&["redis", "healthy"]);
    lab.run("answer LAB when pairs", 0);
    watch.wait_for_line(&["solved 1 of 2"]);
    lab.run("down LAB", 0);
    watch.wait_for_line(&["no labs are running"]);
    watch.interrupt();
    assert_eq!(watch.code(), Some(130));
}

#[apply(engine_test)]
fn a_watched_status_is_redrawn_in_place_and_ctrl_c_restores_the_terminal() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let mut terminal = Terminal::open(100, 20, &lab.command("list"));
    let modes = |terminal: &mut Terminal| {
        let output = terminal.run("stty -g");
        output
            .lines()
            .find(|line| line.contains(':'))
            .map(str::to_owned)
    };
    let before = modes(&mut terminal);
    terminal.type_in("clear; roadlab --labs labs status --watch; echo co''de $?\r");
    terminal.wait_for("solved 0 of 2");
    terminal.resize(90, 18);
    lab.run("answer LAB when pairs", 0);
    terminal.wait("the change, and it once", |screen| {
        screen.matches("solved ").count() == 1 && screen.contains("solved 1 of 2")
    });
    terminal.type_in("\u{3}");
    terminal.wait_for("code 130");
    assert_eq!(modes(&mut terminal), before);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn logs_of_several_services_are_in_chronological_order() {
    let lab = twins();
    let log = lab.run("logs LAB --json", 0).stdout;
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let times: Vec<f64> = lines
        .iter()
        .map(|line| line["at"].as_f64().unwrap())
        .collect();
    assert!(times.is_sorted() && times.len() > 4, "{log}");
    for service in ["redis", "twin"] {
        let ready = lines.iter().filter(|line| line["service"] == service);
        let ready = ready.filter(|line| line["line"].as_str().unwrap().contains("Ready to accept"));
        assert_eq!(ready.count(), 1, "{log}");
    }
    let plain = lab.run("logs LAB --tail 1", 0).stdout;
    let names: Vec<&str> = plain
        .lines()
        .filter_map(|line| line.split(" |").next())
        .collect();
    assert_eq!(names.len(), 2, "{plain}");
    assert!(
        names.contains(&"redis") && names.contains(&"twin "),
        "{plain}"
    );
    let coloured = lab.run("logs LAB --tail 1 --color always", 0).stdout;
    assert!(
        coloured.contains("\u{1b}[36mredis |\u{1b}[0m "),
        "{coloured:?}"
    );
    assert!(
        coloured.contains("\u{1b}[33mtwin  |\u{1b}[0m "),
        "{coloured:?}"
    );
    let twin = lab.run("logs LAB twin --tail 1 --color always", 0).stdout;
    assert!(!twin.contains("twin"), "one service has no prefix: {twin}");
    assert_eq!(lab.run("logs LAB --since 0s", 0).stdout, "");
    assert_eq!(lab.run("logs LAB --since 1h --json", 0).stdout, log);
    lab.run("logs LAB --since yesterday", 2);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn followed_logs_continue_over_a_restart_and_end_with_the_last_service() {
    let lab = twins();
    let mut follow = Following::of(lab.command("logs LAB --follow --tail 1"));
    follow.wait_for_line(&["redis |"]);
    lab.run("shell LAB twin -- redis-cli SAVE", 0);
    follow.wait_for_line(&["twin  |", "DB saved on disk"]);
    lab.run("restart LAB redis", 0);
    follow.wait_for_line(&["redis |", "Ready to accept connections"]);
    lab.run("down LAB", 0);
    assert_eq!(follow.code(), Some(0));
}

#[apply(engine_test)]
fn a_followed_log_ends_on_ctrl_c_and_when_its_output_is_closed() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let mut follow = Following::of(lab.command("logs LAB -f"));
    follow.wait_for_line(&["Ready to accept connections"]);
    follow.interrupt();
    assert_eq!(follow.code(), Some(130));
    let mut follow = Following::of(lab.command("logs LAB -f"));
    follow.wait_for_line(&["Ready to accept connections"]);
    drop(follow.lines);
    lab.run("shell LAB -- redis-cli SAVE", 0);
    assert_eq!(follow.child.wait().unwrap().code(), Some(0));
    lab.run("down LAB", 0);
}

/// `open` on a machine without a browser.
fn open(lab: &EngineLab, words: &str) -> Command {
    let mut command = lab.command(words);
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"] {
        command.env_remove(name);
    }
    command
}

#[apply(engine_test)]
fn open_starts_the_browser_and_prints_the_address() {
    let lab = EngineLab::tiny();
    let none = ProgramOutput::of(&mut open(&lab, "open LAB"))
        .expect_code(2)
        .stderr;
    assert!(none.contains("has no web interface"), "{none}");
    let web =
        "    x-roadlab: { web: [{ title: Keys, port: 6379, path: /keys, login: me / you }] }\n";
    lab.copy
        .change("compose.yaml", SERVICE, &format!("{SERVICE}{web}"));
    let down = ProgramOutput::of(&mut open(&lab, "open LAB"))
        .expect_code(3)
        .stderr;
    assert!(down.contains("roadlab up "), "{down}");
    let up = lab.run("up LAB --json", 0).json();
    let port = &up["services"][0]["ports"]["6379"];
    let url = format!("http://127.0.0.1:{port}/keys");

    let message = ProgramOutput::of(&mut open(&lab, "open LAB")).expect_code(0);
    assert_eq!(
        message.stdout,
        format!("redis  Keys  {url}  login: me / you\n")
    );
    assert_eq!(
        message.stderr,
        "no browser available; open the address yourself\n"
    );

    let browser = lab.copy.path("bin/xdg-open");
    std::fs::create_dir(lab.copy.path("bin")).unwrap();
    let opened = lab.copy.path("opened");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >{0}.part\nmv {0}.part {0}\n",
        opened.display()
    );
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        lab.copy.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = open(&lab, "open LAB redis --json");
    let message = ProgramOutput::of(command.env("PATH", path).env("DISPLAY", ":7"))
        .expect_code(0)
        .json();
    assert_eq!(
        message,
        json!([{ "service": "redis", "title": "Keys", "url": url, "login": "me / you", "opened": true }])
    );
    assert!(eventually(|| opened.exists()), "the browser is started");
    assert_eq!(
        std::fs::read_to_string(&opened).unwrap(),
        format!("{url}\n")
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn open_requires_a_service_if_several_have_a_web_interface() {
    let lab = EngineLab::tiny();
    let web = "    x-roadlab: { web: [{ title: Keys, port: 6379, path: / }] }\n";
    let both = format!("{SERVICE}{web}  twin:\n{SERVICE}{web}    volumes: []\n");
    lab.copy.change("compose.yaml", SERVICE, &both);
    lab.run("up LAB", 0);
    let message = ProgramOutput::of(&mut open(&lab, "open LAB")).expect_code(0);
    assert_eq!(
        message.stdout.matches("Keys  http://127.0.0.1:").count(),
        2,
        "{message:?}"
    );
    let which = format!(
        "specify a service: `roadlab open {} SERVICE`, one of: redis, twin\n",
        lab.copy.id
    );
    assert_eq!(message.stderr, which);
    let message = ProgramOutput::of(&mut open(&lab, "open LAB twin"))
        .expect_code(0)
        .stdout;
    assert!(
        message.starts_with("twin  Keys  http://127.0.0.1:"),
        "{message}"
    );
    lab.run("down LAB", 0);
}
