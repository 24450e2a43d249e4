//! A stranger's server at the port of this machine that the engine publishes in a network of its own: it is never written to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::private::PrivateDaemon;
use crate::support::Ended;

/// A server that takes everything for said and done, as Redis would, and remembers it.
struct Stranger {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Stranger {
    /// At a port, or at a free one.
    fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port that is free here");
        let port = listener.local_addr().expect("an address").port();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let said = Arc::clone(&heard);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let said = Arc::clone(&said);
                std::thread::spawn(move || {
                    for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                        let answer = match line.as_str() {
                            "HELLO" => "%1\r\n+proto\r\n:3\r\n",
                            "PING" => "+PONG\r\n",
                            "FLUSHALL" | "SET" | "GET" => "+OK\r\n",
                            _ => "",
                        };
                        said.lock().expect("nobody panics here").push(line);
                        // Whoever asked may have hung up.
                        let _ = (&stream).write_all(answer.as_bytes());
                    }
                });
            }
        });
        Self { port, heard }
    }

    #[track_caller]
    fn heard_nothing(&self) {
        let heard = self.heard.lock().expect("nobody panics here");
        assert_eq!(*heard, [""; 0]);
    }
}

/// Runs the program outside of the engine's network.
#[track_caller]
fn outside(private: &PrivateDaemon, words: &str, code: i32) -> String {
    let engine = &private.real.socket;
    let words = format!("--offline --engine {engine} {words}");
    Ended::of(&mut private.real.copy.roadlab(&words))
        .with(code)
        .stderr
}

/// The lab's service asks for this port.
fn asks_for(private: &PrivateDaemon, port: u16) {
    let from = "service: redis }\n";
    let to = format!("{from}    ports: [\"{port}:6379\"]\n");
    private.real.copy.change("compose.yaml", from, &to);
}

#[test]
fn an_engine_whose_ports_do_not_arrive_here_is_told_at_once() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    for words in ["up LAB", "up LAB --retain", "run LAB --auto", "test LAB"] {
        let said = outside(&private, words, 3);
        assert!(said.contains("of this engine does not arrive here: it publishes ports in another network namespace"), "{said}");
        private.real.run("down LAB", 0);
    }
}

#[test]
fn a_stranger_at_the_port_that_a_lab_asks_for_is_not_written_to() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let stranger = Stranger::at(0);
    asks_for(&private, stranger.port);
    let said = outside(&private, "up LAB", 3);
    let told = format!("port {} is used by another program", stranger.port);
    assert!(said.contains(&told), "{said}");
    stranger.heard_nothing();
    // Beside the engine the same port is free.
    private.real.run("up LAB", 0);
    private.real.run("down LAB", 0);
}

#[test]
fn a_stranger_at_the_port_of_a_lab_that_is_up_elsewhere_is_not_written_to() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let up = private.real.run("up LAB --json", 0).json();
    let port = up["services"][0]["ports"]["6379"].as_u64();
    let port = port.and_then(|port| u16::try_from(port).ok());
    let stranger = Stranger::at(port.expect("a published port"));
    for words in [
        "up LAB",
        "reset LAB",
        "reset LAB --hard",
        "check LAB",
        "solve LAB greet",
        "restart LAB",
        "run LAB --auto",
    ] {
        let said = outside(&private, words, 3);
        assert!(
            said.contains("was not started here but in another network"),
            "{words}: {said}"
        );
    }
    let hint = outside(&private, "hint LAB greet", 0);
    assert!(!hint.contains("panicked"), "{hint}");
    stranger.heard_nothing();
    private.real.run("check LAB", 1);
    outside(&private, "down LAB", 0);
}
