//! Answers a shell that asks for completions.
//!
//! Only files are read, no engine is contacted, and what cannot be read has no completions.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use clap::ArgMatches;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{EnvCompleter, Shells};

use crate::app::Catalogue;
use crate::cli;
use crate::lab::{Lab, LabId, Lang, Task, load};
use crate::report::output_candidates;
use crate::store::{AddedLabs, Journal, LabFolders, OsFs, Paths};
use crate::text::Language;

/// The environment variable by which a shell asks for completions, as in the script of `roadlab completions`.
pub(crate) const VARIABLE: &str = "ROADLAB_COMPLETE";

/// Answers a shell. Returns `false` if no shell asks.
pub(crate) fn complete() -> bool {
    let Some(asking) = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) else {
        return false;
    };
    let shells = Shells::builtins();
    let words: Vec<OsString> = std::env::args_os()
        .skip_while(|word| word != "--")
        .skip(1)
        .collect();
    // Shells that do not pass the cursor complete the last word.
    let at = std::env::var("_CLAP_COMPLETE_INDEX")
        .ok()
        .and_then(|index| index.parse().ok())
        .unwrap_or_else(|| words.len().saturating_sub(1));
    let Some(shell) = asking.to_str().and_then(|name| shells.completer(name)) else {
        return true;
    };
    // A person is typing: even a fault in this program must not write into the command line.
    std::panic::set_hook(Box::new(|_| {}));
    let answer = catch_unwind(AssertUnwindSafe(|| candidates(shell, words, at)));
    if let Ok(Some(answer)) = answer
        && !answer.trim().is_empty()
    {
        output_candidates(answer.trim_end_matches('\n'));
    }
    true
}

/// Returns the candidates for the word at `at`, one a line, as the shell's script expects them.
fn candidates(shell: &dyn EnvCompleter, words: Vec<OsString>, at: usize) -> Option<String> {
    let options = match words.get(at).and_then(|word| word.to_str()) {
        Some(begun) if begun.starts_with('-') => Options::Offered,
        _ => Options::Hidden,
    };
    let typed = ParsedInput::read(words.get(..at)?);
    let language = typed.lang.as_ref().map(Lang::as_str);
    language
        .and_then(Language::from_code)
        .unwrap_or(Language::English)
        .set();
    let mut command = with_completers(&Arc::new(typed), options);
    let here = std::env::current_dir().ok();
    let mut answer = Vec::new();
    // A shell that gets no answer offers nothing, which is all that can be done.
    let written = shell.write_complete(&mut command, words, here.as_deref(), &mut answer);
    written.ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether options are offered: names come first, until a `-` is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Options {
    Offered,
    Hidden,
}

/// Returns the commands with completers for the names of labs, exercises, services and so on.
fn with_completers(typed: &Arc<ParsedInput>, options: Options) -> clap::Command {
    fn below(command: clap::Command, typed: &Arc<ParsedInput>, options: Options) -> clap::Command {
        let named = |arg: clap::Arg| match ArgumentKind::of(arg.get_id().as_str()) {
            Some(word) => arg.add(ArgValueCompleter::new(NameCompleter {
                word,
                typed: Arc::clone(typed),
            })),
            None => arg,
        };
        let hidden = options == Options::Hidden;
        command
            .mut_args(|arg| {
                let name = arg.is_positional();
                named(arg).hide(hidden && !name)
            })
            .mut_subcommands(|command| below(command, typed, options))
    }
    below(cli::command(), typed, options)
}

/// The kind of name that an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArgumentKind {
    Lab,
    Exercise,
    Service,
    Choice,
    Instance,
    Lang,
    Entry,
}

impl ArgumentKind {
    /// Returns the kind of an argument by its id, which is the same in every command.
    fn of(id: &str) -> Option<Self> {
        match id {
            "lab" | "names" => Some(Self::Lab),
            "exercise" | "exercises" | "to" => Some(Self::Exercise),
            "service" | "services" => Some(Self::Service),
            "choice" => Some(Self::Choice),
            "instance" => Some(Self::Instance),
            "lang" => Some(Self::Lang),
            "entry" | "entries" => Some(Self::Entry),
            _ => None,
        }
    }
}

/// Completes the names for one argument.
struct NameCompleter {
    word: ArgumentKind,
    typed: Arc<ParsedInput>,
}

