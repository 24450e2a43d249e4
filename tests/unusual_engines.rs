//! Engines that respond in other ways than Docker 20.10: pulls that end early, images for another platform, no classic builder.
//! A server in this process plays the engine; no real one is needed.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::engine_lab::SERVICE;
use crate::support::{LabCopy, ProgramOutput, offline};

const IMAGE: &str = "registry.test/none:1";

/// The response to a request such as `GET /version`, which is the n-th of its kind, from 0.
type Respond = fn(request: &str, n: usize) -> Option<(u16, String)>;

/// A lab on a fake engine.
struct FakeEngine {
    copy: LabCopy,
    socket: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl FakeEngine {
    /// `service` replaces the service of the tiny lab.
    fn start(service: &str, respond: Respond) -> Self {
        let copy = offline::tiny();
        copy.change("compose.yaml", SERVICE, service);
        let socket = copy.path("engine.sock").display().to_string();
        let received = Arc::<Mutex<Vec<String>>>::default();
        let listener = UnixListener::bind(&socket).expect("the copy is writable");
        let requests = received.clone();
        // It ends with this process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let requests = requests.clone();
                thread::spawn(move || serve(&stream, &requests, respond));
            }
        });
        Self {
            copy,
            socket,
            received,
        }
    }

    fn run(&self, words: &str) -> ProgramOutput {
        let engine = format!("--engine {} {words}", self.socket);
        ProgramOutput::of(&mut self.copy.roadlab(&engine))
    }

    fn count(&self, request: &str) -> usize {
        let requests = self
            .received
            .lock()
            .expect("no thread panics with this lock");
        count(&requests, request)
    }

    /// Asserts that the program did not even try to create anything.
    #[track_caller]
    fn assert_nothing_created(&self) {
        for request in [
            "POST /networks/create",
            "POST /volumes/create",
            "POST /containers/create",
        ] {
            assert_eq!(self.count(request), 0, "{request}");
        }
    }
}

fn count(requests: &[String], request: &str) -> usize {
    requests.iter().filter(|other| *other == request).count()
}

/// Respond one request.
fn serve(mut stream: &UnixStream, requests: &Mutex<Vec<String>>, respond: Respond) {
    let mut lines = BufReader::new(stream);
    let mut head = String::new();
    while lines.read_line(&mut head).is_ok_and(|count| count > 2) {}
    if head.contains("hunked") {
        // A body in pieces ends with an empty one.
        let mut piece = String::new();
        while lines.read_line(&mut piece).is_ok_and(|count| count > 0) {
            let size = usize::from_str_radix(piece.trim(), 16).expect("the size of a piece");
            let mut body = vec![0; size + 2];
            lines.read_exact(&mut body).expect("a chunk of that size");
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
        let mut requests = requests.lock().expect("no thread panics with this lock");
        requests.push(request.clone());
        count(&requests, &request) - 1
    };
    let (status, body) = respond(&request, n)
        .or_else(|| default_response(&request))
        .unwrap_or_else(|| (404, json!({ "message": "no such thing" }).to_string()));
    // The client may have disconnected.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Odd\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
}

/// The responses of an engine without containers and images.
fn default_response(request: &str) -> Option<(u16, String)> {
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

/// The list of images with the image of these tests.
fn listed() -> Option<(u16, String)> {
    let id = format!("sha256:{}", "a".repeat(64));
    let image = json!({
        "Id": id, "ParentId": "", "RepoTags": [IMAGE], "RepoDigests": [], "Created": 1, "Size": 7, "SharedSize": -1, "Labels": {},
        "Containers": -1
    });
    Some((200, json!([image]).to_string()))
}

const LIST: &str = "GET /images/json";
const INSPECT_IMAGE: &str = "GET /images/registry.test/none:1/json";
const PULL: &str = "POST /images/create";
const LAYER: &str = "{\"status\":\"Downloading\",\"id\":\"0a1b\"}\n";

#[apply(test)]
fn a_pull_with_an_error_in_podman_format_fails() {
    let engine = FakeEngine::start(&pulled(), |request, _| {
        let error = json!({ "error": "manifest unknown" });
        (request == PULL).then(|| (200, format!("{LAYER}{error}\n")))
    });
    let output = engine.run("up LAB").expect_code(3).stderr;
    let part = "  - cannot pull image `registry.test/none:1`: the pull ended without an error, and without the image\n";
    assert!(output.contains(part), "{output}");
    assert_eq!(engine.count(PULL), 1);
    engine.assert_nothing_created();
}

#[apply(test)]
fn an_interrupted_pull_is_retried() {
    let engine = FakeEngine::start(&pulled(), |request, n| match request {
        PULL if n == 0 => Some((200, format!("{LAYER}{{\"status\":\"Down"))),
        PULL => Some((200, LAYER.to_owned())),
        // Absent before the pull and after the interrupted one.
        INSPECT_IMAGE if n >= 2 => image("amd64"),
        // It has its size in the list only after the pull.
        LIST if n >= 1 => listed(),
        _ => None,
    });
    let pulled = engine.run("images pull LAB --json").expect_code(0).json();
    assert_eq!(
        (&pulled[0]["image"], &pulled[0]["size"]),
        (&json!(IMAGE), &json!(7))
    );
    assert_eq!(engine.count(PULL), 2);
}

#[apply(test)]
fn an_interrupted_pull_succeeds_if_the_image_is_complete() {
    let engine = FakeEngine::start(&pulled(), |request, n| match request {
        PULL => Some((200, format!("{LAYER}{{\"status\":\"Down"))),
        INSPECT_IMAGE if n >= 1 => image("amd64"),
        _ => None,
    });
    engine.run("images pull LAB").expect_code(0);
    assert_eq!(engine.count(PULL), 1);
}

#[apply(test)]
fn an_image_for_another_platform_is_refused_before_anything_is_created() {
    let engine = FakeEngine::start(&pulled(), |request, _| match request {
        INSPECT_IMAGE => image("s390x"),
        _ => None,
    });
    let output = engine.run("up LAB --offline").expect_code(3).stderr;
    let part = "error: no image for service `redis`\n  - image `registry.test/none:1` is for linux/s390x, but this machine is linux/amd64; `docker rmi registry.test/none:1` removes it\n  - the service has no recipe to build an image from\n";
    assert!(output.contains(part), "{output}");
    engine.assert_nothing_created();
}

#[apply(test)]
fn an_engine_without_the_classic_builder_is_reported_with_the_command_to_run() {
    let engine = FakeEngine::start("    build: .\n    ports: [\"6379\"]\n", |request, _| {
        let refusal = json!({ "message": "the classic builder is not available" });
        (request == "POST /build").then(|| (501, refusal.to_string()))
    });
    let recipe = engine.copy.path("labs/tiny");
    std::fs::write(recipe.join("Dockerfile"), "FROM scratch\n").expect("the copy is writable");
    let output = engine.run("up LAB").expect_code(3).stderr;
    for part in [
        "the build requires BuildKit, which roadlab does not support (Docker reported: the classic builder is not available); build it once with `docker build -t roadlab/".to_owned(),
        format!("{}`, and the image counts as present\n", recipe.display()),
    ] {
        assert!(output.contains(&part), "{part:?} in {output}");
    }
    engine.assert_nothing_created();
}
