//! Proves exercises and the whole lab with the answers that are played. What is true of a recording is decided in
//! [`crate::proof`].

use std::cell::RefCell;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::event::{Event, IndistinguishableAnswer, Phase, PlayedAnswer};
use crate::lab::{Exercise, ExerciseId, Quiz, Step, StepKind};
use crate::probe::open_transaction;
use crate::proof::{
    self, Answer, AnswerKind, Finding, Must, Recording, after, at_start, indecisive, right_answers,
    unnoticed, without_hint,
};
use crate::runner::check::check_answer;
use crate::runner::measure::{Effort, measure};
use crate::runner::proof::figures::{Proof, ProofProblem, Stage, Strictness, by_weight};
use crate::runner::proof::player::{Player, is_practical};
use crate::runner::proof::seen::{PlayedSteps, Playing, SeenAnswers};
use crate::runner::proof::{OtherAnswers, ProofRequest};
use crate::runner::{Failure, Live, Runner};
use crate::store::Workspace;
use crate::text;

/// Proves the exercises of a lab, one part after the other.
pub(super) struct Prover<'a, 'b, E> {
    pub(super) player: Player<'a, 'b, E>,
    request: ProofRequest<'a>,
    stage: Stage,
    pub(super) proof: Proof,
    /// Receives what the checks saw after each answer.
    show: Option<&'a dyn Fn(&PlayedAnswer)>,
    /// What was seen before, so that it need not be played again.
    seen: Option<&'a RefCell<SeenAnswers>>,
}

/// What was found in one phase of an exercise.
pub(super) struct PhaseReport<'a> {
    pub(super) exercise: &'a ExerciseId,
    pub(super) phase: Phase,
    pub(super) started: Instant,
    pub(super) findings: Vec<Finding>,
}

impl<'a, 'b, E: Engine> Prover<'a, 'b, E> {
    pub(super) fn new(
        runner: &'a Runner<'b, E>,
        live: &'a mut Live,
        workspace: Option<&'a Workspace>,
        request: ProofRequest<'a>,
    ) -> Self {
        let exercises = runner.lab.exercises.iter();
        let exercises = exercises.filter(|one| request.selects(one) && live.is_available(one));
        let count = |one| {
            request.answers(one).len() + request.with_other_draw(one).map_or(0, |of| of.count())
        };
        let answers = exercises.map(count).sum();
        Self {
            player: Player::new(runner, live, workspace, request.started, answers),
            request,
            stage: Stage::Start,
            proof: Proof::default(),
            show: None,
            seen: None,
        }
    }

    /// Judges what is in `seen` without playing it again, and adds what is played.
    pub(super) fn recall(&mut self, seen: &'a RefCell<SeenAnswers>) {
        self.seen = Some(seen);
    }

    /// Returns what the checks saw after steps that were played before, and how long each step took.
    pub(super) fn recalled(
        &self,
        exercise: &Exercise,
        played: (Playing, &[&Step]),
    ) -> Option<(Recording, Vec<Duration>)> {
        let seen = self.seen?.borrow();
        seen.recall(self.player.runner.lab, exercise, played)
    }

    /// Keeps what the checks saw after steps, so that they need not be played again.
    pub(super) fn keep(
        &self,
        exercise: &Exercise,
        (playing, steps): (Playing, &[&Step]),
        recording: &Recording,
        took: &[Duration],
    ) {
        if let Some(seen) = self.seen {
            let baseline = self.player.baseline(exercise);
            let played = PlayedSteps {
                playing,
                steps,
                baseline,
                took,
            };
            let lab = self.player.runner.lab;
            seen.borrow_mut().keep(lab, exercise, played, recording);
        }
    }

    /// Sets the number of answers that the proof of the lab plays, of which this prover plays a part.
    pub(super) fn counts_to(mut self, answers: usize) -> Self {
        self.player.answers = answers;
        self
    }

    /// Returns the number of answers that the proof of the lab plays.
    pub(super) fn answers(&self) -> usize {
        self.player.answers
    }

    /// Shows what the checks see after each answer from now on.
    pub(super) fn show(&mut self, show: &'a dyn Fn(&PlayedAnswer)) {
        self.show = Some(show);
    }

