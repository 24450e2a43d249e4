//! Files that a command writes for the user: a package, or images.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::runner::Failure;
use crate::store::{Package, holds_images};
use crate::text;

/// How every trace begins.
const TRACE_BEGINNING: &str = "{\"traceEvents\":";

/// What a command writes into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputKind {
    Package,
    Images,
    /// What `up --trace` writes.
    Trace,
}

/// What is at the place of a file that will be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// Nothing, or a file of the same kind.
    Nothing,
    /// A file of another kind, which may be the only copy of something.
    OtherFile,
}

/// Returns what a file would replace. Only regular files can be replaced.
pub fn replaced_by(file: &Path, kind: OutputKind) -> Result<Replaced, Failure> {
    if file == Path::new("-") {
        return Err(Failure::Usage(text!(
            "`-` is not a file, and nothing is written to standard output here; name a file"
        )));
    }
    // Links are not followed: they would be replaced.
    let about = match std::fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Replaced::Nothing),
        Err(error) => return Err(Failure::cannot_write(file, &error)),
        Ok(about) => about,
    };
    if !about.is_file() {
        return Err(Failure::Usage(text!(
            "{file} is not a regular file and is not replaced; name another file",
            file = file.display()
        )));
    }
    let is_package = Package::is_at(file);
    let is_same = match kind {
        OutputKind::Package => is_package,
        OutputKind::Images => !is_package && holds_images(file),
        OutputKind::Trace => begins_with(file, TRACE_BEGINNING),
    };
    match is_same {
        true => Ok(Replaced::Nothing),
        false => Ok(Replaced::OtherFile),
    }
}

/// Returns whether a file begins with a text.
fn begins_with(file: &Path, text: &str) -> bool {
    let mut start = vec![0; text.len()];
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == text.as_bytes()
}

/// Writes a trace, where [`replaced_by`] found nothing else. The file appears when it is complete.
pub fn write_trace(file: &Path, trace: &str) -> Result<(), Failure> {
    let cannot = |error: &io::Error| Failure::cannot_write(file, error);
    let mut partial = partial(file)?;
    let written = partial.write_all(trace.as_bytes());
    written.map_err(|error| cannot(&without_path(&error)))?;
    let done = partial.persist(file).map_err(|error| cannot(&error.error));
    done.map(drop)
}

/// Creates a temporary file beside a file whose place it takes when it is complete.
pub(super) fn partial(file: &Path) -> Result<tempfile::NamedTempFile, Failure> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let created = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder);
    created.map_err(|error| Failure::cannot_write(file, &without_path(&error)))
}

/// Returns an error without the path of the temporary file that it is about.
pub(super) fn without_path(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => {
            let text = error.to_string();
            let reason = text.split(" at path ").next().unwrap_or_default();
            io::Error::new(error.kind(), reason.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_same_kind_are_replaced_without_a_question() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("thesis"), "words").unwrap();
        std::os::unix::fs::symlink(path("thesis"), path("link")).unwrap();
        let mut tar = tar::Builder::new(std::fs::File::create(path("images.tar")).unwrap());
        let mut header = tar::Header::new_ustar();
        header.set_size(2);
        header.set_entry_type(tar::EntryType::Regular);
        tar.append_data(&mut header, "manifest.json", &b"[]"[..])
            .unwrap();
        tar.finish().unwrap();
        for kind in [OutputKind::Package, OutputKind::Images] {
            let check = |path: &Path| replaced_by(path, kind);
            assert_eq!(check(&path("new")).unwrap(), Replaced::Nothing);
            assert_eq!(check(&path("thesis")).unwrap(), Replaced::OtherFile);
            for refused in [
                path("link"),
                folder.path().to_owned(),
                "/dev/null".into(),
                "-".into(),
            ] {
                assert_eq!(check(&refused).unwrap_err().code(), "usage", "{refused:?}");
            }
        }
        let images = |kind| replaced_by(&path("images.tar"), kind).unwrap();
        assert_eq!(images(OutputKind::Images), Replaced::Nothing);
        assert_eq!(images(OutputKind::Package), Replaced::OtherFile);
    }

    #[test]
    fn errors_name_the_file_and_not_a_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("missing/x.lab");
        let error = partial(&file).unwrap_err().to_string();
        assert!(error.contains("missing/x.lab: No such file"), "{error}");
        assert!(!error.contains("missing/.tmp"), "{error}");
    }
}
