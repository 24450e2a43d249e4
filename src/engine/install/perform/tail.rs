//! The end of a growing file, line by line.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How many lines are kept to show in an error.
const KEPT: usize = 20;
/// A longer line is cut there, bytes.
const LINE: usize = 4096;

/// Follows a file from where it ended when following began.
#[derive(Debug)]
pub struct Tail {
    file: File,
    lines: Lines,
}

/// Bytes cut into lines, the last ones kept.
#[derive(Debug, Default)]
struct Lines {
    /// The line that has not ended yet.
    open: Vec<u8>,
    kept: VecDeque<String>,
}

impl Tail {
    /// The file must exist.
    pub fn at_end(path: &Path) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            lines: Lines::default(),
        })
    }

    /// Takes what was written since; a file that cannot be read says nothing new.
    pub fn read(&mut self, on_line: &mut dyn FnMut(&str)) {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = self.file.read(&mut buffer) {
            self.lines.take(&buffer[..count], on_line);
        }
    }

    /// Takes the rest, also a last line without an end.
    pub fn finish(&mut self, on_line: &mut dyn FnMut(&str)) {
        self.read(on_line);
        self.lines.end(on_line);
    }

    /// The last lines, to go at the end of an error.
    pub fn shown(&self, count: usize) -> String {
        let kept: Vec<_> = self.lines.kept.iter().map(String::as_str).collect();
        last_lines(&kept, count)
    }
}

impl Lines {
    fn take(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        for byte in bytes {
            match byte {
                // Progress that overwrites itself is a new line, too.
                b'\n' | b'\r' => self.end(on_line),
                byte if self.open.len() < LINE => self.open.push(*byte),
                _ => {}
            }
        }
    }

    fn end(&mut self, on_line: &mut dyn FnMut(&str)) {
        let line = String::from_utf8_lossy(&self.open).trim_end().to_owned();
        self.open.clear();
        if line.is_empty() {
            return;
        }
        on_line(&line);
        self.kept.push_back(line);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }
}

/// `; its last lines:` and up to `count` of them below, to go after what failed.
fn last_lines(lines: &[&str], count: usize) -> String {
    match lines {
        [] => ", without a word".to_owned(),
        lines => {
            let last = &lines[lines.len().saturating_sub(count)..];
            format!("; its last lines:\n  {}", last.join("\n  "))
        }
    }
}

/// Opens a log to append to, readable by its owner only: package managers may show addresses with passwords.
pub(super) fn append(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_come_as_they_are_written_from_where_following_began() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = append(&path).unwrap();
        file.write_all(b"before\n").unwrap();
        let mut tail = Tail::at_end(&path).unwrap();
        let mut seen = vec![];
        for part in ["one\ntw", "o\r\n\n50%\r100%\r", "end"] {
            file.write_all(part.as_bytes()).unwrap();
            tail.read(&mut |line| seen.push(line.to_owned()));
        }
        assert_eq!(seen, ["one", "two", "50%", "100%"]);
        tail.finish(&mut |line| seen.push(line.to_owned()));
        assert_eq!(seen.last().unwrap(), "end");
        assert_eq!(tail.shown(2), "; its last lines:\n  100%\n  end");
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut lines = Lines::default();
        let mut count = 0;
        lines.take(&vec![b'x'; LINE * 3], &mut |_| count += 1);
        lines.take(&b"\ny".repeat(KEPT * 2), &mut |_| count += 1);
        assert_eq!(count, KEPT * 2);
        assert_eq!(lines.kept.len(), KEPT);
        assert_eq!(last_lines(&[], 3), ", without a word");
    }
}
