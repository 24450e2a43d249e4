//! Requests to a little server, and what is seen of its answers.

use super::*;
use crate::lab::{Login, StepKind};
use crate::probe::double::{Double, Scene};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn get(path: &str) -> HttpProbe {
    HttpProbe {
        service: Scene::service(),
        port: None,
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        auth: None,
        bearer: None,
        body: HttpBody::Nothing,
    }
}

/// Looks at a server that gives these answers, one per connection, and returns what it was asked last.
async fn ask(probe: HttpProbe, answers: &[&str]) -> (Result<Actual, ProbeError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scene = Scene::new(Double::default(), listener.local_addr().unwrap().port());
    let act = StepKind::Http(probe);
    let serve = async {
        let mut asked = String::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 4096];
            let count = socket.read(&mut bytes).await.unwrap();
            asked = String::from_utf8_lossy(&bytes[..count]).into_owned();
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    };
    tokio::join!(scene.probe(&act), serve)
}

#[track_caller]
fn check(body: &str, says_json: bool, expected: Value) {
    assert_eq!(value(body.as_bytes(), says_json), expected);
}

#[test]
fn a_body_is_json_if_it_says_so_or_plainly_is() {
    check("{\"a\": 1}", false, json!({"a": 1}));
    check("\n [1, 2]", false, json!([1, 2]));
    check("42", false, json!("42"));
    check("42", true, json!(42));
    check("{not json", true, json!("{not json"));
    check("up 1\n", false, json!("up 1\n"));
}

#[tokio::test]
async fn the_status_says_success() {
    let ok = "HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{\"a\": 1}";
    let (seen, asked) = ask(get("/x?a=b"), &[ok]).await;
    let expected = Actual::with_status(json!({"a": 1}), 201, true);
    assert_eq!(seen, Ok(expected));
    assert!(asked.starts_with("GET /x?a=b HTTP/1.1\r\n"), "{asked}");
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
    let (seen, _) = ask(get("/"), &[missing]).await;
    assert_eq!(seen, Ok(Actual::with_status("gone", 404, false)));
}

#[tokio::test]
async fn a_request_carries_all_that_the_step_says() {
    let probe = HttpProbe {
        method: "PUT".to_owned(),
        query: vec![("q".to_owned(), "a b".to_owned())],
        headers: vec![("X-One".to_owned(), "1".to_owned())],
        auth: Some(Login {
            user: "kim".to_owned(),
            password: "pw".to_owned(),
        }),
        body: HttpBody::Json(json!({"z": 1, "a": 2})),
        ..get("/put")
    };
    let ok = "HTTP/1.1 204 No Content\r\n\r\n";
    let (_, asked) = ask(probe, &[ok]).await;
    let asked = asked.to_lowercase();
    for part in [
        "put /put?q=a+b http/1.1\r\n",
        "\r\nx-one: 1\r\n",
        "\r\nauthorization: basic a2ltonb3\r\n",
        "\r\ncontent-type: application/json\r\n",
        "{\"z\":1,\"a\":2}",
    ] {
        assert!(asked.contains(part), "{part:?} is not in {asked}");
    }
    assert!(!asked.contains("accept-encoding"), "{asked}");
}

#[tokio::test]
async fn redirects_stay_on_the_service() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhome";
    let near = "HTTP/1.1 302 Found\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n";
    let (seen, asked) = ask(get("/"), &[near, ok]).await;
    assert_eq!(seen, Ok(Actual::with_status("home", 200, true)));
    assert!(asked.starts_with("GET /home "), "{asked}");
    let far =
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 2\r\n\r\ngo";
    let (seen, _) = ask(get("/"), &[far]).await;
    assert_eq!(seen, Ok(Actual::with_status("go", 302, false)));
    let (seen, _) = ask(get("/"), &[near; 6]).await;
    assert_eq!(seen.unwrap().status, Some(302));
}

#[tokio::test]
async fn a_body_without_end_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scene = Scene::new(Double::default(), listener.local_addr().unwrap().port());
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asked = [0; 4096];
        assert!(socket.read(&mut asked).await.unwrap() > 0);
        let flood = vec![b'x'; 1 << 16];
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        let mut open = socket.write_all(head).await.is_ok();
        while open {
            open = socket.write_all(&flood).await.is_ok();
        }
    };
    let act = StepKind::Http(get("/"));
    let (seen, ()) = tokio::join!(scene.probe(&act), serve);
    let value = seen.unwrap().value;
    assert_eq!(value.as_str().map(str::len), Some(MOST));
}

#[tokio::test]
async fn no_answer_and_a_slow_one_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let scene = Scene::new(Double::default(), port);
    let act = StepKind::Http(get("/"));
    let quick = Duration::from_millis(50);
    let seen = scene.probe_within(&act, quick).await;
    assert_eq!(seen, Err(ProbeError::TimedOut(quick)));
    drop(listener);
    let expected = format!("nothing answers at 127.0.0.1:{port}");
    assert_eq!(scene.probe(&act).await, Err(ProbeError::NoAnswer(expected)));
}

#[tokio::test]
async fn a_path_cannot_lead_elsewhere() {
    let scene = Scene::new(Double::default(), 1);
    for path in ["@example.com/", ":80/", ".example.com/", "http://x/"] {
        let seen = scene.probe(&StepKind::Http(get(path))).await;
        assert!(matches!(seen, Err(ProbeError::CannotLook(_))), "{path}");
    }
}
