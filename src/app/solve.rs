//! Plays solutions, from whatever state the learner left, and shows them as they are typed.

use std::collections::BTreeMap;
use std::path::Path;

use crate::app::{App, RunningLab};
use crate::engine::Engine;
use crate::event::CheckResult;
use crate::lab::{Addresses, Exercise, FileChange, Lab, StepKind, Task, TypedBlock, TypingContext};
use crate::runner::{ExerciseResult, Failure, Undecided};
use crate::store::{KeptFile, PlayReason, Workspace};
use crate::text;
use crate::text::Text;

/// Where a solution starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolveFrom {
    /// The state that the learner left.
    PresentState,
    /// The start of the exercise: the services are reset first. Progress and files stay; files of the learner's own with which
    /// the solution does not work are renamed.
    StartOfExercise,
}

/// What playing a solution led to.
pub enum SolveOutcome<'a> {
    /// The checks of the exercise pass.
    Solved(SolveReport<'a>),
    /// From the state that the learner left, the solution does not lead there.
    Stuck(Obstacle),
}

/// Why a solution does not work from the state that the learner left.
#[derive(Debug, Clone)]
pub struct Obstacle {
    /// A sentence for people.
    pub sentence: Text,
    /// What failed, exactly.
    pub detail: Text,
}

/// The solutions that were played.
pub struct SolveReport<'a> {
    /// In order, with what each solution is.
    pub played: Vec<(&'a Exercise, TypedSolution)>,
}

/// A solution as a learner types it.
#[derive(Debug, Clone, Default)]
pub struct TypedSolution {
    /// Markdown of the guide about it.
    pub prose: Option<String>,
    pub blocks: Vec<TypedBlock>,
    /// The right choice of a quiz.
    pub answer: Option<String>,
}

impl App {
    /// Plays the solution of an exercise of a running lab, after those of the available exercises that it builds on and that
    /// do not pass, and checks it.
    pub async fn solve<'a, E: Engine>(
        &'a self,
        engine: &'a E,
        lab: &'a Lab,
        exercise: &'a Exercise,
        from: SolveFrom,
    ) -> Result<SolveOutcome<'a>, Failure> {
        let _lock = self.lock(engine, &lab.id).await?;
        let mut running = self.running(engine, lab).await?;
        running.solve(exercise, from).await
    }
}

/// Files of the learner that were set aside. Where they are is reported at the end, also when the command is interrupted.
struct FilesAside<'a> {
    app: &'a App,
    files: Vec<KeptFile>,
}

impl Drop for FilesAside<'_> {
    fn drop(&mut self) {
        self.app.report_kept(&self.files);
    }
}

