//! A lab on the engine of this machine. Its id is unique, so whatever has its label belongs to the test, and nothing of it may
//! be left when the test ends.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{LabCopy, ProgramOutput, eventually, offline, run_like};

/// A line of the tiny lab's `compose.yaml`; more lines of the service may follow it.
pub(crate) const SERVICE: &str =
    "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

/// A copy of a lab on the engine. Dropping it removes the lab, and fails the test if anything of the lab was left.
pub(crate) struct EngineLab {
    pub(crate) copy: LabCopy,
    pub(crate) socket: String,
    /// What runs the program in other namespaces, if the engine is not the usual one of this machine.
    pub(crate) namespace: Vec<String>,
}

impl EngineLab {
    /// A copy of a lab of this repository that uses the image of the tiny lab.
    pub(crate) fn copy_of(lab: &str) -> Self {
        let copy = LabCopy::of(lab, |unique| {
            format!("{}-{unique}", lab.rsplit('/').next().unwrap_or(lab))
        });
        let status = ProgramOutput::of(&mut copy.roadlab("engine status --json")).expect_code(0);
        let socket = status.json()["socket"].as_str().map(str::to_owned);
        image();
        let lab = Self {
            copy,
            socket: socket.expect("an engine has a socket"),
            namespace: Vec::new(),
        };
        assert_eq!(lab.resources(), [""; 0], "the id is unique");
        lab
    }

    pub(crate) fn tiny() -> Self {
        Self::copy_of("tests/labs/tiny")
    }

    /// The tiny lab with more lines in its service.
    #[track_caller]
    pub(crate) fn tiny_with(lines: &str) -> Self {
        let lab = Self::tiny();
        let to = format!("{SERVICE}{lines}");
        lab.copy.change("compose.yaml", SERVICE, &to);
        lab
    }

    /// A lab whose service starts and is never ready.
    pub(crate) fn never_ready() -> Self {
        Self::tiny_with("    command: [sleep, infinity]\n")
    }

    /// The program with these arguments. It contacts no registry.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let command = self.copy.roadlab(&format!("--offline {arguments}"));
        match self.namespace.split_first() {
            None => command,
            Some((first, rest)) => {
                let engine = ["--engine", self.socket.as_str()];
                let mut other = Command::new(first);
                other.args(rest).arg(command.get_program()).args(engine);
                run_like(other.args(command.get_args()), &command);
                other
            }
        }
    }

    /// Runs the program to its end and asserts its exit code.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &str, code: i32) -> ProgramOutput {
        ProgramOutput::of(&mut self.command(arguments)).expect_code(code)
    }

    /// Changes what is recorded of how the exercises of the run began.
    pub(crate) fn change_baselines(&self, change: impl FnOnce(&mut Value)) {
        let files = std::fs::read_dir(self.copy.path("state/roadlab/runs")).expect("the runs");
        let mut files = files.map(|file| file.expect("a file").path());
        let file = files.find(|file| file.to_string_lossy().ends_with(".baselines.json"));
        let file = file.expect("the baselines");
        let text = std::fs::read_to_string(&file).expect("the baselines");
        let mut baselines = serde_json::from_str(&text).expect("JSON");
        change(&mut baselines);
        std::fs::write(&file, baselines.to_string()).expect("the baselines");
    }

    /// The containers, networks and volumes that have the label of the lab, by name.
    pub(crate) fn resources(&self) -> Vec<String> {
        let all = [
            (self.containers(), "/Names/0", "container"),
            (self.list("/networks?"), "/Name", "network"),
            (self.list("/volumes?")["Volumes"].take(), "/Name", "volume"),
        ];
        let names = all.iter().flat_map(|(list, name, kind)| {
            let items = list.as_array().into_iter().flatten();
            items.filter_map(move |item| {
                let name = item.pointer(name)?.as_str()?;
                Some(format!("{kind} {}", name.trim_start_matches('/')))
            })
        });
        names.collect()
    }

    /// The processes that use the state folder of this copy, by id and command line.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        let state = format!("XDG_STATE_HOME={}", self.copy.path("state").display());
        let process = |entry: std::fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let read = |file| std::fs::read(entry.path().join(file)).ok();
            let environment = read("environ")?;
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find(|variable| *variable == state.as_bytes())?;
            let command = String::from_utf8_lossy(&read("cmdline")?).replace('\0', " ");
            Some((pid, command))
        };
        let all = std::fs::read_dir("/proc").expect("/proc is readable");
        all.flatten().filter_map(process).collect()
    }

    /// Waits until no process of the program is left.
    #[track_caller]
    pub(crate) fn wait_for_processes(&self) {
        let ended = eventually(|| self.processes().is_empty());
        assert!(ended, "still running: {:?}", self.processes());
    }

    /// Waits until nothing is left of the lab, and asserts that there is nothing to clean up.
    #[track_caller]
    pub(crate) fn wait_until_removed(&self) {
        let removed = eventually(|| self.resources().is_empty() && self.processes().is_empty());
        let (resources, processes) = (self.resources(), self.processes());
        assert!(removed, "{resources:?} {processes:?} {}", self.reaper_log());
        let gc = self.run("gc", 0);
        // The runs of other tests follow, as runs of other state folders.
        assert!(gc.stdout.starts_with("no leftovers\n"), "{}", gc.stdout);
        assert_eq!(gc.stderr, "");
    }

    pub(crate) fn reaper_log(&self) -> String {
        let log = self.copy.path("state/roadlab/reaper.log");
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// The containers that have the label of the lab, as the engine lists them.
    pub(crate) fn containers(&self) -> Value {
        self.list("/containers/json?all=1&")
    }

    /// The id of the first container of the lab.
    #[track_caller]
    pub(crate) fn container(&self) -> String {
        let id = self.containers()[0]["Id"].as_str().map(str::to_owned);
        id.expect("the lab is up")
    }

    fn list(&self, path: &str) -> Value {
        let label = format!("dev.roadlab.lab%3D{}", self.copy.id);
        let filter = format!("filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
        self.request("GET", &format!("{path}{filter}"), &Value::Null)
    }

    /// Sends a request to the engine, as `docker` does. Returns the first document of the response, or `null` if it is empty.
    #[track_caller]
    pub(crate) fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        request(Path::new(&self.socket), method, path, body)
    }

    /// Like [`request`](Self::request); returns the whole response if the engine refuses.
    pub(crate) fn try_request(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        try_request(Path::new(&self.socket), method, path, body)
    }
}

