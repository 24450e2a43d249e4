//! What a lab does before learners see it, as a script would: its `start` over the protocols of its services.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use roadlab::lab::{StepKind, load};
use roadlab::store::OsFs;

/// The time between two attempts, and the limit on all of them.
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The steps of the `start` of the lab `redis`.
pub(crate) struct FirstData(Vec<Step>);

enum Step {
    Redis {
        db: i64,
        command: Vec<String>,
    },
    /// A request to the service at port 8080.
    Http {
        method: String,
        path: String,
    },
}

impl FirstData {
    /// Reads the lab of this repository.
    pub(crate) fn of_redis() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/redis");
        let loaded = load(&folder, &OsFs);
        let Ok(loaded) = loaded else {
            bail!(
                "the lab redis has problems: roadlab validate {}",
                folder.display()
            );
        };
        let steps = loaded.lab.start.into_iter().map(|step| match step.act {
            StepKind::Redis(probe) => Ok(Step::Redis {
                db: probe.db,
                command: probe.command,
            }),
            StepKind::Http(probe) => Ok(Step::Http {
                method: probe.method,
                path: probe.path,
            }),
            other => bail!("the floor cannot do this step of the lab redis: {other:?}"),
        });
        Ok(Self(steps.collect::<anyhow::Result<_>>()?))
    }

    /// Does the steps in order, over one connection to Redis.
    pub(crate) fn write(&self, redis: u16, http: u16) -> anyhow::Result<()> {
        let client = redis::Client::open(("127.0.0.1", redis))?;
        let mut connection = client.get_connection()?;
        let mut at = 0;
        for step in &self.0 {
            match step {
                Step::Redis { db, command } => {
                    if at != *db {
                        redis::cmd("SELECT").arg(*db).exec(&mut connection)?;
                        at = *db;
                    }
                    let (name, arguments) =
                        command.split_first().context("a command has a name")?;
                    let mut command = redis::cmd(name);
                    command.arg(arguments);
                    command.exec(&mut connection)?;
                }
                Step::Http { method, path } => request(http, method, path)?,
            }
        }
        Ok(())
    }
}

/// Sends a request until it succeeds: the engine accepts connections before the service does.
fn request(port: u16, method: &str, path: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let attempt = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LONGEST))?;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    };
    while !attempt().unwrap_or(false) {
        if begun.elapsed() > LONGEST {
            bail!("{method} {path} has no answer");
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
