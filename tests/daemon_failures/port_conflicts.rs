//! Another server at the port of this machine that the engine publishes in another network namespace: it receives nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::support::ProgramOutput;
use crate::support::private_daemon::PrivateDaemon;

/// A server that replies like Redis and records what it receives.
struct OtherServer {
    port: u16,
    received: Arc<Mutex<Vec<String>>>,
}

impl OtherServer {
    /// Listens at a port, or at a free one if it is 0. Fails if another program has the port.
    fn start(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let port = listener.local_addr()?.port();
        let received: Arc<Mutex<Vec<String>>> = Arc::default();
        let requests = Arc::clone(&received);
        // It ends with this process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let requests = Arc::clone(&requests);
                std::thread::spawn(move || {
                    for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                        let answer = match line.as_str() {
                            "HELLO" => "%1\r\n+proto\r\n:3\r\n",
                            "PING" => "+PONG\r\n",
                            "FLUSHALL" | "SET" | "GET" => "+OK\r\n",
                            _ => "",
                        };
                        requests
                            .lock()
                            .expect("no thread panics with this lock")
                            .push(line);
                        // The client may have disconnected.
                        let _ = (&stream).write_all(answer.as_bytes());
                    }
                });
            }
        });
        Ok(Self { port, received })
    }

    #[track_caller]
    fn assert_received_nothing(&self) {
        let received = self
            .received
            .lock()
            .expect("no thread panics with this lock");
        assert_eq!(*received, [""; 0]);
    }
}

/// Runs the program outside of the network namespace of the engine.
#[track_caller]
fn outside(daemon: &PrivateDaemon, words: &str, code: i32) -> String {
    let engine = &daemon.lab.socket;
    let words = format!("--offline --engine {engine} {words}");
    ProgramOutput::of(&mut daemon.lab.copy.roadlab(&words))
        .expect_code(code)
        .stderr
}

/// Publishes the service at this port.
fn publish(daemon: &PrivateDaemon, port: u16) {
    let from = "service: redis }\n";
    let to = format!("{from}    ports: [\"{port}:6379\"]\n");
    daemon.lab.copy.change("compose.yaml", from, &to);
}

#[apply(private_daemon_test)]
fn an_engine_in_another_network_namespace_is_reported_at_once() {
    let daemon = PrivateDaemon::start();
    for words in ["up LAB", "up LAB --retain", "run LAB --auto", "test LAB"] {
        let output = outside(&daemon, words, 3);
        assert!(
            output.contains("in another network namespace or on another machine"),
            "{output}"
        );
        daemon.lab.run("down LAB", 0);
    }
}

#[apply(private_daemon_test)]
fn another_server_at_a_requested_port_receives_nothing() {
    let daemon = PrivateDaemon::start();
    let server = OtherServer::start(0).expect("a free port");
    publish(&daemon, server.port);
    let output = outside(&daemon, "up LAB", 3);
    let message = format!("port {} is used by another program", server.port);
    assert!(output.contains(&message), "{output}");
    server.assert_received_nothing();
    // In the namespace of the engine the same port is free.
    daemon.lab.run("up LAB", 0);
    daemon.lab.run("down LAB", 0);
}

/// Starts an instance of the lab, and another server at the same port outside of the network namespace of the engine. If a program
/// has that port there, another instance is started, which has another port.
fn up_beside_another_server(daemon: &PrivateDaemon) -> (String, OtherServer) {
    let instances = (1..=20).map(|number| format!("n{number}"));
    let mut started = instances.filter_map(|instance| {
        let up = format!("up LAB --instance {instance} --json");
        let up = daemon.lab.run(&up, 0).json();
        let port = up["services"][0]["ports"]["6379"].as_u64();
        let port = port.and_then(|port| u16::try_from(port).ok());
        let server = OtherServer::start(port.expect("a published port"));
        Some((instance, server.ok()?))
    });
    started.next().expect("a port that no other program has")
}

#[apply(private_daemon_test)]
fn another_server_at_the_port_of_a_lab_in_another_namespace_receives_nothing() {
    let daemon = PrivateDaemon::start();
    let (instance, server) = up_beside_another_server(&daemon);
    for words in [
        "up LAB",
        "reset LAB",
        "reset LAB --hard",
        "check LAB",
        "solve LAB greet",
        "restart LAB",
        "run LAB --auto --yes",
    ] {
        let output = outside(&daemon, &format!("{words} --instance {instance}"), 3);
        assert!(
            output.contains("was started in another network namespace"),
            "{words}: {output}"
        );
    }
    let hint = format!("hint LAB greet --instance {instance}");
    let hint = outside(&daemon, &hint, 0);
    assert!(!hint.contains("panicked"), "{hint}");
    server.assert_received_nothing();
    let of_instance = |command: &str| format!("{command} LAB --instance {instance}");
    daemon.lab.run(&of_instance("check"), 1);
    outside(&daemon, &of_instance("down"), 0);
    daemon.lab.run("down --all", 0);
}
