//! Logs: standard output and error together, in the order in which they were written.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};

use super::{Docker, LOOK, MIB, bounded, names};
use crate::engine::Result;

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

    pub(super) async fn follow_log(
        &self,
        container: &str,
        tail: u32,
        line: &dyn Fn(&str),
    ) -> Result<()> {
        let what = format!("follow the log of container `{container}`");
        let name = names::resource(container)?;
        let mut stream = self
            .client
            .listen(|client| client.logs(name, Some(options(tail, true))));
        let (mut out, mut err) = (Lines::default(), Lines::default());
        while let Some(chunk) = self.next(&what, SILENCE, &mut stream).await? {
            match chunk {
                LogOutput::StdErr { message } => err.take(&message, line),
                chunk => out.take(chunk.as_ref(), line),
            }
        }
        out.flush(line);
        err.flush(line);
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
    fn a_line_without_end_is_told_in_pieces() {
        let long = vec![b'x'; LONGEST_LINE * 2 + 1];
        let piece = "x".repeat(LONGEST_LINE);
        check(&[&long], &[&piece, &piece, "x"]);
    }
}
