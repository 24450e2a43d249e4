//! The page of a lab on an engine: what a learner does anywhere is seen on it.

use serde_json::{Value, json};

use super::http::WebServer;
use super::websocket::Page;
use crate::support::engine_lab::EngineLab;

/// The server of the tiny lab, opened.
fn server(lab: &EngineLab) -> WebServer {
    let mut server = WebServer::start(&mut lab.command("web LAB --json"));
    server.enter();
    server
}

#[apply(engine_test)]
fn the_page_follows_what_the_command_line_does() {
    let lab = EngineLab::tiny();
    let server = server(&lab);
    let path = format!("/labs/{}/exercises/greet", lab.copy.id);
    let mut page = Page::open(&server, &path);
    page.wait_for_part("run", &["the lab is not running"]);
    lab.run("up LAB", 0);
    // The texts have the addresses of a run, so the page is loaded again.
    page.wait_for("reload", |_, message| message["reload"] == true);
    let mut page = Page::open(&server, &path);
    page.wait_for_part("run", &["the lab is running"]);
    page.wait_for_part(
        "checks",
        &["watching, 1 of 2 checks pass", "class=\"fail\""],
    );
    let set = |value: &str| {
        lab.run(&format!("shell LAB -- redis-cli SET greeting {value}"), 0);
    };
    set("hallo");
    page.wait_for_part("checks", &["It is an English greeting.", "hallo"]);
    set("hello");
    page.wait_for_part("checks", &["solved"]);
    page.wait_for_part("score", &["solved 1 of 2"]);
    page.wait_for_part("outline-list", &["class=\"solved\""]);
    lab.run("down LAB", 0);
    page.wait_for_part("run", &["the lab is not running"]);
}

#[apply(engine_test)]
fn what_passes_is_seen_while_another_check_may_still_pass() {
    let lab = EngineLab::tiny();
    let change = |from: &str, to: &str| lab.copy.change("lab.yaml", from, to);
    change(
        "      - id: greeting\n",
        "      - id: greeting\n        within: 10m\n",
    );
    change(
        "    solution:\n",
        "      - id: farewell\n        redis: { service: redis, command: [GET, farewell] }\n        expect: { equals: bye }\n    solution:\n      - redis: { service: redis, command: [SET, farewell, bye] }\n",
    );
    for (guide, kept) in [
        ("guide.en.md", "- `kept`: what was there is still there\n"),
        ("guide.ko.md", "- `kept`: 있던 것이 그대로 있습니다\n"),
    ] {
        lab.copy
            .change(guide, kept, &format!("{kept}- `farewell`: a farewell\n"));
    }
    lab.run("up LAB", 0);
    let server = server(&lab);
    let path = format!("/labs/{}/exercises/greet", lab.copy.id);
    let mut page = Page::open(&server, &path);
    page.wait_for_part("checks", &["watching, 1 of 3 checks pass"]);
    lab.run("shell LAB -- redis-cli SET greeting hallo", 0);
    page.wait_for_part("checks", &["hallo"]);
    lab.run("shell LAB -- redis-cli SET farewell bye", 0);
    let checks = page.wait_for_part("checks", &["watching, 2 of 3 checks pass"]);
    // It is not known yet whether the greeting is wrong.
    assert!(!checks.contains("It is an English greeting."), "{checks}");
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    page.wait_for_part("checks", &["solved"]);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_lab_is_started_solved_reset_and_removed_on_the_page() {
    let lab = EngineLab::tiny();
    let server = server(&lab);
    let base = format!("/labs/{}", lab.copy.id);
    let post = |path: &str| server.post(&format!("{base}/{path}"), "").json();
    assert_eq!(post("up")["failed"], false);
    let mut page = Page::open(&server, &format!("{base}/exercises/greet"));
    page.wait_for_part("checks", &["watching, 1 of 2 checks pass"]);
    let solved = post("exercises/greet/solve");
    let steps = solved["parts"]["solution-steps"]
        .as_str()
        .unwrap_or_default();
    assert!(steps.contains("SET greeting hello"), "{solved}");
    page.wait_for_part("checks", &["solution played, all checks pass"]);
    assert_eq!(post("exercises/greet/reset")["failed"], false);
    page.wait_for_part("checks", &["watching, 1 of 2 checks pass"]);
    assert_eq!(post("reset")["failed"], false);
    assert_eq!(post("down")["failed"], false);
    page.wait_for_part("run", &["the lab is not running"]);
    assert_eq!(post("exercises/greet/solve")["failed"], true);
}

#[apply(engine_test)]
fn one_service_is_restarted_on_the_page() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = server(&lab);
    let base = format!("/labs/{}", lab.copy.id);
    let mut page = Page::open(&server, &base);
    let restart = format!("{base}/services/redis/restart");
    page.wait_for_part("services", &[&restart]);
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    let container = format!("/containers/{}/json", lab.container());
    let started = || lab.request("GET", &container, &Value::Null)["State"]["StartedAt"].take();
    let before = started();
    let answer = server.post(&restart, "").json();
    assert_eq!(answer["failed"], false, "{answer}");
    let note = answer["note"].as_str().unwrap_or_default();
    assert!(note.starts_with("restarted redis in"), "{note}");
    assert_ne!(started(), before);
    let value = lab.run("shell LAB -- redis-cli GET greeting", 0).stdout;
    assert_eq!(value.trim(), "hello", "its data is kept");
    page.wait_for_part("run", &["the lab is running"]);
    let unknown = server.post(&format!("{base}/services/other/restart"), "");
    assert_eq!(unknown.json()["failed"], true, "{unknown:?}");
    lab.run("down LAB", 0);
    assert_eq!(server.post(&restart, "").json()["failed"], true);
}

