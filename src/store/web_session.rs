//! Where the page of this user was last and the secret of its session, so that an open page works again after the server has
//! been started again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lab::Instance;
use crate::store::write_atomically;

/// The port and the session of the server that was started last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSession {
    pub port: u16,
    /// When the secret was made, in seconds since 1970.
    #[serde(default)]
    pub made: u64,
    /// The value of the cookie. Only the user can read the file.
    pub secret: String,
}

impl WebSession {
    /// Reads the session of an instance; `None` if there is none that can be used.
    pub fn read(state: &Path, instance: &Instance) -> Option<Self> {
        let text = std::fs::read(path(state, instance)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Replaces the session of an instance.
    pub fn write(&self, state: &Path, instance: &Instance) -> anyhow::Result<()> {
        write_atomically(&path(state, instance), &serde_json::to_vec(self)?)
    }
}

fn path(state: &Path, instance: &Instance) -> PathBuf {
    state.join(format!("web@{instance}.json"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_session_is_read_as_it_was_written_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let instance = Instance::main();
        assert_eq!(WebSession::read(&state, &instance), None);
        let session = WebSession {
            port: 4000,
            made: 1_700_000_000,
            secret: "ab".to_owned(),
        };
        session.write(&state, &instance).unwrap();
        assert_eq!(WebSession::read(&state, &instance), Some(session));
        let about = std::fs::metadata(path(&state, &instance)).unwrap();
        assert_eq!(about.permissions().mode() & 0o077, 0);
        std::fs::write(path(&state, &instance), "{").unwrap();
        assert_eq!(WebSession::read(&state, &instance), None);
    }
}