    /// Shows what the checks saw after an answer; without an answer, before anything was done.
    pub(super) fn shown(
        &self,
        exercise: &Exercise,
        answer: Option<&Answer<'_>>,
        recording: Option<&Recording>,
        finding: Option<&Finding>,
    ) {
        if let Some(show) = self.show {
            show(&proof::played(exercise, answer, recording, finding));
        }
    }

    /// Plays one answer from the start of its exercise and judges it.
    pub(super) async fn single(
        &mut self,
        exercise: &Exercise,
        answer: &Answer<'_>,
        phase: Phase,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        self.proof.figures.exercises += 1;
        self.proof.figures.checks += exercise.checks().len();
        let (_, finding) = self.answer(exercise, answer, &[], phase).await?;
        self.report(PhaseReport {
            exercise: &exercise.id,
            phase,
            started,
            findings: finding.into_iter().collect(),
        });
        Ok(())
    }

    /// Returns what was proven.
    pub(super) fn finish(mut self) -> Proof {
        self.proof.figures.played = self.player.played;
        self.proof.resets = self.player.resets;
        self.proof
    }

    /// Sets the stage of the problems that are found from now on.
    pub(super) fn begin_stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    pub(super) fn report(&mut self, report: PhaseReport<'_>) {
        let exercise = report.exercise;
        let problems = report.findings.iter();
        let problems: Vec<_> = problems
            .map(|finding| ProofProblem::new(exercise, self.stage, finding))
            .collect();
        // Who is shown each answer needs no summary of them.
        if self.show.is_none() {
            self.player.runner.emit(phase_finished(
                exercise,
                report.phase,
                &problems,
                report.started.elapsed(),
            ));
        }
        let permissive = report.findings.iter().filter(|finding| finding.permissive);
        self.proof.figures.permissive += permissive.count();
        self.proof.problems.extend(problems);
    }

    /// Plays one answer from the start of its exercise, judges it, and shows it. There is no recording if it could not be played.
    async fn answer(
        &mut self,
        exercise: &Exercise,
        answer: &Answer<'_>,
        in_solution: &[Duration],
        phase: Phase,
    ) -> Result<(Option<Recording>, Option<Finding>), Failure> {
        let playing = match answer.kind {
            AnswerKind::LeftOut { .. } | AnswerKind::OtherDraw => Playing::LeftOut,
            AnswerKind::Solution | AnswerKind::RightAnswer | AnswerKind::WrongAnswer => {
                Playing::Complete
            }
        };
        let (recording, finding) = match self.recalled(exercise, (playing, &answer.steps)) {
            Some((recording, _)) => {
                self.proof.recalled += 1;
                let finding = after(&recording, answer, exercise.checks(), phase);
                (Some(recording), finding)
            }
            None => {
                let played = self.player.answer(exercise, answer, in_solution, phase);
                let (recording, finding) = played.await?;
                if let Some(recording) = &recording {
                    self.keep(exercise, (playing, &answer.steps), recording, &[]);
                }
                (recording, finding)
            }
        };
        if let Some(recording) = &recording {
            self.count(exercise, answer, recording);
        }
        self.shown(exercise, Some(answer), recording.as_ref(), finding.as_ref());
        Ok((recording, finding))
    }

    fn count(&mut self, exercise: &Exercise, answer: &Answer<'_>, recording: &Recording) {
        match answer.kind {
            AnswerKind::Solution => {}
            AnswerKind::LeftOut { .. } => self.proof.figures.left_out += 1,
            AnswerKind::RightAnswer => self.proof.figures.right_answers += 1,
            AnswerKind::WrongAnswer => self.proof.figures.wrong_answers += 1,
            AnswerKind::OtherDraw => self.proof.figures.other_draw += 1,
        }
        if let Must::PassAsRight { reason } = answer.must
            && recording.passed()
        {
            self.proof
                .figures
                .indistinguishable
                .push(IndistinguishableAnswer {
                    exercise: exercise.id.to_string(),
                    answer: answer.name.localized(),
                    reason: reason.to_owned(),
                });
        }
    }