#[apply(engine_test)]
fn the_map_shows_images_memory_and_how_a_start_goes_on() {
    let lab = EngineLab::tiny();
    let server = server(&lab);
    let id = &lab.copy.id;
    let mut page = Page::open(&server, "/map");
    let (row, progress) = (format!("map-{id}"), format!("map-{id}-progress"));
    page.wait_for_part(&row, &["MiB", "its images are here", "/up\""]);
    std::thread::scope(|scope| {
        let started = scope.spawn(|| server.post(&format!("/labs/{id}/up"), "").json());
        page.wait_for_part(&row, &["the lab is being started"]);
        page.wait_for_part(&progress, &["<progress"]);
        assert_eq!(started.join().expect("it ends")["failed"], false);
    });
    page.wait_for_part(&row, &["running", "/down\""]);
    let ended = |page: &Page| page.parts.get(&progress).and_then(Value::as_str) == Some("");
    if !ended(&page) {
        page.wait_for("no progress any more", |page, _| ended(page));
    }
    // What is done elsewhere is seen as well.
    lab.run("down LAB", 0);
    page.wait_for_part(&row, &["/up\""]);
}

/// The text of the rows of a terminal that a page has got.
fn screen(rows: &mut Vec<String>, message: &Value) {
    let frame = &message["frame"];
    if let Some(count) = frame["size"][0].as_u64() {
        rows.resize(count as usize, String::new());
    }
    for row in frame["rows"].as_array().into_iter().flatten() {
        let runs = row[1].as_array().into_iter().flatten();
        let text = runs.filter_map(|run| run[0].as_str()).collect();
        rows[row[0].as_u64().unwrap() as usize] = text;
    }
}

