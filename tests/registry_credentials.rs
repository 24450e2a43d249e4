//! Pulls use the credentials of Docker's own configuration.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::ProgramOutput;
use crate::support::engine_lab::EngineLab;

/// `kim:secret` and `token-user:from-a-helper`, as HTTP sends them.
const KIM: &str = "Basic a2ltOnNlY3JldA==";
const HELPER: &str = "Basic dG9rZW4tdXNlcjpmcm9tLWEtaGVscGVy";

/// A registry that wants a password and has no image. Its thread ends with the test's process.
struct Registry {
    address: String,
    authorizations: Arc<Mutex<BTreeSet<String>>>,
}

impl Registry {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let authorizations = Arc::new(Mutex::new(BTreeSet::new()));
        let seen = Arc::clone(&authorizations);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || answer(stream, &seen));
            }
        });
        Self {
            address,
            authorizations,
        }
    }

    /// The authorizations of all requests so far.
    fn authorizations(&self) -> BTreeSet<String> {
        self.authorizations
            .lock()
            .expect("no thread panics")
            .clone()
    }
}

/// Answers the requests of a connection. One that is not HTTP, as when the engine tries TLS first, is closed.
fn answer(stream: TcpStream, seen: &Mutex<BTreeSet<String>>) {
    let Ok(mut output) = stream.try_clone() else {
        return;
    };
    let mut lines = BufReader::new(stream).lines();
    loop {
        let head: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .collect();
        if !head.first().is_some_and(|line| line.contains("HTTP/1")) {
            return;
        }
        let authorization = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization")
                .then(|| value.to_owned())
        });
        let (status, body) = match &authorization {
            None => ("401 Unauthorized", ""),
            Some(_) if head[0].contains("/manifests/") => (
                "404 Not Found",
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
            ),
            Some(_) => ("200 OK", ""),
        };
        seen.lock().expect("no thread panics").extend(authorization);
        let length = body.len();
        let written = write!(
            output,
            "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"test\"\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        if written.is_err() {
            return;
        }
    }
}

/// Pulls the images of a lab whose image is in a registry, with a configuration of Docker.
#[track_caller]
fn pull(lab: &EngineLab, configuration: &Value) -> ProgramOutput {
    let folder = lab.copy.path("docker");
    std::fs::create_dir_all(&folder).expect("the copy is writable");
    std::fs::write(folder.join("config.json"), configuration.to_string()).expect("a file");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = lab.copy.roadlab("images pull LAB");
    command
        .args(["--engine", &lab.socket])
        .env("DOCKER_CONFIG", &folder)
        .env("PATH", format!("{}:{path}", folder.display()));
    ProgramOutput::of(&mut command).expect_code(3)
}

/// The tiny lab with an image of a registry and no recipe.
fn lab(registry: &Registry) -> EngineLab {
    let lab = EngineLab::tiny();
    let compose = lab.copy.path("compose/redis/compose.yaml");
    let text = std::fs::read_to_string(&compose).expect("the catalogue's file");
    let lines = text
        .lines()
        .filter(|line| !line.trim().starts_with("build:"));
    let text: Vec<String> = lines
        .map(|line| line.replace("redis:8.0", &format!("{}/team/redis:8.0", registry.address)))
        .collect();
    std::fs::write(&compose, text.join("\n")).expect("the copy is writable");
    lab
}

fn helper(folder: &Path, script: &str) {
    std::fs::create_dir_all(folder).expect("the copy is writable");
    let path = folder.join("docker-credential-test");
    std::fs::write(&path, script).expect("the copy is writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("it can be changed");
}

#[apply(engine_test)]
fn a_pull_sends_the_credentials_of_the_configuration() {
    let registry = Registry::start();
    let lab = lab(&registry);
    pull(&lab, &json!({}));
    assert_eq!(registry.authorizations(), BTreeSet::new());
    let other = json!({ "auths": { "example.org": { "auth": "a2ltOnNlY3JldA==" } } });
    pull(&lab, &other);
    assert_eq!(
        registry.authorizations(),
        BTreeSet::new(),
        "of another registry"
    );
    let own = json!({ "auths": { &registry.address: { "auth": "a2ltOnNlY3JldA==" } } });
    pull(&lab, &own);
    assert_eq!(registry.authorizations(), BTreeSet::from([KIM.to_owned()]));
}

#[apply(engine_test)]
fn a_pull_sends_the_credentials_of_a_helper_and_names_one_that_fails() {
    let registry = Registry::start();
    let lab = lab(&registry);
    let folder = lab.copy.path("docker");
    let configuration = json!({ "credHelpers": { &registry.address: "test" } });
    helper(
        &folder,
        "#!/bin/sh\nread -r server\necho 'the key ring is locked'\nexit 1\n",
    );
    let failed = pull(&lab, &configuration);
    assert!(
        failed
            .stderr
            .contains("`docker-credential-test` failed: the key ring is locked"),
        "{failed:?}"
    );
    assert_eq!(registry.authorizations(), BTreeSet::new());
    let script = r#"#!/bin/sh
read -r server
echo "{ \"ServerURL\": \"$server\", \"Username\": \"token-user\", \"Secret\": \"from-a-helper\" }"
"#;
    helper(&folder, script);
    pull(&lab, &configuration);
    assert_eq!(
        registry.authorizations(),
        BTreeSet::from([HELPER.to_owned()])
    );
    let store = json!({ "credsStore": "test" });
    pull(&lab, &store);
    assert_eq!(
        registry.authorizations(),
        BTreeSet::from([HELPER.to_owned()])
    );
}
