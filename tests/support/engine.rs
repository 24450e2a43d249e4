//! A lab on the real engine. Its id is its own, so whatever carries it is the test's; when the test ends nothing may be left.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Copy, Ended};

/// A copy of a lab on the engine. Dropping it fails the test if anything of the lab is left, and removes it.
pub(crate) struct EngineLab {
    pub(crate) copy: Copy,
    pub(crate) socket: String,
    /// What runs the program in other namespaces, if the engine is not this machine's usual one.
    pub(crate) within: Vec<String>,
}

impl EngineLab {
    /// A copy of a lab of this repository. The first one sees to it that there is an image.
    pub(crate) fn copy_of(lab: &str) -> Self {
        let copy = Copy::of(lab, |own| {
            format!("{}-{own}", lab.rsplit('/').next().unwrap_or(lab))
        });
        let status = Ended::of(&mut copy.roadlab("engine status --json")).with(0);
        let socket = status.json()["socket"].as_str().map(str::to_owned);
        static IMAGE: OnceLock<()> = OnceLock::new();
        IMAGE.get_or_init(|| {
            let list = Ended::of(&mut copy.roadlab("images list LAB --json")).with(0);
            if list.json()[0]["id"].is_null() {
                Ended::of(&mut copy.roadlab("images pull LAB --yes")).with(0);
            }
        });
        let real = Self {
            copy,
            socket: socket.expect("an engine has a socket"),
            within: Vec::new(),
        };
        assert_eq!(real.left(), [""; 0], "nobody else has this id");
        real
    }

    /// The program with these words; it asks no registry.
    pub(crate) fn command(&self, words: &str) -> Command {
        let command = self.copy.roadlab(&format!("--offline {words}"));
        match self.within.split_first() {
            None => command,
            Some((first, rest)) => {
                let engine = ["--engine", self.socket.as_str()];
                let mut other = Command::new(first);
                other.args(rest).arg(command.get_program()).args(engine);
                like(other.args(command.get_args()), &command);
                other
            }
        }
    }

    /// Runs the program to its end and asserts its exit code.
    #[track_caller]
    pub(crate) fn run(&self, words: &str, code: i32) -> Ended {
        Ended::of(&mut self.command(words)).with(code)
    }

    /// The containers, networks and volumes that carry the lab's label, by name.
    pub(crate) fn left(&self) -> Vec<String> {
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

    /// The processes that work with this copy's state, by id and command line.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        let state = format!("XDG_STATE_HOME={}", self.copy.path("state").display());
        let process = |entry: std::fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let read = |file| std::fs::read(entry.path().join(file)).ok();
            let mine = |text: &[u8]| {
                text.split(|byte| *byte == 0)
                    .any(|part| part == state.as_bytes())
            };
            read("environ").filter(|text| mine(text))?;
            let command = String::from_utf8_lossy(&read("cmdline")?).replace('\0', " ");
            Some((pid, command))
        };
        let all = std::fs::read_dir("/proc").expect("processes can be seen");
        all.flatten().filter_map(process).collect()
    }

    /// Waits until something holds; false if it does not within the time that a clean-up may take.
    pub(crate) fn soon(&self, holds: impl Fn() -> bool) -> bool {
        soon(holds)
    }

    /// The containers that carry the lab's label, as the engine tells of them.
    pub(crate) fn containers(&self) -> Value {
        self.list("/containers/json?all=1&")
    }

    fn list(&self, path: &str) -> Value {
        let label = format!("dev.roadlab.lab%3D{}", self.copy.id);
        let filter = format!("filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
        self.ask("GET", &format!("{path}{filter}"), &Value::Null)
    }

    /// Asks the engine itself, as `docker` would; the answer is `null` if it has no body, and the first of several documents.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_ask(method, path, body);
        answer.unwrap_or_else(|answer| panic!("{method} {path}: {answer}"))
    }

    /// The same of an engine that may refuse it: then the answer as it came.
    pub(crate) fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut stream = UnixStream::connect(&self.socket).expect("the engine listens");
        // HTTP 1.0: one answer, not in pieces, and then the end.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
        .expect("the engine takes a request");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the engine answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        if status.is_none_or(|status: u16| status >= 300) {
            return Err(answer);
        }
        match body.trim() {
            "" => Ok(Value::Null),
            body => {
                let mut documents = serde_json::Deserializer::from_str(body).into_iter();
                let first = documents.next().expect("a document");
                Ok(first.expect("the engine speaks JSON"))
            }
        }
    }
}

/// Waits until something holds; false if it does not within the time that a clean-up may take.
pub(crate) fn soon(holds: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Gives a command the folder, the environment and the streams of another.
pub(crate) fn like(command: &mut Command, other: &Command) {
    command.current_dir(other.get_current_dir().expect("it runs in a folder"));
    for (name, value) in other.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

impl Drop for EngineLab {
    fn drop(&mut self) {
        // A test that failed may have left an engine that cannot be asked.
        let left = match std::thread::panicking() {
            true => Vec::new(),
            false => self.left(),
        };
        let gone = Ended::of(&mut self.command("down --all"));
        let ended = self.soon(|| self.processes().is_empty());
        if !std::thread::panicking() {
            assert!(ended, "still there: {:?}", self.processes());
            assert_eq!(
                json!(left),
                json!([]),
                "left behind, then removed: {gone:?}"
            );
        }
    }
}
