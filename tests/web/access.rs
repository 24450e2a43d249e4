//! Attacks: from other pages, other hosts, without the session, and by the texts of a lab.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use super::http::{Answer, WebServer};
use crate::support::ProgramOutput;
use crate::support::offline::{self, tiny};

/// What leads to a page, to a file of it, to an action, and to a WebSocket.
const TARGETS: [(&str, &str); 10] = [
    ("GET", "/"),
    ("GET", "/labs/tiny"),
    ("GET", "/labs/tiny/exercises/greet"),
    ("POST", "/labs/tiny/exercises/greet/hint"),
    ("POST", "/labs/tiny/up"),
    ("POST", "/labs/tiny/services/redis/restart"),
    ("POST", "/labs/tiny/file/delete"),
    ("GET", "/labs/tiny/exercises/greet/socket"),
    ("GET", "/map/socket"),
    ("GET", "/socket"),
];

/// The headers of a request of the page itself.
fn own<'a>(server: &'a WebServer, host: &'a str, origin: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Host", host),
        ("Origin", origin),
        ("Sec-Fetch-Site", "same-origin"),
        ("Cookie", &server.cookie),
    ]
}

/// The headers with another value for one of them; an empty one leaves it out.
fn with<'a>(
    headers: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let others = headers.iter().copied().filter(|(other, _)| *other != name);
    others.chain([(name, value)]).collect()
}

#[apply(test)]
fn every_attack_is_refused() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let (host, origin) = (server.host(), server.origin());
    let port = server.port;
    let headers = own(&server, &host, &origin);
    let session = server.cookie.clone();
    let other_port = format!("localhost:{}", port - 1);
    let (by_number, by_name) = (format!("127.0.0.1:{port}"), format!("evil.test:{port}"));
    let other_origin = format!("http://127.0.0.1:{port}");
    let (rest, last) = session.split_at(session.len() - 1);
    let other_session = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let doubled = format!("{host}\r\nHost: {host}");
    let attacks: Vec<(&str, &str, &str, u16)> = vec![
        ("no session", "Cookie", "", 403),
        ("another session", "Cookie", &other_session, 403),
        (
            "a cookie of another name",
            "Cookie",
            "roadlab-session=1",
            403,
        ),
        ("rebinding: a name that leads here", "Host", &by_name, 421),
        ("the host of the pages of labs", "Host", &by_number, 421),
        ("another port", "Host", &other_port, 421),
        ("no host", "Host", "", 400),
        ("two hosts", "Host", &doubled, 400),
        ("the page of a lab", "Origin", &other_origin, 403),
        ("a page without an origin", "Origin", "null", 403),
        ("a page of the web", "Origin", "https://evil.test", 403),
        (
            "a page of the same site",
            "Sec-Fetch-Site",
            "same-site",
            403,
        ),
        (
            "a page of another site",
            "Sec-Fetch-Site",
            "cross-site",
            403,
        ),
    ];
    for (attack, name, value, expected) in &attacks {
        for (method, target) in TARGETS {
            let mut headers = with(&headers, name, value);
            if target.ends_with("socket") {
                headers.extend(UPGRADE);
            }
            let answer = server.send(method, target, &headers, "");
            // hyper refuses a request with two hosts or none before it is read; either way nothing is done.
            let refused = answer.status == *expected || (*expected == 400 && answer.status == 421);
            assert!(refused, "{attack}: {method} {target}: {answer:?}");
            assert!(!answer.body.contains("Tiny"), "{attack}: {answer:?}");
            assert_eq!(answer.header("set-cookie"), "", "{attack}");
        }
    }
    // Nothing of all that was done.
    let page = server.get("/labs/tiny/exercises/greet");
    assert!(page.body.contains("Show a hint"), "{}", page.body);
}

const UPGRADE: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[apply(test)]
fn a_change_and_a_websocket_need_the_origin_of_the_page() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let (host, origin) = (server.host(), server.origin());
    let headers = with(&own(&server, &host, &origin), "Origin", "");
    for (method, target) in TARGETS {
        let mut headers = headers.clone();
        let changes = method == "POST" || target.ends_with("socket");
        if target.ends_with("socket") {
            headers.extend(UPGRADE);
        }
        let answer = server.send(method, target, &headers, "");
        let expected = if changes { 403 } else { 200 };
        assert_eq!(answer.status, expected, "{method} {target}");
    }
}

#[apply(test)]
fn the_token_works_once_and_becomes_a_cookie() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    for wrong in ["/?token=", "/?token=abc", "/", "/labs/tiny?token=00"] {
        assert_eq!(server.get(wrong).status, 403, "{wrong}");
    }
    // The token is nothing for another page that knows it.
    let host = server.host();
    let entry = server.entry.clone();
    let from_elsewhere = [("Host", host.as_str()), ("Origin", "https://evil.test")];
    assert_eq!(server.send("GET", &entry, &from_elsewhere, "").status, 403);
    let rebound = [("Host", "evil.test")];
    assert_eq!(server.send("GET", &entry, &rebound, "").status, 421);
    let entered = server.enter();
    let cookie = entered.header("set-cookie");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(entered.header("location"), "/");
    assert_eq!(server.get("/").status, 200);
    // The same browser may load the address again; another one may not.
    assert_eq!(server.get(&entry).status, 303);
    let other = server.send("GET", &entry, &[("Host", &host)], "");
    assert_eq!((other.status, other.header("set-cookie")), (403, ""));
}

