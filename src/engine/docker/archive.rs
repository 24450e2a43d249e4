//! Single files into and out of containers. A container's tar is a stranger's: one regular file is read in memory,
//! nothing is unpacked.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

use super::{Docker, LOOK, MIB, bounded, names};
use crate::engine::{EngineError, ErrorKind, Result};

/// A file of 1 MiB with the headers that a tar may have.
const LARGEST_TAR: usize = MIB + 64 * 1024;
/// As many links as Linux follows, less some.
const MOST_LINKS: usize = 16;

/// What a path turned out to be.
enum Found {
    File(Vec<u8>),
    /// A link and what it points to.
    Link(String),
}

impl Docker {
    pub(super) async fn download_file(
        &self,
        container: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>> {
        let what = format!("read `{path}` in container `{container}`");
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            match self.download(container, &path, &what).await? {
                Some(Found::File(content)) => return Ok(Some(content)),
                Some(Found::Link(target)) => path = resolve(&path, &target),
                None => return Ok(None),
            }
        }
        Err(odd(&what, "too many links"))
    }

    async fn download(&self, container: &str, path: &str, what: &str) -> Result<Option<Found>> {
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(path)
            .build();
        let name = names::resource(container)?;
        let mut stream = self
            .client
            .listen(|client| client.download_from_container(name, Some(options)));
        let mut tar = Vec::new();
        let reading = async {
            while let Some(chunk) = self.next(what, LOOK, &mut stream).await? {
                tar.extend_from_slice(&chunk);
                if tar.len() > LARGEST_TAR {
                    break;
                }
            }
            Ok::<_, EngineError>(())
        };
        match bounded(what, LOOK, reading).await? {
            Ok(()) => only_entry(&tar, what).map(Some),
            // The same code for a container and for a file that is not there.
            Err(error) if error.kind == ErrorKind::NotFound && !is_about_container(&error) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn upload_file(
        &self,
        container: &str,
        path: &str,
        content: &[u8],
    ) -> Result<()> {
        let what = format!("write `{path}` in container `{container}`");
        let (folder, name) = path
            .rsplit_once('/')
            .filter(|(_, name)| !matches!(*name, "" | "." | ".."))
            .ok_or_else(|| odd(&what, "not an absolute path of a file"))?;
        let folder = if folder.is_empty() { "/" } else { folder };
        let tar = tar_of(name, content).map_err(|error| odd(&what, &error.to_string()))?;
        let options = UploadToContainerOptionsBuilder::default()
            .path(folder)
            // A folder of that name stays a folder.
            .no_overwrite_dir_non_dir("true")
            .build();
        let container = names::resource(container)?;
        let sent = self.client.ask(|client| {
            client.upload_to_container(container, Some(options), bollard::body_full(tar.into()))
        });
        self.call(&what, LOOK, sent).await
    }
}

fn is_about_container(error: &EngineError) -> bool {
    error.message.to_lowercase().contains("no such container")
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

fn only_entry(tar: &[u8], what: &str) -> Result<Found> {
    let broken = |error: std::io::Error| odd(what, &error.to_string());
    let mut archive = tar::Archive::new(tar);
    let entry = archive.entries().map_err(broken)?.next();
    let mut entry = entry
        .ok_or_else(|| odd(what, "the engine sent nothing"))?
        .map_err(broken)?;
    if entry.header().entry_type().is_symlink() {
        let target = entry.link_name().map_err(broken)?;
        let target = target.as_deref().and_then(std::path::Path::to_str);
        return match target {
            Some(target) => Ok(Found::Link(target.to_owned())),
            None => Err(odd(what, "a link whose target is not UTF-8")),
        };
    }
    if !entry.header().entry_type().is_file() {
        return Err(odd(what, "not a regular file"));
    }
    if entry.size() > MIB as u64 {
        return Err(odd(what, "larger than 1 MiB"));
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(broken)?;
    Ok(Found::File(content))
}

/// Where a link leads, inside the container.
fn resolve(link: &str, target: &str) -> String {
    match (target.starts_with('/'), link.rsplit_once('/')) {
        (true, _) | (false, None) => target.to_owned(),
        (false, Some((folder, _))) => format!("{folder}/{target}"),
    }
}

fn odd(what: &str, why: &str) -> EngineError {
    EngineError::new(ErrorKind::Other, format!("cannot {what}: {why}"))
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
    fn only_a_regular_file_of_a_sane_size_is_read() {
        let why = |tar: &[u8]| only_entry(tar, "read `x`").err().unwrap().message;
        assert!(
            matches!(only_entry(&tar_of("x", b"hi").unwrap(), ""), Ok(Found::File(content)) if content == b"hi")
        );
        assert_eq!(
            why(&entry(tar::EntryType::Directory, 0, b"")),
            "cannot read `x`: not a regular file"
        );
        assert_eq!(
            why(&entry(tar::EntryType::Char, 0, b"")),
            "cannot read `x`: not a regular file"
        );
        let huge = entry(tar::EntryType::Regular, u64::MAX >> 8, b"little");
        assert_eq!(why(&huge), "cannot read `x`: larger than 1 MiB");
        assert_eq!(why(b""), "cannot read `x`: the engine sent nothing");
    }

    #[test]
    fn links_lead_on_inside_the_container() {
        assert_eq!(resolve("/var/log/x", "/dev/stdout"), "/dev/stdout");
        assert_eq!(
            resolve("/etc/os-release", "../usr/lib/os-release"),
            "/etc/../usr/lib/os-release"
        );
        assert_eq!(resolve("/x", "y"), "/y");
    }
}
