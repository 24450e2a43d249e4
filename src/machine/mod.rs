//! Inspects this machine: memory, disk space, folders, ports, proxies, clocks. Decides nothing, changes nothing and prints nothing.

mod clock_skew;
mod listeners;
mod proxies;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

pub use clock_skew::{ahead, file_clock, http_clock};
pub use listeners::listening_ports;
pub use proxies::{proxy_variables, redact_credentials};

use crate::diagnosis::{Disk, Folder, Memory};
use crate::localized;

/// Returns this machine's memory; `None` if the system does not report it.
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

/// Returns the free space of the file system of a path; `None` if the path does not exist.
pub fn disk(path: &Path) -> Option<Disk> {
    let system = statvfs(path).ok()?;
    Some(Disk {
        path: path.to_owned(),
        // Without the blocks that are reserved for root.
        free: system.f_bavail.saturating_mul(system.f_frsize),
    })
}

/// Returns whether files can be created in a folder; if it does not exist, in the nearest parent that does.
pub fn folder(path: PathBuf) -> Folder {
    let existing = path.ancestors().find(|folder| folder.exists());
    let problem = match existing {
        Some(folder) if !folder.is_dir() => Some(localized!("not a folder")),
        Some(folder) => access(folder, Access::WRITE_OK | Access::EXEC_OK)
            .err()
            .map(|error| std::io::Error::from(error).to_string()),
        None => Some(localized!("no such folder")),
    };
    Folder { path, problem }
}

/// Returns whether the kernel is that of the Windows Subsystem for Linux.
pub fn wsl() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.is_ok_and(|release| is_wsl(&release))
}

/// WSL 1 has `Microsoft` in the release of its kernel, WSL 2 `microsoft`, as in `5.15.90.1-microsoft-standard-WSL2`.
fn is_wsl(release: &str) -> bool {
    release.to_ascii_lowercase().contains("microsoft")
}

/// Returns the inode of this process's network namespace; `None` if the kernel has no namespaces.
pub fn network() -> Option<u64> {
    let about = std::fs::metadata("/proc/self/ns/net").ok()?;
    Some(about.ino())
}

/// Returns the name of the user of this process, or the id if `/etc/passwd` has no name for it.
pub fn user() -> String {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    user_name(&users, &id).unwrap_or(id)
}

/// Finds the name of a user in the format of passwd(5): `name:password:uid:…`.
fn user_name(users: &str, id: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _) = (fields.next()?, fields.next()?);
        (fields.next()? == id).then(|| name.to_owned())
    })
}

/// Whether systemd starts services on this machine.
pub fn systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_of_windows_are_known_by_their_release() {
        assert!(is_wsl("5.15.90.1-microsoft-standard-WSL2\n"));
        assert!(is_wsl("4.4.0-19041-Microsoft\n"));
        assert!(!is_wsl("6.1.0-18-amd64\n"));
    }

    #[test]
    fn memory_is_in_bytes() {
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
    fn the_name_of_a_user_is_found_by_the_id() {
        let users = "root:x:0:0:root:/root:/bin/sh\nkim:x:1000:1000::/home/kim:/bin/sh\n";
        assert_eq!(user_name(users, "1000").as_deref(), Some("kim"));
        assert_eq!(user_name(users, "100"), None);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_as_writable_as_its_parent() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b");
        assert_eq!(folder(deep.clone()).problem, None);
        std::fs::write(place.path().join("a"), "").unwrap();
        assert_eq!(folder(deep).problem.as_deref(), Some("not a folder"));
        assert!(disk(place.path()).is_some_and(|disk| disk.free > 0));
        assert_eq!(disk(Path::new("/nowhere/at/all")), None);
    }
}