#[apply(test)]
fn the_address_leads_to_a_path_of_the_page_only() {
    let copy = tiny();
    for (path, location) in [
        ("/labs/tiny", "/labs/tiny"),
        ("//evil.test/", "/"),
        ("/labs/../..//evil.test", "/"),
    ] {
        let server = WebServer::without_engine(&copy, "");
        let token = server.entry.split_once("token=").expect("a token").1;
        let answer = server.get(&format!("{path}?token={token}"));
        assert_eq!(answer.header("location"), location, "{path}");
    }
}

#[apply(test)]
fn no_path_leads_to_a_file() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    for path in [
        "/../../etc/passwd",
        "/labs/../../../etc/passwd",
        "/labs/..%2f..%2fetc%2fpasswd",
        "/labs/tiny/../../etc/passwd",
        "/labs/tiny/lab.yaml",
        "/assets/../lib.rs",
        "/assets/..%2flib.rs",
        "/assets/page.js",
        "/assets/%2e%2e/page.js",
        "/labs/tiny/exercises/..%2f..",
        "/labs/TINY",
        "/labs/tiny%00",
        "/.git/config",
        "*",
        "/%",
    ] {
        let answer = server.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        assert!(!answer.body.contains("root:"), "{path}");
    }
    let absolute = format!("http://{}/", server.host());
    assert_eq!(server.get("http://evil.test/").status, 421);
    assert_eq!(server.get(&absolute).status, 421);
    assert_eq!(
        server
            .send(
                "DELETE",
                "/",
                &own(&server, &server.host(), &server.origin()),
                ""
            )
            .status,
        405
    );
}

/// Asserts the headers that keep scripts and other pages out.
#[track_caller]
fn assert_protected(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self';",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{answer:?}");
    }
}

#[apply(test)]
fn every_answer_keeps_scripts_and_frames_out() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    assert_protected(&server.get("/"));
    assert_protected(&server.enter());
    for path in [
        "/",
        "/labs/tiny",
        "/labs/tiny/exercises/greet",
        "/labs/none",
        "/x",
    ] {
        let answer = server.get(path);
        assert_protected(&answer);
        assert_eq!(answer.header("cache-control"), "no-store");
        // Neither scripts, nor styles, nor handlers are part of a page.
        let html = answer.body.to_lowercase();
        for word in [
            "<style",
            " style=",
            " onclick",
            " onload",
            " onerror",
            "javascript:",
        ] {
            assert!(!html.contains(word), "{path}: {word}");
        }
        for script in html.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').expect("a whole tag");
            assert!(tag.contains("src=\"/assets/"), "{tag}");
            assert!(rest.starts_with("</script>"), "{rest}");
        }
    }
    let page = server.get("/").body;
    let assets = page
        .split("\"/assets/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let assets: Vec<&str> = assets.collect();
    assert!(assets.len() >= 3, "{page}");
    for asset in assets {
        let answer = server.get(&format!("/assets/{asset}"));
        assert_eq!(answer.status, 200);
        assert_protected(&answer);
    }
}

#[apply(test)]
fn the_texts_of_a_lab_are_no_scripts() {
    const ATTACK: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    let copy = tiny();
    for (from, to) in [
        ("# Tiny: one key\n", "# Tiny ATTACK\n"),
        (
            "The smallest lab there is.",
            "Smallest ATTACK [x](javascript:alert)\n\nATTACK",
        ),
        ("## A greeting {#greet}", "## A greeting ATTACK {#greet}"),
        ("Store `hello` under", "ATTACK `ATTACK` under"),
        ("the greeting says hello", "ATTACK says hello"),
        ("One command is enough.", "ATTACK"),
        ("a value by its key", "ATTACK `</label>ATTACK`"),
        ("A scan looks at every key.", "ATTACK"),
    ] {
        copy.change("guide.en.md", from, &to.replace("ATTACK", ATTACK));
    }
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let hint = server.post("/labs/tiny/exercises/greet/hint", "");
    let quiz = server.post("/labs/tiny/exercises/when/answer", "choice=scans");
    let strange = server.post("/labs/tiny/exercises/when/answer", "choice=%3Cscript%3Ex");
    let paths = [
        "/",
        "/labs/tiny",
        "/labs/tiny/exercises/greet",
        "/labs/tiny/exercises/when",
    ];
    let pages = paths.map(|path| server.get(path).body);
    let documents = [hint, quiz].map(|answer| answer.json()["parts"].to_string());
    for text in pages.iter().chain(&documents) {
        assert!(text.contains("&lt;script&gt;"), "{text}");
        for word in ["<script>", "<img", "href=\"javascript"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
    // A note is shown as text, not as HTML.
    let note = strange.json()["note"].as_str().map(str::to_owned);
    assert!(
        note.is_some_and(|note| note.contains("<script>x")),
        "{strange:?}"
    );
}

#[apply(test)]
fn a_form_that_is_too_large_is_refused() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    server.enter();
    let form = format!("choice={}", "x".repeat(100_000));
    let answer = server.post("/labs/tiny/exercises/when/answer", &form);
    assert_eq!(answer.status, 413);
    assert_eq!(server.get("/").status, 200);
}

/// The options with which the page is for other machines, with the certificate of the tests.
pub(super) fn for_others() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/certificate");
    let file = |name| folder.join(name).display().to_string();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    format!("--listen 127.0.0.1 --certificate {certificate} --key {key}")
}

