//! What is on the pages where no engine answers: everything but the checks.

use super::http::WebServer;
use crate::support::offline::tiny;
use crate::support::{LabCopy, ProgramOutput};

#[apply(test)]
fn the_labs_and_the_texts_of_a_lab_are_there_without_an_engine() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "LAB");
    assert_eq!(server.enter().header("location"), "/labs/tiny");
    let labs = server.get("/").body;
    assert!(
        labs.contains("<a href=\"/labs/tiny\">Tiny: one key</a>"),
        "{labs}"
    );
    let intro = server.get("/labs/tiny").body;
    for part in [
        "<html lang=\"en\">",
        "The smallest lab there is.",
        "href=\"/labs/tiny/exercises/greet\"",
        "solved 0 of 2",
        "Start the lab",
    ] {
        assert!(intro.contains(part), "{part}: {intro}");
    }
    let exercise = server.get("/labs/tiny/exercises/greet").body;
    for part in [
        "<h1>A greeting</h1>",
        "Store <code>hello</code> under <code>greeting</code>.",
        "the greeting says hello",
        "the checks run when the lab is running",
        "Show a hint",
        "data-service=\"redis\"",
        "rel=\"prev\"",
        "href=\"/labs/tiny/exercises/when\" rel=\"next\"",
    ] {
        assert!(exercise.contains(part), "{part}: {exercise}");
    }
    // No hint is shown that was not wanted, and no answer.
    for secret in ["One command is enough", "SET greeting"] {
        assert!(!exercise.contains(secret), "{exercise}");
    }
    assert_eq!(server.get("/labs/none").status, 404);
    assert_eq!(server.get("/labs/tiny/exercises/none").status, 404);
    assert_eq!(server.interrupt(), Some(130));
}

#[apply(test)]
fn hints_come_in_their_order_and_stay() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let hint = || server.post("/labs/tiny/exercises/greet/hint", "").json();
    let first = hint()["parts"]["hints"].as_str().unwrap().to_owned();
    assert!(
        first.contains("Hint 1 of 2") && first.contains("One command is enough."),
        "{first}"
    );
    assert!(
        !first.contains("Hint 2 of 2") && first.contains("Show the next hint"),
        "{first}"
    );
    let second = hint()["parts"]["hints"].as_str().unwrap().to_owned();
    assert!(
        second.contains("Hint 2 of 2") && !second.contains("<button"),
        "{second}"
    );
    let page = server.get("/labs/tiny/exercises/greet").body;
    assert!(page.contains("Hint 2 of 2"), "{page}");
    // The command line knows the same progress.
    let report = ProgramOutput::of(&mut copy.roadlab("report LAB --json")).expect_code(0);
    assert!(report.stdout.contains("\"hints\": 2"), "{}", report.stdout);
}

#[apply(test)]
fn a_quiz_is_answered_on_the_page() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let path = "/labs/tiny/exercises/when";
    let answer = |choice: &str| {
        server
            .post(&format!("{path}/answer"), &format!("choice={choice}"))
            .json()
    };
    let page = server.get(path).body;
    assert!(
        !page.contains("required checked") && !page.contains("A scan looks"),
        "{page}"
    );
    let wrong = answer("scans");
    let quiz = wrong["parts"]["quiz"].as_str().unwrap();
    assert!(
        quiz.contains("A scan looks at every key.") && quiz.contains("not correct"),
        "{quiz}"
    );
    assert_eq!(
        wrong["parts"]["score"]
            .as_str()
            .map(|score| score.contains("solved 0 of 2")),
        Some(true)
    );
    let right = answer("pairs");
    assert_eq!(right["failed"], false);
    assert!(
        right["parts"]["score"]
            .as_str()
            .unwrap()
            .contains("solved 1 of 2"),
        "{right}"
    );
    let page = server.get(path).body;
    assert!(page.contains("value=\"pairs\" required checked"), "{page}");
    let unknown = answer("triples");
    assert_eq!(unknown["failed"], true);
    let solved = ProgramOutput::of(&mut copy.roadlab("list --json")).json();
    assert_eq!(solved[0]["done"], 1);
}

