//! Images from elsewhere: pulled from a registry, or made of a root file system.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::models::{CreateImageInfo, ProgressDetail};
use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::{Stream, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{CHANGE, Docker, errors, names};
use crate::engine::{EngineError, ErrorKind, PullProgress, Result};
use crate::lab::ImageName;

/// The longest silence of a pull or an import.
pub(super) const IDLE: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 3;
const CHUNK: usize = 64 * 1024;

impl Docker {
    /// Pulls; a stalled or cut transfer is begun again, as the layers that arrived are kept.
    pub async fn pull_patiently(
        &self,
        image: &ImageName,
        idle: Duration,
        progress: &dyn Fn(PullProgress),
    ) -> Result<()> {
        let mut attempt = 1;
        loop {
            let error = match self.pull_once(image, idle, progress).await {
                Ok(()) => break,
                Err(error) => error,
            };
            let arrived =
                error.message.contains(CUT) && self.look_at_image(image.as_str()).await?.is_some();
            if arrived {
                return Ok(());
            }
            if attempt == ATTEMPTS || !is_cut(&error) {
                return Err(error);
            }
            attempt += 1;
            progress(PullProgress {
                layer: String::new(),
                status: format!("{}, attempt {attempt} of {ATTEMPTS}", reason(&error, idle)),
                current: None,
                total: None,
            });
        }
        // Podman ends a stream with an error that the client does not recognise as one.
        match self.look_at_image(image.as_str()).await? {
            Some(_) => Ok(()),
            None => Err(EngineError::new(
                ErrorKind::NoSuchImage,
                format!(
                    "cannot pull `{image}`: the pull ended without an error, and without the image"
                ),
            )),
        }
    }

    async fn pull_once(
        &self,
        image: &ImageName,
        idle: Duration,
        progress: &dyn Fn(PullProgress),
    ) -> Result<()> {
        let what = format!("pull `{image}`");
        names::image(image.as_str())?;
        // Without a tag, all tags would be pulled.
        let (name, tag) = image.split();
        let options = CreateImageOptionsBuilder::default()
            .from_image(name)
            .tag(tag)
            .build();
        let mut stream = self
            .client
            .listen(|client| client.create_image(Some(options), None, None));
        loop {
            match self.next(&what, idle, &mut stream).await {
                Ok(Some(info)) => progress(layer(info)),
                Ok(None) => return Ok(()),
                Err(error) => return Err(blame_registry(&what, error)),
            }
        }
    }

    /// Sends a tar file of a root file system and names the image that becomes of it.
    pub(super) async fn import_root(&self, root: &Path, name: &str) -> Result<()> {
        let what = format!("import {} as `{name}`", root.display());
        let image = ImageName::new(names::image(name)?)
            .map_err(|error| EngineError::new(ErrorKind::Other, error.localized()))?;
        let (repo, tag) = image.split();
        let file = File::open(root).map_err(|error| unreadable(&what, &error))?;
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(repo)
            .tag(tag)
            .build();
        let body = bollard::body_try_stream(chunks(file));
        let mut stream = self
            .client
            .listen(|client| client.create_image(Some(options), Some(body), None));
        let mut made = None;
        // The engine says nothing until it has everything, so the first answer may take its time.
        while let Some(told) = self.next(&what, 10 * IDLE, &mut stream).await? {
            made = told.status.filter(|id| id.starts_with("sha256:")).or(made);
        }
        if self.look_at_image(name).await?.is_some() {
            return Ok(());
        }
        match made {
            Some(id) => self.name_import(&what, &id, repo, tag).await,
            None => Err(EngineError::new(
                ErrorKind::Other,
                format!("cannot {what}: the engine took the file and made no image of it"),
            )),
        }
    }

    /// Podman 4 gives what it imports the tag `latest`, whatever it was asked.
    async fn name_import(&self, what: &str, id: &str, repo: &str, tag: &str) -> Result<()> {
        let id = names::image(id)?;
        let options = TagImageOptionsBuilder::default()
            .repo(repo)
            .tag(tag)
            .build();
        let tagged = self
            .client
            .ask(|client| client.tag_image(id, Some(options)));
        self.call(what, CHANGE, tagged).await?;
        self.delete_image(&format!("{repo}:latest")).await
    }
}

/// A file from its beginning, in pieces that fit into memory.
pub(super) fn chunks<B: From<Vec<u8>>>(file: File) -> impl Stream<Item = io::Result<B>> {
    stream::try_unfold(
        (tokio::fs::File::from_std(file), true),
        |(mut file, first)| async move {
            if first {
                file.rewind().await?;
            }
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = (&mut file)
                .take(CHUNK as u64)
                .read_to_end(&mut chunk)
                .await?;
            Ok((read > 0).then(|| (B::from(chunk), (file, false))))
        },
    )
}

pub(super) fn unreadable(what: &str, error: &io::Error) -> EngineError {
    EngineError::new(ErrorKind::Other, format!("cannot {what}: {error}"))
}

fn layer(info: CreateImageInfo) -> PullProgress {
    let ProgressDetail { current, total } = info.progress_detail.unwrap_or_default();
    let bytes = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    PullProgress {
        layer: info.id.unwrap_or_default(),
        status: info.status.unwrap_or_default(),
        current: bytes(current),
        total: bytes(total),
    }
}

/// What the client says when the engine's answer ends in the middle of a line.
const CUT: &str = "bytes remaining on stream";
const STALLED: &str = "the registry stopped sending";

/// An error of a pull is the registry's, unless the engine itself is the matter.
fn blame_registry(what: &str, error: EngineError) -> EngineError {
    let unreachable = |why: &str| {
        EngineError::new(
            ErrorKind::RegistryUnreachable,
            format!("cannot {what}: {why}; `roadlab images pull` asks again"),
        )
    };
    match error.kind {
        // The engine has taken the call, so the silence is the registry's.
        ErrorKind::Timeout => unreachable(STALLED),
        _ if error.message.contains(CUT) => unreachable(CUT),
        ErrorKind::Unreachable | ErrorKind::Denied | ErrorKind::DiskFull => error,
        _ => match errors::judge_registry(&error.message) {
            Some(ErrorKind::RegistryUnreachable) => EngineError::new(
                ErrorKind::RegistryUnreachable,
                format!(
                    "{}; when it can be reached, `roadlab images pull` asks again",
                    error.message
                ),
            ),
            Some(kind) => EngineError::new(kind, error.message),
            None => error,
        },
    }
}

fn is_cut(error: &EngineError) -> bool {
    error.message.contains(STALLED) || error.message.contains(CUT)
}

fn reason(error: &EngineError, idle: Duration) -> String {
    match error.message.contains(STALLED) {
        true => format!("no data for {} s", idle.as_secs()),
        false => "the transfer was cut".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: ErrorKind) {
        let error = errors::refused("pull `x`", Some(500), message);
        assert_eq!(
            blame_registry("pull `x`", error).kind,
            expected,
            "{message}"
        );
    }

    #[test]
    fn a_registry_out_of_reach_is_told_from_an_image_it_does_not_have() {
        for message in [
            "Get \"https://registry.test/v2/\": dial tcp: lookup registry.test: no such host",
            "Get \"http://127.0.0.1:5999/v2/\": dial tcp 127.0.0.1:5999: connect: connection refused",
            "dial tcp 192.0.2.1:443: connect: network is unreachable",
            "dial tcp 192.0.2.1:443: i/o timeout",
            "net/http: TLS handshake timeout",
            "x509: certificate signed by unknown authority",
        ] {
            check(message, ErrorKind::RegistryUnreachable);
        }
        for message in [
            "pull access denied for nope, repository does not exist or may require 'docker login'",
            "manifest for redis:nope not found: manifest unknown: manifest unknown",
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
        ] {
            check(message, ErrorKind::NoSuchImage);
        }
        check(
            "write /var/lib/docker/tmp/x: no space left on device",
            ErrorKind::DiskFull,
        );
        check(
            "layer verification failed for digest sha256:0a",
            ErrorKind::Other,
        );
    }

    #[test]
    fn silence_is_the_registrys_and_worth_another_try() {
        let silent = errors::too_slow("pull `x`", IDLE);
        let blamed = blame_registry("pull `x`", silent);
        assert_eq!(blamed.kind, ErrorKind::RegistryUnreachable);
        assert!(is_cut(&blamed), "{blamed}");
        assert_eq!(reason(&blamed, IDLE), "no data for 60 s");
        let denied = errors::refused("pull `x`", None, "pull access denied for x");
        assert!(!is_cut(&blame_registry("pull `x`", denied)));
    }
}