    /// Proves everything about one exercise with checks.
    pub(super) async fn practical(&mut self, exercise: &Exercise) -> Result<(), Failure> {
        let checks = exercise.checks();
        let trial = self.request.trial.exercises.get(&exercise.id);
        let answers = proof::answers(exercise, trial);
        self.proof.figures.exercises += 1;
        self.proof.figures.checks += checks.len();
        let mut refused = Vec::new();
        let Some(took) = self.solution(exercise, &answers, &mut refused).await? else {
            return Ok(());
        };
        let mut complete = true;
        for (phase, kind) in [
            (Phase::LeftOut, Kind::LeftOut),
            (Phase::RightAnswer, Kind::RightAnswer),
            (Phase::WrongAnswer, Kind::WrongAnswer),
        ] {
            let started = Instant::now();
            let mut findings = Vec::new();
            let (first, mut refused_answers) = (refused.len(), Vec::new());
            for answer in answers.iter().filter(|answer| kind.includes(answer)) {
                let (recording, finding) = self.answer(exercise, answer, &took, phase).await?;
                complete &= recording.is_some();
                findings.extend(finding);
                if let (Some(recording), Must::Fail { .. }) = (recording, answer.must) {
                    refused_answers.push(answer);
                    refused.push(recording);
                }
            }
            if phase == Phase::WrongAnswer {
                let played = refused_answers.into_iter().zip(&refused[first..]);
                findings.extend(without_hint(checks, &played.collect::<Vec<_>>()));
            }
            if phase == Phase::RightAnswer {
                let right = answers.iter().filter(|answer| kind.includes(answer));
                let place = answers.first().and_then(|solution| solution.place);
                findings.extend(right_answers(right.count(), place));
            }
            self.report(PhaseReport {
                exercise: &exercise.id,
                phase,
                started,
                findings,
            });
        }
        // An answer that could not be played shows nothing about the checks.
        if complete {
            self.judge_checks(exercise, &refused);
        }
        Ok(())
    }

    /// Proves that an exercise can be solved with the random values of this prover's lab, and not with the answers of other
    /// ones.
    pub(super) async fn other_draw(&mut self, answers: &OtherAnswers<'_>) -> Result<(), Failure> {
        let (phase, started) = (Phase::OtherDraw, Instant::now());
        let exercise = answers.exercise;
        let mut findings = Vec::new();
        if let Some(solution) = answers.own.first() {
            let (_, finding) = self.answer(exercise, solution, &[], phase).await?;
            findings.extend(finding.map(|finding| Finding {
                reason: text!(
                    "with other random values: {reason}",
                    reason = finding.reason
                ),
                ..finding
            }));
        }
        for answer in &answers.refused {
            let (_, finding) = self.answer(exercise, answer, &[], phase).await?;
            findings.extend(finding);
        }
        self.report(PhaseReport {
            exercise: &exercise.id,
            phase,
            started,
            findings,
        });
        Ok(())
    }

    /// Judges the checks themselves by what they saw while wrong answers were played.
    fn judge_checks(&mut self, exercise: &Exercise, refused: &[Recording]) {
        let started = Instant::now();
        let (weakened, unnoticed) = unnoticed(exercise.checks(), refused);
        self.proof.figures.weakened += weakened;
        let decides = (Phase::Decides, indecisive(exercise.checks(), refused));
        for (phase, findings) in [decides, (Phase::Weakened, unnoticed)] {
            self.report(PhaseReport {
                exercise: &exercise.id,
                phase,
                started,
                findings,
            });
        }
    }

    /// Runs every measurement of an exercise once. The sides must answer and agree; how long they take does not matter.
    pub(super) async fn measurements(&self, exercise: &Exercise, phase: Phase) -> Vec<Finding> {
        let mut findings = Vec::new();
        for measurement in &exercise.measure {
            let (runner, live) = (self.player.runner, &*self.player.live);
            let outcome = measure(runner, live, measurement, Effort::ONCE).await;
            let place = measurement.sides.first().map(|side| &side.step.place);
            findings.extend(outcome.problem().map(|reason| {
                let id = &measurement.id;
                let reason = text!("measurement `{id}`: {reason}", id, reason);
                Finding::problem(phase, reason).at(place)
            }));
        }
        findings
    }

