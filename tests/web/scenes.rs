//! Whole scenes in a real browser.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc;

use serde_json::{Value, json};

use super::access::for_others;
use super::chromium::Browser;
use super::http::WebServer;
use crate::support::engine_lab::EngineLab;
use crate::support::offline::tiny;
use crate::support::{LabCopy, eventually};

/// The page of the tiny lab, which is up, in a browser.
fn opened(lab: &EngineLab) -> (WebServer, Browser) {
    let server = WebServer::start(&mut lab.command("web LAB --json"));
    let browser = Browser::on(&server);
    (server, browser)
}

#[apply(browser_test)]
fn a_learner_solves_an_exercise_in_the_terminal_of_the_page() {
    let lab = EngineLab::tiny();
    let (_server, mut page) = opened(&lab);
    page.click("form[action$='/up'] button");
    page.wait_for("the lab is running");
    page.wait_until(
        "a picture",
        "document.querySelectorAll('.picture .place.good').length === 1",
    );
    page.click("a[rel='next']");
    page.wait_for("watching, 1 of 2 checks pass");
    page.click("button[data-service='redis']");
    page.wait_until(
        "a prompt",
        "document.querySelector('.screen')?.innerText.includes('6379>')",
    );
    page.type_line("SET greeting hallo");
    page.wait_for("It is an English greeting.");
    page.type_line("SET greeting hello");
    page.wait_until(
        "green",
        "document.querySelectorAll('#checks .pass').length === 2",
    );
    page.wait_for("solved 1 of 2");
    // The page is loaded again: the terminal is where it was.
    page.call("Page.reload", json!({}));
    page.wait_until(
        "the terminal",
        "document.querySelector('.screen')?.innerText.includes('SET greeting hello')",
    );
    page.click("form[action$='/exercises/greet/reset'] button");
    page.click("dialog button[value='yes']");
    page.wait_for("solved, not passing");
    page.click("form[action$='/down'] button");
    page.click("dialog button[value='yes']");
    page.wait_for("the lab is not running");
    assert_eq!(page.errors, [""; 0]);
}