impl ValueCompleter for NameCompleter {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(begun) = current.to_str() else {
            return Vec::new();
        };
        if self.word == ArgumentKind::Lab && begun.contains('/') {
            // These take the file of a lab too.
            return match ["up", "run"].contains(&self.typed.command.as_str()) {
                true => PathCompleter::any().complete(current),
                false => PathCompleter::dir().complete(current),
            };
        }
        let candidates = match self.word {
            ArgumentKind::Lab => self.typed.labs(),
            ArgumentKind::Exercise => self.typed.exercises(),
            ArgumentKind::Service => self.typed.services(),
            ArgumentKind::Choice => self.typed.choices(),
            ArgumentKind::Instance => self.typed.instances(),
            ArgumentKind::Entry => self.typed.entries(),
            ArgumentKind::Lang => Language::ALL
                .map(|language| (language.code().to_owned(), None))
                .to_vec(),
        };
        let fits = |(name, _): &(String, Option<String>)| {
            name.starts_with(begun) && !self.typed.names.contains(name)
        };
        candidates
            .into_iter()
            .filter(fits)
            .map(|(name, about)| CompletionCandidate::new(name).help(about.map(Into::into)))
            .collect()
    }
}

/// A name and its description.
type Candidate = (String, Option<String>);

/// The arguments before the cursor, as far as they can be parsed.
#[derive(Default)]
struct ParsedInput {
    command: String,
    lab: Option<String>,
    exercise: Option<String>,
    labs: Option<OsString>,
    lang: Option<Lang>,
    /// Names that are on the command line already.
    names: BTreeSet<String>,
}

impl ParsedInput {
    fn read(words: &[OsString]) -> Self {
        let parsed = cli::command()
            .ignore_errors(true)
            .try_get_matches_from(words);
        let Some((name, mut given)) = parsed.as_ref().ok().and_then(ArgMatches::subcommand) else {
            return Self::default();
        };
        if let Some((_, inner)) = given.subcommand() {
            given = inner;
        }
        let one = |id: &str| match given.try_get_one::<String>(id) {
            Ok(value) => value.cloned(),
            Err(_) => None,
        };
        let many = |id: &str| match given.try_get_many::<String>(id) {
            Ok(values) => values.into_iter().flatten().cloned().collect(),
            Err(_) => Vec::new(),
        };
        let lang = one("lang").as_deref().map_or_else(cli::locale, Lang::parse);
        Self {
            command: name.to_owned(),
            lab: one("lab"),
            exercise: one("exercise"),
            labs: match given.try_get_one::<std::path::PathBuf>("labs") {
                Ok(folder) => folder.map(|folder| folder.clone().into_os_string()),
                Err(_) => None,
            },
            lang,
            names: ["names", "exercises", "services", "entries"]
                .into_iter()
                .flat_map(many)
                .collect(),
        }
    }

    fn found(&self) -> Option<LabFolders> {
        LabFolders::find(&Paths::find().ok()?, self.labs.as_deref().map(Path::new)).ok()
    }

    fn read_lab(&self) -> Option<Lab> {
        let folder = self.found()?.folder(self.lab.as_deref()?).ok()?;
        Some(load(&folder, &OsFs).ok()?.lab)
    }

    fn journals() -> Vec<Journal> {
        let paths = Paths::find().ok();
        paths.map_or_else(Vec::new, |paths| Journal::all(&paths.runs()))
    }

    /// Returns the running labs for commands that need one, else all labs.
    fn labs(&self) -> Vec<Candidate> {
        if ["down", "status", "pause"].contains(&self.command.as_str()) {
            let up: BTreeSet<LabId> = Self::journals().into_iter().map(|run| run.lab).collect();
            return up.into_iter().map(|lab| (lab.to_string(), None)).collect();
        }
        if ["update", "remove"].contains(&self.command.as_str()) {
            let paths = Paths::find().ok();
            let added = paths.map(|paths| AddedLabs::new(paths.added()).folders());
            let names = added.unwrap_or_default().into_iter();
            return names.map(|(name, _)| (name, None)).collect();
        }
        let labs = self.found().map(|labs| labs.all().clone());
        let names = labs.unwrap_or_default().into_keys();
        names.map(|name| (name, None)).collect()
    }

    fn exercises(&self) -> Vec<Candidate> {
        let Some(lab) = self.read_lab() else {
            return Vec::new();
        };
        let lang = self.lang.clone().unwrap_or_else(Lang::english);
        let meant = lab
            .exercises
            .iter()
            .filter(|exercise| self.command != "answer" || matches!(exercise.task, Task::Quiz(_)));
        meant
            .map(|exercise| {
                let title = lab.section(&exercise.id, &lang).title.clone();
                (exercise.id.to_string(), Some(title))
            })
            .collect()
    }

