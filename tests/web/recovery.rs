//! What a page does when something goes wrong: a solution that does not work, a job that fails, a connection that is lost, and
//! content that changes under the hands of a learner.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::chromium::Browser;
use super::http::WebServer;
use super::websocket::Page;
use crate::support::engine_lab::EngineLab;
use crate::support::offline::tiny;

/// The server of a lab on an engine, opened.
fn server(lab: &EngineLab) -> WebServer {
    let mut server = WebServer::start(&mut lab.command("web LAB --json"));
    server.enter();
    server
}

#[apply(engine_test)]
fn a_solution_resets_the_services_only_with_consent_and_stays_shown() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = server(&lab);
    let path = format!("/labs/{}/exercises/greet", lab.copy.id);
    let redis = |words: &str| {
        let output = lab.run(&format!("shell LAB -- redis-cli {words}"), 0);
        output.stdout.trim().to_owned()
    };
    let solve = |form: &str| server.post(&format!("{path}/solve"), form).json();
    let part = |answer: &Value| {
        let part = answer["parts"]["solution-steps"].as_str();
        part.unwrap_or_default().to_owned()
    };
    redis("SET mine 42");
    redis("DEL kept");
    let stuck = solve("");
    assert_eq!(stuck["failed"], true, "{stuck}");
    let note = stuck["note"].as_str().unwrap_or_default();
    assert!(
        note.starts_with("the solution does not work from the present state: "),
        "{note}"
    );
    let offer = part(&stuck);
    for text in [
        "/solve\"",
        "data-confirm=\"Reset the services",
        "name=\"from\" value=\"start\"",
    ] {
        assert!(offer.contains(text), "{text}: {offer}");
    }
    assert_eq!(redis("GET mine"), "42");
    let played = solve("from=start");
    assert_eq!(played["failed"], false, "{played}");
    assert!(part(&played).contains("SET greeting hello"), "{played}");
    assert_eq!(redis("GET mine"), "");
    // It is still there when the page is loaded again, also when the lab does not run.
    let shown = || {
        let page = server.get(&path).body;
        let is_open = page.contains("<details class=\"solution\" open>");
        assert!(is_open && page.contains("SET greeting hello"), "{page}");
    };
    shown();
    lab.run("down LAB", 0);
    shown();
}

/// Waits until a page shows the state of its lab, which is read aloud as well.
#[track_caller]
fn wait_for_state(page: &mut Page) {
    page.wait_for("the state of the lab", |_, message| {
        message["parts"]["run"].is_string() && message["announcement"].is_string()
    });
}

#[apply(test)]
fn every_page_of_a_lab_shows_why_a_start_failed() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "LAB");
    server.enter();
    let english = server.cookie.clone();
    let chosen = server.post("/language", "lang=ko&path=/");
    let chosen = chosen.header("set-cookie").split(';').next();
    let korean = format!("{english}; {}", chosen.unwrap_or_default());
    let path = "/labs/tiny/exercises/greet";
    let mut pages = [("/labs/tiny", &english), (path, &english), (path, &korean)].map(
        |(path, cookie): (&str, &String)| {
            server.cookie.clone_from(cookie);
            let mut page = Page::open(&server, path);
            wait_for_state(&mut page);
            page
        },
    );
    server.cookie = english;
    let answer = server.post("/labs/tiny/up", "").json();
    let notes = pages.each_mut().map(|page| {
        let message = page.wait_for("a note", |_, message| message["note"].is_string());
        assert_eq!(message["failed"], true, "{message}");
        message["note"].as_str().unwrap_or_default().to_owned()
    });
    assert_eq!([notes[0].as_str(), &notes[1]], [&answer["note"]; 2]);
    // Each page has it in its own language.
    let is_korean = |c: char| ('가'..='힣').contains(&c);
    assert!(notes[2].chars().any(is_korean), "{notes:?}");
}

#[apply(test)]
fn a_page_that_is_opened_later_shows_once_how_a_job_ended() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "LAB");
    server.enter();
    let answer = server.post("/labs/tiny/up", "").json();
    let first = || {
        let mut page = Page::open(&server, "/labs/tiny/exercises/greet");
        let mut messages = Vec::new();
        page.wait_for("the state of the lab", |_, message| {
            messages.push(message["note"].clone());
            message["parts"]["run"].is_string()
        });
        messages.retain(Value::is_string);
        messages
    };
    assert_eq!(first(), [answer["note"].clone()]);
    assert!(first().is_empty());
}

#[apply(browser_test)]
fn a_start_is_reported_after_the_page_was_loaded_again() {
    let lab = EngineLab::tiny();
    let server = WebServer::start(&mut lab.command("web LAB --json"));
    let mut page = Browser::on(&server);
    page.click("form[action$='/up'] button");
    page.wait_until(
        "the note on the page of the run",
        "/run=./.test(document.body.dataset.socket) && document.querySelector('#note').innerText.includes('the lab is up after')",
    );
    page.wait_until("the focus", "document.activeElement.id === 'run'");
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(test)]
fn a_connection_without_changes_is_not_silent() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "LAB");
    server.enter();
    let mut page = Page::open(&server, "/labs/tiny");
    page.wait_for("a message", |_, message| message["alive"] == true);
}

