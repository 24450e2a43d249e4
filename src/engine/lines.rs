//! Splits a stream of bytes into lines. What the lines mean is decided elsewhere.

/// The longest line in bytes; a longer one is returned in pieces.
const MAX_LINE: usize = 16 * 1024;

/// Splits bytes that arrive in chunks into lines: `\n`, `\r\n` and `\r` end a line, as programs that redraw their
/// progress end it with `\r`.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
    /// The last byte was `\r`, so that a `\n` belongs to it.
    after_return: bool,
}

impl LineSplitter {
    /// Calls `on_line` with each line that ends in `bytes`, without its end. Invalid UTF-8 is replaced.
    pub(super) fn push(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end(on_line),
                _ => {
                    if self.partial.len() == MAX_LINE {
                        self.end(on_line);
                    }
                    self.partial.push(*byte);
                }
            }
        }
    }

    /// Calls `on_line` with a last line that has no end.
    pub(super) fn finish(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.partial.is_empty() {
            self.end(on_line);
        }
    }

    fn end(&mut self, on_line: &mut dyn FnMut(&str)) {
        on_line(&String::from_utf8_lossy(&self.partial));
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chunks: &[&[u8]], expected: &[&str]) {
        let mut lines = Vec::new();
        let mut on_line = |line: &str| lines.push(line.to_owned());
        let mut splitter = LineSplitter::default();
        for chunk in chunks {
            splitter.push(chunk, &mut on_line);
        }
        splitter.finish(&mut on_line);
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_do_not_depend_on_chunks() {
        check(
            &[b"one\ntw", b"o\r\n", b"\nend"],
            &["one", "two", "", "end"],
        );
        check(&[b"one\r", b"\ntwo"], &["one", "two"]);
        let (first, second) = "한국\n".as_bytes().split_at(2);
        check(&[first, second], &["한국"]);
        check(&[], &[]);
    }

    #[test]
    fn carriage_return_ends_a_line() {
        check(&[b"50%\r100%\rdone\n"], &["50%", "100%", "done"]);
    }

    #[test]
    fn long_line_is_returned_in_pieces() {
        let long = vec![b'x'; MAX_LINE * 2 + 1];
        let piece = "x".repeat(MAX_LINE);
        check(&[&long], &[&piece, &piece, "x"]);
    }
}
