//! Labs for tests, made of strings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lab::file_system::{FileSystem, ReadError, UnsafeMount};
use crate::lab::lab_file;
use crate::lab::load::{LoadedLab, load};
use crate::lab::model::{Exercise, Lab};
use crate::lab::random::RandomValues;
use crate::lab::script_files::ScriptFiles;
use crate::lab::variables::Variables;
use crate::lab::yaml::Node;
use crate::problem::Problem;

/// Files in memory, by path.
#[derive(Debug, Default, Clone)]
pub struct InMemoryFs(pub BTreeMap<PathBuf, String>);

impl FileSystem for InMemoryFs {
    fn read(&self, path: &Path) -> Result<String, ReadError> {
        self.0.get(path).cloned().ok_or(ReadError::NotFound)
    }

    fn file_names(&self, folder: &Path) -> Vec<String> {
        let below = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(folder).ok());
        below
            .filter_map(|path| path.to_str())
            .map(str::to_owned)
            .collect()
    }

    fn canonical_path(&self, path: &Path) -> Option<PathBuf> {
        let there = path.as_os_str().is_empty() || self.0.keys().any(|file| file.starts_with(path));
        there.then(|| Path::new("/").join(path))
    }

    fn unsafe_to_mount(&self, _: &Path) -> Option<UnsafeMount> {
        None
    }
}

/// A lab.yaml with one exercise, whose parts tests replace.
pub const LAB: &str = "\
level: beginner
minutes: 5
exercises:
  - id: one
    checks:
      - id: holds
        redis: { service: redis, command: [GET, a] }
        expect: { equals: b }
    solution: [ { redis: { service: redis, command: [SET, a, b] } } ]
    wrong: [ { do: [ { redis: { service: redis, command: [SET, a, c] } } ] } ]
";

pub const COMPOSE: &str = "\
services:
  redis:
    image: redis:8.0
    ports: ['6379']
    mem_limit: 64m
    volumes: ['data:/data']
volumes: { data: {} }
";

pub const GUIDE: &str = "\
# A lab

Words.

## One {#one}

Do it.

### Checks {.checks}

- `holds`: it holds

### Hint {.hint}

One.

### Hint {.hint}

Two.
";

/// Returns the three files of a lab named `small`.
pub fn files(lab: &str, compose: &str, guide: &str) -> InMemoryFs {
    let file = |name: &str, text: &str| (Path::new("labs/small").join(name), text.to_owned());
    InMemoryFs(BTreeMap::from([
        file("lab.yaml", lab),
        file("compose.yaml", compose),
        file("guide.en.md", guide),
    ]))
}

/// Returns all problems of a lab, sound or not.
pub fn problems_of(loaded: Result<LoadedLab, Vec<Problem>>) -> Vec<Problem> {
    loaded.map_or_else(|problems| problems, |loaded| loaded.needs_trust)
}

/// Returns the problems of the lab `small` as they are printed.
pub fn problems(files: &InMemoryFs) -> Vec<String> {
    problems_of(load(Path::new("labs/small"), files))
        .iter()
        .map(Problem::to_string)
        .collect()
}

/// Returns the lab `small` with these services; it must be sound.
#[track_caller]
pub fn lab(compose: &str) -> Lab {
    let loaded = load(Path::new("labs/small"), &files(LAB, compose, GUIDE));
    loaded.expect("the lab is sound").lab
}

/// Returns the exercise of the lab with other checks, and with a solution of two steps.
#[track_caller]
pub fn exercise(checks: &str) -> Exercise {
    let solution = "[ { redis: { service: redis, command: [SET, count, 1] } }, { redis: { service: redis, command: [SET, name, a] } } ]";
    let (head, rest) = LAB.split_once("    checks:\n").expect("it has checks");
    let (_, wrong) = rest.split_once("    wrong:").expect("it has wrong answers");
    let yaml = format!("{head}    checks:{checks}    solution: {solution}\n    wrong:{wrong}");
    let node = Node::parse(Path::new("lab.yaml"), &yaml).expect("YAML");
    let mut problems = Vec::new();
    let random = RandomValues::default();
    let file = lab_file::read(
        &node,
        &Variables::new(),
        &random,
        &no_scripts(),
        &mut problems,
    );
    let file = file.expect("a lab");
    assert!(problems.is_empty(), "{problems:?}");
    let (exercise, _) = file.exercises.into_iter().next().expect("an exercise");
    exercise
}

/// The files of a lab without any.
pub(crate) fn no_scripts() -> ScriptFiles<'static> {
    static NONE: InMemoryFs = InMemoryFs(BTreeMap::new());
    ScriptFiles {
        folder: Path::new("lab"),
        files: &NONE,
    }
}
