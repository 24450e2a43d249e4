//! A WebSocket of the page, as a browser uses it.

use std::time::Instant;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use super::http::WebServer;
use crate::support::TIME_LIMIT;

/// The WebSocket of an open page, and what it has got so far.
pub(super) struct Page {
    socket: WebSocket<std::net::TcpStream>,
    /// The last content of each part.
    pub(super) parts: serde_json::Map<String, Value>,
}

impl Page {
    /// Opens the WebSocket that a page names.
    #[track_caller]
    pub(super) fn open(server: &WebServer, path: &str) -> Self {
        let html = server.get(path).body;
        let socket = html
            .split("data-socket=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let socket = socket.expect("a page of a lab has a WebSocket");
        let (socket, _) = client(request(server, socket), server.connect()).expect("a WebSocket");
        Self {
            socket,
            parts: serde_json::Map::new(),
        }
    }

    pub(super) fn send(&mut self, message: &Value) {
        let sent = self.socket.send(Message::text(message.to_string()));
        sent.expect("the server reads");
    }

    /// Reads messages until one fits.
    #[track_caller]
    pub(super) fn wait_for(
        &mut self,
        what: &str,
        mut fits: impl FnMut(&Self, &Value) -> bool,
    ) -> Value {
        let begun = Instant::now();
        let mut last = Value::Null;
        while begun.elapsed() < TIME_LIMIT {
            let message = match self.socket.read() {
                Ok(Message::Text(text)) => serde_json::from_str(&text).expect("a document"),
                Ok(_) => continue,
                Err(error) => panic!("{error} before {what}, after {last}"),
            };
            last = message;
            if last["screen"].is_u64() {
                self.send(&json!({ "do": "drawn", "terminal": last["screen"] }));
            }
            if let Some(parts) = last["parts"].as_object() {
                self.parts.extend(parts.clone());
            }
            if fits(self, &last) {
                return last;
            }
        }
        panic!("no {what}, but {last}");
    }

    /// Reads messages until a part contains all of these.
    #[track_caller]
    pub(super) fn wait_for_part(&mut self, part: &str, texts: &[&str]) -> String {
        let contains = |page: &Self, _: &Value| {
            let content = page
                .parts
                .get(part)
                .and_then(Value::as_str)
                .unwrap_or_default();
            texts.iter().all(|text| content.contains(text))
        };
        if !contains(self, &Value::Null) {
            self.wait_for(&format!("{texts:?} in {part}"), contains);
        }
        let content = self.parts.get(part).and_then(Value::as_str);
        content.unwrap_or_default().to_owned()
    }
}

/// The request of a page for its WebSocket.
fn request(server: &WebServer, path: &str) -> Request {
    let address = format!("ws://{}{path}", server.host());
    let mut request = address.into_client_request().expect("an address");
    let headers = request.headers_mut();
    headers.insert("Origin", server.origin().parse().expect("a header"));
    headers.insert("Cookie", server.cookie.parse().expect("a header"));
    request
}
