//! Engines that answer otherwise than Docker 20.10 does: pulls that end without a word or in the middle of one, images of
//! another platform, a builder that refuses. A socket of our own answers as such an engine; no real one is needed.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Copy, Ended};

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";
const IMAGE: &str = "registry.test/none:1";

/// What an engine answers to a request such as `GET /version`, which is the n-th of its kind, from 0.
type Answers = fn(request: &str, n: usize) -> Option<(u16, String)>;

/// A lab on an engine that is none.
struct Odd {
    copy: Copy,
    socket: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Odd {
    /// `service` stands in place of the tiny lab's.
    fn engine(service: &str, answers: Answers) -> Self {
        let copy = Copy::of("tests/labs/tiny", |_| "tiny".to_owned());
        copy.change("compose.yaml", EXTENDS, service);
        let socket = copy.path("engine.sock").display().to_string();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let listener = UnixListener::bind(&socket).expect("a path of ours");
        let heard = asked.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heard = heard.clone();
                thread::spawn(move || serve(&stream, &heard, answers));
            }
        });
        Self {
            copy,
            socket,
            asked,
        }
    }

    fn run(&self, words: &str) -> Ended {
        let engine = format!("--engine {} {words}", self.socket);
        Ended::of(&mut self.copy.roadlab(&engine))
    }

    fn asked(&self, request: &str) -> usize {
        let asked = self.asked.lock().expect("no thread has failed");
        count(&asked, request)
    }

    /// Nothing was made, not even tried.
    #[track_caller]
    fn made_nothing(&self) {
        for request in [
            "POST /networks/create",
            "POST /volumes/create",
            "POST /containers/create",
        ] {
            assert_eq!(self.asked(request), 0, "{request}");
        }
    }
}

fn count(asked: &[String], request: &str) -> usize {
    asked.iter().filter(|other| *other == request).count()
}

/// Answers one request.
fn serve(mut stream: &UnixStream, heard: &Mutex<Vec<String>>, answers: Answers) {
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|count| count > 2) {}
    if head.contains("hunked") {
        // A body in pieces ends with an empty one.
        let mut piece = String::new();
        while lines.read_line(&mut piece).is_ok_and(|count| count > 0) {
            let size = usize::from_str_radix(piece.trim(), 16).expect("the size of a piece");
            let mut body = vec![0; size + 2];
            lines.read_exact(&mut body).expect("as long as it says");
            piece.clear();
            if size == 0 {
                break;
            }
        }
    }
    let mut words = head.split(['?', ' ']);
    let request = [words.next(), words.next()].map(Option::unwrap_or_default);
    let request = request.join(" ");
    let n = {
        let mut heard = heard.lock().expect("no thread has failed");
        heard.push(request.clone());
        count(&heard, &request) - 1
    };
    let (status, body) = answers(&request, n)
        .or_else(|| usual(&request))
        .unwrap_or_else(|| (404, json!({ "message": "no such thing" }).to_string()));
    // The client may be gone.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Odd\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// An engine on which nothing is.
fn usual(request: &str) -> Option<(u16, String)> {
    let body = match request {
        "GET /_ping" => return Some((200, "OK".into())),
        "GET /version" => {
            json!({ "Version": "0", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64" })
        }
        "GET /info" => json!({ "MemTotal": 8_u64 << 30, "NCPU": 2, "DockerRootDir": "/" }),
        "GET /containers/json" | "GET /networks" | "GET /images/json" => json!([]),
        "GET /volumes" => json!({ "Volumes": [], "Warnings": null }),
        _ => return None,
    };
    Some((200, body.to_string()))
}

fn pulled() -> String {
    format!("    image: {IMAGE}\n    ports: [\"6379\"]\n")
}

fn image(architecture: &str) -> Option<(u16, String)> {
    let id = format!("sha256:{}", "a".repeat(64));
    let image: Value = json!({ "Id": id, "Os": "linux", "Architecture": architecture, "Size": 1 });
    Some((200, image.to_string()))
}

const LOOK: &str = "GET /images/registry.test/none:1/json";
const PULL: &str = "POST /images/create";
const LAYER: &str = "{\"status\":\"Downloading\",\"id\":\"0a1b\"}\n";

#[test]
fn a_pull_that_ends_with_an_error_only_podman_writes_is_no_success() {
    let odd = Odd::engine(&pulled(), |request, _| {
        let error = json!({ "error": "manifest unknown" });
        (request == PULL).then(|| (200, format!("{LAYER}{error}\n")))
    });
    let said = odd.run("up LAB").with(3).stderr;
    let part = "  - pulling registry.test/none:1: cannot pull `registry.test/none:1`: the pull ended without an error, and without the image\n";
    assert!(said.contains(part), "{said}");
    assert_eq!(odd.asked(PULL), 1);
    odd.made_nothing();
}

#[test]
fn a_pull_that_is_cut_in_the_middle_of_a_line_is_done_again() {
    let odd = Odd::engine(&pulled(), |request, n| match request {
        PULL if n == 0 => Some((200, format!("{LAYER}{{\"status\":\"Down"))),
        PULL => Some((200, LAYER.to_owned())),
        // Not before, not after the cut; then it has arrived.
        LOOK if n >= 2 => image("amd64"),
        _ => None,
    });
    let told = odd.run("images pull LAB --json").with(0);
    assert!(told.json().to_string().contains(IMAGE), "{told:?}");
    assert_eq!(odd.asked(PULL), 2);
}

#[test]
fn a_pull_that_is_cut_when_the_image_is_there_is_done() {
    let odd = Odd::engine(&pulled(), |request, n| match request {
        PULL => Some((200, format!("{LAYER}{{\"status\":\"Down"))),
        LOOK if n >= 1 => image("amd64"),
        _ => None,
    });
    odd.run("images pull LAB").with(0);
    assert_eq!(odd.asked(PULL), 1);
}

#[test]
fn an_image_of_another_platform_is_told_before_anything_is_made() {
    let odd = Odd::engine(&pulled(), |request, _| match request {
        LOOK => image("s390x"),
        _ => None,
    });
    let said = odd.run("up LAB --offline").with(3).stderr;
    let part = "error: no image for service `redis`\n  - image `registry.test/none:1` is for linux/s390x, but this machine is linux/amd64; `docker rmi registry.test/none:1` removes it\n  - the service has no recipe to build an image from\n";
    assert!(said.contains(part), "{said}");
    odd.made_nothing();
}

#[test]
fn an_engine_that_builds_only_with_buildkit_is_told_with_the_command_that_helps() {
    let odd = Odd::engine("    build: .\n    ports: [\"6379\"]\n", |request, _| {
        let refusal = json!({ "message": "the classic builder is not available" });
        (request == "POST /build").then(|| (501, refusal.to_string()))
    });
    let recipe = odd.copy.path("labs/tiny");
    std::fs::write(recipe.join("Dockerfile"), "FROM scratch\n").expect("a folder of ours");
    let said = odd.run("up LAB").with(3).stderr;
    for part in [
        "this needs BuildKit, which roadlab does not speak; build it once with `docker build -t roadlab/".to_owned(),
        format!("{}`, and it counts as present (the engine said: the classic builder is not available)\n", recipe.display()),
    ] {
        assert!(said.contains(&part), "{part:?} in {said}");
    }
    odd.made_nothing();
}
