//! Why progress cannot be read or changed.

use std::fmt;
use std::path::PathBuf;

use crate::store::document::LOCK_TIMEOUT;
use crate::store::progress::VERSION;
use crate::text;
use crate::text::Text;

/// Why progress cannot be read or changed. The file stays as it is.
#[derive(Debug)]
pub enum ProgressError {
    /// The file is there and cannot be read or understood.
    Unreadable {
        path: PathBuf,
        reason: Text,
        /// The command that keeps the file under another name and starts again.
        reset: String,
    },
    /// A newer version of this program wrote the file.
    Newer {
        path: PathBuf,
        version: u64,
        /// The command that keeps the file under another name and starts again.
        reset: String,
    },
    /// Another process holds the lock for longer than an update takes.
    Busy { path: PathBuf },
    /// The file or its lock cannot be written or removed.
    NotWritable { path: PathBuf, reason: String },
}

impl ProgressError {
    /// Returns what is wrong and what to do about it.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable {
                path,
                reason,
                reset,
            } => text!(
                "cannot read the progress file {path}: {reason}; repair it, or start again with `{reset}`, which keeps the file under another name",
                path = path.display(),
                reason = reason.clone(),
                reset
            ),
            Self::Newer {
                path,
                version,
                reset,
            } => text!(
                "the progress file {path} was written by a newer roadlab (format {version}, this one reads {known}): upgrade roadlab, or start again with `{reset}`, which keeps the file under another name",
                path = path.display(),
                version,
                known = VERSION,
                reset
            ),
            Self::Busy { path } => text!(
                "another process has locked the progress file {path} for {seconds} s: end that process, then try again",
                path = path.display(),
                seconds = LOCK_TIMEOUT.as_secs()
            ),
            Self::NotWritable { path, reason } => text!(
                "cannot write the progress file {path}: {reason}; free the path, or set XDG_STATE_HOME to another folder",
                path = path.display(),
                reason
            ),
        }
    }
}

impl fmt::Display for ProgressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text().localized())
    }
}

impl std::error::Error for ProgressError {}
