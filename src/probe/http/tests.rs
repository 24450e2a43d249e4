//! Requests to a small server, and the answers as a probe reports them.

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

/// Probes a server that gives these answers, one per connection, and returns the last request as well.
async fn exchange(probe: HttpProbe, answers: &[&str]) -> (Result<Actual, ProbeError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scene = Scene::new(Double::default(), listener.local_addr().unwrap().port());
    let act = StepKind::Http(probe);
    let serve = async {
        let mut request = String::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 4096];
            let count = socket.read(&mut bytes).await.unwrap();
            request = String::from_utf8_lossy(&bytes[..count]).into_owned();
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        request
    };
    tokio::join!(scene.probe(&act), serve)
}

#[track_caller]
fn check(body: &str, declared_json: bool, expected: Value) {
    assert_eq!(value(body.as_bytes(), declared_json), expected);
}

#[test]
fn a_body_is_json_by_its_content_type_or_its_first_byte() {
    check("{\"a\": 1}", false, json!({"a": 1}));
    check("\n [1, 2]", false, json!([1, 2]));
    check("42", false, json!("42"));
    check("42", true, json!(42));
    check("{not json", true, json!("{not json"));
    check("up 1\n", false, json!("up 1\n"));
}

#[tokio::test]
async fn success_depends_on_the_status() {
    let ok = "HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{\"a\": 1}";
    let (result, request) = exchange(get("/x?a=b"), &[ok]).await;
    let expected = Actual::with_status(json!({"a": 1}), Status::Success(201));
    assert_eq!(result, Ok(expected));
    assert!(request.starts_with("GET /x?a=b HTTP/1.1\r\n"), "{request}");
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
    let (result, _) = exchange(get("/"), &[missing]).await;
    assert_eq!(
        result,
        Ok(Actual::with_status("gone", Status::Failure(404)))
    );
}

#[tokio::test]
async fn a_request_has_every_part_of_the_step() {
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
    let (_, request) = exchange(probe, &[ok]).await;
    let request = request.to_lowercase();
    for part in [
        "put /put?q=a+b http/1.1\r\n",
        "\r\nx-one: 1\r\n",
        "\r\nauthorization: basic a2ltonb3\r\n",
        "\r\ncontent-type: application/json\r\n",
        "{\"z\":1,\"a\":2}",
    ] {
        assert!(request.contains(part), "{part:?} is not in {request}");
    }
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_followed_only_to_the_same_server() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhome";
    let near = "HTTP/1.1 302 Found\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n";
    let (result, request) = exchange(get("/"), &[near, ok]).await;
    assert_eq!(
        result,
        Ok(Actual::with_status("home", Status::Success(200)))
    );
    assert!(request.starts_with("GET /home "), "{request}");
    let far =
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 2\r\n\r\ngo";
    let (result, _) = exchange(get("/"), &[far]).await;
    assert_eq!(result, Ok(Actual::with_status("go", Status::Failure(302))));
    let (result, _) = exchange(get("/"), &[near; 6]).await;
    assert_eq!(result.unwrap().status, Some(302));
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scene = Scene::new(Double::default(), listener.local_addr().unwrap().port());
    let serve = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        let flood = vec![b'x'; 1 << 16];
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        let mut open = socket.write_all(head).await.is_ok();
        while open {
            open = socket.write_all(&flood).await.is_ok();
        }
    };
    let act = StepKind::Http(get("/"));
    let (result, ()) = tokio::join!(scene.probe(&act), serve);
    let value = result.unwrap().value;
    assert_eq!(value.as_str().map(str::len), Some(MAX_ANSWER));
}

#[tokio::test]
async fn a_refused_connection_and_a_slow_answer_are_different_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let scene = Scene::new(Double::default(), port);
    let act = StepKind::Http(get("/"));
    let quick = Duration::from_millis(50);
    let result = scene.probe_within(&act, quick).await;
    assert_eq!(result, Err(ProbeError::Timeout(quick)));
    drop(listener);
    assert_eq!(scene.probe(&act).await, Err(ProbeError::Refused { port }));
}

#[tokio::test]
async fn a_path_cannot_lead_to_another_server() {
    let scene = Scene::new(Double::default(), 1);
    for path in ["@example.com/", ":80/", ".example.com/", "http://x/"] {
        let result = scene.probe(&StepKind::Http(get(path))).await;
        assert!(matches!(result, Err(ProbeError::InvalidStep(_))), "{path}");
    }
}
