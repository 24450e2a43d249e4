//! The results of probes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expect::value_type::Typing;
use crate::text;
use crate::text::Text;

/// The result of a probe, before it is compared with what is expected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Actual {
    /// The main value: a Redis reply, standard output, an HTTP body, rows, a document.
    pub value: Value,
    /// Exit code, HTTP status, or number of rows a statement changed, where the probe has one.
    pub status: Option<i64>,
    /// The error that the service returned instead of a value.
    pub error: Option<ServiceError>,
    /// Whether `status` means success, which every matcher without `status` requires.
    pub success: bool,
    /// Whether the protocol of the probe knows types.
    pub typing: Typing,
}

/// Two results are equal if the service returned the same, whatever its protocol is.
impl PartialEq for Actual {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
            && self.status == other.status
            && self.error == other.error
            && self.success == other.success
    }
}

/// The status of a result, and what it means in the protocol of the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success(i64),
    Failure(i64),
}

/// An error that a service returned in its own protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceError {
    /// The protocol's code: `WRONGTYPE`, an SQLSTATE, an AMQP reply code.
    pub code: String,
    /// The message of the service.
    pub message: String,
}

impl Actual {
    /// Creates a result without status or error.
    pub fn value(value: impl Into<Value>) -> Self {
        Self {
            value: value.into(),
            status: None,
            error: None,
            success: true,
            typing: Typing::Typed,
        }
    }

    /// Creates a result with a status.
    pub fn with_status(value: impl Into<Value>, status: Status) -> Self {
        let (Status::Success(number) | Status::Failure(number)) = status;
        Self {
            value: value.into(),
            status: Some(number),
            error: None,
            success: matches!(status, Status::Success(_)),
            typing: Typing::Typed,
        }
    }

    /// Creates a result that is an error of the service.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            value: Value::Null,
            status: None,
            error: Some(ServiceError {
                code: code.into(),
                message: message.into(),
            }),
            success: false,
            typing: Typing::Typed,
        }
    }

    /// Returns the result of a probe whose protocol knows these types.
    pub fn with_typing(self, typing: Typing) -> Self {
        Self { typing, ..self }
    }

    /// Describes the result in a short text.
    pub fn text(&self) -> Text {
        if let Some(error) = &self.error {
            return text!("error {error}", error);
        }
        let value = shorten(&self.value.to_string());
        match self.status {
            Some(status) if !self.success => text!("status {status}, {value}", status, value),
            _ => Text::verbatim(value),
        }
    }
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.message.starts_with(&self.code) {
            f.write_str(&shorten(&self.message))
        } else {
            write!(f, "{} {}", self.code, shorten(&self.message))
        }
    }
}

/// The longest text of a value, in characters.
const MAX_LENGTH: usize = 240;

/// Shortens a long text in the middle, so that both ends stay readable.
pub(crate) fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= MAX_LENGTH {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_LENGTH * 2 / 3).collect();
    let tail: String = text.chars().skip(count - MAX_LENGTH / 4).collect();
    format!("{head} … {tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_keep_both_ends() {
        let text = format!("begin{}end", "x".repeat(10_000));
        let short = shorten(&text);
        assert!(short.starts_with("begin") && short.ends_with("end"));
        assert!(short.chars().count() < 300);
    }

    #[test]
    fn the_code_of_an_error_is_not_repeated() {
        let actual = Actual::error("WRONGTYPE", "WRONGTYPE Operation against a key");
        assert_eq!(
            actual.text().localized(),
            "error WRONGTYPE Operation against a key"
        );
        let actual = Actual::error("23505", "duplicate key value");
        assert_eq!(actual.text().localized(), "error 23505 duplicate key value");
    }
}
