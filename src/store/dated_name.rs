//! Names for files that are kept beside the one that takes their place.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

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
