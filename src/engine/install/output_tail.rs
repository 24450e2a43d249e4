//! Follows the output of a program that writes to a file, line by line, and keeps the last lines for an error.
//!
//! Output goes to a file and not to a pipe, so that a package manager goes on if roadlab is killed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::engine::lines::LineSplitter;

/// How many lines are kept.
const KEPT: usize = 20;

/// Follows a file from its present end.
#[derive(Debug)]
pub struct OutputTail {
    file: File,
    lines: Lines,
}

/// Splits bytes into lines and keeps the last ones.
#[derive(Debug, Default)]
struct Lines {
    splitter: LineSplitter,
    kept: VecDeque<String>,
}

impl OutputTail {
    /// Starts at the end of a file, which must exist.
    pub fn at_end(path: &Path) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self {
            file,
            lines: Lines::default(),
        })
    }

    /// Calls `on_line` with each line that was completed since the last call. A file that cannot be read has no new lines.
    pub fn read(&mut self, on_line: &mut dyn FnMut(&str)) {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = self.file.read(&mut buffer) {
            self.lines.push(&buffer[..count], on_line);
        }
    }

    /// Reads the rest, with a last line that has no line break.
    pub fn finish(&mut self, on_line: &mut dyn FnMut(&str)) {
        self.read(on_line);
        self.lines.finish(on_line);
    }

    /// Returns up to `count` of the last lines, indented; `None` if there was no output.
    pub fn last_lines(&self, count: usize) -> Option<String> {
        let kept = &self.lines.kept;
        let last: Vec<String> = kept
            .iter()
            .skip(kept.len().saturating_sub(count))
            .map(|line| format!("  {line}"))
            .collect();
        (!last.is_empty()).then(|| last.join("\n"))
    }

    /// Returns up to `count` of the last lines as the end of an error message.
    pub fn shown(&self, count: usize) -> String {
        match self.last_lines(count) {
            Some(lines) => format!("; its last lines:\n{lines}"),
            None => ", without output".to_owned(),
        }
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        let Self { splitter, kept } = self;
        splitter.push(bytes, &mut |line| keep(kept, line, on_line));
    }

    fn finish(&mut self, on_line: &mut dyn FnMut(&str)) {
        let Self { splitter, kept } = self;
        splitter.finish(&mut |line| keep(kept, line, on_line));
    }
}

/// Reports a line that is not empty, and keeps it as the last one.
fn keep(kept: &mut VecDeque<String>, line: &str, on_line: &mut dyn FnMut(&str)) {
    let line = line.trim_end();
    if line.is_empty() {
        return;
    }
    on_line(line);
    kept.push_back(line.to_owned());
    if kept.len() > KEPT {
        kept.pop_front();
    }
}

/// Opens a log to append to, readable by its owner only: package managers may print addresses with passwords.
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
    fn lines_are_reported_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = append(&path).unwrap();
        file.write_all(b"before\n").unwrap();
        let mut tail = OutputTail::at_end(&path).unwrap();
        let mut lines = vec![];
        for part in ["one\ntw", "o\r\n\n50%\r100%\r", "end"] {
            file.write_all(part.as_bytes()).unwrap();
            tail.read(&mut |line| lines.push(line.to_owned()));
        }
        assert_eq!(lines, ["one", "two", "50%", "100%"]);
        tail.finish(&mut |line| lines.push(line.to_owned()));
        assert_eq!(lines.last().unwrap(), "end");
        assert_eq!(tail.last_lines(2).as_deref(), Some("  100%\n  end"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut lines = Lines::default();
        lines.push(&vec![b'x'; 1 << 20], &mut |_| {});
        assert_eq!(lines.kept.len(), KEPT);
        lines.push(&b"\ny".repeat(KEPT * 2), &mut |_| {});
        assert_eq!(lines.kept.len(), KEPT);
        assert_eq!(lines.kept[0], "y");
    }
}
