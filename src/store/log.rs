//! The log of the background process.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The largest log that is kept whole when it is opened, in bytes.
const MAX_LENGTH: u64 = 64 * 1024;

/// Opens a log for appending. Of a long log only the last lines are kept.
pub fn open_log(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut log = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    // Of two processes that open a long log at once, only one shortens it.
    if log.metadata()?.len() > MAX_LENGTH && log.try_lock().is_ok() {
        let shortened = shorten(&mut log);
        log.unlock()?;
        shortened?;
    }
    Ok(log)
}

fn shorten(log: &mut File) -> std::io::Result<()> {
    let length = log.metadata()?.len();
    if length <= MAX_LENGTH {
        return Ok(());
    }
    let mut tail = Vec::new();
    log.seek(SeekFrom::Start(length - MAX_LENGTH / 2))?;
    log.read_to_end(&mut tail)?;
    let line_end = tail.iter().position(|byte| *byte == b'\n');
    log.set_len(0)?;
    log.write_all(&tail[line_end.map_or(0, |at| at + 1)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_appended_to_and_a_long_one_keeps_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/log");
        writeln!(open_log(&path).unwrap(), "first").unwrap();
        writeln!(open_log(&path).unwrap(), "second").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\nsecond\n");
        let mut log = open_log(&path).unwrap();
        for number in 0..20_000 {
            writeln!(log, "line {number}").unwrap();
        }
        drop(open_log(&path).unwrap());
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.len() as u64 <= MAX_LENGTH / 2, "{}", kept.len());
        assert!(kept.starts_with("line "), "{:?}", kept.lines().next());
        assert!(kept.ends_with("line 19999\n"));
    }
}
