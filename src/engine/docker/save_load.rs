//! Images as a tar file, to carry them to a machine without a network.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::query_parameters::ImportImageOptionsBuilder;
use futures_util::TryStreamExt;
use tokio::io::AsyncWriteExt;

use super::{Docker, errors, names, pull};
use crate::engine::{EngineError, ErrorKind, Result, clock};

/// The longest silence: the engine packs and unpacks large layers without a word.
const IDLE: Duration = Duration::from_secs(600);
/// How often it is told how far a file is.
const TICK: Duration = Duration::from_millis(200);

impl Docker {
    /// Writes images with their names into a file, as `docker save` does.
    pub(super) async fn save_images(
        &self,
        images: &[&str],
        file: File,
        progress: &dyn Fn(u64),
    ) -> Result<()> {
        let what = format!("export {}", images.join(", "));
        for image in images {
            names::image(image)?;
        }
        let mut file = tokio::fs::File::from_std(file);
        let mut stream = self.client.listen(|client| client.export_images(images));
        let mut written = 0;
        while let Some(part) = self.next(&what, IDLE, &mut stream).await? {
            let wrote = file.write_all(&part).await;
            wrote.map_err(|error| pull::unreadable(&what, &error))?;
            written += part.len() as u64;
            progress(written);
        }
        let ended = file.sync_all().await;
        ended.map_err(|error| pull::unreadable(&what, &error))
    }

    /// Loads such a file; returns the names of its images. `progress` gets the bytes that were sent.
    pub(super) async fn load_images(
        &self,
        path: &Path,
        progress: &dyn Fn(u64),
    ) -> Result<Vec<String>> {
        let what = format!("import {}", path.display());
        let file = File::open(path).map_err(|error| pull::unreadable(&what, &error))?;
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let chunks = pull::chunks::<Vec<u8>>(file).map_ok(move |chunk| {
            count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            chunk.into()
        });
        let options = ImportImageOptionsBuilder::default().build();
        let body = bollard::body_try_stream(chunks);
        let mut stream = self
            .client
            .listen(|client| client.import_image(options, body, None));
        let mut images = Vec::new();
        let (mut before, mut heard) = (0, clock::now());
        loop {
            match stream.next_within(&what, TICK).await {
                Ok(None) => break,
                Ok(Some(told)) => {
                    let told = told.map_err(|error| self.translate(&what, error))?;
                    images.extend(told.stream.as_deref().map(loaded).unwrap_or_default());
                    heard = clock::now();
                }
                Err(_) => {
                    let now = sent.load(Ordering::Relaxed);
                    if now > before {
                        (before, heard) = (now, clock::now());
                        progress(now);
                    }
                }
            }
            if clock::since(heard) > IDLE {
                return Err(errors::too_slow(&what, IDLE));
            }
        }
        match images.is_empty() {
            true => Err(EngineError::new(
                ErrorKind::Other,
                format!(
                    "cannot {what}: there is no image in it; `roadlab images export` writes such files"
                ),
            )),
            false => Ok(images),
        }
    }
}

/// The name in `Loaded image: redis:8.0`; Podman lists all of them on one line.
fn loaded(line: &str) -> Vec<String> {
    match line.trim().split_once(": ") {
        Some((before, names)) if before.starts_with("Loaded image") => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_loaded_images_are_read() {
        assert_eq!(loaded("Loaded image: redis:8.0\n"), ["redis:8.0"]);
        assert_eq!(loaded("Loaded image(s): localhost/x:1"), ["localhost/x:1"]);
        assert_eq!(
            loaded("Loaded image: localhost/roadlab/debian:trixie,localhost/x:1"),
            ["localhost/roadlab/debian:trixie", "localhost/x:1"]
        );
        assert_eq!(loaded("Loading layer: 3"), [""; 0]);
    }
}