#[apply(offline_browser_test)]
fn a_server_that_is_silent_is_reported_and_found_again() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    page.wait_for("no container engine");
    server.signal(Signal::STOP);
    page.wait_for("the connection to roadlab is lost");
    server.signal(Signal::CONT);
    page.wait_for("connected again");
}

#[apply(offline_browser_test)]
fn a_page_that_is_refused_shows_why() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let port = server.port;
    let mut page = Browser::on(&server);
    page.wait_for("no container engine");
    drop(server);
    // The next server has another secret, as each one with `--listen`.
    let files = std::fs::read_dir(copy.path("state/roadlab")).expect("the state folder");
    for file in files.flatten() {
        if file.file_name().to_string_lossy().starts_with("web@") {
            std::fs::remove_file(file.path()).expect("the session can be removed");
        }
    }
    let _second = WebServer::without_engine(&copy, &format!("LAB --port {port}"));
    page.wait_for("open the page with the address that");
}

/// Keeps the WebSocket of the page, so that a test can pass it messages.
const CAPTURE: &str = "const Own = WebSocket; window.WebSocket = class extends Own { \
    constructor(...given) { super(...given); window.captured = this; } };";

/// A page of the tiny lab without an engine, whose WebSocket is captured.
fn captured(server: &WebServer, path: &str) -> Browser {
    let mut page = Browser::on(server);
    let source = json!({ "source": CAPTURE });
    page.call("Page.addScriptToEvaluateOnNewDocument", source);
    page.open(&format!("{}{path}", server.origin()));
    page.wait_until("the connection", "window.captured.readyState === 1");
    page.wait_for("no container engine");
    page
}

/// Gives the page new content of a part, as the server does.
fn receive(page: &mut Browser, part: &str, content: &str) {
    let message = json!({ "parts": { (part): content } }).to_string();
    let data = Value::from(message);
    page.value(&format!(
        "captured.dispatchEvent(new MessageEvent('message', {{ data: {data} }}))"
    ));
}

#[apply(offline_browser_test)]
fn a_chosen_answer_stays_chosen_when_the_content_changes() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = captured(&server, "/labs/tiny/exercises/when");
    page.click("#quiz input[value='scans']");
    let content = page.value("document.querySelector('#quiz').innerHTML");
    let content = content.as_str().unwrap_or_default().to_owned();
    for more in ["", "<p>more</p>"] {
        receive(&mut page, "quiz", &format!("{content}{more}"));
        let chosen = page.value("document.querySelector('#quiz input:checked')?.value");
        assert_eq!(chosen, "scans");
        assert_eq!(page.value("document.activeElement.value"), "scans");
    }
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn the_focus_never_moves_to_another_service() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = captured(&server, "/labs/tiny");
    let row = |service: &str| {
        format!(
            "<form method='post' action='/labs/tiny/services/{service}/restart'>\
             <button type='submit' aria-label='Restart {service}'>Restart</button></form>"
        )
    };
    let both = format!("{}{}", row("one"), row("two"));
    receive(&mut page, "services", &both);
    page.value("document.querySelectorAll('#services button')[1].focus()");
    let focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id";
    for (content, expected) in [
        (row("two"), "Restart two"),
        // While it restarts, a service has no button.
        (row("one"), "services"),
        (both, "Restart two"),
    ] {
        receive(&mut page, "services", &content);
        assert_eq!(page.value(focused), expected, "{content}");
    }
    assert_eq!(page.errors, [""; 0]);
}

#[apply(engine_test)]
fn what_changes_is_read_aloud() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = server(&lab);
    let path = format!("/labs/{}/exercises/greet", lab.copy.id);
    let mut page = Page::open(&server, &path);
    page.wait_for_part("checks", &["watching, 1 of 2 checks pass"]);
    lab.run("shell LAB -- redis-cli SET greeting hello", 0);
    page.wait_for("the check that passes", |_, message| {
        let sentence = message["announcement"].as_str();
        sentence.is_some_and(|sentence| sentence.contains("the greeting says hello: passes"))
    });
    lab.run("down LAB", 0);
    page.wait_for("the end of the lab", |_, message| {
        message["announcement"] == "the lab is not running"
    });
}

#[apply(test)]
fn the_pages_of_all_labs_follow_the_progress() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let (mut labs, mut map) = (Page::open(&server, "/"), Page::open(&server, "/map"));
    labs.wait_for_part("labs", &["solved 0 of 2"]);
    map.wait_for_part("topics", &["solved 0 of 2"]);
    let answer = server.post("/labs/tiny/exercises/when/answer", "choice=pairs");
    assert_eq!(answer.json()["failed"], false, "{answer:?}");
    labs.wait_for_part("labs", &["solved 1 of 2"]);
    map.wait_for_part("topics", &["solved 1 of 2"]);
    map.wait_for_part("roadmap-picture", &["class=\"topic begun\""]);
}
