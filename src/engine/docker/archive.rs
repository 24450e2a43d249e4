//! Files and folders in containers, read and written through the engine's archive endpoint. The tar of a container is not
//! trusted: one regular file is read in memory, a folder is kept as it came, and nothing is unpacked to disk.

use std::fs::File;
use std::io::{Read, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

use futures_util::TryStreamExt;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::client::within;
use super::images::{chunks, file_error};
use super::{Docker, MIB, READ_TIMEOUT, errors, names};
use crate::engine::{ContainerFiles, ContainerFolders, EngineError, ErrorKind, Result};
use crate::text;
use crate::text::Text;

/// The size of a file of 1 MiB with the headers of a tar.
const MAX_TAR: usize = MIB + 64 * 1024;
/// The size of a block that may be a hole.
const BLOCK: usize = 4096;
/// The longest silence while a folder is read, and the longest time to write one.
const FOLDER_IDLE: Duration = Duration::from_secs(60);
const FOLDER_TIMEOUT: Duration = Duration::from_secs(300);
/// How many links are followed; Linux follows 40.
const MAX_LINKS: usize = 16;

/// The entry at a path.
enum Entry {
    File(Vec<u8>),
    /// A link with its target.
    Link(String),
}

impl ContainerFiles for Docker {
    async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>> {
        let operation = text!("read `{path}` in container `{container}`", path, container);
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            match self.download(container, &path, &operation).await? {
                Some(Entry::File(content)) => return Ok(Some(content)),
                Some(Entry::Link(target)) => path = resolve(&path, &target),
                None => return Ok(None),
            }
        }
        Err(other(text!("too many links")).during(&operation))
    }

    async fn write_file(&self, container: &str, path: &str, content: &[u8]) -> Result<()> {
        let operation = text!("write `{path}` in container `{container}`", path, container);
        let (folder, name) = path
            .rsplit_once('/')
            .filter(|(_, name)| !matches!(*name, "" | "." | ".."))
            .ok_or_else(|| other(text!("not an absolute path of a file")).during(&operation))?;
        let folder = if folder.is_empty() { "/" } else { folder };
        let tar = tar_of(name, content).map_err(|error| broken(&error).during(&operation))?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(folder)
            // A folder of that name remains a folder.
            .no_overwrite_dir_non_dir("true")
            .build();
        let container = names::resource(container)?;
        self.call(&operation, READ_TIMEOUT, |client| {
            client.upload_to_container(container, Some(options), bollard::body_full(tar.into()))
        })
        .await
    }
}

impl ContainerFolders for Docker {
    async fn save_folder(
        &self,
        container: &str,
        path: &str,
        file: File,
        limit: u64,
    ) -> Result<u64> {
        let operation = text!("copy `{path}` of container `{container}`", path, container);
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let container = names::resource(container)?;
        let mut stream = self
            .client
            .stream(|client| client.download_from_container(container, Some(options)));
        let mut file = tokio::fs::File::from_std(file);
        let mut bytes = 0;
        while let Some(chunk) = self.next(&operation, FOLDER_IDLE, &mut stream).await? {
            bytes += chunk.len() as u64;
            if bytes > limit {
                let limit = limit >> 20;
                let error = other(text!("it is larger than {limit} MiB", limit));
                return Err(error.during(&operation));
            }
            let written = write_sparse(&mut file, &chunk).await;
            written.map_err(|error| file_error(&operation, &error))?;
        }
        // A hole at the end is part of the file, too.
        let ended = async {
            file.flush().await?;
            file.set_len(bytes).await
        };
        ended
            .await
            .map_err(|error| file_error(&operation, &error))?;
        Ok(bytes)
    }

    async fn load_folder(&self, container: &str, path: &str, file: &Path) -> Result<()> {
        let operation = text!("fill `{path}` of container `{container}`", path, container);
        // The tar begins with the folder itself, so that it gets its owner and mode back.
        let above = path.trim_end_matches('/').rsplit_once('/');
        let above = above.map_or("/", |(above, _)| if above.is_empty() { "/" } else { above });
        let file = tokio::fs::File::open(file).await;
        let file = file.map_err(|error| file_error(&operation, &error))?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(above)
            .no_overwrite_dir_non_dir("true")
            .build();
        let container = names::resource(container)?;
        let body = bollard::body_try_stream(chunks::<Vec<u8>>(file).map_ok(Into::into));
        self.call(&operation, FOLDER_TIMEOUT, |client| {
            client.upload_to_container(container, Some(options), body)
        })
        .await
    }
}

impl Docker {
    /// Returns the entry at a path, without following links; `None` if there is none.
    async fn download(
        &self,
        container: &str,
        path: &str,
        operation: &Text,
    ) -> Result<Option<Entry>> {
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let container = names::resource(container)?;
        let mut stream = self
            .client
            .stream(|client| client.download_from_container(container, Some(options)));
        let reading = async {
            let mut tar = Vec::new();
            while let Some(chunk) = stream.next(operation, READ_TIMEOUT).await? {
                match chunk {
                    Ok(chunk) => tar.extend_from_slice(&chunk),
                    Err(error) if errors::is_missing_file(&error) => return Ok(None),
                    Err(error) => return Err(self.translate(operation, error)),
                }
                if tar.len() > MAX_TAR {
                    break;
                }
            }
            Ok(Some(tar))
        };
        match within(operation, READ_TIMEOUT, reading).await?? {
            Some(tar) => {
                let entry = first_entry(&tar).map_err(|error| error.during(operation))?;
                Ok(Some(entry))
            }
            None => Ok(None),
        }
    }
}

