//! By how much other clocks are ahead of this machine's.

use std::path::Path;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::diagnosis::{Clock, ClockSource};

/// Offline is fine: nobody waits for longer.
const CALL: Duration = Duration::from_millis(1500);
/// The most of an answer that is read while its date is looked for.
const HEAD: usize = 4096;

/// How far a time in words (RFC 3339 or RFC 2822) is ahead of `now`, in seconds.
pub fn ahead(text: &str, now: SystemTime) -> Option<i64> {
    let read =
        OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, &Rfc2822));
    Some((read.ok()? - OffsetDateTime::from(now)).whole_seconds())
}

/// How far the newest of some files is ahead of `now`: they were written before, by this machine's clock or a file server's.
pub fn file_clock<'a>(files: impl IntoIterator<Item = &'a Path>, now: SystemTime) -> Option<Clock> {
    let written = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|meta| meta.modified())
            .ok()
    };
    let (newest, path) = files
        .into_iter()
        .filter_map(|path| Some((written(path)?, path)))
        .max_by_key(|(written, _)| *written)?;
    let ahead = newest.duration_since(now).unwrap_or_default().as_secs();
    Some(Clock {
        source: ClockSource::File(path.to_owned()),
        ahead: i64::try_from(ahead).unwrap_or(i64::MAX),
    })
}

/// The clock of a web server, by the `Date` of whatever it answers; `None` if it cannot be reached in time.
#[expect(
    clippy::disallowed_methods,
    reason = "no engine is known here, and a look that was stopped may be made again"
)]
pub async fn http_clock(host: &str, port: u16) -> Option<Clock> {
    let asked = async {
        let mut stream = TcpStream::connect((host, port)).await.ok()?;
        let request = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = Vec::new();
        stream.take(HEAD as u64).read_to_end(&mut head).await.ok()?;
        Some(String::from_utf8_lossy(&head).into_owned())
    };
    let head = tokio::time::timeout(CALL, asked).await.ok()??;
    Some(Clock {
        source: ClockSource::Host(host.to_owned()),
        ahead: ahead(date(&head)?, SystemTime::now())?,
    })
}

/// The `Date` of an HTTP answer.
fn date(head: &str) -> Option<&str> {
    head.lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("date").then(|| value.trim())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;
    use tokio::net::TcpListener;

    #[test]
    fn times_in_words_are_compared_with_ours() {
        let now = UNIX_EPOCH + Duration::from_secs(784_887_151);
        for text in [
            "Tue, 15 Nov 1994 08:12:41 GMT",
            "1994-11-15T08:12:41.000000001Z",
            "1994-11-15T17:12:41+09:00",
        ] {
            assert_eq!(ahead(text, now), Some(10), "{text}");
        }
        assert_eq!(ahead("Tue, 15 Nov 1994 08:12:21 GMT", now), Some(-10));
        assert_eq!(ahead("yesterday", now), None);
    }

    #[test]
    fn a_file_from_the_future_gives_a_slow_clock_away() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = SystemTime::now();
        let seen = |now| file_clock([file.path()], now).unwrap().ahead;
        assert_eq!(seen(now + Duration::from_secs(60)), 0);
        // Files are stamped by a clock that ticks less often.
        assert!(seen(now - Duration::from_secs(3600)) >= 3599);
        assert_eq!(file_clock([Path::new("/nowhere")], now), None);
    }

    #[tokio::test]
    async fn any_answer_of_a_web_server_tells_its_time() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let answer = async {
            let (mut stream, _) = server.accept().await.unwrap();
            let text = "HTTP/1.1 400 Bad Request\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\n";
            stream.write_all(text.as_bytes()).await.unwrap();
        };
        let (seen, ()) = tokio::join!(http_clock("127.0.0.1", port), answer);
        assert!(seen.unwrap().ahead < -900_000_000);
        drop(server);
        assert_eq!(http_clock("127.0.0.1", port).await, None);
    }
}