#[apply(engine_test)]
fn a_terminal_is_typed_into_and_outlives_its_page() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = server(&lab);
    let path = format!("/labs/{}/exercises/greet", lab.copy.id);
    let mut page = Page::open(&server, &path);
    page.send(&json!({ "do": "open", "service": "redis", "size": [10, 60] }));
    let opened = page.wait_for("a terminal", |_, message| message["opened"].is_u64());
    let terminal = opened["opened"].as_u64().unwrap();
    page.send(&json!({ "do": "show", "terminal": terminal, "size": [10, 60] }));
    let mut rows = Vec::new();
    let wait = |page: &mut Page, rows: &mut Vec<String>, text: &str| {
        let mut found = rows.join("\n").contains(text);
        while !found {
            let message = page.wait_for("a frame", |_, message| message["screen"] == terminal);
            screen(rows, &message);
            found = rows.join("\n").contains(text) || message["ended"].as_str() == Some(text);
        }
    };
    wait(&mut page, &mut rows, "127.0.0.1:6379>");
    page.send(&json!({ "do": "paste", "terminal": terminal, "text": "SET greeting hello" }));
    page.send(&json!({ "do": "key", "terminal": terminal, "key": "Enter" }));
    wait(&mut page, &mut rows, "OK");
    page.wait_for_part("checks", &["solved"]);
    // The page is loaded again: the terminal is as it was.
    drop(page);
    let mut page = Page::open(&server, &path);
    let list = page.wait_for("the terminals", |_, message| {
        message["terminals"].is_array()
    });
    assert_eq!(
        list["terminals"],
        json!([{ "terminal": terminal, "service": "redis" }])
    );
    page.send(&json!({ "do": "show", "terminal": terminal, "size": [12, 70] }));
    rows.clear();
    wait(&mut page, &mut rows, "SET greeting hello");
    assert_eq!(rows.len(), 12);
    // At its prompt, Ctrl-C ends the client.
    page.send(&json!({ "do": "key", "terminal": terminal, "key": "c", "ctrl": true }));
    page.wait_for("the end", |_, message| message["ended"].is_string());
    page.send(&json!({ "do": "close", "terminal": terminal }));
    page.wait_for("no terminals", |_, message| {
        message["terminals"] == json!([])
    });
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn the_end_of_the_server_ends_the_programs_of_its_terminals() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let mut server = server(&lab);
    let mut page = Page::open(&server, &format!("/labs/{}", lab.copy.id));
    page.send(&json!({ "do": "open", "service": "redis", "size": [10, 60] }));
    page.wait_for("a terminal", |_, message| message["opened"].is_u64());
    let clients = || {
        let list = lab.run("shell LAB -- redis-cli CLIENT LIST", 0).stdout;
        list.lines().filter(|line| line.contains("cmd=")).count()
    };
    assert!(
        crate::support::eventually(|| clients() >= 2),
        "the client of the terminal"
    );
    assert_eq!(server.interrupt(), Some(130));
    assert!(
        crate::support::eventually(|| clients() == 1),
        "only the one that lists"
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_terminal_whose_program_reads_nothing_can_be_closed() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = server(&lab);
    let mut page = Page::open(&server, &format!("/labs/{}", lab.copy.id));
    page.send(&json!({ "do": "open", "service": "redis", "size": [10, 60] }));
    let opened = page.wait_for("a terminal", |_, message| message["opened"].is_u64());
    let terminal = opened["opened"].as_u64().unwrap();
    page.send(&json!({ "do": "show", "terminal": terminal, "size": [10, 60] }));
    let mut rows = Vec::new();
    while !rows.join("\n").contains("6379>") {
        let message = page.wait_for("a frame", |_, message| message["screen"] == terminal);
        screen(&mut rows, &message);
    }
    page.send(&json!({ "do": "hide", "terminal": terminal }));
    let clients = || {
        let list = lab.run("shell LAB -- redis-cli CLIENT LIST", 0).stdout;
        let clients = list.lines().filter(|line| line.contains("cmd="));
        (clients.count(), list.contains("cmd=monitor"))
    };
    page.send(&json!({ "do": "paste", "terminal": terminal, "text": "MONITOR" }));
    page.send(&json!({ "do": "key", "terminal": terminal, "key": "Enter" }));
    assert!(
        crate::support::eventually(|| clients().1),
        "a program that reads nothing"
    );
    for _ in 0..100 {
        let text = "x".repeat(30_000);
        page.send(&json!({ "do": "paste", "terminal": terminal, "text": text }));
    }
    page.send(&json!({ "do": "close", "terminal": terminal }));
    page.wait_for("no terminals", |_, message| {
        message["terminals"] == json!([])
    });
    assert!(
        crate::support::eventually(|| clients() == (1, false)),
        "only the one that lists"
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn the_programs_of_a_killed_server_are_ended_by_the_next_command() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = server(&lab);
    let mut page = Page::open(&server, &format!("/labs/{}", lab.copy.id));
    page.send(&json!({ "do": "open", "service": "redis", "size": [10, 60] }));
    page.wait_for("a terminal", |_, message| message["opened"].is_u64());
    let top = format!("/containers/{}/top", lab.container());
    let clients = || {
        let list = lab.request("GET", &top, &Value::Null).to_string();
        list.matches("redis-cli").count()
    };
    // While the terminal has no size, shells that wait for it have the name of the client as well.
    assert!(crate::support::eventually(|| clients() >= 1));
    // Dropping it kills it.
    drop(page);
    drop(server);
    assert_ne!(clients(), 0, "the engine ends no program");
    lab.run("status LAB", 0);
    assert_eq!(clients(), 0);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_lab_is_started_before_its_page_is_shown() {
    let lab = EngineLab::tiny();
    let mut server = WebServer::start(&mut lab.command("run LAB --web --json"));
    assert_eq!(
        server.enter().header("location"),
        format!("/labs/{}", lab.copy.id)
    );
    assert_eq!(server.interrupt(), Some(130));
    // It stays up.
    lab.run("check LAB greet", 1);
    lab.run("down LAB", 0);
}
