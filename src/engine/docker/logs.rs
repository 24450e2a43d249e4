//! Logs: standard output and error together, in the order in which they were written.

use std::cell::Cell;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};

use super::{Docker, LOOK, MIB, bounded, convert, names};
use crate::engine::{Follow, LogLine, LogOptions, Result};

/// A silent service is a healthy one, and the caller may stop following at any time.
pub(super) const SILENCE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A longer line is told in pieces, in bytes.
const LONGEST_LINE: usize = 16 * 1024;

impl Docker {
    pub(super) async fn read_log(&self, container: &str, tail: u32) -> Result<String> {
        let what = format!("read the log of container `{container}`");
        let name = names::resource(container)?;
        let mut stream = self
            .client
            .listen(|client| client.logs(name, Some(options(tail, false))));
        let mut log = Vec::new();
        let reading = async {
            while let Some(chunk) = self.next(&what, LOOK, &mut stream).await? {
                log.extend_from_slice(chunk.as_ref());
                // The end is what matters; cut now and then rather than at every chunk.
                if log.len() > 2 * MIB {
                    log.drain(..log.len() - MIB);
                }
            }
            Ok(())
        };
        bounded(&what, LOOK, reading).await??;
        let end = &log[log.len().saturating_sub(MIB)..];
        Ok(String::from_utf8_lossy(end).into_owned())
    }

    pub(super) async fn tell_lines(
        &self,
        container: &str,
        wish: &LogOptions,
        tell: &dyn Fn(LogLine),
    ) -> Result<()> {
        let what = format!("read the log of container `{container}`");
        let name = names::resource(container)?;
        let mut stream = self
            .client
            .listen(|client| client.logs(name, Some(timed(wish))));
        let (mut out, mut err) = (Lines::default(), Lines::default());
        let last = Cell::new(Duration::ZERO);
        let line = |line: &str| tell(split(line, &last));
        let telling = async {
            while let Some(chunk) = self.next(&what, SILENCE, &mut stream).await? {
                match chunk {
                    LogOutput::StdErr { message } => err.take(&message, &line),
                    chunk => out.take(chunk.as_ref(), &line),
                }
            }
            Ok(())
        };
        match wish.follow {
            // No deadline: a silent service is a healthy one, and the caller may drop this at any time.
            Follow::Yes => telling.await?,
            Follow::No => bounded(&what, LOOK, telling).await??,
        }
        out.flush(&line);
        err.flush(&line);
        Ok(())
    }
}

fn options(tail: u32, follow: bool) -> LogsOptions {
    LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .follow(follow)
        .tail(&tail.to_string())
        .build()
}

fn timed(wish: &LogOptions) -> LogsOptions {
    let since = wish.since.and_then(|since| i32::try_from(since).ok());
    LogsOptions {
        timestamps: true,
        since: since.unwrap_or_default(),
        tail: wish
            .tail
            .map_or_else(|| "all".to_owned(), |tail| tail.to_string()),
        ..options(0, wish.follow == Follow::Yes)
    }
}

/// A line with the engine's time in front of it; a piece of a long line has none and belongs to the last.
fn split(line: &str, last: &Cell<Duration>) -> LogLine {
    let parts = line.split_once(' ').unwrap_or((line, ""));
    let (at, text) = match convert::time(parts.0) {
        Some(at) => (at, parts.1),
        None => (last.get(), line),
    };
    last.set(at);
    LogLine {
        at,
        text: text.to_owned(),
    }
}

/// Cuts a stream of bytes into lines.
#[derive(Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    pub(super) fn take(&mut self, bytes: &[u8], line: &dyn Fn(&str)) {
        for byte in bytes {
            if *byte == b'\n' {
                self.tell(line);
            } else {
                if self.rest.len() == LONGEST_LINE {
                    self.tell(line);
                }
                self.rest.push(*byte);
            }
        }
    }

    /// Tells a last line that has no end.
    pub(super) fn flush(&mut self, line: &dyn Fn(&str)) {
        if !self.rest.is_empty() {
            self.tell(line);
        }
    }

    fn tell(&mut self, line: &dyn Fn(&str)) {
        let text = self.rest.strip_suffix(b"\r").unwrap_or(&self.rest);
        line(&String::from_utf8_lossy(text));
        self.rest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[track_caller]
    fn check(chunks: &[&[u8]], expected: &[&str]) {
        let told = RefCell::new(Vec::new());
        let tell = |line: &str| told.borrow_mut().push(line.to_owned());
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.take(chunk, &tell);
        }
        lines.flush(&tell);
        assert_eq!(*told.borrow(), expected);
    }

    #[test]
    fn lines_are_told_whole_whatever_the_chunks() {
        check(
            &[b"one\ntw", b"o\r\n", b"\nend"],
            &["one", "two", "", "end"],
        );
        check(
            &[
                "한국\n".as_bytes().split_at(2).0,
                "한국\n".as_bytes().split_at(2).1,
            ],
            &["한국"],
        );
        check(&[], &[]);
    }

    #[test]
    fn a_line_has_its_time_and_a_piece_without_one_that_of_the_line_before() {
        let last = Cell::new(Duration::ZERO);
        let line = split("1970-01-01T00:00:07.000000000Z Ready, steady", &last);
        assert_eq!(
            (line.at.as_secs(), line.text.as_str()),
            (7, "Ready, steady")
        );
        let empty = split("1970-01-01T00:00:08.000000000Z", &last);
        assert_eq!((empty.at.as_secs(), empty.text.as_str()), (8, ""));
        let piece = split("and so on", &last);
        assert_eq!((piece.at.as_secs(), piece.text.as_str()), (8, "and so on"));
    }

    #[test]
    fn a_line_without_end_is_told_in_pieces() {
        let long = vec![b'x'; LONGEST_LINE * 2 + 1];
        let piece = "x".repeat(LONGEST_LINE);
        check(&[&long], &[&piece, &piece, "x"]);
    }
}
