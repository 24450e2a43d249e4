//! Compares this machine's clock with others.

use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::header::DATE;
use reqwest::redirect::Policy;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::plan::Clock;

/// A machine without a network must not wait longer.
const HTTP_TIMEOUT: Duration = Duration::from_millis(1500);

/// Returns how many seconds a time in RFC 3339 or RFC 2822 format is ahead of `now`.
pub fn ahead(text: &str, now: SystemTime) -> Option<i64> {
    let time =
        OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, &Rfc2822));
    Some((time.ok()? - OffsetDateTime::from(now)).whole_seconds())
}

/// Returns how far the newest of some files is ahead of `now`. They were written in the past, so that a time in the future
/// shows that this machine's clock is slow.
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
        of: path.display().to_string(),
        ahead: i64::try_from(ahead).unwrap_or(i64::MAX),
    })
}

/// Returns the clock of a web server by the `Date` header of any response; `None` if it does not answer in time.
pub async fn http_clock(host: &str, port: u16) -> Option<Clock> {
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        // The proxy's clock is not the one in question.
        .no_proxy()
        .timeout(HTTP_TIMEOUT)
        .build()
        .ok()?;
    let request = client.head(format!("http://{host}:{port}/"));
    let response = request.send().await.ok()?;
    let date = response.headers().get(DATE)?.to_str().ok()?;
    Some(Clock {
        of: host.to_owned(),
        ahead: ahead(date, SystemTime::now())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn written_times_are_compared_with_now() {
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
    fn file_from_the_future_shows_a_slow_clock() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = SystemTime::now();
        let seen = |now| file_clock([file.path()], now).unwrap().ahead;
        assert_eq!(seen(now + Duration::from_secs(60)), 0);
        // The file system's clock ticks less often.
        assert!(seen(now - Duration::from_secs(3600)) >= 3599);
        assert_eq!(file_clock([Path::new("/nowhere")], now), None);
    }

    #[tokio::test]
    async fn any_response_of_a_web_server_has_its_time() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let answer = async {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut request = [0; 6];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"HEAD /");
            let text = "HTTP/1.1 400 Bad Request\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\n";
            stream.write_all(text.as_bytes()).await.unwrap();
        };
        let (clock, ()) = tokio::join!(http_clock("127.0.0.1", port), answer);
        assert!(clock.unwrap().ahead < -900_000_000);
        drop(server);
        assert_eq!(http_clock("127.0.0.1", port).await, None);
    }
}
