//! The API of the engine: one HTTP request over the Unix socket, one response.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// No call of a benchmark takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the engine listens: `$DOCKER_HOST` if it is a Unix socket, else where Docker does.
pub(crate) fn socket() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let path = host.strip_prefix("unix://");
    path.unwrap_or("/var/run/docker.sock").into()
}

/// The engine's socket.
pub(crate) struct Api {
    socket: PathBuf,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self { socket: socket() }
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json("GET", path, &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json("POST", path, body)
    }

    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.json("DELETE", path, &Value::Null)
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call(method, path, body)?;
        match answer.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_slice(&answer)
                .with_context(|| format!("{method} {path}: no JSON in the answer")),
        }
    }

    /// The body of the answer; an answer that is not a success is an error. HTTP/1.0, so that it ends with the connection.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Vec<u8>> {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let exchange = || -> std::io::Result<Vec<u8>> {
            let mut stream = UnixStream::connect(&self.socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(answer)
        };
        let answer =
            exchange().with_context(|| format!("{method} {path} at {}", self.socket.display()))?;
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .with_context(|| format!("{method} {path}: the answer has no end of headers"))?;
        let content = answer[end + 4..].to_vec();
        let head = String::from_utf8_lossy(&answer[..end]);
        match head.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok(content),
            _ => bail!(
                "{method} {path}: {} {}",
                head.lines().next().unwrap_or_default(),
                String::from_utf8_lossy(&content).trim()
            ),
        }
    }
}
