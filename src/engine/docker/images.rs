//! Images: inspected, pulled from a registry, imported from a root file system, removed.

use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::{CreateImageInfo, ProgressDetail};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder,
};
use futures_util::{Stream, stream};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::containers::ignore_not_found;
use super::{Docker, READ_TIMEOUT, WRITE_TIMEOUT, credentials, errors, names, platform};
use crate::engine::{EngineError, ErrorKind, ImageInfo, Images, ListedImage, PullProgress, Result};
use crate::lab::ImageName;
use crate::text::Text;
use crate::{localized, text};

/// The longest silence of a pull.
const PULL_IDLE: Duration = Duration::from_secs(60);
/// The longest silence of an import: the engine answers only after it has received everything.
const IMPORT_IDLE: Duration = Duration::from_secs(600);
/// The engine adds up the layers of all images.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);
const PULL_ATTEMPTS: usize = 3;
/// The name that the engine lists for an image without one.
const UNNAMED: &str = "<none>:<none>";
const CHUNK: usize = 64 * 1024;

impl Images for Docker {
    async fn image(&self, name: &str) -> Result<Option<ImageInfo>> {
        let operation = text!("inspect image `{name}`", name);
        let name = names::image(name)?;
        let answer = self
            .call(&operation, READ_TIMEOUT, |client| {
                client.inspect_image(name)
            })
            .await;
        let image = match answer {
            Ok(image) => image,
            Err(error) if matches!(error.kind, ErrorKind::NoSuchImage | ErrorKind::NotFound) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        let architecture = known(image.architecture);
        // A call saved: nearly every image is for the machine's architecture.
        let machine = match architecture == platform::own() {
            true => architecture.clone(),
            false => self.architecture().await?,
        };
        let os = known(image.os);
        Ok(Some(ImageInfo {
            id: image.id.unwrap_or_default(),
            incompatible_with: (!platform::runs_on(&machine, &architecture))
                .then(|| format!("{os}/{machine}")),
            platform: format!("{os}/{architecture}"),
            size: image
                .size
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or(0),
            env: image
                .config
                .and_then(|config| config.env)
                .unwrap_or_default(),
        }))
    }

    async fn all_images(&self) -> Result<Vec<ListedImage>> {
        // Engines before API version 1.42 do not know the option, and report that the shared size is not known.
        let options = ListImagesOptionsBuilder::default()
            .shared_size(true)
            .build();
        let images = self
            .call(&text!("list images"), LIST_TIMEOUT, |client| {
                client.list_images(Some(options))
            })
            .await?;
        let images = images.into_iter().flat_map(|image| {
            let listed = move |name| ListedImage {
                name,
                id: image.id.clone(),
                size: u64::try_from(image.size).unwrap_or(0),
                shared: u64::try_from(image.shared_size).ok(),
            };
            image.repo_tags.into_iter().map(listed)
        });
        Ok(images.filter(|image| image.name != UNNAMED).collect())
    }

    async fn pull(&self, image: &ImageName, progress: &dyn Fn(PullProgress)) -> Result<()> {
        self.pull_within(image, PULL_IDLE, progress).await
    }

    async fn import(&self, root: &Path, name: &str) -> Result<()> {
        let operation = text!("import {file} as `{name}`", file = root.display(), name);
        let image = ImageName::new(names::image(name)?)
            .map_err(|reason| EngineError::new(ErrorKind::Other, reason).during(&operation))?;
        let (repo, tag) = image.split();
        let file = File::open(root).await;
        let file = file.map_err(|error| file_error(&operation, &error))?;
        let options = CreateImageOptionsBuilder::default()
            .from_src("-")
            .repo(repo)
            .tag(tag)
            .build();
        let body = bollard::body_try_stream(chunks(file));
        let mut stream = self
            .client
            .stream(|client| client.create_image(Some(options), Some(body), None));
        let mut id = None;
        while let Some(info) = self.next(&operation, IMPORT_IDLE, &mut stream).await? {
            id = info.status.filter(|id| id.starts_with("sha256:")).or(id);
        }
        if self.image(name).await?.is_some() {
            return Ok(());
        }
        match id {
            Some(id) => self.name_import(&operation, &id, repo, tag).await,
            None => Err(EngineError::new(
                ErrorKind::Other,
                text!("Docker received the file and created no image"),
            )
            .during(&operation)),
        }
    }

    async fn remove_image(&self, name: &str) -> Result<()> {
        let operation = text!("remove image `{name}`", name);
        let name = names::image(name)?;
        // The engine would remove the name of an image that has another one, even while a container uses it.
        if let Some(container) = self.user_of_image(name).await? {
            let reason = text!("container {container} uses it", container);
            return Err(EngineError::new(ErrorKind::Busy, reason).during(&operation));
        }
        let removed = self
            .call(&operation, WRITE_TIMEOUT, |client| {
                client.remove_image(name, None::<RemoveImageOptions>, None)
            })
            .await;
        ignore_not_found(removed.map(drop))
    }
}

impl Docker {
    /// Pulls an image; `idle` is the longest silence. A transfer that stalls or is cut is retried, as the engine keeps
    /// the layers that have arrived.
    ///
    /// Fails as [`Images::pull`] does.
    pub async fn pull_within(
        &self,
        image: &ImageName,
        idle: Duration,
        progress: &dyn Fn(PullProgress),
    ) -> Result<()> {
        let operation = text!("pull `{image}`", image);
        let credentials = credentials::of_registry(image.registry()).await;
        for attempt in 1..=PULL_ATTEMPTS {
            let error = match self
                .pull_once(image, credentials.found(), idle, &operation, progress)
                .await
            {
                Ok(()) => break,
                Err(error) => error,
            };
            let Some(interruption) = Interruption::of(error.kind) else {
                return Err(credentials.explain(error));
            };
            if interruption == Interruption::Cut && self.image(image.as_str()).await?.is_some() {
                return Ok(());
            }
            if attempt == PULL_ATTEMPTS {
                return Err(interruption.into_error(&operation, idle));
            }
            progress(PullProgress {
                layer: String::new(),
                status: localized!(
                    "{reason}, attempt {attempt} of {attempts}",
                    reason = interruption.reason(idle),
                    attempt = attempt + 1,
                    attempts = PULL_ATTEMPTS
                ),
                current: None,
                total: None,
            });
        }
        // Podman ends a stream with an error that the client does not recognise as one.
        match self.image(image.as_str()).await? {
            Some(_) => Ok(()),
            None => Err(EngineError::new(
                ErrorKind::NoSuchImage,
                text!("the pull ended without an error, and without the image"),
            )
            .during(&operation)),
        }
    }

