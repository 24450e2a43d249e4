//! The folders of the program, after the XDG Base Directory Specification.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

use crate::localized;

/// The folders of one user.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Journals, progress, locks, logs: `$XDG_STATE_HOME/roadlab`.
    pub state: PathBuf,
    /// What can be created again: `$XDG_CACHE_HOME/roadlab`.
    pub cache: PathBuf,
    /// The user's own labs: `$XDG_DATA_HOME/roadlab`.
    pub data: PathBuf,
}

impl Paths {
    /// Returns the folders of the user who runs this process.
    pub fn find() -> anyhow::Result<Self> {
        let base = etcetera::base_strategy::Xdg::new()
            .context(localized!("cannot find the home folder; set HOME"))?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self {
            state: state.join("roadlab"),
            cache: base.cache_dir().join("roadlab"),
            data: base.data_dir().join("roadlab"),
        })
    }

    /// Returns the id that labels every resource of this machine, user and state folder.
    pub fn owner(&self) -> String {
        let machine = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default();
        self.owner_on(machine.trim())
    }

    /// Returns the owner on the machine with this id. Containers have none, and may share one engine.
    fn owner_on(&self, machine: &str) -> String {
        let own = || self.own_id().unwrap_or_default();
        let machine = match machine.is_empty() {
            true => own(),
            false => machine.to_owned(),
        };
        let user = rustix::process::getuid().as_raw();
        let text = format!("{machine}\n{user}\n{}", self.state.display());
        let hash = Sha256::digest(text.as_bytes());
        crate::hex::encode(&hash[..6])
    }

    /// Returns the id that the state folder got when one was needed first.
    fn own_id(&self) -> std::io::Result<String> {
        let path = self.state.join("owner-id");
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            read => return read,
        }
        std::fs::create_dir_all(&self.state)?;
        let id = ulid::Ulid::generate().to_string();
        // Whichever process was first has written all of it.
        let mut file = tempfile::NamedTempFile::new_in(&self.state)?;
        file.write_all(id.as_bytes())?;
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(id),
            Err(_) => std::fs::read_to_string(&path),
        }
    }

    /// Returns the folder of the journals.
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// Returns the folder of the learner's progress.
    pub fn progress(&self) -> PathBuf {
        self.state.join("progress")
    }

    /// Returns the folder of the instances' locks.
    pub fn locks(&self) -> PathBuf {
        self.state.join("locks")
    }

    /// Returns the folder of the labs that were added.
    pub fn added(&self) -> PathBuf {
        self.data.join("added")
    }

    /// Returns the folders that may hold labs, in the order of precedence.
    pub fn lab_roots(&self, requested: Option<&Path>) -> Vec<PathBuf> {
        match requested {
            Some(requested) => vec![requested.to_owned()],
            None => vec![PathBuf::from("labs"), self.data.join("labs")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(folder: &Path) -> Paths {
        let folder = |name: &str| folder.join(name);
        Paths {
            state: folder("state"),
            cache: folder("cache"),
            data: folder("data"),
        }
    }

    #[test]
    fn machines_without_an_id_have_different_owners() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        let first = paths.owner_on("");
        assert_eq!(paths.owner_on(""), first);
        assert_ne!(paths.owner_on("0123"), first);
        // Another container has another folder at the same path.
        std::fs::rename(&paths.state, folder.path().join("other")).unwrap();
        assert_ne!(paths.owner_on(""), first);
        assert_eq!(paths.owner_on("0123"), paths.owner_on("0123"));
    }
}
