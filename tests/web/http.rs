//! The program with its page, and a client of it that does nothing by itself: every header is written by the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{LabCopy, TIME_LIMIT, offline, run_like};

/// `roadlab web` while it runs.
pub(super) struct WebServer {
    child: Child,
    origin: String,
    pub(super) port: u16,
    /// The path of the address that was printed, with its token.
    pub(super) entry: String,
    /// The cookie of the session, once the page was opened.
    pub(super) cookie: String,
}

/// The folder of the labs of this repository.
pub(super) fn all_labs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("labs")
}

/// The program with the labs of this repository and the folders of a copy, where no engine answers.
pub(super) fn with_all_labs(copy: &LabCopy, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadlab"));
    command.arg("--labs").arg(all_labs()).args(arguments);
    run_like(&mut command, &copy.roadlab(""));
    command.env("DOCKER_HOST", offline::NO_ENGINE);
    command
}

/// An answer of the server.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl WebServer {
    /// Starts the server of a copy where no engine answers.
    pub(super) fn without_engine(copy: &LabCopy, arguments: &str) -> Self {
        let mut command = copy.roadlab(&format!("web --json {arguments}"));
        Self::start(command.env("DOCKER_HOST", offline::NO_ENGINE))
    }

    /// Starts the server; the command prints JSON.
    pub(super) fn start(command: &mut Command) -> Self {
        for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"] {
            command.env_remove(variable);
        }
        command.stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the program can be run");
        let stdout = child.stdout.as_mut().expect("its output is piped");
        // The events of a start come before.
        let lines = BufReader::new(stdout).lines();
        let mut documents = lines.map(|line| {
            let line = line.expect("the output is text");
            serde_json::from_str::<Value>(&line).expect("a JSON document")
        });
        let printed = documents.find(|document| document["address"].is_string());
        let printed = printed.expect("the address");
        assert_eq!(printed["opened"], false, "there is no browser");
        let address = printed["address"].as_str().expect("an address");
        let (_, rest) = address.split_once("://").expect("a scheme");
        let (host, path) = rest.split_once('/').expect("a path");
        let (_, port) = host.rsplit_once(':').expect("a port");
        let entry = format!("/{path}");
        Self {
            child,
            origin: address.strip_suffix(&entry).expect("the end").to_owned(),
            port: port.parse().expect("a port"),
            entry,
            cookie: String::new(),
        }
    }

    /// Opens the address that was printed, as the browser does.
    #[track_caller]
    pub(super) fn enter(&mut self) -> Answer {
        let answer = self.get(&self.entry.clone());
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.header("set-cookie").split(';').next();
        self.cookie = cookie.unwrap_or_default().to_owned();
        answer
    }

    pub(super) fn host(&self) -> String {
        let (_, host) = self.origin.split_once("://").expect("a scheme");
        host.to_owned()
    }

    pub(super) fn origin(&self) -> String {
        self.origin.clone()
    }

    /// Reads a page as a browser does.
    pub(super) fn get(&self, path: &str) -> Answer {
        let (host, cookie) = (self.host(), self.cookie.clone());
        self.send("GET", path, &[("Host", &host), ("Cookie", &cookie)], "")
    }

    /// Sends a form as the script of the page does.
    pub(super) fn post(&self, path: &str, form: &str) -> Answer {
        let (host, origin, cookie) = (self.host(), self.origin(), self.cookie.clone());
        let headers = [
            ("Host", host.as_str()),
            ("Origin", &origin),
            ("Cookie", &cookie),
            ("Accept", "application/json"),
        ];
        self.send("POST", path, &headers, form)
    }

    /// Sends a request with exactly these headers, and the length of the body.
    pub(super) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = format!("{method} {target} HTTP/1.1\r\n");
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = body.len();
        request.push_str(&format!(
            "Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ));
        let mut stream = self.connect();
        let answer = match self.origin.starts_with("https:") {
            false => exchange(&mut stream, &request),
            true => exchange(&mut encrypted(&self.host(), stream), &request),
        };
        Answer::parse(&answer)
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        stream
            .set_read_timeout(Some(TIME_LIMIT))
            .expect("a timeout");
        stream
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the program can be signalled");
    }

    /// Ends the server as Ctrl-C does, and returns its exit code.
    pub(super) fn interrupt(&mut self) -> Option<i32> {
        self.signal(Signal::INT);
        self.child.wait().expect("it ends").code()
    }
}

/// Sends a request and reads until the server has closed the connection.
fn exchange(stream: &mut (impl Read + Write), request: &str) -> String {
    let written = stream.write_all(request.as_bytes());
    written.expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Connects to a host with a port, and trusts the certificate of the tests alone.
fn encrypted(host: &str, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let certificate = CertificateDer::from_pem_file("tests/web/certificate/certificate.pem");
    let mut roots = RootCertStore::empty();
    let added = roots.add(certificate.expect("a certificate"));
    added.expect("a certificate that can be trusted");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the versions that are there")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (name, _) = host.rsplit_once(':').expect("a port");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name);
    StreamOwned::new(connection.expect("a connection"), stream)
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(super) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.and_then(|code| code.parse().ok()).unwrap_or(0),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The answer of an action as a document.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
