//! Whether a server answers in its own protocol: the least that a client can say, over the published port.
//!
//! The engine accepts a connection before the server does, so only an answer counts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::bail;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::api::Api;

/// How long one attempt waits.
const LONGEST: Duration = Duration::from_secs(2);

/// One of the conditions under which a service is ready, as the lab gives them.
#[derive(Debug, Clone)]
pub(crate) enum Ready {
    Redis {
        port: u16,
    },
    /// A PostgreSQL server that asks this user for a password, or lets it in.
    Postgres {
        port: u16,
        user: String,
        database: String,
    },
    Mysql {
        port: u16,
    },
    Mongo {
        port: u16,
    },
    Amqp {
        port: u16,
    },
    Http {
        port: u16,
        path: String,
        auth: Option<String>,
    },
    Tcp {
        port: u16,
    },
    /// A program in the container.
    Exec {
        run: Vec<String>,
    },
}

impl Ready {
    /// Reads a step below `x-roadlab.ready`. `url` is the address of the service, and `port` the first port in the container.
    pub(crate) fn read(step: &Value, url: &str, first: Option<u16>) -> anyhow::Result<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let port = |probe: &Value| {
            let port = probe["port"]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok());
            port.or(first).unwrap_or_default()
        };
        let kinds = ["redis", "sql", "mongo", "amqp", "http", "tcp", "exec"];
        let kind = kinds.into_iter().find(|kind| step.get(kind).is_some());
        let probe = kind.map_or(&Value::Null, |kind| &step[kind]);
        let login = probe["auth"].as_object().map(|auth| {
            let pair = format!("{}:{}", text(&auth["user"]), text(&auth["password"]));
            base64::engine::general_purpose::STANDARD.encode(pair)
        });
        Ok(match kind {
            Some("redis") => Self::Redis { port: port(probe) },
            Some("sql") if url.starts_with("mysql") => Self::Mysql { port: port(probe) },
            Some("sql") => {
                let (user, database) = user_and_database(url);
                Self::Postgres {
                    port: port(probe),
                    user,
                    database,
                }
            }
            Some("mongo") => Self::Mongo { port: port(probe) },
            Some("amqp") => Self::Amqp { port: port(probe) },
            Some("http") => Self::Http {
                port: port(probe),
                path: text(&probe["path"]),
                auth: login,
            },
            Some("tcp") => Self::Tcp { port: port(probe) },
            Some("exec") => {
                let words = probe["run"].as_array().into_iter().flatten();
                Self::Exec {
                    run: words.map(text).collect(),
                }
            }
            _ => bail!("no bare call stands for the probe {step}"),
        })
    }

    /// The port in the container.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Redis { port }
            | Self::Postgres { port, .. }
            | Self::Mysql { port }
            | Self::Mongo { port }
            | Self::Amqp { port }
            | Self::Http { port, .. }
            | Self::Tcp { port } => Some(*port),
            Self::Exec { .. } => None,
        }
    }

    /// Whether it holds now. `published` is the port on this machine.
    pub(crate) fn holds(&self, container: &str, published: Option<u16>) -> bool {
        let answer = |request: &[u8], first: &[u8]| {
            let Some(port) = published else { return false };
            let exchange = || -> std::io::Result<Vec<u8>> {
                let address = SocketAddr::from(([127, 0, 0, 1], port));
                let mut stream = TcpStream::connect_timeout(&address, LONGEST)?;
                stream.set_read_timeout(Some(LONGEST))?;
                stream.write_all(request)?;
                let mut answer = vec![0; first.len().max(1)];
                stream.read_exact(&mut answer)?;
                Ok(answer)
            };
            exchange().is_ok_and(|answer| first.is_empty() || answer == first)
        };
        match self {
            Self::Redis { .. } => answer(b"PING\r\n", b"+PONG"),
            Self::Postgres { user, database, .. } => answer(&startup(user, database), b"R"),
            // The server greets first: a packet of protocol 10 with the number 0, whose length is not known.
            Self::Mysql { .. } => published.is_some_and(greets),
            Self::Mongo { .. } => answer(&ping(), b""),
            // Connection.Start is a frame of type 1 on channel 0.
            Self::Amqp { .. } => answer(b"AMQP\0\0\x09\x01", &[1, 0, 0]),
            Self::Http { path, auth, .. } => {
                let auth = auth
                    .iter()
                    .map(|login| format!("Authorization: Basic {login}\r\n"));
                let auth = auth.collect::<String>();
                let request = format!(
                    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{auth}Connection: close\r\n\r\n"
                );
                answer(request.as_bytes(), b"HTTP/1.1 2")
                    || answer(request.as_bytes(), b"HTTP/1.0 2")
            }
            Self::Tcp { .. } => published.is_some_and(stays_open),
            Self::Exec { run } => succeeds(container, run).unwrap_or(false),
        }
    }

    /// The test of a health check of Docker that a careful author would write for the same.
    pub(crate) fn health_check(&self) -> String {
        let words = |words: &[&str]| {
            shlex::try_join(words.iter().copied()).expect("no word has a NUL character")
        };
        let bash = |script: String| words(&["bash", "-c", &script]);
        match self {
            Self::Redis { .. } => "redis-cli PING".to_owned(),
            Self::Postgres { user, database, .. } => {
                words(&["pg_isready", "-h", "127.0.0.1", "-U", user, "-d", database])
            }
            Self::Mysql { .. } => {
                "{ mariadb-admin ping -h 127.0.0.1 || mysqladmin ping -h 127.0.0.1; }".to_owned()
            }
            Self::Mongo { .. } => {
                "mongosh --quiet --eval 'db.adminCommand({ping: 1}).ok'".to_owned()
            }
            Self::Amqp { .. } => "rabbitmq-diagnostics -q ping".to_owned(),
            Self::Http { port, path, auth } => {
                let auth = auth
                    .iter()
                    .map(|login| format!("Authorization: Basic {login}\\r\\n"));
                let auth = auth.collect::<String>();
                bash(format!(
                    "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET {path} HTTP/1.0\\r\\nHost: localhost\\r\\n{auth}\\r\\n' >&3; \
                     read -r line <&3; [[ $line == *' 2'* ]]"
                ))
            }
            Self::Tcp { port } => bash(format!("exec 3<>/dev/tcp/127.0.0.1/{port}")),
            Self::Exec { run } => {
                let run: Vec<&str> = run.iter().map(String::as_str).collect();
                words(&run)
            }
        }
    }
}

