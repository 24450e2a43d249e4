//! The log of what is done in the background, where nobody watches.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The most that is kept when the log is opened, in bytes.
const MOST: u64 = 64 * 1024;

/// Opens a log to write at its end. Of a long one only the last part is kept.
pub fn open_log(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut log = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let length = log.metadata()?.len();
    if length > MOST {
        let mut tail = Vec::new();
        log.seek(SeekFrom::Start(length - MOST / 2))?;
        log.read_to_end(&mut tail)?;
        let whole_lines = tail.iter().position(|byte| *byte == b'\n');
        log.set_len(0)?;
        log.write_all(&tail[whole_lines.map_or(0, |at| at + 1)..])?;
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_grows_at_its_end_and_a_long_one_keeps_its_last_lines() {
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
        assert!(kept.len() as u64 <= MOST / 2, "{}", kept.len());
        assert!(kept.starts_with("line "), "{:?}", kept.lines().next());
        assert!(kept.ends_with("line 19999\n"));
    }
}