#[apply(test)]
fn a_page_for_other_machines_is_encrypted_and_has_the_host_of_its_certificate() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, &for_others());
    let origin = format!("https://lab.example.test:{}", server.port);
    assert_eq!(server.origin(), origin);
    let entered = server.enter();
    let cookie = entered.header("set-cookie");
    let attributes = "; Path=/; HttpOnly; SameSite=Strict; Secure";
    assert!(cookie.ends_with(attributes), "{cookie}");
    let page = server.get("/labs/tiny");
    assert_eq!(page.status, 200, "{page:?}");
    let policy = page.header("content-security-policy");
    let sockets = format!("wss://lab.example.test:{}", server.port);
    assert!(policy.contains(&sockets), "{policy}");
    let hint = server.post("/labs/tiny/exercises/greet/hint", "");
    assert_eq!(hint.status, 200, "{hint:?}");

    // The other hosts of the certificate are not the page's, and neither is that of this machine.
    let host = server.host();
    let headers = own(&server, &host, &origin);
    for other in ["room3.school.test", "localhost", "127.0.0.1"] {
        let other = format!("{other}:{}", server.port);
        let answer = server.send("GET", "/", &with(&headers, "Host", &other), "");
        assert_eq!(answer.status, 421, "{other}");
    }
    let plain = format!("http://lab.example.test:{}", server.port);
    let answer = server.send("POST", TARGETS[3].1, &with(&headers, "Origin", &plain), "");
    assert_eq!(answer.status, 403);

    // Without TLS there is no answer, only the alert that says so.
    let mut stream = server.connect();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a connection");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[apply(test)]
fn who_lets_other_machines_in_is_warned_and_needs_a_certificate() {
    let copy = tiny();
    let refused = |arguments: &str| {
        let output = ProgramOutput::of(&mut copy.roadlab(&format!("web {arguments}")));
        output.expect_code(2).stderr
    };
    let without = refused("--listen 0.0.0.0");
    assert!(without.contains("--certificate <FILE>"), "{without}");
    let other = refused(&format!("{} --host evil.test", for_others()));
    assert!(other.contains("is not for `evil.test`"), "{other}");

    let mut command = copy.roadlab(&format!("web {}", for_others()));
    command.env("DOCKER_HOST", offline::NO_ENGINE);
    // It would be opened here, and the address works once.
    command.env("BROWSER", "true").stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be run");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let address = lines.next().expect("an address").expect("text");
    assert!(
        address.starts_with("https://lab.example.test:"),
        "{address}"
    );
    let _ = child.kill();
    let mut words = String::new();
    let mut stderr = child.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut words).expect("text");
    let _ = child.wait();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.starts_with("warning: other machines can reach"),
        "{words}"
    );
}

#[apply(test)]
fn who_was_let_in_from_another_machine_is_not_let_in_again() {
    let copy = tiny();
    let cookies: Vec<String> = ["", &for_others(), &for_others(), ""]
        .map(|arguments| {
            let mut server = WebServer::without_engine(&copy, arguments);
            server.enter();
            let (_, secret) = server.cookie.split_once('=').expect("a value");
            secret.to_owned()
        })
        .into();
    // That of this machine is kept over the others.
    assert_eq!(cookies[0], cookies[3]);
    assert_ne!(cookies[0], cookies[1]);
    assert_ne!(cookies[1], cookies[2]);
}

/// Sends a request on a connection that stays open, and returns the first line of the answer, which is read as a whole.
fn request(stream: &mut TcpStream, server: &WebServer, path: &str) -> String {
    let (host, cookie) = (server.host(), &server.cookie);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is open");
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map(|line| line.expect("text"));
    let status = lines.next().expect("an answer");
    let mut length = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole answer");
    status
}

#[apply(test)]
fn silent_connections_keep_no_browser_out() {
    let copy = tiny();
    let mut server = WebServer::without_engine(&copy, "");
    let first: Vec<_> = (0..150).map(|_| server.connect()).collect();
    server.enter();
    let mut open = server.connect();
    let answer = request(&mut open, &server, "/labs/tiny");
    assert_eq!(answer, "HTTP/1.1 200 OK");
    let later: Vec<_> = (0..300).map(|_| server.connect()).collect();
    let page = server.get("/labs/tiny");
    assert_eq!(page.status, 200, "{page:?}");
    // The browser's own connection is older than all of them, and stays.
    let answer = request(&mut open, &server, "/labs/tiny");
    assert_eq!(answer, "HTTP/1.1 200 OK");
    drop((first, later));
}
