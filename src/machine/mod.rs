//! Looking at this machine: memory, disk, folders, ports, proxies, clocks. Decides nothing, changes nothing and prints nothing.

mod clock;
mod listeners;
mod proxies;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

pub use clock::{ahead, file_clock, http_clock};
pub use listeners::answering;
pub use proxies::{redact_credentials, shell};

use crate::diagnosis::{Disk, Folder, Memory};

/// This machine's memory; `None` where the system does not tell.
pub fn memory() -> Option<Memory> {
    parse_memory(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_memory(text: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.trim_end_matches("kB").trim().parse().ok()?;
        Some(kilobytes * 1024)
    };
    Some(Memory {
        total: bytes("MemTotal:")?,
        available: bytes("MemAvailable:")?,
    })
}

/// The room that is left where a path lies; `None` if it is not on this machine.
pub fn disk(path: &Path) -> Option<Disk> {
    let seen = statvfs(path).ok()?;
    Some(Disk {
        path: path.to_owned(),
        // Without what is kept for root, as a daemon does well to leave that alone.
        free: seen.f_bavail.saturating_mul(seen.f_frsize),
    })
}

/// Whether a folder takes files, or the folder that it would be made in.
pub fn folder(path: PathBuf) -> Folder {
    let there = path.ancestors().find(|folder| folder.exists());
    let problem = match there {
        Some(folder) if !folder.is_dir() => Some("it is not a folder".to_owned()),
        Some(folder) => access(folder, Access::WRITE_OK | Access::EXEC_OK)
            .err()
            .map(|error| std::io::Error::from(error).to_string()),
        None => Some("there is no such folder".to_owned()),
    };
    Folder { path, problem }
}

/// The network whose 127.0.0.1 is ours, as the kernel numbers it; `None` where there is only one.
pub fn network() -> Option<u64> {
    let about = std::fs::metadata("/proc/self/ns/net").ok()?;
    Some(about.ino())
}

/// Whether systemd starts services on this machine.
pub fn systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:       24683044 kB\nMemFree: 1 kB\nMemAvailable:   22020096 kB\n";
        assert_eq!(
            parse_memory(text),
            Some(Memory {
                total: 24_683_044 << 10,
                available: 21 << 30
            })
        );
        assert_eq!(parse_memory("MemTotal: many"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_as_writable_as_its_parent() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b");
        assert_eq!(folder(deep.clone()).problem, None);
        std::fs::write(place.path().join("a"), "").unwrap();
        assert_eq!(folder(deep).problem.as_deref(), Some("it is not a folder"));
        assert!(disk(place.path()).is_some_and(|disk| disk.free > 0));
        assert_eq!(disk(Path::new("/nowhere/at/all")), None);
    }
}
