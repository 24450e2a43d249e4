//! What roadlab keeps on disk: the labs, the learner's progress and the journals of runs. Nothing here knows an engine.

mod added_labs;
mod baselines;
mod changed_files;
mod dated_name;
mod document;
mod embedded;
mod file_stamps;
mod files;
mod fingerprint;
mod journal;
mod lab_folders;
mod labs_option;
mod locks;
mod log;
mod mounted_files;
mod open_shells;
mod package;
mod paths;
mod progress;
mod proof_times;
mod pulled_images;
mod summaries;
mod unreachable_registries;
mod volume_copies;
mod web_session;
mod workspace;

pub use added_labs::{AddedLab, AddedLabs, LabOrigin, PreparedLab, Replacement};
pub use baselines::{Baseline, Baselines, BegunReset, Preparation};
pub use changed_files::changed_files;
pub use document::DocumentError;
pub use embedded::built_in_catalogue;
pub use file_stamps::FileStamps;
pub use files::{OsFs, RecordingFs};
pub use fingerprint::LabFingerprint;
pub use journal::{
    ClaimResult, Disposition, Journal, JournalLock, Journals, Lifetime, UnreadableJournal,
    UnwritableJournal,
};
pub use lab_folders::LabFolders;
pub use labs_option::LabsOption;
pub use locks::{Lock, LockError, LockHolder};
pub use log::open_log;
pub use mounted_files::{folder_digest, mounted_digests};
pub use open_shells::{OpenShell, ShellRecord};
pub use package::{
    EXTENSION, LabTree, MAX_BYTES, MAX_FILES, Manifest, PACKED, Package, PackageError,
    PackagedFile, PackagedImage, PackagedImages, check_images, holds_images, is_packed_image,
    is_plain_path, pack_images, write_package,
};
pub use paths::Paths;
pub use progress::{
    PlayReason, Played, Progress, ProgressAmount, ProgressError, QuizResult, Standing,
};
pub use proof_times::ProofTimes;
pub use pulled_images::{PulledImages, short_image_name};
pub use summaries::Summaries;
pub use unreachable_registries::UnreachableRegistries;
pub use volume_copies::{MAX_COPIES, MAX_COPY, UnfinishedCopy, VolumeCopies, VolumeCopy};
pub use web_session::WebSession;
pub use workspace::{
    Deleted, EditedFile, FileState, KeptFile, ListedFile, MAX_EDITED, MAX_LISTED, Saved, Workspace,
    WorkspaceError, editable_path,
};

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

use crate::localized;
use dated_name::dated_name;

/// Replaces a file: it is the old one or the new one, whatever happens meanwhile.
fn write_atomically(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    document::replace_file(path, content)
        .map(drop)
        .with_context(|| localized!("cannot write {file}", file = path.display()))
}

/// Returns the time in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|now| now.as_secs())
        .unwrap_or_default()
}
