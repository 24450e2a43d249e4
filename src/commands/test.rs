//! `roadlab test`: proves labs, each in fresh instances of its own that are removed at the end.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use crate::app::{App, DrawOf, ProofOptions, ProofReport, SingleAnswer};
use crate::commands::played_output::show_played;
use crate::commands::{Context, junit, report_failure};
use crate::event::{Phase, PlayedAnswer, ProofFigures, ResultLine, TestProblem, TestedLab};
use crate::exit::Exit;
use crate::lab::{Draw, ExerciseId, Instance, Lab, Task};
use crate::report::{self, JunitCase, duration, output, sanitize};
use crate::runner::{Failure, Strictness};
use crate::{localized, text, text_plural};

/// The phases of the proof of a practical exercise.
const PHASES: [Phase; 9] = [
    Phase::Start,
    Phase::Solution,
    Phase::SolutionAgain,
    Phase::RightAnswer,
    Phase::LeftOut,
    Phase::WrongAnswer,
    Phase::Decides,
    Phase::Weakened,
    Phase::Reset,
];

/// What `roadlab test` was asked for.
pub(crate) struct TestRequest {
    /// The names of the labs; every lab if there are none.
    pub(crate) names: Vec<String>,
    pub(crate) options: ProofOptions,
    pub(crate) strictness: Strictness,
    pub(crate) junit: Option<PathBuf>,
}

/// Returns the labs among names, and the exercises of a single lab that follow it.
pub(crate) fn labs_and_exercises(
    app: &App,
    names: Vec<String>,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    let labs = app.labs()?;
    Ok(split(names, &|name| labs.folder(name).is_ok()))
}

/// A name that is no lab is an exercise if it follows the only lab; else it is reported as a lab that does not exist.
fn split(names: Vec<String>, is_lab: &dyn Fn(&str) -> bool) -> (Vec<String>, Vec<String>) {
    let (labs, exercises): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| is_lab(name));
    let follow = names.first().is_some_and(|first| is_lab(first));
    match (labs.len(), exercises.is_empty()) {
        (_, true) => (labs, exercises),
        (1, false) if follow => (labs, exercises),
        _ => (names, Vec::new()),
    }
}

/// `roadlab test LAB EXERCISE --answer ANSWER`: plays one answer and shows what each check sees.
pub(crate) async fn test_answer(
    context: &Context,
    names: Vec<String>,
    only: Vec<String>,
    answer: &str,
    keep: bool,
) -> Result<Exit, Failure> {
    let (labs, mut exercises) = labs_and_exercises(&context.app, names)?;
    exercises.extend(only);
    let ([lab], [exercise]) = (&labs[..], &exercises[..]) else {
        return Err(Failure::Usage(text!(
            "`--answer` needs one lab and one exercise: `roadlab test LAB EXERCISE --answer {answer}`",
            answer
        )));
    };
    let lab = context.lab_with(lab, &of_test())?;
    let engine = context.app.engine().await?;
    let wanted = SingleAnswer {
        exercise,
        answer,
        keep,
    };
    let show = |played: &PlayedAnswer| {
        context.reporter.finish();
        match context.global.json {
            true => report::line(&ResultLine::Observed(Box::new(played.clone()))),
            false => show_played(context, played),
        }
    };
    let report = context
        .app
        .play_answer(&engine, &lab, &wanted, &show)
        .await?;
    context.reporter.finish();
    if let Some(instance) = report.kept.filter(|_| !context.global.json) {
        show_kept(&lab, &instance);
    }
    Ok(match report.proof.problems.is_empty() {
        true => Exit::Success,
        false => Exit::CheckFailed,
    })
}

/// A test of a lab always has the same random values.
fn of_test() -> DrawOf {
    DrawOf::Draw(Draw::of_test())
}

fn show_kept(lab: &Lab, instance: &Instance) {
    output(&localized!(
        "kept as instance `{instance}`: use it with `--instance {instance}`, remove it with `roadlab down {lab} --instance {instance}`",
        instance,
        lab = lab.id
    ));
}