    /// Proves that only the right choice of a quiz counts, that every other has a hint, and that the sides of its measurements
    /// agree.
    pub(super) async fn quiz(&mut self, exercise: &Exercise, quiz: &Quiz) -> Result<(), Failure> {
        let started = Instant::now();
        let wrong = |choice: &&String| **choice != quiz.answer;
        let mut findings = Vec::new();
        for choice in quiz.choices.iter().filter(wrong) {
            let outcome = check_answer(quiz, Some(choice));
            let reason = match (outcome.passed(), outcome.hint()) {
                (true, _) => text!("choice `{choice}` counts as right", choice),
                (false, None) => text!("wrong choice `{choice}` has no hint", choice),
                (false, Some(_)) => continue,
            };
            findings.push(Finding::problem(Phase::Quiz, reason));
        }
        if !check_answer(quiz, Some(&quiz.answer)).passed() {
            let reason = text!("the right choice does not count");
            findings.push(Finding::problem(Phase::Quiz, reason));
        }
        self.proof.figures.exercises += 1;
        self.proof.figures.checks += 1;
        if !exercise.measure.is_empty() {
            match self.player.prepare(exercise).await? {
                Some(problem) => findings.push(problem),
                None => findings.extend(self.measurements(exercise, Phase::Quiz).await),
            }
        }
        self.proof.figures.wrong_answers += quiz.choices.len() - 1;
        self.report(PhaseReport {
            exercise: &exercise.id,
            phase: Phase::Quiz,
            started,
            findings,
        });
        Ok(())
    }

    /// Proves that every goal fails and every guard passes before anything was done.
    pub(super) async fn all_fail(
        &mut self,
        exercises: &[&Exercise],
        phase: Phase,
    ) -> Result<(), Failure> {
        // What `prepare` breaks is whole then; its exercise is proven at its own start.
        let at_once = |exercise: &&&Exercise| is_practical(exercise) && exercise.prepare.is_empty();
        for exercise in exercises.iter().filter(at_once) {
            let started = Instant::now();
            self.player.begin(exercise).await;
            let recording = self.player.observe(exercise).await;
            self.report(PhaseReport {
                exercise: &exercise.id,
                phase,
                started,
                findings: at_start(&recording, exercise.checks(), phase)
                    .into_iter()
                    .collect(),
            });
        }
        Ok(())
    }

    /// Proves that every goal fails again after a reset.
    pub(super) async fn after_reset(&mut self, exercises: &[&Exercise]) -> Result<(), Failure> {
        let started = Instant::now();
        let Some(problem) = self.player.reset().await? else {
            return self.all_fail(exercises, Phase::Reset).await;
        };
        if let Some(first) = exercises.first() {
            self.report(PhaseReport {
                exercise: &first.id,
                phase: Phase::Reset,
                started,
                findings: vec![problem],
            });
        }
        Ok(())
    }

    /// Proves that a reset works, or names the session that is in its way, while another session has an open transaction in a
    /// database that `start` changes.
    pub(super) async fn with_open_transaction(
        &mut self,
        exercises: &[&Exercise],
    ) -> Result<(), Failure> {
        let phase = Phase::OpenTransaction;
        for act in databases(&self.player.runner.lab.start) {
            let (started, Some(first)) = (Instant::now(), exercises.first()) else {
                return Ok(());
            };
            let target = self.player.live.target(self.player.runner);
            // A database that cannot be opened has no tables to lock, and a MongoDB server alone has no transactions.
            let Ok(Some(transaction)) = open_transaction(act, &target).await else {
                continue;
            };
            let done = self.player.reset_once().await;
            transaction.end().await;
            let problem = match done {
                Err(Failure::StepLocked(_)) => None,
                done => self.player.problem_of(done, phase).await?,
            };
            let problem = match problem {
                Some(problem) => Some(problem),
                None => self.player.reset().await?,
            };
            self.report(PhaseReport {
                exercise: &first.id,
                phase,
                started,
                findings: problem.into_iter().collect(),
            });
        }
        Ok(())
    }

    /// Proves all solutions one after the other without a reset between.
    pub(super) async fn in_sequence(&mut self, exercises: &[&Exercise]) -> Result<(), Failure> {
        if let (Some(problem), Some(first)) = (self.player.reset().await?, exercises.first()) {
            self.report(PhaseReport {
                exercise: &first.id,
                phase: Phase::Reset,
                started: Instant::now(),
                findings: vec![problem],
            });
            return Ok(());
        }
        self.player.forget_baselines();
        for exercise in exercises.iter().filter(|exercise| is_practical(exercise)) {
            let started = Instant::now();
            let phase = Phase::Solution;
            self.player.begin_all().await;
            let done = self.player.begin_and_solve(exercise).await;
            let finding = match self.player.problem_of(done, phase).await? {
                Some(problem) => Some(problem),
                None => {
                    let recording = self.player.observe(exercise).await;
                    let solution = proof::answers(exercise, None).swap_remove(0);
                    after(&recording, &solution, exercise.checks(), phase)
                }
            };
            let findings = finding.into_iter().map(|finding| Finding {
                reason: text!(
                    "after all earlier solutions: {reason}",
                    reason = finding.reason
                ),
                ..finding
            });
            let findings = findings.collect();
            self.report(PhaseReport {
                exercise: &exercise.id,
                phase,
                started,
                findings,
            });
        }
        Ok(())
    }
}

