//! The lower bound: what the engine needs for one Redis by plain API calls, with the same settings as roadlab.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::api::Api;
use crate::first_data::FirstData;

/// The time between two connection attempts.
const PAUSE: Duration = Duration::from_millis(1);
/// The limit on waiting for Redis.
const LONGEST: Duration = Duration::from_secs(30);

/// What to create, copied from a container that roadlab created.
pub(crate) struct Floor {
    api: Api,
    name: String,
    network: Value,
    volume: Value,
    container: Value,
    port: u16,
    /// The port of the recorder of commands.
    recorder: u16,
    data: FirstData,
    /// A name or id of the image.
    pub(crate) image: String,
    /// The command that follows the image's entry point.
    pub(crate) command: Vec<String>,
}

impl Floor {
    /// Reads a container that runs, its network and its volume; with other names and without labels.
    pub(crate) fn like(container: &str, port: u16, recorder: u16) -> anyhow::Result<Self> {
        let api = Api::new();
        let name = format!("bench-floor-{}", std::process::id());
        let made = api.get(&format!("/containers/{container}/json"))?;
        let mut config = made["Config"].clone();
        let mut host = made["HostConfig"].clone();
        let network = host["NetworkMode"].as_str().unwrap_or_default().to_owned();
        let network = api.get(&format!("/networks/{network}"))?;
        config["Labels"] = json!({});
        host["NetworkMode"] = json!(name);
        let mounts = host["Mounts"].as_array_mut().into_iter().flatten();
        // The lab's own files are mounted as they are.
        for mount in mounts.filter(|mount| mount["Type"] == "volume") {
            mount["Source"] = json!(name);
            mount["VolumeOptions"] = Value::Null;
        }
        let image = config["Image"].as_str().unwrap_or_default().to_owned();
        let tags = api.get(&format!("/images/{image}/json"))?["RepoTags"].clone();
        let command = config["Cmd"].as_array().into_iter().flatten();
        let command = command.filter_map(|word| Some(word.as_str()?.to_owned()));
        let command = command.collect();
        let mut body = config;
        body["HostConfig"] = host;
        body["NetworkingConfig"] =
            json!({ "EndpointsConfig": { &name: { "Aliases": ["redis"] } } });
        Ok(Self {
            api,
            network: json!({ "Name": name, "Driver": "bridge", "IPAM": network["IPAM"], "CheckDuplicate": true }),
            volume: json!({ "Name": name }),
            container: body,
            port,
            recorder,
            data: FirstData::of_redis()?,
            image: tags[0].as_str().unwrap_or(&image).to_owned(),
            command,
            name,
        })
    }

    /// Creates and starts the container, and waits for the first PONG; then does what the lab does at its start. Returns the
    /// time until each.
    pub(crate) fn up(&self) -> anyhow::Result<[Duration; 2]> {
        let begun = Instant::now();
        self.api.post("/networks/create", &self.network)?;
        self.api.post("/volumes/create", &self.volume)?;
        let path = format!("/containers/create?name={}", self.name);
        self.api.post(&path, &self.container)?;
        let path = format!("/containers/{}/start", self.name);
        self.api.post(&path, &Value::Null)?;
        while !answers(self.port) {
            if begun.elapsed() > LONGEST {
                bail!("the floor's Redis does not answer");
            }
            std::thread::sleep(PAUSE);
        }
        let answered = begun.elapsed();
        self.data.write(self.port, self.recorder)?;
        Ok([answered, begun.elapsed()])
    }

    /// The lab's own files, as a Compose file mounts them.
    pub(crate) fn mounted_files(&self) -> Vec<String> {
        let mounts = self.container["HostConfig"]["Mounts"].as_array();
        let files = mounts.into_iter().flatten();
        let files = files.filter(|mount| mount["Type"] == "bind");
        let text = |mount: &Value, key: &str| mount[key].as_str().unwrap_or_default().to_owned();
        let short = |mount| format!("{}:{}:ro", text(mount, "Source"), text(mount, "Target"));
        files.map(short).collect()
    }

    /// Removes the container by force, then its network and volume.
    pub(crate) fn down(&self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        for path in self.paths() {
            self.api.delete(&path)?;
        }
        Ok(begun.elapsed())
    }

    /// Runs `redis-cli PING` in a container repeatedly by plain API calls.
    pub(crate) fn execs(&self, container: &str, count: usize) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        for _ in 0..count {
            let path = format!("/containers/{container}/exec");
            let body =
                json!({ "Cmd": ["redis-cli", "PING"], "AttachStdout": true, "AttachStderr": true });
            let made = self.api.post(&path, &body)?;
            let id = made["Id"].as_str().context("an exec has an id")?;
            let path = format!("/exec/{id}/start");
            self.api
                .call("POST", &path, &json!({ "Detach": false, "Tty": false }))?;
        }
        Ok(begun.elapsed())
    }

    fn paths(&self) -> [String; 3] {
        let name = &self.name;
        [
            format!("/containers/{name}?force=1&v=1"),
            format!("/networks/{name}"),
            format!("/volumes/{name}?force=1"),
        ]
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        for path in self.paths() {
            // Usually gone already.
            let _ = self.api.delete(&path);
        }
    }
}

/// Whether Redis replies PONG. The engine accepts the connection before Redis does, so only the reply counts.
fn answers(port: u16) -> bool {
    let ping = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LONGEST))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer == *b"+PONG")
    };
    ping().unwrap_or(false)
}
