//! Commands as a person types them in a shell.

/// Returns words as a POSIX shell reads them.
pub fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    // Only a NUL byte cannot be quoted, and no program can be run with one.
    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_blanks_are_quoted() {
        let words = ["chown", "$(id -u)", "a b", "c"];
        assert_eq!(command_line(words), "chown '$(id -u)' 'a b' c");
        assert_eq!(command_line(["a\0b", "c"]), "a\0b c");
    }
}
