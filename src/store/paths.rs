//! Where things are kept: the XDG folders.

use std::path::{Path, PathBuf};

use anyhow::Context;
use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

/// The folders that roadlab uses, and who it is that uses them.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Journals, progress, locks, logs: `$XDG_STATE_HOME/roadlab`.
    pub state: PathBuf,
    /// What can be made again: `$XDG_CACHE_HOME/roadlab`.
    pub cache: PathBuf,
    /// Labs of the user's own: `$XDG_DATA_HOME/roadlab`.
    pub data: PathBuf,
}

impl Paths {
    /// The folders of the user who runs this.
    pub fn find() -> anyhow::Result<Self> {
        let base = etcetera::base_strategy::Xdg::new()
            .context("cannot tell where your home folder is: set HOME")?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Ok(Self {
            state: state.join("roadlab"),
            cache: base.cache_dir().join("roadlab"),
            data: base.data_dir().join("roadlab"),
        })
    }

    /// Whose resources on an engine are ours: this machine, this user, this state folder.
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

    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    pub fn progress(&self) -> PathBuf {
        self.state.join("progress")
    }

    pub fn locks(&self) -> PathBuf {
        self.state.join("locks")
    }

    /// Where labs are looked for, most wanted first.
    pub fn lab_roots(&self, asked: Option<&Path>) -> Vec<PathBuf> {
        match asked {
            Some(asked) => vec![asked.to_owned()],
            None => vec![PathBuf::from("labs"), self.data.join("labs")],
        }
    }
}
