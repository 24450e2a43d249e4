//! The WebSocket of a page: updates go to the browser, and a few words come back.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::web::reply::{self, Reply};

/// The longest message of a browser, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// A WebSocket to a browser.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Returns the answer to a request for a WebSocket, and what becomes the connection. Fails with the answer to another request.
pub(super) fn accept(request: &mut Request<Incoming>) -> Result<(Reply, OnUpgrade), Box<Reply>> {
    let headers = request.headers();
    let is = |name: header::HeaderName, value: &str| {
        let words = headers.get(name).and_then(|words| words.to_str().ok());
        let mut words = words.unwrap_or_default().split(',');
        words.any(|word| word.trim().eq_ignore_ascii_case(value))
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY).cloned();
    let wanted = is(header::UPGRADE, "websocket")
        && is(header::CONNECTION, "upgrade")
        && is(header::SEC_WEBSOCKET_VERSION, "13");
    let Some(key) = key.filter(|_| wanted) else {
        let refused = reply::text(StatusCode::UPGRADE_REQUIRED, "WebSocket");
        return Err(Box::new(refused));
    };
    let mut accepted = reply::text(StatusCode::SWITCHING_PROTOCOLS, "");
    *accepted.body_mut() = http_body_util::Full::default();
    let headers = accepted.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Ok(key) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    }
    Ok((accepted, hyper::upgrade::on(request)))
}

/// Waits until the browser has switched to the WebSocket; `None` if it has gone.
pub(super) async fn open(upgrade: OnUpgrade) -> Option<Socket> {
    let upgraded = upgrade.await.ok()?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let stream = TokioIo::new(upgraded);
    Some(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await)
}

/// Sends texts until the browser or the sender has gone.
pub(super) async fn send(
    mut sink: SplitSink<Socket, Message>,
    mut texts: UnboundedReceiver<String>,
) {
    while let Some(text) = texts.recv().await {
        if sink.send(Message::text(text)).await.is_err() {
            return;
        }
    }
}

/// Receives texts until the browser has gone.
pub(super) async fn receive(mut stream: SplitStream<Socket>, on_text: impl Fn(&str)) {
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => on_text(&text),
            Message::Close(_) => return,
            _ => {}
        }
    }
}