#[apply(browser_test)]
fn an_exercise_is_solved_over_an_encrypted_connection() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let arguments = format!("web LAB --json {}", for_others());
    let server = WebServer::start(&mut lab.command(&arguments));
    let mut page = Browser::start();
    // The certificate of the tests is from no authority that a browser knows.
    let trust = json!({ "ignore": true });
    page.call("Security.setIgnoreCertificateErrors", trust);
    page.open(&format!("{}{}", server.origin(), server.entry));
    page.click("a[rel='next']");
    page.wait_for("watching, 1 of 2 checks pass");
    page.click("button[data-service='redis']");
    page.wait_until(
        "a prompt",
        "document.querySelector('.screen')?.innerText.includes('6379>')",
    );
    page.type_line("SET greeting hello");
    page.wait_for("solved 1 of 2");
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(browser_test)]
fn three_exercises_of_redis_are_solved_in_the_terminal_alone() {
    let lab = EngineLab::copy_of("labs/redis");
    lab.run("up LAB", 0);
    let (server, mut page) = opened(&lab);
    page.click("button[data-service='redis']");
    page.wait_until(
        "a prompt",
        "document.querySelector('.screen')?.innerText.includes('6379>')",
    );
    let exercises: [(&str, &[&str]); 3] = [
        (
            "settings",
            &[
                "MSET config:checkout:currency EUR config:checkout:retries 3",
                "SET config:checkout:banner \"Spring sale\"",
                "SET config:checkout:timeout 5 NX",
            ],
        ),
        (
            "sessions",
            &[
                "SET session:42 mango EX 28800",
                "SET session:42 mango,apple KEEPTTL",
                "EXPIRE session:7 86400",
            ],
        ),
        (
            "product-hash",
            &[
                "DEL product:1001",
                "HSET product:1001 name Mango price_cents 1190 stock 8",
                "HINCRBY product:1001 stock -1",
            ],
        ),
    ];
    let mut typed = "6379>";
    for (number, (exercise, lines)) in exercises.into_iter().enumerate() {
        page.open(&format!(
            "{}/labs/{}/exercises/{exercise}",
            server.origin(),
            lab.copy.id
        ));
        // The terminal is still there, with what was typed before.
        page.wait_until(
            typed,
            &format!("document.querySelector('.screen')?.innerText.includes('{typed}')"),
        );
        page.wait_for("watching, ");
        page.click(".screen");
        for line in lines {
            page.type_line(line);
            typed = line;
        }
        page.wait_for(&format!("solved {} of ", number + 1));
    }
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(airflow_test)]
fn a_dag_of_airflow_is_edited_on_the_page() {
    let lab = EngineLab::copy_of("labs/airflow");
    lab.run("up LAB", 0);
    let (server, mut page) = opened(&lab);
    let origin = server.origin();
    page.open(&format!(
        "{origin}/labs/{}/exercises/first-dag",
        lab.copy.id
    ));
    page.wait_for("watching, ");
    // A DAG that Airflow 3 cannot import: the hint says so.
    let right = std::fs::read_to_string(
        lab.copy
            .path(&format!("labs/{}/files/solutions/first.py", lab.copy.id)),
    );
    let right = right.expect("the solution's file");
    page.click("#files > summary");
    page.click("#new-file");
    page.type_text("first.py");
    page.click("#editor textarea");
    page.type_text(&right.replace("schedule=", "schedule_interval="));
    page.click("#editor button[type='submit']");
    page.wait_for("saved: first.py");
    page.wait_for("that belongs to Airflow 2");
    // Corrected in the same editor.
    page.click("#editor textarea");
    page.press("a", 2);
    page.type_text(&right);
    page.press("s", 2);
    page.wait_until(
        "the DAG",
        "document.querySelectorAll('#checks .pass').length >= 3",
    );
    // Switched on and run from the terminal beside it.
    page.click("button[data-service='airflow']");
    page.wait_until(
        "a prompt",
        "/[$#] ?$/.test(document.querySelector('.screen')?.innerText.trimEnd() ?? '')",
    );
    page.type_line("airflow dags unpause first && airflow dags trigger first");
    page.wait_for("solved 1 of ");
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

/// The nodes of the accessibility tree with the role, in which a screen reader finds the page.
fn nodes(page: &mut Browser, role: &str) -> Vec<Value> {
    let tree = page.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
    let wanted = |node: &Value| node["ignored"] != true && node["role"]["value"] == role;
    nodes.into_iter().filter(wanted).collect()
}

/// Waits until the tree has a node with this role, whose name contains a text, and returns what refers to it.
#[track_caller]
fn node(page: &mut Browser, role: &str, text: &str) -> Value {
    let mut found = Value::Null;
    let appeared = eventually(|| {
        let nodes = nodes(page, role);
        let mut named = nodes.iter().filter(|node| {
            let name = node["name"]["value"].as_str();
            name.is_some_and(|name| name.contains(text))
        });
        found = named.next().map_or(
            Value::Null,
            |node| json!({ "backendNodeId": node["backendDOMNodeId"] }),
        );
        !found.is_null()
    });
    assert!(appeared, "no {role} {text:?}: {:?}", nodes(page, role));
    found
}

/// Does what a screen reader does for the default action of a node.
#[track_caller]
fn activate(page: &mut Browser, role: &str, text: &str) {
    let node = node(page, role, text);
    let resolved = page.call("DOM.resolveNode", node);
    let object = &resolved["object"]["objectId"];
    let click =
        json!({ "objectId": object, "functionDeclaration": "function () { this.click() }" });
    page.call("Runtime.callFunctionOn", click);
}

#[apply(browser_test)]
fn an_exercise_is_read_and_solved_by_the_accessibility_tree_alone() {
    let lab = EngineLab::tiny();
    let (_server, mut page) = opened(&lab);
    node(&mut page, "heading", "Tiny");
    node(&mut page, "navigation", "Exercises");
    node(&mut page, "main", "");
    activate(&mut page, "button", "Start the lab");
    node(&mut page, "StaticText", "the lab is running");
    node(&mut page, "image", "redis");
    activate(&mut page, "link", "→");
    node(&mut page, "heading", "Checks");
    node(&mut page, "StaticText", "watching, 1 of 2 checks pass");
    activate(&mut page, "button", "+ redis");
    let terminal = node(&mut page, "textbox", "Terminal of redis");
    node(&mut page, "StaticText", "6379>");
    page.call("DOM.focus", terminal);
    page.type_line("SET greeting hallo");
    node(&mut page, "StaticText", "It is an English greeting.");
    page.type_line("SET greeting hello");
    node(&mut page, "StaticText", "solved 1 of 2");
    // What changes by itself is read aloud.
    let is_live = |node: &Value| {
        let mut properties = node["properties"].as_array().into_iter().flatten();
        properties.any(|one| one["name"] == "live" && one["value"]["value"] == "polite")
    };
    let statuses = nodes(&mut page, "status");
    assert!(statuses.iter().any(is_live), "{statuses:?}");
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(browser_test)]
fn code_is_run_in_a_terminal_that_is_opened_for_it() {
    let lab = EngineLab::tiny();
    let text = "Store `hello` under `greeting`.";
    let with_code = format!("{text}\n\n```\nSET greeting hello\n```");
    lab.copy.change("guide.en.md", text, &with_code);
    lab.run("up LAB", 0);
    let (server, mut page) = opened(&lab);
    page.open(&format!(
        "{}/labs/{}/exercises/greet",
        server.origin(),
        lab.copy.id
    ));
    page.wait_for("watching, 1 of 2 checks pass");
    page.click(".code-buttons button");
    page.wait_for("solved 1 of 2");
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(browser_test)]
fn code_is_run_by_a_client_that_understands_it() {
    const SERVICE: &str =
        "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";
    let lab = EngineLab::tiny();
    let desk = "  desk:\n    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n    volumes: !override []\n    \
        x-roadlab: { shell: !override [sh] }\n";
    lab.copy
        .change("compose.yaml", SERVICE, &format!("{SERVICE}{desk}"));
    let text = "Store `hello` under `greeting`.";
    let with_code = format!(
        "{text}\n\n```\necho $((40 + 2))\n```\n\n```\nSET greeting hello\n```\n\n```sh\nroadlab list\n```"
    );
    lab.copy.change("guide.en.md", text, &with_code);
    lab.run("up LAB", 0);
    let (server, mut page) = opened(&lab);
    page.open(&format!(
        "{}/labs/{}/exercises/greet",
        server.origin(),
        lab.copy.id
    ));
    page.wait_for("watching, 1 of 2 checks pass");
    let buttons = "[...document.querySelectorAll('.code-buttons')].map((one) => one.firstChild.textContent).join()";
    assert_eq!(page.value(buttons), "Run in desk,Run in redis,Copy");
    // The terminal in front is no reason to type into it.
    page.click(".code-buttons button");
    page.wait_until(
        "the shell",
        "document.querySelector('.panel:not([hidden]) .screen')?.innerText.includes('42')",
    );
    page.value("document.querySelectorAll('.code-buttons')[1].firstChild.click()");
    page.wait_for("solved 1 of 2");
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(browser_test)]
fn a_quiz_is_answered_by_the_keyboard_alone() {
    let lab = EngineLab::tiny();
    let (_server, mut page) = opened(&lab);
    let focused = "document.activeElement";
    let tab_to = |page: &mut Browser, what: &str| {
        for _ in 0..60 {
            page.press("Tab", 0);
            if page.value(&format!("{focused}.matches({})", Value::from(what))) == true {
                return;
            }
        }
        panic!("Tab never leads to {what}");
    };
    page.press("Tab", 0);
    assert_eq!(page.value(&format!("{focused}.className")), "skip");
    // In a window of this width, the outline is folded.
    tab_to(&mut page, ".outline summary");
    page.press("Enter", 0);
    tab_to(&mut page, "a[href$='/exercises/when']");
    // The focus can be seen.
    let outline = page.value(&format!("getComputedStyle({focused}).outlineStyle"));
    assert_eq!(outline, "solid");
    page.press("Enter", 0);
    page.wait_for("all values that match");
    tab_to(&mut page, "input[name='choice']");
    page.press(" ", 0);
    tab_to(&mut page, ".quiz button");
    page.press("Enter", 0);
    page.wait_for("solved 1 of 2");
    assert_eq!(page.errors, [""; 0]);
}

#[apply(browser_test)]
fn nothing_of_a_lab_runs_as_a_script() {
    const ATTACK: &str = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2><svg onload=window.hacked=3>";
    let lab = EngineLab::tiny();
    for (from, to) in [
        ("# Tiny: one key\n", "# Tiny ATTACK\n"),
        (
            "The smallest lab there is.",
            "ATTACK [x](javascript:window.hacked=4)",
        ),
        ("## A greeting {#greet}", "## A greeting ATTACK {#greet}"),
        ("the greeting says hello", "ATTACK"),
        ("It is an English greeting.", "ATTACK"),
    ] {
        lab.copy
            .change("guide.en.md", from, &to.replace("ATTACK", ATTACK));
    }
    lab.run("up LAB", 0);
    let (server, mut page) = opened(&lab);
    let path = format!("{}/labs/{}/exercises/greet", server.origin(), lab.copy.id);
    page.open(&path);
    page.wait_for("watching, 1 of 2 checks pass");
    let set = format!("SET greeting \"{ATTACK}\"");
    page.click("button[data-service='redis']");
    page.wait_until(
        "a prompt",
        "document.querySelector('.screen')?.innerText.includes('6379>')",
    );
    page.type_line(&set);
    page.wait_until(
        "what is there",
        "document.querySelector('#checks').innerText.includes('window.hacked')",
    );
    page.type_line("SET greeting hallo");
    page.wait_until(
        "the hint",
        "document.querySelector('#checks .hint')?.innerText.includes('onerror')",
    );
    for path in ["", "/labs"] {
        page.open(&format!("{}{path}", server.origin()));
    }
    assert_eq!(page.value("window.hacked ?? null"), Value::Null);
    assert_eq!(
        page.value("document.querySelectorAll('img, body svg[onload]').length"),
        0
    );
    lab.run("down LAB", 0);
}

#[apply(offline_browser_test)]
fn no_page_is_wider_than_its_window() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    for width in [360, 390, 768, 1280, 2560] {
        page.resize(width, 800);
        for path in [
            "/",
            "/map",
            "/labs/tiny",
            "/labs/tiny/exercises/greet",
            "/labs/tiny/exercises/when",
        ] {
            page.open(&format!("{}{path}", server.origin()));
            let wide = page.value("document.documentElement.scrollWidth - innerWidth");
            assert!(
                wide.as_i64().is_some_and(|wide| wide <= 0),
                "{path} at {width}: {wide}"
            );
        }
    }
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn the_language_is_switched_on_the_page() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    page.click(".language button[lang='ko']");
    page.wait_until("Korean", "document.documentElement.lang === 'ko'");
    page.wait_for("랩 시작");
    page.click(".language button[lang='en']");
    page.wait_for("Start the lab");
}

