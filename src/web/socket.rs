//! The WebSocket of a page: updates go to the browser, and a few words come back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::engine::clock;
use crate::web::reply::{self, Reply};

/// The longest message of a browser, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// The size of the texts from which on a browser is too slow, in bytes.
const MAX_PENDING: usize = 1 << 20;

/// How long a browser may take to read a text.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// What shows the page that the connection works, and how often it comes if there is nothing else. The script of the page takes
/// a connection for dead that is silent for more than twice as long.
const ALIVE: &str = r#"{"alive":true}"#;
const ALIVE_INTERVAL: Duration = Duration::from_secs(10);

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

/// Sends texts until the browser or the sender has gone, or the browser is too slow: it then connects again and gets everything
/// as it is. An alive message follows when there was nothing to send for a while.
pub(super) async fn send(
    mut sink: SplitSink<Socket, Message>,
    mut texts: UnboundedReceiver<String>,
) {
    let pending = RefCell::<Pending>::default();
    let added = Notify::new();
    let collect = async {
        while let Some(text) = texts.recv().await {
            if pending.borrow_mut().push(text).is_err() {
                return;
            }
            added.notify_one();
        }
    };
    let deliver = async {
        loop {
            let next = pending.borrow_mut().pop();
            let text = match next {
                Some(text) => text,
                None => match clock::timeout(ALIVE_INTERVAL, added.notified()).await {
                    Ok(()) => continue,
                    Err(_) => ALIVE.to_owned(),
                },
            };
            let sent = clock::timeout(SEND_TIMEOUT, sink.send(Message::text(text)));
            if !matches!(sent.await, Ok(Ok(()))) {
                return;
            }
        }
    };
    tokio::select! {
        () = collect => {}
        () = deliver => {}
    }
}

/// Texts that wait to be sent, with a bound on their size.
#[derive(Default)]
struct Pending {
    texts: VecDeque<String>,
    bytes: usize,
}

/// More waits than a browser should be behind.
#[derive(Debug, PartialEq, Eq)]
struct Full;

impl Pending {
    /// Adds a text. One that is long by itself is no reason to fail.
    fn push(&mut self, text: String) -> Result<(), Full> {
        if self.bytes > MAX_PENDING {
            return Err(Full);
        }
        self.bytes += text.len();
        self.texts.push_back(text);
        Ok(())
    }

    fn pop(&mut self) -> Option<String> {
        let text = self.texts.pop_front()?;
        self.bytes -= text.len();
        Some(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_reads_nothing_cannot_use_up_the_memory() {
        let mut pending = Pending::default();
        let text = || "x".repeat(MAX_PENDING / 4);
        let pushed = (0..100).take_while(|_| pending.push(text()).is_ok());
        assert_eq!(pushed.count(), 5);
        assert_eq!(pending.push(String::new()), Err(Full));
        // What is read makes room.
        assert!(pending.pop().is_some());
        assert_eq!(pending.push(text()), Ok(()));
    }

    #[test]
    fn a_text_that_is_long_by_itself_is_sent() {
        let mut pending = Pending::default();
        let long = "x".repeat(3 * MAX_PENDING);
        assert_eq!(pending.push(long.clone()), Ok(()));
        assert_eq!(pending.pop(), Some(long));
        assert_eq!(pending.push("x".to_owned()), Ok(()));
    }
}