/// Returns the event for a phase of an exercise with everything that was found in it.
fn phase_finished(
    exercise: &ExerciseId,
    phase: Phase,
    found: &[ProofProblem],
    took: Duration,
) -> Event {
    let (problems, notes) = by_weight(found, Strictness::Normal);
    Event::ProofPhaseFinished {
        exercise: exercise.to_string(),
        phase,
        problem: problems.first().map(|first| first.problem.clone()),
        problems,
        notes,
        millis: took.as_millis() as u64,
    }
}

/// The answers that one phase plays.
#[derive(Clone, Copy)]
enum Kind {
    LeftOut,
    RightAnswer,
    WrongAnswer,
}

impl Kind {
    /// The solution without its last step is judged while the solution is played.
    fn includes(self, answer: &Answer<'_>) -> bool {
        match (self, answer.kind) {
            (Kind::LeftOut, AnswerKind::LeftOut { step }) => step < answer.steps.len(),
            (Kind::RightAnswer, AnswerKind::RightAnswer)
            | (Kind::WrongAnswer, AnswerKind::WrongAnswer) => true,
            _ => false,
        }
    }
}

/// Returns a step for each database that steps use.
fn databases(steps: &[Step]) -> Vec<&StepKind> {
    let mut found: Vec<&StepKind> = Vec::new();
    for step in steps {
        let same = |other: &&StepKind| match (&step.act, other) {
            (StepKind::Sql(one), StepKind::Sql(other)) => {
                one.service == other.service && one.database == other.database
            }
            (StepKind::Mongo(one), StepKind::Mongo(other)) => {
                one.service == other.service && one.database == other.database
            }
            _ => false,
        };
        let is_database = matches!(step.act, StepKind::Sql(_) | StepKind::Mongo(_));
        if is_database && !found.iter().any(same) {
            found.push(&step.act);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Weight;

    #[test]
    fn the_event_of_a_phase_has_every_problem_and_note() {
        let exercise = ExerciseId::new("ttl").unwrap();
        let of = |reason: &str, weight| {
            let finding = Finding {
                weight,
                ..Finding::problem(Phase::WrongAnswer, text::Text::verbatim(reason))
            };
            ProofProblem::new(&exercise, Stage::Answers, &finding)
        };
        let found = [
            of("a note", Weight::Note),
            of("first", Weight::Problem),
            of("second", Weight::Problem),
        ];
        let event = phase_finished(&exercise, Phase::WrongAnswer, &found, Duration::ZERO);
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["problem"], "first");
        assert_eq!(json["problems"][1]["problem"], "second");
        assert_eq!(json["problems"].as_array().unwrap().len(), 2);
        assert_eq!(json["notes"][0]["problem"], "a note");
        let event = phase_finished(&exercise, Phase::WrongAnswer, &[], Duration::ZERO);
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["problem"], serde_json::Value::Null);
        assert_eq!(json["problems"], serde_json::json!([]));
    }

    #[test]
    fn each_database_of_sql_and_mongodb_steps_has_one_transaction() {
        let lab = crate::lab::testing::lab(crate::lab::testing::COMPOSE);
        let step = |act: StepKind| Step {
            act,
            ..lab.exercises[0].checks()[0].step.clone()
        };
        let service = || crate::lab::ServiceName::new("redis").unwrap();
        let mongo = |database: &str| {
            step(StepKind::Mongo(crate::lab::MongoProbe {
                service: service(),
                database: Some(database.to_owned()),
                command: serde_json::json!({"dropDatabase": 1}),
            }))
        };
        let redis = lab.exercises[0].checks()[0].step.clone();
        let steps = [mongo("a"), redis, mongo("b"), mongo("a")];
        assert_eq!(databases(&steps), [&steps[0].act, &steps[2].act]);
    }
}