/// Every text has a contrast of at least 4.5 on its background, in both themes.
#[apply(offline_browser_test)]
fn every_text_can_be_read_in_light_and_in_dark() {
    const CONTRAST: &str = r#"(() => {
        const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        const numbers = (color) => color.match(/[\d.]+/g).map(Number);
        const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
        const background = (element) => {
            for (let at = element; at; at = at.parentElement) {
                const color = numbers(getComputedStyle(at).backgroundColor);
                if (color.length < 4 || color[3] > 0) return color;
            }
            return [255, 255, 255];
        };
        const poor = [];
        for (const element of document.querySelectorAll("body *")) {
            const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
            if (!own || !element.checkVisibility() || element.closest(".visually-hidden, option")) continue;
            const [one, other] = [light(numbers(getComputedStyle(element).color)), light(background(element))];
            const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
            if (contrast < 4.5) poor.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 90)}`);
        }
        return poor;
    })()"#;
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    for theme in ["light", "dark"] {
        page.theme(theme);
        for path in [
            "/",
            "/map",
            "/labs/tiny",
            "/labs/tiny/exercises/greet",
            "/labs/tiny/exercises/when",
        ] {
            page.open(&format!("{}{path}", server.origin()));
            let poor = page.value(CONTRAST);
            assert_eq!(poor, json!([]), "{path}, {theme}");
        }
    }
}

/// A server that leads every visitor to another host of this machine, and sends the path and the cookies of each request.
fn other_server() -> (u16, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, sender) = (stream.unwrap(), sender.clone());
            // A browser also opens connections that it sends nothing over.
            std::thread::spawn(move || {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let path = head.first().and_then(|line| line.split(' ').nth(1));
                let path = path.unwrap_or_default().to_owned();
                let cookies = head
                    .iter()
                    .find(|line| line.to_ascii_lowercase().starts_with("cookie:"));
                let answer = match path.as_str() {
                    "/start" => format!("302 Found\r\nlocation: http://localhost:{port}/end"),
                    _ => "200 OK".to_owned(),
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = sender.send((path, cookies.cloned().unwrap_or_default()));
            });
        }
    });
    (port, requests)
}

#[apply(offline_browser_test)]
fn no_link_takes_the_session_to_another_server() {
    let copy = tiny();
    let (port, requests) = other_server();
    let link = format!("The smallest lab there is. [out](http://127.0.0.1:{port}/start)");
    copy.change("guide.en.md", "The smallest lab there is.", &link);
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    let cookies_at = |wanted: &str| {
        let in_time = std::time::Duration::from_secs(60);
        loop {
            let (path, cookies) = requests.recv_timeout(in_time).expect(wanted);
            if path == wanted {
                return cookies;
            }
        }
    };
    // A browser would send it, and only the way of a link keeps it from that.
    page.value(&format!("location.href = 'http://localhost:{port}/direct'"));
    assert!(cookies_at("/direct").contains("roadlab-session"));
    page.open(&format!("{}/labs/{}", server.origin(), copy.id));
    page.value("document.querySelector('a[href*=\"start\"]').target = '_self'");
    page.click("a[href*='start']");
    assert_eq!(cookies_at("/end"), "");
}

#[apply(offline_browser_test)]
fn a_file_is_edited_compared_and_saved() {
    let copy = LabCopy::of("tests/labs/probes", |_| "probes".to_owned());
    let folder = copy.path("roadlab-probes");
    std::fs::create_dir(&folder).unwrap();
    let note = folder.join("note.txt");
    std::fs::write(&note, "a note\n").unwrap();
    let on_disk = || std::fs::read_to_string(&note).unwrap();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    let text = "document.querySelector('#editor textarea').value";
    page.click("#files > summary");
    page.wait_until(
        "the list",
        "document.querySelector('#file-list button')?.innerText === 'note.txt'",
    );
    page.click("#file-list button");
    page.wait_until("its text", &format!("{text} === 'a note\\n'"));
    page.click("#editor textarea");
    page.type_line("another 줄");
    page.wait_for("not saved yet");
    // What is not saved yet is still there.
    page.call("Page.reload", json!({}));
    page.wait_until(
        "the text",
        "document.querySelector('#editor textarea')?.value.includes('another 줄')",
    );
    assert_eq!(on_disk(), "a note\n");
    page.click("#editor textarea");
    page.press("s", 2);
    page.wait_for("saved: note.txt");
    assert!(on_disk().contains("another 줄"), "{}", on_disk());
    page.wait_for("changed");
    page.click("[data-diff]");
    page.wait_until(
        "the change",
        "[...document.querySelectorAll('#file-changes .added')].some((line) => line.innerText.includes('another 줄'))",
    );
    // Something else changes the file while it is edited.
    std::fs::write(&note, "of a program\n").unwrap();
    page.click("#editor textarea");
    page.type_line("mine");
    page.click("#editor button[type='submit']");
    page.wait_for("was changed elsewhere meanwhile");
    assert_eq!(on_disk(), "of a program\n");
    page.click("[data-replace]");
    assert!(eventually(|| on_disk().contains("mine")), "{}", on_disk());
    page.click("[data-labs]");
    page.wait_until("the lab's text", &format!("{text} === 'a note\\n'"));
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn a_file_is_created_deleted_and_brought_back() {
    let copy = LabCopy::of("tests/labs/probes", |_| "probes".to_owned());
    let folder = copy.path("roadlab-probes");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(".roadlab-workspace"), "complete\n").unwrap();
    std::fs::write(folder.join("note.txt"), "mine\n").unwrap();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    page.wait_for("no container engine");
    page.click("#files > summary");
    // What comes into the list moves the button.
    page.wait_until(
        "the list",
        "document.querySelector('#file-list button')?.checkVisibility()",
    );
    page.click("#new-file");
    page.type_text("dags/night.py");
    page.click("#editor textarea");
    page.type_text("x = 1");
    // A file that is not saved yet is still there.
    page.call("Page.reload", json!({}));
    page.wait_until(
        "the new file",
        "document.querySelector('#editor input').value === 'dags/night.py'",
    );
    page.wait_for("no container engine");
    page.click("#editor button[type='submit']");
    page.wait_for("saved: dags/night.py");
    assert_eq!(
        std::fs::read_to_string(folder.join("dags/night.py")).unwrap(),
        "x = 1"
    );
    // The name of a file that exists is no way to write over it.
    page.click("#new-file");
    page.type_text("note.txt");
    page.click("#editor textarea");
    page.type_text("other");
    page.click("#editor button[type='submit']");
    page.wait_for("there is note.txt already");
    page.click("#file-list [data-path='note.txt']");
    page.wait_until(
        "its text",
        "document.querySelector('#editor textarea').value === 'mine\\n'",
    );
    page.click("[data-delete]");
    page.click("dialog button[value='no']");
    assert!(folder.join("note.txt").exists());
    page.click("[data-delete]");
    page.wait_for("Your version stays beside it");
    page.click("dialog button[value='yes']");
    page.wait_for("your version is now note.txt.");
    page.wait_for("a copy that was kept");
    let kept = std::fs::read_dir(&folder).unwrap().flatten();
    let kept = kept
        .map(|entry| entry.path())
        .filter(|path| path.display().to_string().contains("note.txt."));
    let kept: Vec<_> = kept.collect();
    assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), "mine\n");
    page.click("#file-list s ~ button");
    page.wait_for(", the lab's version");
    assert_eq!(
        std::fs::read_to_string(folder.join("note.txt")).unwrap(),
        "a note\n"
    );
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn the_layout_is_moved_and_stays() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    let width = |page: &mut Browser| {
        let width = page.value("document.querySelector('main').getBoundingClientRect().width");
        width.as_f64().unwrap().round()
    };
    for window in [1280, 1600] {
        page.resize(window, 900);
        let path = format!("{}/labs/tiny/exercises/greet", server.origin());
        page.open(&path);
        let before = width(&mut page);
        page.drag("#splitter", -100.0, 0.0);
        assert_eq!(width(&mut page), before - 100.0, "at {window}");
        // The same with the keyboard: the focus is on it.
        page.press("ArrowRight", 0);
        page.press("ArrowRight", 0);
        let moved = width(&mut page);
        let expected = before - 100.0 + 0.04 * f64::from(window);
        assert!((moved - expected).abs() <= 1.0, "{moved} {expected}");
        let now = page.value("document.querySelector('#splitter').getAttribute('aria-valuenow')");
        let now: f64 = now.as_str().unwrap().parse().unwrap();
        let share = moved / f64::from(window) * 100.0;
        assert!((now - share).abs() <= 1.0, "{now} {share}");
        page.call("Page.reload", json!({}));
        page.wait_until(
            "the same width",
            &format!(
                "Math.abs(document.querySelector('main').getBoundingClientRect().width - {moved}) <= 1"
            ),
        );
        page.value("document.querySelector('#splitter').focus()");
        page.press("Home", 0);
        assert!(width(&mut page) < moved);
        page.press("End", 0);
        assert!(width(&mut page) > moved);
        let wide = page.value("document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().is_some_and(|wide| wide <= 0), "{wide}");
        page.press("Enter", 0);
        assert_eq!(width(&mut page), before);
    }
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn a_draft_never_writes_over_what_was_changed_elsewhere() {
    let copy = LabCopy::of("tests/labs/probes", |_| "probes".to_owned());
    let folder = copy.path("roadlab-probes");
    std::fs::create_dir(&folder).unwrap();
    let note = folder.join("note.txt");
    std::fs::write(&note, "one\r\ntwo\r\n").unwrap();
    let on_disk = || std::fs::read_to_string(&note).unwrap();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    page.wait_for("no container engine");
    page.click("#files > summary");
    page.click("#file-list button");
    let text = "document.querySelector('#editor textarea').value";
    page.wait_until("its text", &format!("{text} === 'one\\ntwo\\n'"));
    page.click("#editor textarea");
    page.type_text("mine ");
    page.wait_for("not saved yet");
    std::fs::write(&note, "of a program\r\n").unwrap();
    page.call("Page.reload", json!({}));
    page.wait_until("the draft", &format!("{text}.includes('mine')"));
    page.wait_for("no container engine");
    page.click("#editor button[type='submit']");
    page.wait_for("was changed elsewhere meanwhile");
    assert_eq!(on_disk(), "of a program\r\n");
    // The ends of the lines are those of the file.
    page.click("[data-replace]");
    page.wait_for("saved: note.txt");
    assert_eq!(on_disk(), "one\r\ntwo\r\nmine ");
    assert_eq!(page.errors, [""; 0]);
}
