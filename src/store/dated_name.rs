//! Names for files that are kept beside the one that takes their place.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

/// Returns whether a file has a name with a time, as [`dated_name`] gives it.
pub(super) fn is_dated(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some((_, end)) = name.rsplit_once('.') else {
        return false;
    };
    let mut parts = end.split('-').map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.len() } else { 0 }
    });
    let time: Vec<usize> = parts.by_ref().take(4).collect();
    time == [4, 2, 2, 6] && parts.all(|digits| digits > 0)
}

/// Returns a free name beside a path: the path with the time, and a number if that is taken.
pub(super) fn dated_name(path: &Path, is_free: impl Fn(&Path) -> bool) -> PathBuf {
    let now = OffsetDateTime::now_utc();
    let (date, time) = (now.date(), now.time());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let dated = format!(
        "{name}.{:04}-{:02}-{:02}-{:02}{:02}{:02}",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    let numbered = (2..).map(|number| format!("{dated}-{number}"));
    let names = std::iter::once(dated.clone()).chain(numbered);
    let mut paths = names.map(|name| path.with_file_name(name));
    let free = paths.find(|path| is_free(path));
    free.expect("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_name_is_known_as_such() {
        let first = dated_name(Path::new("a/b.py"), |_| true);
        let second = dated_name(Path::new("a/b.py"), |path| path != first);
        assert!(
            is_dated(&first) && is_dated(&second),
            "{first:?} {second:?}"
        );
        for other in ["a/b.py", "a.2026-01-02", "b", "a.2026-01-02-x30000"] {
            assert!(!is_dated(Path::new(other)), "{other}");
        }
    }
}
