//! The logs of services on a page: what exists, then new lines as they come. A page that cannot keep up misses lines, and sees
//! how many. What it shows stays when the services end.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::app::{App, DrawOf, LogEvent, LogQuery, LogSource};
use crate::engine::{Follow, LogLine, clock};
use crate::lab::{LabId, ServiceName};
use crate::localized;
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
    /// Whether they take the place of what the page shows.
    begin: bool,
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
        let Self {
            lines,
            missed,
            begin,
        } = std::mem::take(self);
        let lines: Vec<Value> = lines.into();
        Some(json!({ "log": lines, "missed": missed, "begin": begin }))
    }
}

/// The lines of all services for a page.
#[derive(Default)]
struct Lines {
    waiting: RefCell<Waiting>,
    came: Notify,
    /// The time of the last line of each container.
    last: RefCell<BTreeMap<String, Duration>>,
    /// Whether a line has come since the services ended.
    running: Cell<bool>,
}

impl Lines {
    /// Begins again: what the page shows stays until the first line comes.
    fn begin(&self) {
        self.waiting.replace(Waiting {
            begin: true,
            ..Waiting::default()
        });
        self.last.take();
        self.running.set(false);
    }

    /// Returns the message for a line and records that it was read.
    fn read(&self, source: &LogSource<'_>, line: &LogLine) -> Value {
        let container = source.container.clone();
        self.last.borrow_mut().insert(container, line.at);
        let text = sanitize_line(&without_colors(&line.text));
        let text: String = text.chars().take(LONGEST_LINE).collect();
        json!([source.service.as_str(), line.at.as_secs(), text])
    }

    fn push(&self, line: Value) {
        self.running.set(true);
        self.waiting.borrow_mut().push(line);
        self.came.notify_one();
    }

    /// Adds once that the services have ended.
    fn end(&self, now: SystemTime) {
        if self.running.replace(false) {
            let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            let line = json!(["", now.as_secs(), localized!("the services have ended")]);
            self.waiting.borrow_mut().push(line);
            self.came.notify_one();
        }
    }

    /// Returns which lines are read: the last ones first, and then all that came since.
    fn query(&self, follow: Follow) -> LogQuery {
        let tail = match self.last.borrow().is_empty() {
            true => TAIL,
            false => MAX_WAITING as u32,
        };
        LogQuery {
            follow,
            tail,
            since: None,
        }
    }
}

/// What has ended of the logs.
enum Ended {
    /// The log of a service, while those of others go on.
    One,
    All,
}

impl LiveLogs<'_> {
    /// Shows the logs or ends that.
    pub(super) fn want(&self, wanted: bool) {
        self.wanted.set(wanted);
        self.changed.notify_one();
    }

    /// Sends lines while the page shows the logs.
    pub(super) async fn follow(&self) -> Infallible {
        let lines = Lines::default();
        // The page may show those of a connection that was lost.
        lines.begin();
        tokio::select! {
            never = self.read_again(&lines) => never,
            never = self.send(&lines) => never,
        }
    }

    /// Reads while the page shows the logs. What was read before is not read again.
    async fn read_again(&self, lines: &Lines) -> Infallible {
        loop {
            while !self.wanted.get() {
                self.changed.notified().await;
                lines.begin();
            }
            let read = async {
                match self.read(lines).await {
                    Ok(Ended::One) => {}
                    // The services do not run, or were removed.
                    Ok(Ended::All) | Err(_) => {
                        lines.end(SystemTime::now());
                        sleep(RETRY).await;
                    }
                }
            };
            tokio::select! {
                () = read => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Reads the lines of all services until the log of one has ended, and those of the others a little longer.
    async fn read(&self, lines: &Lines) -> Result<Ended, Failure> {
        let lab = self.site.lab(self.app, self.lab, &DrawOf::Run)?;
        let engine = self.app.existing_engine().await?;
        let services: Vec<ServiceName> = lab.services.keys().cloned().collect();
        let logs = self.app.service_logs(&engine, &lab, &services).await?;
        for source in &logs.sources {
            let last = lines.last.borrow().get(&source.container).copied();
            source.last.set(last);
        }
        let logs = logs.separate();
        let existing = RefCell::new(Vec::new());
        let keep = |source: &LogSource<'_>, event: LogEvent<'_>| {
            if let LogEvent::Line(line) = event {
                let message = lines.read(source, line);
                existing.borrow_mut().push((line.at, message));
            }
        };
        let query = lines.query(Follow::No);
        // A log that cannot be read fails again when it is followed.
        drop(join_all(logs.iter().map(|log| log.read(query, &keep))).await);
        let mut existing = existing.into_inner();
        existing.sort_by_key(|(at, _)| *at);
        existing.into_iter().for_each(|(_, line)| lines.push(line));
        let show = |source: &LogSource<'_>, event: LogEvent<'_>| {
            if let LogEvent::Line(line) = event {
                lines.push(lines.read(source, line));
            }
        };
        let query = lines.query(Follow::Yes);
        let followed = logs.iter().map(|log| log.read(query, &show));
        let mut followed: FuturesUnordered<_> = followed.collect();
        let _ = followed.next().await;
        let others = async { while followed.next().await.is_some() {} };
        Ok(match clock::timeout(RETRY, others).await {
            Ok(()) => Ended::All,
            Err(_) => Ended::One,
        })
    }

    /// Sends what was read, as fast as the page shows it.
    async fn send(&self, lines: &Lines) -> Infallible {
        loop {
            lines.came.notified().await;
            sleep(INTERVAL).await;
            let message = lines.waiting.borrow_mut().take();
            if let Some(message) = message {
                let _ = self.updates.send(message.to_string());
                self.drawn.notified().await;
            }
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
    fn what_a_page_shows_stays_until_a_line_comes_and_the_end_is_a_line() {
        let lines = Lines::default();
        let take = || lines.waiting.borrow_mut().take();
        lines.begin();
        lines.end(UNIX_EPOCH);
        assert_eq!(take(), None, "nothing has run");
        lines.push(json!(["redis", 1, "ready"]));
        lines.end(UNIX_EPOCH);
        lines.end(UNIX_EPOCH);
        let end = json!(["", 0, "the services have ended"]);
        let expected = json!([["redis", 1, "ready"], end]);
        let message = take().unwrap();
        assert_eq!(
            (&message["log"], &message["begin"]),
            (&expected, &json!(true))
        );
        lines.push(json!(["redis", 2, "ready"]));
        assert_eq!(take().unwrap()["begin"], false);
        lines.end(UNIX_EPOCH);
        assert_eq!(take().unwrap()["log"], json!([end]));
    }

    #[test]
    fn colors_of_a_log_are_left_out_and_other_control_characters_are_shown() {
        let text = sanitize_line(&without_colors("\u{1b}[31mred\u{1b}[0m \u{7}<b>"));
        assert_eq!(text, "red \\u{7}<b>");
    }
}