pub(crate) async fn test(context: &Context, request: &TestRequest) -> Result<Exit, Failure> {
    let names = match request.names.is_empty() {
        true => context.app.labs()?.all().keys().cloned().collect(),
        false => request.names.clone(),
    };
    let labs = names.iter();
    let labs = labs.map(|name| context.lab_with(name, &of_test()));
    let labs = labs.collect::<Result<Vec<Lab>, Failure>>()?;
    // A mistake in `trial.yaml` is reported before anything is started.
    for lab in &labs {
        context.app.trial(lab)?;
    }
    let engine = context.app.engine().await?;
    let cases = RefCell::new(Vec::new());
    let exit = Cell::new(Exit::Success);
    let report = |lab: &Lab, proved: Result<ProofReport, Failure>| {
        let report = match proved {
            Ok(report) => report,
            Err(failure) => {
                context.reporter.finish();
                report_failure(&failure, context.paint, context.global.output_mode());
                return exit.set(Exit::from(&failure));
            }
        };
        let (problems, notes) = report.proof.by_weight(request.strictness);
        if !problems.is_empty() && exit.get() == Exit::Success {
            exit.set(Exit::CheckFailed);
        }
        cases.borrow_mut().extend(junit_cases(lab, &problems));
        match context.global.json {
            true => report::line(&result_line(lab, &report, &problems, &notes)),
            false => show(context, lab, &report, &problems, &notes),
        }
    };
    let proved = context.app.prove(&engine, &labs, &request.options, &report);
    proved.await?;
    context.reporter.finish();
    if let Some(path) = &request.junit {
        save(path, &cases.borrow())?;
    }
    Ok(exit.get())
}

fn save(path: &Path, cases: &[JunitCase]) -> Result<(), Failure> {
    junit::save(path, "roadlab test", cases)
}

fn median(resets: &[u64]) -> u64 {
    let mut resets = resets.to_vec();
    resets.sort_unstable();
    resets.get(resets.len() / 2).copied().unwrap_or(0)
}

fn result_line(
    lab: &Lab,
    report: &ProofReport,
    problems: &[TestProblem],
    notes: &[TestProblem],
) -> ResultLine {
    let proof = &report.proof;
    ResultLine::Tested(Box::new(TestedLab {
        lab: lab.id.to_string(),
        sound: problems.is_empty(),
        figures: proof.figures.clone(),
        not_run: proof.not_run.iter().map(ToString::to_string).collect(),
        out_of_time: report.out_of_time.iter().map(ToString::to_string).collect(),
        ready_millis: report.ready_millis,
        reset_millis: median(&proof.resets),
        resets: proof.resets.len(),
        millis: report.millis,
        problems: problems.to_vec(),
        notes: notes.to_vec(),
    }))
}

fn show(
    context: &Context,
    lab: &Lab,
    report: &ProofReport,
    problems: &[TestProblem],
    notes: &[TestProblem],
) {
    let proof = &report.proof;
    context.reporter.finish();
    let paint = context.paint;
    let id = &lab.id;
    let verdict = match problems.len() {
        0 => paint.good(&localized!("{lab} passes its test", lab = id)),
        count => paint.bad(
            &text_plural!(
                "{lab} has {count} problem",
                "{lab} has {count} problems",
                count,
                lab = id
            )
            .localized(),
        ),
    };
    output(&format!("{verdict}: {}", figures(report)));
    for line in answers(&proof.figures) {
        output(&format!("  {line}"));
    }
    for problem in problems {
        output(&format!("  {}", line(problem)));
    }
    for note in notes {
        output(&paint.dim(&format!(
            "  {}",
            localized!("note: {text}", text = line(note))
        )));
    }
    for same in &proof.figures.indistinguishable {
        let text = localized!(
            "accepted, cannot be told from a right answer: {exercise}, {answer}: {reason}",
            exercise = same.exercise,
            answer = same.answer,
            reason = sanitize(&same.reason)
        );
        output(&paint.dim(&format!("  {text}")));
    }
    if !proof.not_run.is_empty() {
        let text = localized!(
            "not run, since a service is unavailable: {exercises}",
            exercises = names(&proof.not_run)
        );
        output(&paint.warn(&format!("  {text}")));
    }
    if !report.out_of_time.is_empty() {
        let text = localized!(
            "not run, since the time was over: {exercises}",
            exercises = names(&report.out_of_time)
        );
        output(&paint.warn(&format!("  {text}")));
    }
    if let Some(instance) = &report.kept {
        show_kept(lab, instance);
    }
}