    async fn pull_once(
        &self,
        image: &ImageName,
        credentials: Option<DockerCredentials>,
        idle: Duration,
        operation: &Text,
        progress: &dyn Fn(PullProgress),
    ) -> Result<()> {
        names::image(image.as_str())?;
        // Without a tag, all tags would be pulled.
        let (name, tag) = image.split();
        let options = CreateImageOptionsBuilder::default()
            .from_image(name)
            .tag(tag)
            .build();
        let mut stream = self
            .client
            .stream(|client| client.create_image(Some(options), None, credentials));
        while let Some(info) = stream.next(operation, idle).await? {
            let info =
                info.map_err(|error| errors::translate_pull(&self.endpoint, operation, error))?;
            progress(layer(info));
        }
        Ok(())
    }

    /// Gives an import its name: Podman 4 tags what it imports `latest`, whatever the tag was.
    async fn name_import(&self, operation: &Text, id: &str, repo: &str, tag: &str) -> Result<()> {
        let id = names::image(id)?;
        let options = TagImageOptionsBuilder::default()
            .repo(repo)
            .tag(tag)
            .build();
        self.call(operation, WRITE_TIMEOUT, |client| {
            client.tag_image(id, Some(options))
        })
        .await?;
        self.remove_image(&format!("{repo}:latest")).await
    }
}

/// A transfer that did not end, and that is worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    /// The engine accepted the call, so the silence is the registry's.
    Stalled,
    Cut,
}

impl Interruption {
    fn of(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::Timeout => Some(Self::Stalled),
            ErrorKind::StreamCut => Some(Self::Cut),
            _ => None,
        }
    }

    fn reason(self, idle: Duration) -> Text {
        match self {
            Self::Stalled => text!("no data for {seconds} s", seconds = idle.as_secs()),
            Self::Cut => text!("the transfer was interrupted"),
        }
    }

    fn into_error(self, operation: &Text, idle: Duration) -> EngineError {
        errors::registry_unreachable(operation, self.reason(idle))
    }
}

/// Reads a file from its beginning, in pieces that fit into memory.
pub(super) fn chunks<B: From<Vec<u8>>>(file: File) -> impl Stream<Item = io::Result<B>> {
    stream::try_unfold((file, true), |(mut file, first)| async move {
        if first {
            file.rewind().await?;
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut file)
            .take(CHUNK as u64)
            .read_to_end(&mut chunk)
            .await?;
        Ok((read > 0).then(|| (B::from(chunk), (file, false))))
    })
}

/// The error of a file of this machine.
pub(super) fn file_error(operation: &Text, error: &io::Error) -> EngineError {
    EngineError::new(ErrorKind::Other, Text::quotation(error.to_string())).during(operation)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn operation() -> Text {
        text!("pull `x`")
    }

    #[test]
    fn timeout_and_cut_stream_are_retried_and_nothing_else() {
        let kind = |error: EngineError| Interruption::of(error.kind);
        let timeout = errors::no_answer(&operation(), PULL_IDLE);
        assert_eq!(kind(timeout), Some(Interruption::Stalled));
        let denied = errors::refused(&operation(), None, "pull access denied for x");
        assert_eq!(kind(denied), None);
        let cut = EngineError::new(ErrorKind::StreamCut, text!("whatever the text is"));
        assert_eq!(kind(cut), Some(Interruption::Cut));
        // The same text with another kind is no interruption.
        let other = EngineError::new(
            ErrorKind::Other,
            text!("bytes remaining on stream; the registry stopped sending"),
        );
        assert_eq!(kind(other), None);
    }

    #[test]
    fn interruption_that_repeats_is_the_registrys_error() {
        let error = Interruption::Stalled.into_error(&operation(), PULL_IDLE);
        assert_eq!(error.kind, ErrorKind::RegistryUnreachable);
        assert_eq!(
            error.to_string(),
            "cannot pull `x`: no data for 60 s; run `roadlab images pull LAB` when the registry can be reached"
        );
    }
}