/// `lab` and `shop` of `postgres://lab:secret@{{ host }}:{{ port }}/shop`.
fn user_and_database(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let (login, place) = rest.rsplit_once('@').unwrap_or(("postgres", rest));
    let user = login.split(':').next().unwrap_or_default();
    let database = place
        .rsplit_once('/')
        .map_or("postgres", |(_, database)| database);
    let database = database.split('?').next().unwrap_or_default();
    (user.to_owned(), database.to_owned())
}

/// The startup message of PostgreSQL's protocol 3.0.
fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for word in ["user", user, "database", database] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).expect("names are short");
    [length.to_be_bytes().to_vec(), body].concat()
}

/// OP_MSG with the document `{ping: 1, $db: "admin"}`.
fn ping() -> Vec<u8> {
    let mut fields = Vec::new();
    fields.extend_from_slice(b"\x10ping\0\x01\0\0\0");
    fields.extend_from_slice(b"\x02$db\0\x06\0\0\0admin\0");
    let length = |bytes: usize| u32::try_from(bytes).expect("it is short").to_le_bytes();
    let document = [length(fields.len() + 5).to_vec(), fields, vec![0]].concat();
    let body = [vec![0; 4], vec![0], document].concat();
    let mut head = length(body.len() + 16).to_vec();
    head.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    head.extend_from_slice(&2013_u32.to_le_bytes());
    [head, body].concat()
}

fn greets(port: u16) -> bool {
    let read = || -> std::io::Result<[u8; 5]> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LONGEST))?;
        let mut greeting = [0; 5];
        stream.read_exact(&mut greeting)?;
        Ok(greeting)
    };
    read().is_ok_and(|greeting| greeting[3..] == [0, 10])
}

/// Whether the other side keeps a connection: the engine closes one at once if nothing listens in the container.
fn stays_open(port: u16) -> bool {
    let read = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        match stream.read(&mut [0; 1]) {
            Ok(length) => Ok(length > 0),
            Err(error) => Ok(error.kind() == std::io::ErrorKind::WouldBlock),
        }
    };
    read().unwrap_or(false)
}

fn succeeds(container: &str, run: &[String]) -> anyhow::Result<bool> {
    let body = json!({ "Cmd": run, "AttachStdout": true, "AttachStderr": true });
    let made = Api::new().post(&format!("/containers/{container}/exec"), &body)?;
    let id = made["Id"].as_str().unwrap_or_default();
    Api::new().call(
        "POST",
        &format!("/exec/{id}/start"),
        &json!({ "Detach": false, "Tty": false }),
    )?;
    Ok(Api::new().get(&format!("/exec/{id}/json"))?["ExitCode"] == 0)
}