fn names(exercises: &[ExerciseId]) -> String {
    let names: Vec<&str> = exercises.iter().map(ExerciseId::as_str).collect();
    names.join(", ")
}

/// `5 exercises, 12 checks; ready after 2.1 s, reset in 300 ms, all in 40 s`.
fn figures(report: &ProofReport) -> String {
    let proof = &report.proof;
    localized!(
        "{exercises}, {checks}; ready after {ready}, reset in {reset}, all in {time}",
        exercises = text_plural!(
            "{count} exercise",
            "{count} exercises",
            count = proof.figures.exercises
        ),
        checks = text_plural!(
            "{count} check",
            "{count} checks",
            count = proof.figures.checks
        ),
        ready = duration(report.ready_millis),
        reset = duration(median(&proof.resets)),
        time = duration(report.millis)
    )
}

/// Returns what was played and tried, in two lines.
fn answers(figures: &ProofFigures) -> [String; 2] {
    let mut played = localized!(
        "answers played: {right} right, {wrong} wrong, {left_out} with a step of the solution left out",
        right = figures.right_answers,
        wrong = figures.wrong_answers,
        left_out = figures.left_out
    );
    if figures.other_draw > 0 {
        played = localized!(
            "{played}, {count} copied from a learner with other random values",
            played,
            count = figures.other_draw
        );
    }
    let tried = localized!(
        "weaker checks tried: {weakened}; checks that accept too much: {permissive}; wrong answers that no check can tell from a right one: {same}",
        weakened = figures.weakened,
        permissive = figures.permissive,
        same = figures.indistinguishable.len()
    );
    [played, tried]
}

/// `greet, the solution passes (labs/x/lab.yaml:12): check …`.
fn line(problem: &TestProblem) -> String {
    let place = problem.file.as_ref().zip(problem.line);
    let place = place.map_or(String::new(), |(file, line)| format!(" ({file}:{line})"));
    sanitize(&format!(
        "{}, {}{place}: {}",
        problem.exercise,
        problem.phase.name(),
        problem.problem
    ))
}

fn junit_cases(lab: &Lab, problems: &[TestProblem]) -> Vec<JunitCase> {
    let mut cases = Vec::new();
    for exercise in &lab.exercises {
        let phases: &[Phase] = match exercise.task {
            Task::Quiz(_) => &[Phase::Quiz],
            Task::Practical { .. } => &PHASES,
        };
        let other_draw = [Phase::OtherDraw];
        let phases = phases.iter().chain(match exercise.random.is_empty() {
            true => &[][..],
            false => &other_draw,
        });
        for phase in phases {
            let found = problems.iter().filter(|problem| {
                problem.exercise == exercise.id.as_str() && problem.phase == *phase
            });
            let found: Vec<String> = found.map(line).collect();
            cases.push(JunitCase {
                suite: format!("{}.{}", lab.id, exercise.id),
                name: phase.name().to_owned(),
                problem: (!found.is_empty()).then(|| found.join("\n")),
            });
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_after_a_single_lab_are_its_exercises() {
        let names = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let check = |words: &str, labs: &str, exercises: &str| {
            let is_lab = |name: &str| ["redis", "airflow"].contains(&name);
            let (found, rest) = split(names(words), &is_lab);
            assert_eq!(
                (found.join(" "), rest.join(" ")),
                (labs.to_owned(), exercises.to_owned())
            );
        };
        check("redis", "redis", "");
        check("redis airflow", "redis airflow", "");
        check("redis sessions streams", "redis", "sessions streams");
        check("rediss sessions", "rediss sessions", "");
        check("sessions redis", "sessions redis", "");
        check("redis airflw airflow", "redis airflw airflow", "");
    }
}
