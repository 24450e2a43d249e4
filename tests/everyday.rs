//! `status`, `logs` and `open` on real containers: what they say, when they go on and how they end.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/terminal.rs"]
mod terminal;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdout, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::engine::EngineLab;
use crate::support::Ended;
use crate::terminal::Terminal;

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

fn tiny() -> EngineLab {
    EngineLab::copy_of("tests/labs/tiny")
}

/// The tiny lab with the same service once more.
fn twins() -> EngineLab {
    let real = tiny();
    let both = format!("{EXTENDS}  twin:\n{EXTENDS}    volumes: []\n");
    real.copy.change("compose.yaml", EXTENDS, &both);
    real.run("up LAB", 0);
    real
}

/// A command that goes on, and what it prints.
struct Going {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Going {
    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program can be run");
        let stdout = child.stdout.take().expect("its output is piped");
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// Reads on until a line has all of these.
    #[track_caller]
    fn until(&mut self, parts: &[&str]) {
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

    fn code(mut self) -> Option<i32> {
        drop(self.lines);
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn status_says_how_each_service_is() {
    let real = tiny();
    let nothing = real.run("status LAB", 0).stdout;
    assert_eq!(nothing, "nothing is up: `roadlab list` shows the labs\n");
    real.run("up LAB", 0);
    let status = || real.run("status LAB --json", 0).json()[0].take();
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
    assert!(service["uptime"].as_u64().unwrap() < 600, "{service}");
    real.run("shell LAB -- redis-cli CONFIG SET requirepass secret", 0);
    let service = &status()["services"][0];
    assert_eq!(
        (&service["running"], &service["health"]),
        (&json!(true), &json!("unhealthy"))
    );
    let why = service["why"].as_str().unwrap();
    assert!(why.contains("PING") && why.contains("NOAUTH"), "{why}");
    let said = real.run("status LAB", 0).stdout;
    assert!(
        said.contains("running  not healthy") && said.contains("NOAUTH"),
        "{said}"
    );
    let listed = real.run("list --json", 0).json();
    assert_eq!(listed[0]["up"], json!(["main"]));
    real.run("down LAB", 0);
    assert_eq!(real.run("list --json", 0).json()[0]["up"], json!([]));
}

#[test]
fn a_watched_status_is_printed_at_each_change_over_a_pipe() {
    let real = tiny();
    real.run("up LAB", 0);
    let mut watch = Going::of(real.command("status LAB --watch"));
    watch.until(&["0/2 exercises solved"]);
    watch.until(&["redis", "healthy"]);
    real.run("answer LAB when pairs", 0);
    watch.until(&["1/2 exercises solved"]);
    real.run("down LAB", 0);
    watch.until(&["nothing is up"]);
    watch.interrupt();
    assert_eq!(watch.code(), Some(130));
}

#[test]
fn a_watched_status_is_drawn_in_place_on_a_terminal_and_ctrl_c_gives_it_back() {
    let real = tiny();
    real.run("up LAB", 0);
    let mut terminal = Terminal::open(100, 20, &real.command("list"));
    let modes = |terminal: &mut Terminal| {
        let said = terminal.run("stty -g");
        said.lines()
            .find(|line| line.contains(':'))
            .map(str::to_owned)
    };
    let before = modes(&mut terminal);
    terminal.type_in("clear; roadlab --labs labs status --watch; echo co''de $?\r");
    terminal.wait_for("0/2 exercises solved");
    terminal.resize(90, 18);
    real.run("answer LAB when pairs", 0);
    terminal.wait("the change, and it once", |screen| {
        screen.matches("exercises solved").count() == 1 && screen.contains("1/2 exercises solved")
    });
    terminal.type_in("\u{3}");
    terminal.wait_for("code 130");
    assert_eq!(modes(&mut terminal), before);
    real.run("down LAB", 0);
}

#[test]
fn logs_of_several_services_stand_in_the_order_of_time() {
    let real = twins();
    let log = real.run("logs LAB --json", 0).stdout;
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
    let plain = real.run("logs LAB --tail 1", 0).stdout;
    let names: Vec<&str> = plain
        .lines()
        .filter_map(|line| line.split(" |").next())
        .collect();
    assert_eq!(names.len(), 2, "{plain}");
    assert!(
        names.contains(&"redis") && names.contains(&"twin "),
        "{plain}"
    );
    let coloured = real.run("logs LAB --tail 1 --color always", 0).stdout;
    assert!(
        coloured.contains("\u{1b}[36mredis |\u{1b}[0m "),
        "{coloured:?}"
    );
    assert!(
        coloured.contains("\u{1b}[33mtwin  |\u{1b}[0m "),
        "{coloured:?}"
    );
    let twin = real.run("logs LAB twin --tail 1 --color always", 0).stdout;
    assert!(!twin.contains("twin"), "one service needs no name: {twin}");
    assert_eq!(real.run("logs LAB --since 0s", 0).stdout, "");
    assert_eq!(real.run("logs LAB --since 1h --json", 0).stdout, log);
    real.run("logs LAB --since yesterday", 2);
    real.run("down LAB", 0);
}

#[test]
fn followed_logs_go_on_over_a_restart_and_end_with_the_last_service() {
    let real = twins();
    let mut follow = Going::of(real.command("logs LAB --follow --tail 1"));
    follow.until(&["redis |"]);
    real.run("shell LAB twin -- redis-cli SAVE", 0);
    follow.until(&["twin  |", "DB saved on disk"]);
    real.run("restart LAB redis", 0);
    follow.until(&["redis |", "Ready to accept connections"]);
    real.run("down LAB", 0);
    assert_eq!(follow.code(), Some(0));
}

#[test]
fn who_reads_no_more_log_ends_it_and_so_does_ctrl_c() {
    let real = tiny();
    real.run("up LAB", 0);
    let mut follow = Going::of(real.command("logs LAB -f"));
    follow.until(&["Ready to accept connections"]);
    follow.interrupt();
    assert_eq!(follow.code(), Some(130));
    let mut follow = Going::of(real.command("logs LAB -f"));
    follow.until(&["Ready to accept connections"]);
    drop(follow.lines);
    real.run("shell LAB -- redis-cli SAVE", 0);
    assert_eq!(follow.child.wait().unwrap().code(), Some(0));
    real.run("down LAB", 0);
}

/// `open`, where there is no browser.
fn open(real: &EngineLab, words: &str) -> Command {
    let mut command = real.command(words);
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn a_web_interface_is_opened_where_there_is_a_browser_and_told_anyway() {
    let real = tiny();
    let none = Ended::of(&mut open(&real, "open LAB")).with(2).stderr;
    assert!(none.contains("has no web interface"), "{none}");
    let web =
        "    x-roadlab: { web: [{ title: Keys, port: 6379, path: /keys, login: me / you }] }\n";
    real.copy
        .change("compose.yaml", EXTENDS, &format!("{EXTENDS}{web}"));
    let down = Ended::of(&mut open(&real, "open LAB")).with(3).stderr;
    assert!(down.contains("roadlab up "), "{down}");
    let up = real.run("up LAB --json", 0).json();
    let port = &up["services"][0]["ports"]["6379"];
    let url = format!("http://127.0.0.1:{port}/keys");

    let told = Ended::of(&mut open(&real, "open LAB")).with(0);
    assert_eq!(
        told.stdout,
        format!("redis  Keys  {url}  login: me / you\n")
    );
    assert_eq!(
        told.stderr,
        "there is no browser here: open the address yourself\n"
    );

    let browser = real.copy.path("bin/xdg-open");
    std::fs::create_dir(real.copy.path("bin")).unwrap();
    let opened = real.copy.path("opened");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >{0}.part\nmv {0}.part {0}\n",
        opened.display()
    );
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        real.copy.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = open(&real, "open LAB redis --json");
    let told = Ended::of(command.env("PATH", path).env("DISPLAY", ":7"))
        .with(0)
        .json();
    assert_eq!(
        told,
        json!([{ "service": "redis", "title": "Keys", "url": url, "login": "me / you", "opened": true }])
    );
    let begun = Instant::now();
    while !opened.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the browser was called"
        );
        std::thread::yield_now();
    }
    assert_eq!(
        std::fs::read_to_string(&opened).unwrap(),
        format!("{url}\n")
    );
    real.run("down LAB", 0);
}

#[test]
fn of_several_web_interfaces_one_is_chosen_by_its_service() {
    let real = tiny();
    let web = "    x-roadlab: { web: [{ title: Keys, port: 6379, path: / }] }\n";
    let both = format!("{EXTENDS}{web}  twin:\n{EXTENDS}{web}    volumes: []\n");
    real.copy.change("compose.yaml", EXTENDS, &both);
    real.run("up LAB", 0);
    let told = Ended::of(&mut open(&real, "open LAB")).with(0);
    assert_eq!(
        told.stdout.matches("Keys  http://127.0.0.1:").count(),
        2,
        "{told:?}"
    );
    let which = format!(
        "which one? `roadlab open {} SERVICE`: redis, twin\n",
        real.copy.id
    );
    assert_eq!(told.stderr, which);
    let told = Ended::of(&mut open(&real, "open LAB twin")).with(0).stdout;
    assert!(told.starts_with("twin  Keys  http://127.0.0.1:"), "{told}");
    real.run("down LAB", 0);
}
