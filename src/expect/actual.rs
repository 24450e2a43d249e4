//! What a probe saw.

use serde_json::Value;

/// What one look at a service saw, before anybody judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Actual {
    /// The main value: a Redis reply, standard output, an HTTP body, rows, a document.
    pub value: Value,
    /// Exit code, HTTP status, or number of rows a statement changed, where the probe has one.
    pub status: Option<i64>,
    /// The service answered, but with an error of its own.
    pub error: Option<ServiceError>,
    /// Whether `status` alone says success; a matcher without `status` asks for it.
    pub success: bool,
}

/// An error that a service itself reported in its own protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// The protocol's code: `WRONGTYPE`, an SQLSTATE, an AMQP reply code.
    pub code: String,
    /// The service's own words.
    pub message: String,
}

impl Actual {
    /// A plain answer without status or error.
    pub fn value(value: impl Into<Value>) -> Self {
        Self {
            value: value.into(),
            status: None,
            error: None,
            success: true,
        }
    }

    /// An answer with a status, and whether that status means success.
    pub fn with_status(value: impl Into<Value>, status: i64, success: bool) -> Self {
        Self {
            value: value.into(),
            status: Some(status),
            error: None,
            success,
        }
    }

    /// The service's own error.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            value: Value::Null,
            status: None,
            error: Some(ServiceError {
                code: code.into(),
                message: message.into(),
            }),
            success: false,
        }
    }

    /// A short text of what was seen, for people.
    pub fn describe(&self) -> String {
        if let Some(error) = &self.error {
            return format!("error {error}");
        }
        let value = shorten(&self.value.to_string());
        match self.status {
            Some(status) if !self.success => format!("status {status}, {value}"),
            _ => value,
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

/// The longest text that a report shows of one value, in characters.
const SHOWN: usize = 240;

/// Cuts a long text in the middle, so both ends stay readable.
pub(crate) fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN * 2 / 3).collect();
    let tail: String = text.chars().skip(count - SHOWN / 4).collect();
    format!("{head} … {tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_keeps_both_ends() {
        let text = format!("begin{}end", "x".repeat(10_000));
        let short = shorten(&text);
        assert!(short.starts_with("begin") && short.ends_with("end"));
        assert!(short.chars().count() < 300);
    }

    #[test]
    fn an_error_does_not_repeat_its_code() {
        let seen = Actual::error("WRONGTYPE", "WRONGTYPE Operation against a key");
        assert_eq!(seen.describe(), "error WRONGTYPE Operation against a key");
        let seen = Actual::error("23505", "duplicate key value");
        assert_eq!(seen.describe(), "error 23505 duplicate key value");
    }
}