fn tar_of(name: &str, content: &[u8]) -> std::io::Result<Vec<u8>> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(now.as_secs());
    header.set_uid(0);
    header.set_gid(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, content)?;
    tar.into_inner()
}

/// Reads the first entry of a tar, which is the only one for a file or a link.
fn first_entry(tar: &[u8]) -> Result<Entry> {
    let broken = |error: std::io::Error| broken(&error);
    let mut archive = tar::Archive::new(tar);
    let entry = archive.entries().map_err(broken)?.next();
    let mut entry = entry
        .ok_or_else(|| other(text!("Docker sent nothing")))?
        .map_err(broken)?;
    if entry.header().entry_type().is_symlink() {
        let target = entry.link_name().map_err(broken)?;
        let target = target.as_deref().and_then(std::path::Path::to_str);
        return match target {
            Some(target) => Ok(Entry::Link(target.to_owned())),
            None => Err(other(text!("the target of the link is not UTF-8"))),
        };
    }
    if !entry.header().entry_type().is_file() {
        return Err(other(text!("not a regular file")));
    }
    if entry.size() > MIB as u64 {
        return Err(other(text!("larger than 1 MiB")));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(broken)?;
    Ok(Entry::File(content))
}

/// Writes bytes and leaves holes for those that are zero: servers reserve their logs with hundreds of megabytes of zeros.
async fn write_sparse(file: &mut tokio::fs::File, bytes: &[u8]) -> std::io::Result<()> {
    for (is_zero, run) in runs(bytes) {
        match is_zero {
            true => drop(file.seek(SeekFrom::Current(run.len() as i64)).await?),
            false => file.write_all(run).await?,
        }
    }
    Ok(())
}

/// Splits bytes into runs of blocks that are zero and runs of blocks that are not.
fn runs(bytes: &[u8]) -> Vec<(bool, &[u8])> {
    let is_zero = |block: &[u8]| block.iter().all(|byte| *byte == 0);
    let mut runs = Vec::new();
    let (mut begin, mut end) = (0, 0);
    let mut zero = false;
    for block in bytes.chunks(BLOCK) {
        let this = is_zero(block);
        if this != zero && end > begin {
            runs.push((zero, &bytes[begin..end]));
            begin = end;
        }
        zero = this;
        end += block.len();
    }
    if end > begin {
        runs.push((zero, &bytes[begin..end]));
    }
    runs
}

/// Returns the path that a link leads to, inside the container.
fn resolve(link: &str, target: &str) -> String {
    match (target.starts_with('/'), link.rsplit_once('/')) {
        (true, _) | (false, None) => target.to_owned(),
        (false, Some((folder, _))) => format!("{folder}/{target}"),
    }
}

fn other(reason: Text) -> EngineError {
    EngineError::new(ErrorKind::Other, reason)
}

/// The error of a tar that cannot be written or read.
fn broken(error: &std::io::Error) -> EngineError {
    other(Text::quotation(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: tar::EntryType, size: u64, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_path("x").unwrap();
        header.set_cksum();
        [header.as_bytes().as_slice(), content].concat()
    }

    #[test]
    fn only_a_regular_file_of_limited_size_is_read() {
        let file = first_entry(&tar_of("x", b"hi").unwrap());
        assert!(matches!(file, Ok(Entry::File(content)) if content == b"hi"));
        let check = |tar: &[u8], expected: &str| {
            let error = first_entry(tar).err().unwrap();
            assert_eq!(error.to_string(), expected);
        };
        let folder = entry(tar::EntryType::Directory, 0, b"");
        check(&folder, "not a regular file");
        let device = entry(tar::EntryType::Char, 0, b"");
        check(&device, "not a regular file");
        let huge = entry(tar::EntryType::Regular, u64::MAX >> 8, b"little");
        check(&huge, "larger than 1 MiB");
        check(b"", "Docker sent nothing");
    }

    #[tokio::test]
    async fn zeros_are_holes_and_everything_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let mut content = vec![0; 1 << 20];
        content[5000..5010].fill(7);
        content.extend([9; 100]);
        content.extend(vec![0; 3 * BLOCK]);
        let mut file = tokio::fs::File::create(&path).await.unwrap();
        for chunk in content.chunks(70_001) {
            write_sparse(&mut file, chunk).await.unwrap();
        }
        file.flush().await.unwrap();
        file.set_len(content.len() as u64).await.unwrap();
        assert!(std::fs::read(&path).unwrap() == content);
        let lengths = |bytes: &[u8]| {
            let runs = runs(bytes).into_iter();
            runs.map(|(zero, run)| (zero, run.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(&[]), []);
        assert_eq!(lengths(&[0; 10]), [(true, 10)]);
        let mut mixed = vec![0; 3 * BLOCK];
        mixed[BLOCK] = 1;
        let block = BLOCK;
        assert_eq!(
            lengths(&mixed),
            [(true, block), (false, block), (true, block)]
        );
    }

    #[test]
    fn links_are_resolved_inside_the_container() {
        assert_eq!(resolve("/var/log/x", "/dev/stdout"), "/dev/stdout");
        assert_eq!(
            resolve("/etc/os-release", "../usr/lib/os-release"),
            "/etc/../usr/lib/os-release"
        );
        assert_eq!(resolve("/x", "y"), "/y");
    }
}
