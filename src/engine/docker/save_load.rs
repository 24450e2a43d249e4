//! Images as a tar file, to carry them to a machine without a network.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::query_parameters::ImportImageOptionsBuilder;
use futures_util::TryStreamExt;
use tokio::io::AsyncWriteExt;

use super::images::{chunks, file_error};
use super::{Docker, errors, names};
use crate::engine::{EngineError, ErrorKind, ImageTransfer, Result, clock};
use crate::text;

/// The longest silence: the engine packs and unpacks large layers without reporting.
const IDLE: Duration = Duration::from_secs(600);
/// How often progress is reported.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

impl ImageTransfer for Docker {
    async fn save(&self, images: &[&str], file: File, progress: &dyn Fn(u64)) -> Result<()> {
        let operation = text!("export {images}", images = images.join(", "));
        for image in images {
            names::image(image)?;
        }
        let mut file = tokio::fs::File::from_std(file);
        let mut stream = self.client.stream(|client| client.export_images(images));
        let mut written = 0;
        while let Some(part) = self.next(&operation, IDLE, &mut stream).await? {
            let result = file.write_all(&part).await;
            result.map_err(|error| file_error(&operation, &error))?;
            written += part.len() as u64;
            progress(written);
        }
        // A write is only begun when `write_all` returns, and `sync_all` does not say that the last one failed.
        let ended = match file.flush().await {
            Ok(()) => file.sync_all().await,
            failed => failed,
        };
        ended.map_err(|error| file_error(&operation, &error))
    }

    async fn load(&self, path: &Path, progress: &dyn Fn(u64)) -> Result<Vec<String>> {
        let operation = text!("import {file}", file = path.display());
        let file = tokio::fs::File::open(path).await;
        let file = file.map_err(|error| file_error(&operation, &error))?;
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let chunks = chunks::<Vec<u8>>(file).map_ok(move |chunk| {
            count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            chunk.into()
        });
        let options = ImportImageOptionsBuilder::default().build();
        let body = bollard::body_try_stream(chunks);
        let mut stream = self
            .client
            .stream(|client| client.import_image(options, body, None));
        let mut images = Vec::new();
        let (mut reported, mut last_change) = (0, clock::now());
        loop {
            match stream.next(&operation, REPORT_INTERVAL).await {
                Ok(None) => break,
                Ok(Some(info)) => {
                    let info = info.map_err(|error| self.translate(&operation, error))?;
                    images.extend(info.stream.as_deref().map(loaded_names).unwrap_or_default());
                    last_change = clock::now();
                }
                // Nothing within the interval.
                Err(_) => {
                    let now = sent.load(Ordering::Relaxed);
                    if now > reported {
                        (reported, last_change) = (now, clock::now());
                        progress(now);
                    }
                }
            }
            if clock::since(last_change) > IDLE {
                return Err(errors::no_answer(&operation, IDLE));
            }
        }
        match images.is_empty() {
            true => Err(
                EngineError::new(ErrorKind::Other, text!("the file contains no image"))
                    .during(&operation)
                    .help(text!("create such a file with `roadlab images export`")),
            ),
            false => Ok(images),
        }
    }
}

/// The name in `Loaded image: redis:8.0`; Podman lists all names in one line.
fn loaded_names(line: &str) -> Vec<String> {
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
    fn names_of_loaded_images_are_read() {
        assert_eq!(loaded_names("Loaded image: redis:8.0\n"), ["redis:8.0"]);
        assert_eq!(
            loaded_names("Loaded image(s): localhost/x:1"),
            ["localhost/x:1"]
        );
        assert_eq!(
            loaded_names("Loaded image: localhost/roadlab/debian:trixie,localhost/x:1"),
            ["localhost/roadlab/debian:trixie", "localhost/x:1"]
        );
        assert_eq!(loaded_names("Loading layer: 3"), [""; 0]);
    }
}