    fn services(&self) -> Vec<Candidate> {
        let lab = self.read_lab();
        let services = lab.iter().flat_map(|lab| lab.services.keys());
        services.map(|name| (name.to_string(), None)).collect()
    }

    fn entries(&self) -> Vec<Candidate> {
        let labs = self.labs.as_deref().map(Path::new);
        let paths = Paths::find().ok();
        let catalogue = paths.and_then(|paths| Catalogue::find(&paths.cache, labs).ok());
        let names = catalogue.iter().flat_map(Catalogue::names);
        names.map(|name| (name.to_owned(), None)).collect()
    }

    fn choices(&self) -> Vec<Candidate> {
        let lab = self.read_lab();
        let exercises = lab.iter().flat_map(|lab| &lab.exercises);
        exercises
            .filter(|exercise| self.exercise.as_deref() == Some(exercise.id.as_str()))
            .filter_map(|exercise| match &exercise.task {
                Task::Quiz(quiz) => Some(quiz.choices.iter()),
                Task::Practical { .. } => None,
            })
            .flatten()
            .map(|choice| (choice.clone(), None))
            .collect()
    }

    fn instances(&self) -> Vec<Candidate> {
        let meant = |run: &Journal| {
            let lab = self
                .lab
                .as_deref()
                .or(self.names.first().map(String::as_str));
            lab.is_none_or(|lab| run.lab.as_str() == lab)
        };
        let runs = Self::journals().into_iter().filter(meant);
        let names: BTreeSet<String> = runs.map(|run| run.instance.to_string()).collect();
        names.into_iter().map(|name| (name, None)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILES: [(&str, &str); 4] = [
        ("lab.yaml", include_str!("../../tests/labs/tiny/lab.yaml")),
        (
            "compose.yaml",
            "services:\n  redis:\n    image: redis:8\n    ports: ['6379']\n",
        ),
        (
            "guide.en.md",
            include_str!("../../tests/labs/tiny/guide.en.md"),
        ),
        (
            "guide.ko.md",
            include_str!("../../tests/labs/tiny/guide.ko.md"),
        ),
    ];

    /// One mistake in one file: a line is left out, repeated or cut, or another text stands in its place.
    #[derive(Debug, Clone)]
    enum Mistake {
        Missing,
        Repeated,
        Cut(usize),
        Replaced(String),
    }

    fn mistake() -> impl Strategy<Value = Mistake> {
        prop_oneof![
            Just(Mistake::Missing),
            Just(Mistake::Repeated),
            (0_usize..40).prop_map(Mistake::Cut),
            "\\PC{0,20}".prop_map(Mistake::Replaced),
        ]
    }

    fn with_mistake(text: &str, at: usize, mistake: &Mistake) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = at % lines.len();
        match mistake {
            Mistake::Missing => drop(lines.remove(at)),
            Mistake::Repeated => lines.insert(at, lines[at].clone()),
            Mistake::Cut(length) => lines[at] = lines[at].chars().take(*length).collect(),
            Mistake::Replaced(text) => lines[at].clone_from(text),
        }
        lines.join("\n") + "\n"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_broken_lab_never_makes_completion_panic(
            mistakes in prop::collection::vec((0_usize..4, 0_usize..60, mistake()), 1..4)
        ) {
            let home = tempfile::tempdir().expect("a temporary folder");
            let folder = home.path().join("labs/tiny");
            std::fs::create_dir_all(&folder).expect("a folder");
            for (index, (name, text)) in FILES.iter().enumerate() {
                let mut text = (*text).to_owned();
                for (_, at, mistake) in mistakes.iter().filter(|(file, ..)| *file == index) {
                    text = with_mistake(&text, *at, mistake);
                }
                std::fs::write(folder.join(name), text).expect("a file");
            }
            for (command, lang) in [("check", "en"), ("answer", "ko"), ("solve", "fr")] {
                let input = ParsedInput {
                    command: command.to_owned(),
                    lab: Some("tiny".to_owned()),
                    exercise: Some("when".to_owned()),
                    labs: Some(home.path().join("labs").into()),
                    lang: Lang::parse(lang),
                    names: BTreeSet::new(),
                };
                input.exercises();
                input.services();
                input.choices();
                input.labs();
            }
        }
    }
}
