//! The folders of the program, after the XDG Base Directory Specification.

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
        let user = rustix::process::getuid().as_raw();
        let text = format!("{}\n{user}\n{}", machine.trim(), self.state.display());
        let hash = Sha256::digest(text.as_bytes());
        crate::hex::encode(&hash[..6])
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
