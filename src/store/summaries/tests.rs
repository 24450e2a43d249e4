//! The cache is never used after an edit that changes the summary.

use std::fs::{self, File};

use super::*;
use crate::lab::Lang;
use crate::lab::testing::{GUIDE, LAB};

const SERVICE: &str =
    "services: { redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m } }\n";

/// A lab on disk that includes a service of a catalogue. All files are old.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for folder in ["labs/small", "compose/redis"] {
            fs::create_dir_all(home.path(folder)).unwrap();
        }
        home.put("labs/small/lab.yaml", LAB);
        home.put(
            "labs/small/compose.yaml",
            "include: [../../compose/redis/compose.yaml]\n",
        );
        home.put("labs/small/guide.en.md", GUIDE);
        home.put("compose/redis/compose.yaml", SERVICE);
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn put(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
        let file = File::open(self.path(below)).unwrap();
        file.set_modified(UNIX_EPOCH).unwrap();
    }

    /// Returns the title as a new process finds it, or the number of problems.
    fn title(&self) -> Result<String, usize> {
        let mut summaries = Summaries::read(self.0.path());
        let found = summaries.of(&self.path("labs/small"));
        summaries.write();
        found.map(|summary| summary.text(&Lang::english()).title)
    }

    /// Changes the title in the cache, so that a title from the cache can be told from one that was read.
    fn change_cache(&self) {
        self.title().unwrap();
        let kept = self.path("summaries.json");
        let text = fs::read_to_string(&kept).unwrap();
        assert!(text.contains("A lab"), "{text}");
        fs::write(&kept, text.replace("A lab", "Cached")).unwrap();
        assert_eq!(self.title(), Ok("Cached".to_owned()));
    }
}

#[track_caller]
fn check(edit: impl FnOnce(&Home), expected: Expected) {
    let home = Home::new();
    home.change_cache();
    edit(&home);
    let truth = load(&home.path("labs/small"), &OsFs).err();
    for _ in 0..2 {
        match expected {
            Expected::Title(title) => assert_eq!(home.title(), Ok(title.to_owned())),
            Expected::Problems => assert_eq!(home.title().err(), truth.as_ref().map(Vec::len)),
        }
    }
}

enum Expected {
    Title(&'static str),
    Problems,
}

#[test]
fn an_edit_is_seen_at_once() {
    let longer = GUIDE.replace("# A lab", "# Another lab");
    check(
        |home| home.put("labs/small/guide.en.md", &longer),
        Expected::Title("Another lab"),
    );
    // With the same size and the same time.
    let other = GUIDE.replace("# A lab", "# B lab");
    check(
        |home| home.put("labs/small/guide.en.md", &other),
        Expected::Title("B lab"),
    );
    check(
        |home| home.put("labs/small/lab.yaml", "level: easy\n"),
        Expected::Problems,
    );
}

#[test]
fn an_edit_of_an_included_file_is_seen() {
    check(
        |home| {
            home.put(
                "compose/redis/compose.yaml",
                &SERVICE.replace("image", "imag"),
            )
        },
        Expected::Problems,
    );
    check(
        |home| fs::remove_file(home.path("compose/redis/compose.yaml")).unwrap(),
        Expected::Problems,
    );
}

#[test]
fn an_added_and_a_removed_file_are_seen() {
    check(
        |home| home.put("labs/small/guide.ko.md", "# 랩\n"),
        Expected::Problems,
    );
    check(
        |home| fs::rename(home.path("labs/small/guide.en.md"), home.path("gone")).unwrap(),
        Expected::Problems,
    );
}

#[test]
fn a_link_with_a_new_target_is_seen() {
    let home = Home::new();
    fs::rename(home.path("labs/small"), home.path("labs/first")).unwrap();
    std::os::unix::fs::symlink("first", home.path("labs/small")).unwrap();
    home.change_cache();
    fs::create_dir(home.path("labs/second")).unwrap();
    for name in ["lab.yaml", "compose.yaml"] {
        fs::copy(
            home.path("labs/first").join(name),
            home.path("labs/second").join(name),
        )
        .unwrap();
    }
    home.put("labs/second/guide.en.md", &GUIDE.replace("A lab", "Second"));
    fs::remove_file(home.path("labs/small")).unwrap();
    std::os::unix::fs::symlink("second", home.path("labs/small")).unwrap();
    assert_eq!(home.title(), Ok("Second".to_owned()));
}

#[test]
fn a_broken_cache_and_one_of_another_executable_are_not_used() {
    let home = Home::new();
    home.change_cache();
    let kept = home.path("summaries.json");
    let text = fs::read_to_string(&kept).unwrap();
    for broken in ["", "{", "[]", &text[..text.len() / 2]] {
        fs::write(&kept, broken).unwrap();
        assert_eq!(home.title(), Ok("A lab".to_owned()), "{broken}");
    }
    let other = text.replacen("\"size\":", "\"size\":1", 1);
    fs::write(&kept, other).unwrap();
    assert_eq!(home.title(), Ok("A lab".to_owned()));
}

#[test]
fn a_lab_that_changed_just_now_is_not_cached() {
    let home = Home::new();
    fs::write(home.path("labs/small/guide.en.md"), GUIDE).unwrap();
    assert_eq!(home.title(), Ok("A lab".to_owned()));
    let kept = fs::read_to_string(home.path("summaries.json")).unwrap();
    assert!(!kept.contains("A lab"), "{kept}");
}

#[test]
fn a_removed_lab_is_removed_from_the_cache() {
    let home = Home::new();
    home.change_cache();
    fs::rename(home.path("labs/small"), home.path("labs/other")).unwrap();
    let mut summaries = Summaries::read(home.0.path());
    summaries.of(&home.path("labs/other")).unwrap();
    summaries.write();
    let left = Summaries::read(home.0.path()).cache.labs;
    assert_eq!(
        left.into_keys().collect::<Vec<_>>(),
        [home.path("labs/other")]
    );
}
