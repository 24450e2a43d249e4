//! What a page sends over its WebSocket.

use serde::Deserialize;

use crate::engine::docker::TerminalSize;
use crate::lab::ServiceName;
use crate::web::keys::Key;

/// A message of a page. One that cannot be read means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(super) enum Message {
    /// Whether the person can see the page.
    Visible {
        visible: bool,
    },
    /// Begins or ends to show the logs.
    Logs {
        wanted: bool,
    },
    /// The page has shown the last lines.
    LogsDrawn,
    /// Opens a terminal in the client of a service. The answer has the number of the request.
    Open {
        #[serde(default)]
        request: u64,
        service: ServiceName,
        size: (u16, u16),
    },
    /// Begins to show a terminal.
    Show {
        terminal: u64,
        size: (u16, u16),
    },
    Hide {
        terminal: u64,
    },
    /// Ends the program of a terminal.
    Close {
        terminal: u64,
    },
    /// The page has drawn the last frame.
    Drawn {
        terminal: u64,
    },
    Key {
        terminal: u64,
        #[serde(flatten)]
        key: Key,
    },
    /// Text that was composed, such as Korean.
    Text {
        terminal: u64,
        text: String,
    },
    Paste {
        terminal: u64,
        text: String,
    },
    Resize {
        terminal: u64,
        size: (u16, u16),
    },
    /// Scrolls by so many lines, downwards if positive.
    Scroll {
        terminal: u64,
        lines: isize,
    },
}

impl Message {
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Returns a size that a page gives as rows and columns.
pub(super) fn size((rows, columns): (u16, u16)) -> TerminalSize {
    TerminalSize { rows, columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_documents_and_anything_else_is_nothing() {
        let key = Message::parse(r#"{"do":"key","terminal":1,"key":"c","ctrl":true}"#);
        let Some(Message::Key { terminal: 1, key }) = key else {
            panic!("{key:?}");
        };
        assert!(key.ctrl && !key.alt);
        let open = Message::parse(r#"{"do":"open","service":"redis","size":[24,80]}"#);
        assert!(matches!(open, Some(Message::Open { size: (24, 80), .. })));
        for text in [
            "",
            "{}",
            "visible",
            r#"{"do":"open","service":"../x","size":[1,1]}"#,
            r#"{"do":"open","service":"redis","size":[-1,80]}"#,
            r#"{"do":"remove","terminal":1}"#,
            r#"{"do":"key","terminal":"1","key":"c"}"#,
        ] {
            assert_eq!(Message::parse(text), None, "{text}");
        }
    }
}