impl<'a, E: Engine> RunningLab<'a, E> {
    /// Plays the solution of an exercise and checks it. Takes the lock of the instance.
    pub async fn play_solution(
        &mut self,
        exercise: &Exercise,
        from: SolveFrom,
    ) -> Result<SolveOutcome<'a>, Failure> {
        let _lock = self.app.lock(self.runner.engine, &self.lab.id).await?;
        let exercise = self.lab.exercise(&exercise.id).ok_or_else(|| {
            Failure::Usage(text!(
                "lab `{lab}` has no exercise `{exercise}`",
                lab = self.lab.id,
                exercise = exercise.id
            ))
        })?;
        self.solve(exercise, from).await
    }

    async fn solve(
        &mut self,
        exercise: &'a Exercise,
        from: SolveFrom,
    ) -> Result<SolveOutcome<'a>, Failure> {
        match (self.solve_once(exercise, from).await, from) {
            (Err(Failure::Step(why)), SolveFrom::StartOfExercise) => {
                self.solve_without_own_files(exercise, why).await
            }
            (done, _) => done,
        }
    }

    /// Plays the solution once more with the learner's own files out of the way. If it does not work then either, they are put
    /// back.
    async fn solve_without_own_files(
        &mut self,
        exercise: &'a Exercise,
        why: Text,
    ) -> Result<SolveOutcome<'a>, Failure> {
        let mut aside = FilesAside {
            app: self.app,
            files: self.set_own_files_aside().await?,
        };
        if aside.files.is_empty() {
            return Err(Failure::Step(why));
        }
        match self.solve_once(exercise, SolveFrom::StartOfExercise).await {
            Err(Failure::Step(_)) => {
                self.move_back_files(&aside.files)?;
                aside.files.clear();
                Err(Failure::Step(why))
            }
            done => done,
        }
    }

    async fn solve_once(
        &mut self,
        exercise: &'a Exercise,
        from: SolveFrom,
    ) -> Result<SolveOutcome<'a>, Failure> {
        let missing = self.live.missing_services(exercise);
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
            let services = names.join(", ");
            return Err(Failure::Environment(match self.trust_command(&missing) {
                Some(command) => text!(
                    "`{exercise}` is not available: it needs {services}, and that needs `--trust`: `{command}`",
                    exercise = exercise.id,
                    services,
                    command
                ),
                None => text!(
                    "`{exercise}` is not available: it needs {services}, whose image is not on this machine",
                    exercise = exercise.id,
                    services
                ),
            }));
        }
        let needs = self.available_prerequisites(exercise);
        let open: Vec<&Exercise> = match from {
            SolveFrom::PresentState => {
                let results = self.probe(&needs, Undecided::Await).await?;
                // The learner's own work in an exercise that passes stays as it is.
                let open = needs.into_iter().zip(&results);
                let open = open.filter(|(_, result)| !result.passed());
                open.map(|(need, _)| need).collect()
            }
            SolveFrom::StartOfExercise => {
                drop(self.reset_services(None).await?);
                needs
            }
        };
        let exercises: Vec<&'a Exercise> = open.into_iter().chain([exercise]).collect();
        let mut played = Vec::new();
        for one in exercises {
            played.push((one, self.typed_solution(one)));
            match (
                self.play_solutions(&[one], PlayReason::Requested).await,
                from,
            ) {
                (Ok(()), _) => {}
                (Err(Failure::Step(detail)), SolveFrom::PresentState) => {
                    return Ok(SolveOutcome::Stuck(Obstacle {
                        sentence: text!("what is there now stands in the way of one of its steps"),
                        detail,
                    }));
                }
                (Err(failure), _) => return Err(failure),
            }
        }
        let result = self.check_solution(exercise).await;
        self.record_solved(std::slice::from_ref(&result))?;
        let Some(failed) = first_failed(&result) else {
            return Ok(SolveOutcome::Solved(SolveReport { played }));
        };
        let why = text!(
            "check `{check}` does not pass: {about}",
            check = failed.check,
            about = failed.about
        );
        match from {
            SolveFrom::PresentState => Ok(SolveOutcome::Stuck(Obstacle {
                sentence: match failed.about.is_empty() {
                    true => text!("what is there now keeps its checks from passing"),
                    false => text!(
                        "with what is there now, this would still not hold: {about}",
                        about = failed.about.replace('`', "")
                    ),
                },
                detail: why,
            })),
            SolveFrom::StartOfExercise => Err(Failure::Step(text!(
                "the solution of `{exercise}` does not solve it: {why}; this is a fault of the lab, which `roadlab test {lab}` reports",
                exercise = exercise.id,
                why,
                lab = self.lab.id
            ))),
        }
    }

    /// Returns the solution of an exercise as a learner types it now, with the real addresses and the files as they are.
    pub fn typed_solution(&self, exercise: &Exercise) -> TypedSolution {
        let (addresses, workspace) = (&self.live.addresses, self.workspace.as_ref());
        self.app
            .typed_solution(self.lab, exercise, addresses, workspace)
    }
}

impl App {
    /// Returns the solution of an exercise of a lab, running or not, as a learner types it.
    pub fn typed_solution(
        &self,
        lab: &Lab,
        exercise: &Exercise,
        addresses: &Addresses,
        workspace: Option<&Workspace>,
    ) -> TypedSolution {
        let section = lab.section(&exercise.id, &self.lang);
        let prose = section.solution.as_ref();
        let prose = prose.map(|text| {
            let markdown = &text.markdown;
            self.fill_in_addresses(lab, markdown, addresses)
        });
        let solution = match &exercise.task {
            Task::Practical { solution, .. } => solution,
            Task::Quiz(quiz) => {
                return TypedSolution {
                    prose,
                    blocks: Vec::new(),
                    answer: Some(quiz.answer.clone()),
                };
            }
        };
        let (mut own_files, mut lab_files) = (BTreeMap::new(), BTreeMap::new());
        for step in solution {
            let StepKind::File(file) = &step.act else {
                continue;
            };
            if file.service.is_none()
                && let Some(folder) = workspace
                && let Some(content) = folder.read(Path::new(&file.path))
            {
                let content = String::from_utf8_lossy(&content).into_owned();
                own_files.insert(file.path.clone(), content);
            }
            if let FileChange::CopyFrom(from) = &file.change
                && let Ok(content) = std::fs::read(lab.folder.join(from))
            {
                let content = String::from_utf8_lossy(&content).into_owned();
                lab_files.insert(from.clone(), content);
            }
        }
        let name = self.lab_argument(&lab.id);
        let context = TypingContext {
            lab,
            addresses,
            name: &name,
            workspace: own_files,
            lab_files,
            names: &section.values,
        };
        TypedSolution {
            prose,
            blocks: context.blocks(solution),
            answer: None,
        }
    }
}

fn first_failed(result: &ExerciseResult) -> Option<&CheckResult> {
    result.checks.iter().find(|check| !check.outcome.passed())
}
