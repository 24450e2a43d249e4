//! Keeps a lab up while its author writes it, and plays the exercises whose files were saved.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::app::{App, InitialData, Trust, UpOptions, find_exercise};
use crate::engine::Engine;
use crate::event::{JudgedExercise, Phase, PlayedAnswer};
use crate::lab::{
    ChangedExercises, Draw, Exercise, ExerciseId, Lab, LabId, LabParts, Mount, Trial, load_drawn,
    load_trial,
};
use crate::problem::{Problem, ProblemKind};
use crate::runner::{
    self, Expiry, Failure, Live, OnFailure, OtherDraw, PlayRequest, Proof, Runner, SeenAnswers,
    Strictness,
};
use crate::store::{FileStamps, Lifetime, RecordingFs, Workspace};
use crate::text;

/// How often the files are looked at, and how long they must stay the same: an editor may write a file in several steps.
const POLL: Duration = Duration::from_millis(200);
const SETTLE: Duration = Duration::from_millis(40);

/// What an author wants.
#[derive(Debug)]
pub struct AuthorOptions {
    /// The exercises to play at once.
    pub exercises: Vec<String>,
    /// Whether the lab stays up when the author ends.
    pub lifetime: Lifetime,
}

/// Something that an author sees.
#[derive(Debug)]
pub enum AuthorEvent<'a> {
    /// The files have problems; the lab stays as it was.
    Broken {
        problems: &'a [Problem],
        is_up: bool,
    },
    /// Files were saved, and these exercises are played.
    Saved {
        files: Vec<PathBuf>,
        exercises: Vec<ExerciseId>,
    },
    /// The lab is up, or was changed.
    Up {
        lab: &'a Lab,
        millis: u64,
    },
    Played(&'a PlayedAnswer),
    Verdict(&'a JudgedExercise),
    /// A service that the exercise needs is unavailable.
    Unavailable(&'a ExerciseId),
    /// The lab could not be started or played.
    Failed(&'a Failure),
    /// Everything is done until a file is saved.
    Waiting {
        lab: Option<&'a Lab>,
    },
}

/// A lab without problems, as its files are now.
struct ReadLab {
    lab: Lab,
    trial: Trial,
    /// The lab with other random values, if it has any.
    other: Option<(Lab, Trial)>,
    parts: LabParts,
    /// The files that were read.
    files: BTreeSet<PathBuf>,
}

/// What is shown of what happens.
type Show<'a> = &'a dyn Fn(AuthorEvent<'_>);

impl App {
    /// Keeps a lab up and plays what is saved, until it is cancelled.
    ///
    /// # Errors
    /// Only what makes it impossible to begin.
    pub async fn author<E: Engine>(
        &self,
        engine: &E,
        name: &str,
        options: &AuthorOptions,
        show: Show<'_>,
    ) -> Result<(), Failure> {
        let folder = self.labs()?.folder(name);
        let folder = folder.map_err(|problem| Failure::Problems(vec![problem]))?;
        let files = tempfile::tempdir().map_err(|error| {
            Failure::Environment(text!(
                "cannot create a temporary folder: {reason}",
                reason = error
            ))
        })?;
        if let Ok(read) = self.read_lab(&folder) {
            for name in &options.exercises {
                find_exercise(&read.lab, name)?;
            }
        }
        let mut session = Session {
            app: self,
            engine,
            options,
            show,
            workspace: files.path().to_owned(),
            applied: None,
            is_up: false,
            pending: BTreeSet::new(),
            queue: BTreeSet::new(),
            seen: RefCell::default(),
            others: BTreeSet::new(),
        };
        if options.lifetime == Lifetime::Persistent {
            // The workspace is part of what is kept.
            let _ = files.keep();
        }
        let mut stamps = FileStamps::read(&folder, &session.others);
        loop {
            let seen = Instant::now();
            let changed = session.round(&folder, &mut stamps, seen).await;
            let next = match changed {
                Some(next) => next,
                None => next_change(&folder, &session.others, &stamps).await,
            };
            session.pending.extend(next.changed_since(&stamps));
            stamps = next;
        }
    }

    /// Reads a lab as `validate` does.
    fn read_lab(&self, folder: &Path) -> Result<ReadLab, Vec<Problem>> {
        let files = RecordingFs::default();
        let granted = self.options.trust == Trust::Granted;
        let draw = |lab: &LabId| Some(self.draw(lab).unwrap_or_else(Draw::of_test));
        let loaded = load_drawn(folder, &draw, &files).map_err(|mut problems| {
            problems.retain(|one| !granted || one.kind != ProblemKind::NeedsTrust);
            problems
        })?;
        if !loaded.needs_trust.is_empty() && !granted {
            return Err(loaded.needs_trust);
        }
        let mut lab = loaded.lab;
        if granted {
            lab.take_withheld();
        }
        let trial = load_trial(&lab, &files)?;
        let other = match lab.random.is_empty() {
            true => None,
            false => {
                let other = load_drawn(folder, &|_| Some(Draw::second_of_test()), &files)?.lab;
                let trial = load_trial(&other, &files)?;
                Some((other, trial))
            }
        };
        let parts = LabParts::read(&lab, &files);
        Ok(ReadLab {
            lab,
            trial,
            other,
            parts,
            files: files.files(),
        })
    }
}

struct Session<'a, E> {
    app: &'a App,
    engine: &'a E,
    options: &'a AuthorOptions,
    show: Show<'a>,
    /// The folder for the workspace.
    workspace: PathBuf,
    /// The parts of the lab that is up.
    applied: Option<LabParts>,
    is_up: bool,
    /// The files that were saved since.
    pending: BTreeSet<PathBuf>,
    /// The exercises that are still to be played.
    queue: BTreeSet<ExerciseId>,
    /// What the checks saw after the answers that were played in the lab as it is up.
    seen: RefCell<SeenAnswers>,
    /// The files outside of the lab's folder that belong to it.
    others: BTreeSet<PathBuf>,
}

impl<E: Engine> Session<'_, E> {
    /// Reads the lab and plays what changed. Returns early if files are saved meanwhile, with what they are then.
    async fn round(
        &mut self,
        folder: &Path,
        stamps: &mut FileStamps,
        seen: Instant,
    ) -> Option<FileStamps> {
        let read = match self.app.read_lab(folder) {
            Ok(read) => read,
            Err(problems) => {
                let is_up = self.is_up;
                (self.show)(AuthorEvent::Broken {
                    problems: &problems,
                    is_up,
                });
                return None;
            }
        };
        let root = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let outside = read.files.iter().filter(|file| !file.starts_with(&root));
        self.others = outside.cloned().collect();
        stamps.add_missing(&self.others);
        match self.apply(&read, folder, stamps, seen).await {
            Ok(next) => {
                if next.is_none() {
                    (self.show)(AuthorEvent::Waiting {
                        lab: Some(&read.lab),
                    });
                }
                next
            }
            Err(failure) => {
                (self.show)(AuthorEvent::Failed(&failure));
                (self.show)(AuthorEvent::Waiting { lab: None });
                None
            }
        }
    }

    /// Brings the lab up as its files are now, and plays what changed.
    async fn apply(
        &mut self,
        read: &ReadLab,
        folder: &Path,
        stamps: &FileStamps,
        seen: Instant,
    ) -> Result<Option<FileStamps>, Failure> {
        let lab = &read.lab;
        self.app.require_trusted_memory(lab)?;
        let _lock = self.app.lock(self.engine, &lab.id).await?;
        let runner = self.app.runner(self.engine, lab);
        let workspace = Workspace::below(&self.workspace, lab, &self.app.instance);
        let workspace = workspace.map(Workspace::of_a_test);
        let images = self.app.get_images(&runner).await?;
        let up = UpOptions {
            lifetime: self.options.lifetime,
            expiry: Expiry::Unchanged,
            on_failure: OnFailure::TearDown,
            initial_data: InitialData::Copied,
        };
        let request = self.app.request(up, &images, workspace.as_ref());
        let mut done = runner::up(&runner, &request).await?;
        runner::keep_started(&request, &mut done.journal)?;
        let mut live = done.live;
        let is_new = done.plan.changes();
        if is_new || !self.is_up {
            (self.show)(AuthorEvent::Up {
                lab,
                millis: seen.elapsed().as_millis() as u64,
            });
        }
        self.is_up = true;
        let saved = std::mem::take(&mut self.pending);
        let before = self.applied.replace(read.parts.clone());
        let changed = match &before {
            None => {
                let named = self.options.exercises.iter();
                let named = named.map(|name| Ok(find_exercise(lab, name)?.id.clone()));
                ChangedExercises::Some(named.collect::<Result<_, Failure>>()?)
            }
            // Another container may answer every check differently.
            Some(_) if is_new => ChangedExercises::All,
            Some(before) => changed_by_files(read, &saved).and(read.parts.changed_since(before)),
        };
        // What the checks see may depend on any other file.
        if changed == ChangedExercises::All || !saved.iter().all(|file| is_read_by_parts(file)) {
            self.seen.borrow_mut().forget_all();
        }
        let outdated = lab.exercises.iter();
        let outdated = outdated.filter(|of| self.seen.borrow().is_outdated(lab, of));
        self.queue
            .extend(outdated.map(|exercise| exercise.id.clone()));
        let all = lab.exercises.iter().map(|exercise| exercise.id.clone());
        match changed {
            ChangedExercises::All => self.queue.extend(all),
            ChangedExercises::Some(ids) => self.queue.extend(ids),
        }
        let queued = lab.exercises.iter();
        let queued = queued.filter(|exercise| self.queue.contains(&exercise.id));
        let queued: Vec<&Exercise> = queued.collect();
        if before.is_some() {
            let exercises = queued.iter().map(|exercise| exercise.id.clone());
            (self.show)(AuthorEvent::Saved {
                files: saved.into_iter().collect(),
                exercises: exercises.collect(),
            });
        }
        let finished = RefCell::new(BTreeSet::new());
        let ended = {
            let play = Play {
                runner: &runner,
                workspace: workspace.as_ref(),
                read,
                show: self.show,
                seen_answers: &self.seen,
                seen,
                finished: &finished,
            };
            tokio::select! {
                played = play.all(&mut live, &queued) => played.map(|()| None),
                next = next_change(folder, &self.others, stamps) => Ok(Some(next)),
            }
        };
        live.connections.close().await;
        // What was interrupted is played again.
        let finished = finished.into_inner();
        self.queue.retain(|exercise| !finished.contains(exercise));
        ended
    }
}

/// Plays exercises and shows what the checks make of them.
struct Play<'a, 'b, E> {
    runner: &'a Runner<'b, E>,
    workspace: Option<&'a Workspace>,
    read: &'a ReadLab,
    show: Show<'a>,
    seen_answers: &'a RefCell<SeenAnswers>,
    /// When the change was seen.
    seen: Instant,
    finished: &'a RefCell<BTreeSet<ExerciseId>>,
}

impl<E: Engine> Play<'_, '_, E> {
    async fn all(&self, live: &mut Live, exercises: &[&Exercise]) -> Result<(), Failure> {
        for exercise in exercises {
            if live.is_available(exercise) {
                self.one(live, exercise).await?;
            } else {
                (self.show)(AuthorEvent::Unavailable(&exercise.id));
            }
            self.finished.borrow_mut().insert(exercise.id.clone());
        }
        Ok(())
    }

    /// Tests an exercise. If its checks changed, there are two verdicts: the first by the answers of lab.yaml, since those of
    /// trial.yaml may take much longer.
    async fn one(&self, live: &mut Live, exercise: &Exercise) -> Result<(), Failure> {
        let in_trial = self.read.trial.exercises.get(&exercise.id);
        let in_trial = in_trial.map_or(0, |trial| trial.right.len() + trial.wrong.len());
        let shown = RefCell::new(BTreeSet::new());
        let show = |played: &PlayedAnswer| {
            // The second verdict judges the answers of lab.yaml again.
            if shown.borrow_mut().insert(played.answer.clone()) {
                (self.show)(AuthorEvent::Played(played));
            }
        };
        let request = PlayRequest {
            exercise,
            trial: &Trial::default(),
            other: None,
            answer: None,
            show: &show,
            seen: Some(self.seen_answers),
        };
        let is_known = self.seen_answers.borrow().knows(self.runner.lab, exercise);
        if in_trial > 0 && !is_known {
            let proof = runner::play(self.runner, live, self.workspace, request).await?;
            self.verdict(exercise, &proof, in_trial);
        }
        let whole = PlayRequest {
            trial: &self.read.trial,
            other: self
                .read
                .other
                .as_ref()
                .map(|(lab, trial)| OtherDraw { lab, trial }),
            ..request
        };
        let proof = runner::play(self.runner, live, self.workspace, whole).await?;
        self.verdict(exercise, &proof, 0);
        Ok(())
    }

    /// Shows the verdict on an exercise when this many answers are still to be played.
    fn verdict(&self, exercise: &Exercise, proof: &Proof, rest: usize) {
        let (mut problems, mut notes) = proof.by_weight(Strictness::Normal);
        if rest > 0 {
            // It may be the other answers that a check decides, and that need a hint.
            problems.retain(|problem| !is_of_all_answers(problem.phase));
            notes.clear();
        }
        (self.show)(AuthorEvent::Verdict(&JudgedExercise {
            exercise: exercise.id.to_string(),
            sound: problems.is_empty(),
            answers: proof.figures.played + proof.recalled,
            recalled: proof.recalled,
            rest,
            problems,
            notes,
            millis: self.seen.elapsed().as_millis() as u64,
        }));
    }
}

/// Whether a phase judges the checks by all answers together.
fn is_of_all_answers(phase: Phase) -> bool {
    matches!(phase, Phase::Decides | Phase::Weakened)
}

/// Returns the exercises for which files that were saved may matter, but for the files of which [`LabParts`] are made.
fn changed_by_files(read: &ReadLab, saved: &BTreeSet<PathBuf>) -> ChangedExercises {
    let mut changed = BTreeSet::new();
    for file in saved.iter().filter(|file| !is_read_by_parts(file)) {
        let below = file.strip_prefix(&read.lab.folder).unwrap_or(file);
        let naming = read.parts.naming(&below.to_string_lossy());
        // A file that a service mounts or that describes it, and that no exercise names, may matter to each.
        if naming.is_empty() && (is_used(&read.lab, file) || is_read(read, file)) {
            return ChangedExercises::All;
        }
        changed.extend(naming);
    }
    ChangedExercises::Some(changed)
}

/// Returns whether a file was read with the lab, such as compose.yaml or one of the catalogue.
fn is_read(read: &ReadLab, file: &Path) -> bool {
    let real = std::fs::canonicalize(file);
    read.files.contains(file) || real.is_ok_and(|real| read.files.contains(&real))
}

/// Returns whether a file is one of those that [`LabParts`] are made of.
fn is_read_by_parts(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let is_guide = name.starts_with("guide.") && name.ends_with(".md");
    is_guide || ["lab.yaml", "trial.yaml"].contains(&name)
}

/// Returns whether a service mounts a file, or a learner gets it.
fn is_used(lab: &Lab, file: &Path) -> bool {
    let mounts = lab.services.values().flat_map(|service| &service.mounts);
    let mut sources = mounts.filter_map(|mount| match mount {
        Mount::Bind { source, .. } => Some(source),
        Mount::Volume { .. } | Mount::Workspace { .. } => None,
    });
    let in_workspace = lab
        .workspace
        .as_ref()
        .is_some_and(|folder| file.starts_with(folder));
    in_workspace || sources.any(|source| file.starts_with(source))
}

/// Waits until files are saved, created or removed, and returns what they are when they have settled.
async fn next_change(folder: &Path, others: &BTreeSet<PathBuf>, before: &FileStamps) -> FileStamps {
    loop {
        tokio::time::sleep(POLL).await;
        let mut now = FileStamps::read(folder, others);
        if now.changed_since(before).is_empty() {
            continue;
        }
        loop {
            tokio::time::sleep(SETTLE).await;
            let later = FileStamps::read(folder, others);
            if later == now {
                return now;
            }
            now = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::app;

    const LAB: &str = "
level: beginner
minutes: 5
roadmap: []
exercises:
  - id: one
    checks:
      - id: holds
        redis: { service: redis, command: [GET, a] }
        expect: { equals: b }
    solution: [ { exec: { service: redis, run: [sh, /files/one.sh] } } ]
    wrong: [ { do: [ { redis: { service: redis, command: [SET, a, c] } } ] } ]
  - id: two
    quiz: { choices: [a, b], answer: a, hints: { b: no } }
";
    const COMPOSE: &str = "services: { redis: { image: 'redis:8', ports: ['6379'], volumes: ['./files:/files:ro'] } }\n";
    const GUIDE: &str = "# A\n\nB.\n\n## One {#one}\n\nC.\n\n### Checks {.checks}\n\n- `holds`: it holds\n\n### Hint {.hint}\n\nD.\n\n### Hint {.hint}\n\nE.\n\n## Two {#two}\n\nF?\n\n### Choices {.choices}\n\n- `a`: yes\n- `b`: no\n\n### No {.hint #no}\n\nG.\n\n### After {.after}\n\nH.\n";

    #[test]
    fn a_saved_file_changes_the_exercises_that_name_it_or_all_that_may_see_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("lab");
        std::fs::create_dir_all(folder.join("files")).unwrap();
        for (name, text) in [
            ("lab.yaml", LAB),
            ("compose.yaml", COMPOSE),
            ("guide.en.md", GUIDE),
            ("files/one.sh", ""),
            ("files/redis.conf", ""),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let app = app(home.path());
        let read = app
            .read_lab(&folder)
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        let saved = |name: &str| {
            let saved = BTreeSet::from([folder.join(name)]);
            match changed_by_files(&read, &saved) {
                ChangedExercises::All => "all".to_owned(),
                ChangedExercises::Some(ids) => {
                    let ids: Vec<_> = ids.iter().map(ExerciseId::as_str).collect();
                    ids.join(" ")
                }
            }
        };
        assert_eq!(saved("files/one.sh"), "one");
        assert_eq!(saved("files/redis.conf"), "all");
        assert_eq!(saved("compose.yaml"), "all");
        assert_eq!(saved("README.md"), "");
        assert_eq!(saved("guide.en.md"), "");
    }
}