impl Drop for EngineLab {
    fn drop(&mut self) {
        // A test that failed may have left an engine that does not respond.
        let left = match std::thread::panicking() {
            true => Vec::new(),
            false => self.resources(),
        };
        let down = ProgramOutput::of(&mut self.command("down --all"));
        if !std::thread::panicking() {
            self.wait_for_processes();
            assert_eq!(json!(left), json!([]), "left, then removed: {down:?}");
        }
    }
}

/// The image of the tiny lab, by name. The first call pulls or builds it if it is not on the engine.
pub(crate) fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let name = images(&offline::tiny())[0]["image"]
            .as_str()
            .map(str::to_owned);
        name.expect("the service has an image")
    })
}

/// The images of a lab, after those that are not on the engine were pulled or built.
pub(crate) fn images(copy: &LabCopy) -> Value {
    let list = || {
        ProgramOutput::of(&mut copy.roadlab("images list LAB --json"))
            .expect_code(0)
            .json()
    };
    let images = list();
    let mut ids = images
        .as_array()
        .expect("a list of images")
        .iter()
        .map(|image| &image["id"]);
    if ids.any(Value::is_null) {
        ProgramOutput::of(&mut copy.roadlab("images pull LAB --yes")).expect_code(0);
        return list();
    }
    images
}

/// Sends a request to the engine at a socket and returns the first document of the response.
#[track_caller]
pub(crate) fn request(socket: &Path, method: &str, path: &str, body: &Value) -> Value {
    let response = try_request(socket, method, path, body);
    response.unwrap_or_else(|response| panic!("{method} {path}: {response}"))
}

fn try_request(socket: &Path, method: &str, path: &str, body: &Value) -> Result<Value, String> {
    let text = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let mut stream = UnixStream::connect(socket).expect("the engine listens");
    // HTTP 1.0: the response is not chunked, and then the stream ends.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
    .expect("the engine takes a request");
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .expect("the engine responds");
    let (head, body) = response.split_once("\r\n\r\n").expect("an HTTP response");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    if status.is_none_or(|status: u16| status >= 300) {
        return Err(response);
    }
    match body.trim() {
        "" => Ok(Value::Null),
        body => {
            let mut documents = serde_json::Deserializer::from_str(body).into_iter();
            let first = documents.next().expect("a document");
            Ok(first.expect("the engine sends JSON"))
        }
    }
}
