//! Logs: standard output and standard error together, in the order in which they were written.

use std::cell::Cell;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};

use super::client::within;
use super::{Docker, MIB, READ_TIMEOUT, convert, names};
use crate::engine::lines::LineSplitter;
use crate::engine::{Follow, LogLine, LogOptions, Logs, Result};
use crate::text;

/// The longest silence of a stream that is followed: a service may write nothing for months, and the caller can stop at
/// any time.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Logs for Docker {
    async fn logs(&self, container: &str, tail: u32) -> Result<String> {
        let operation = text!("read the log of container `{container}`", container);
        let name = names::resource(container)?;
        let mut stream = self
            .client
            .stream(|client| client.logs(name, Some(options(tail, Follow::No))));
        let mut log = Vec::new();
        let reading = async {
            while let Some(chunk) = self.next(&operation, READ_TIMEOUT, &mut stream).await? {
                log.extend_from_slice(chunk.as_ref());
                // Only the end is returned; it is cut now and then rather than at every chunk.
                if log.len() > 2 * MIB {
                    log.drain(..log.len() - MIB);
                }
            }
            Ok(())
        };
        within(&operation, READ_TIMEOUT, reading).await??;
        let end = &log[log.len().saturating_sub(MIB)..];
        Ok(String::from_utf8_lossy(end).into_owned())
    }

    async fn stream_log(
        &self,
        container: &str,
        options: &LogOptions,
        on_line: &dyn Fn(LogLine),
    ) -> Result<()> {
        let operation = text!("read the log of container `{container}`", container);
        let name = names::resource(container)?;
        let mut stream = self
            .client
            .stream(|client| client.logs(name, Some(with_times(options))));
        let (mut stdout, mut stderr) = (LineSplitter::default(), LineSplitter::default());
        let last = Cell::new(Duration::ZERO);
        let mut line = |line: &str| on_line(parse(line, &last));
        let reading = async {
            while let Some(chunk) = self.next(&operation, MAX_SILENCE, &mut stream).await? {
                match chunk {
                    LogOutput::StdErr { message } => stderr.push(&message, &mut line),
                    chunk => stdout.push(chunk.as_ref(), &mut line),
                }
            }
            Ok(())
        };
        match options.follow {
            Follow::Yes => reading.await?,
            Follow::No => within(&operation, READ_TIMEOUT, reading).await??,
        }
        stdout.finish(&mut line);
        stderr.finish(&mut line);
        Ok(())
    }
}

fn options(tail: u32, follow: Follow) -> LogsOptions {
    LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .follow(follow == Follow::Yes)
        .tail(&tail.to_string())
        .build()
}

fn with_times(wanted: &LogOptions) -> LogsOptions {
    let since = wanted.since.and_then(|since| i32::try_from(since).ok());
    LogsOptions {
        timestamps: true,
        since: since.unwrap_or_default(),
        tail: wanted
            .tail
            .map_or_else(|| "all".to_owned(), |tail| tail.to_string()),
        ..options(0, wanted.follow)
    }
}

/// Parses a line that begins with the engine's time. A further piece of a long line has none and gets that of the line
/// before.
fn parse(line: &str, last: &Cell<Duration>) -> LogLine {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_its_time_and_a_further_piece_that_of_the_line_before() {
        let last = Cell::new(Duration::ZERO);
        let check = |line: &str, seconds: u64, text: &str| {
            let parsed = parse(line, &last);
            assert_eq!((parsed.at.as_secs(), parsed.text.as_str()), (seconds, text));
        };
        check(
            "1970-01-01T00:00:07.000000000Z Ready, steady",
            7,
            "Ready, steady",
        );
        check("1970-01-01T00:00:08.000000000Z", 8, "");
        check("and so on", 8, "and so on");
    }
}