#[apply(test)]
fn the_language_is_chosen_on_the_page() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let form = "lang=ko&path=/labs/tiny/exercises/when";
    let chosen = server.post("/language", form);
    assert_eq!(
        (chosen.status, chosen.header("location")),
        (303, "/labs/tiny/exercises/when")
    );
    let cookie = chosen
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let english = server.get("/labs/tiny/exercises/when").body;
    server.cookie = format!("{}; {cookie}", server.cookie);
    let korean = server.get("/labs/tiny/exercises/when").body;
    assert!(english.contains("<html lang=\"en\">") && english.contains("choose an answer"));
    assert!(
        korean.contains("<html lang=\"ko\">") && !korean.contains("choose an answer"),
        "{korean}"
    );
    assert!(korean.contains("답"), "{korean}");
    // Without a choice, the language of the browser counts.
    let host = server.host();
    let first = |cookie: &str, accepted: &str| {
        let headers = [
            ("Host", host.as_str()),
            ("Cookie", cookie),
            ("Accept-Language", accepted),
        ];
        server.send("GET", "/", &headers, "").body
    };
    let (chosen, session) = (server.cookie.clone(), server.cookie.split(';').next());
    let session = session.unwrap_or_default();
    for (cookie, accepted, lang) in [
        (session, "fr, ko-KR;q=0.9, en;q=0.8", "ko"),
        (session, "en-US, ko;q=0.8", "en"),
        (session, "fr", "en"),
        (chosen.as_str(), "en-US", "ko"),
    ] {
        let page = first(cookie, accepted);
        let html = format!("<html lang=\"{lang}\">");
        assert!(page.contains(&html), "{accepted}: {page}");
    }
    // Only the languages of the program, and only paths of the page.
    let other = server.post("/language", "lang=xx&path=//evil.test");
    assert_eq!(
        (other.header("location"), other.header("set-cookie")),
        ("/", "")
    );
}

#[apply(test)]
fn a_page_works_again_after_the_server_was_started_again() {
    let copy = tiny();
    let mut first = WebServer::without_engine(&copy, "");
    first.enter();
    let (port, cookie) = (first.port, first.cookie.clone());
    drop(first);
    let mut second = WebServer::without_engine(&copy, "");
    assert_eq!(second.port, port);
    second.cookie = cookie;
    assert_eq!(second.get("/").status, 200);
    // A server beside it has another port and the same folders.
    let beside = WebServer::without_engine(&copy, "");
    assert_ne!(beside.port, port);
    let refused = copy
        .roadlab(&format!("web --port {port}"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(&format!("port {port} is in use")), "{said}");
    // Its own port is no reason to forget that of the first.
    drop(beside);
    drop(second);
    assert_eq!(WebServer::without_engine(&copy, "").port, port);
}

#[apply(test)]
fn an_action_that_fails_gives_the_reason() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    for path in [
        "up",
        "down",
        "reset",
        "exercises/greet/solve",
        "exercises/greet/reset",
    ] {
        let answer = server.post(&format!("/labs/tiny/{path}"), "").json();
        assert_eq!(answer["failed"], true, "{path}: {answer}");
        let note = answer["note"].as_str().unwrap_or_default();
        assert!(
            note.contains("engine") || note.contains("Docker"),
            "{path}: {note}"
        );
    }
    assert_eq!(server.post("/labs/none/up", "").json()["failed"], true);
}

#[apply(test)]
fn no_file_outside_the_folder_is_read_or_written() {
    let copy = LabCopy::of("tests/labs/probes", |_| "probes".to_owned());
    let folder = copy.path("roadlab-probes");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(".hidden"), "h").unwrap();
    std::fs::write(copy.path("secret"), "s").unwrap();
    std::os::unix::fs::symlink(copy.path("secret"), folder.join("link")).unwrap();
    std::os::unix::fs::symlink(copy.path("."), folder.join("out")).unwrap();
    let mut server = WebServer::without_engine(&copy, "LAB");
    server.enter();
    assert_eq!(
        server.get("/labs/probes/files").json()["files"],
        serde_json::json!([])
    );
    for path in [
        "..%2Fsecret",
        "%2Fetc%2Fpasswd",
        ".hidden",
        "a%2F..%2F..%2Fsecret",
        "",
        "a%00b",
    ] {
        assert_eq!(
            server.get(&format!("/labs/probes/file?path={path}")).status,
            400,
            "{path}"
        );
        let written = server.post("/labs/probes/file", &format!("path={path}&text=x&version="));
        assert_eq!(written.status, 400, "{path}");
    }
    for path in ["link", "out%2Fsecret"] {
        let read = server.get(&format!("/labs/probes/file?path={path}"));
        assert!(!read.body.contains("\"s\""), "{read:?}");
        let written = server.post("/labs/probes/file", &format!("path={path}&text=x&version="));
        assert!(!written.body.contains("saved"), "{written:?}");
    }
    assert_eq!(std::fs::read_to_string(copy.path("secret")).unwrap(), "s");
    let new = server.post(
        "/labs/probes/file",
        "path=dags%2Fnew.py&text=x%3D1&version=",
    );
    assert_eq!(new.json()["saved"], true, "{new:?}");
    assert_eq!(
        std::fs::read_to_string(folder.join("dags/new.py")).unwrap(),
        "x=1"
    );
}
