//! The logs of services on a page: what exists, then new lines as they come. A page that cannot keep up misses lines, and sees
//! how many.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::app::{App, DrawOf, LogEvent, LogQuery, LogSource};
use crate::engine::Follow;
use crate::lab::{LabId, ServiceName};
use crate::report::sanitize_line;
use crate::runner::Failure;
use crate::web::site::Site;

/// The last lines of each service that a page begins with.
const TAIL: u32 = 200;

/// The most lines that wait to be shown.
const MAX_WAITING: usize = 1000;

/// The longest line that is shown, in characters.
const LONGEST_LINE: usize = 2000;

/// The shortest time between two messages.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long a log that ended is left alone.
const RETRY: Duration = Duration::from_secs(2);

/// The logs that a page shows.
pub(super) struct LiveLogs<'a> {
    pub(super) site: &'a Site,
    pub(super) app: &'a App,
    pub(super) lab: &'a LabId,
    pub(super) updates: UnboundedSender<String>,
    /// Whether the logs are shown.
    pub(super) wanted: Cell<bool>,
    pub(super) changed: Notify,
    /// Notified when the page has shown what it got last.
    pub(super) drawn: Notify,
}

/// Lines that wait to be shown.
#[derive(Default)]
struct Waiting {
    lines: VecDeque<Value>,
    missed: usize,
}

impl Waiting {
    fn push(&mut self, line: Value) {
        self.lines.push_back(line);
        while self.lines.len() > MAX_WAITING {
            self.lines.pop_front();
            self.missed += 1;
        }
    }

    /// Returns everything that waits as a message; `None` if nothing does.
    fn take(&mut self) -> Option<Value> {
        if self.lines.is_empty() {
            return None;
        }
        let lines: Vec<Value> = std::mem::take(&mut self.lines).into();
        let missed = std::mem::take(&mut self.missed);
        Some(json!({ "log": lines, "missed": missed }))
    }
}

impl LiveLogs<'_> {
    /// Shows the logs or ends that.
    pub(super) fn want(&self, wanted: bool) {
        self.wanted.set(wanted);
        self.changed.notify_one();
    }

    /// Sends lines while the page shows the logs.
    pub(super) async fn follow(&self) -> std::convert::Infallible {
        loop {
            if !self.wanted.get() {
                self.changed.notified().await;
                continue;
            }
            let begin = json!({ "log": [], "missed": 0, "begin": true });
            let _ = self.updates.send(begin.to_string());
            tokio::select! {
                ended = self.read() => {
                    // The lab is not running, or was removed.
                    drop(ended);
                    tokio::select! {
                        () = sleep(RETRY) => {}
                        () = self.changed.notified() => {}
                    }
                }
                () = self.changed.notified() => {}
            }
        }
    }

    /// Sends the lines of all services until their containers are gone.
    async fn read(&self) -> Result<(), Failure> {
        let lab = self.site.lab(self.app, self.lab, &DrawOf::Run)?;
        let engine = self.app.existing_engine().await?;
        let services: Vec<ServiceName> = lab.services.keys().cloned().collect();
        let logs = self.app.service_logs(&engine, &lab, &services).await?;
        let query = LogQuery {
            follow: Follow::Yes,
            tail: TAIL,
            since: None,
        };
        let waiting = RefCell::<Waiting>::default();
        let came = Notify::new();
        let on_event = |source: &LogSource<'_>, event: LogEvent<'_>| {
            if let LogEvent::Line(line) = event {
                let text = sanitize_line(&without_colors(&line.text));
                let text: String = text.chars().take(LONGEST_LINE).collect();
                let line = json!([source.service.as_str(), line.at.as_secs(), text]);
                waiting.borrow_mut().push(line);
                came.notify_one();
            }
        };
        let read = logs.read(query, &on_event);
        let send = async {
            loop {
                came.notified().await;
                sleep(INTERVAL).await;
                let message = waiting.borrow_mut().take();
                if let Some(message) = message {
                    let _ = self.updates.send(message.to_string());
                    self.drawn.notified().await;
                }
            }
        };
        tokio::select! {
            ended = read => ended,
            never = send => never,
        }
    }
}

/// Returns a line without the escape sequences that color it.
fn without_colors(text: &str) -> String {
    console::strip_ansi_codes(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_cannot_keep_up_misses_the_oldest_lines() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.take(), None);
        (0..MAX_WAITING + 5).for_each(|at| waiting.push(json!(at)));
        let message = waiting.take().unwrap();
        assert_eq!(
            (&message["missed"], &message["log"][0]),
            (&json!(5), &json!(5))
        );
        assert_eq!(message["log"].as_array().map(Vec::len), Some(MAX_WAITING));
        assert_eq!(waiting.take(), None);
    }

    #[test]
    fn colors_of_a_log_are_left_out_and_other_control_characters_are_shown() {
        let text = sanitize_line(&without_colors("\u{1b}[31mred\u{1b}[0m \u{7}<b>"));
        assert_eq!(text, "red \\u{7}<b>");
    }
}
