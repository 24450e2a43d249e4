//! What the buttons of a page do. Each returns how the page changes; why something failed is a note on it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use maud::Markup;

use crate::app::{
    App, DrawOf, EventSink, Forget, InitialData, ResetKind, SolveFrom, SolveOutcome, UpOptions,
    select_services,
};
use crate::event::Event;
use crate::lab::{Exercise, ExerciseId, Lab, LabId, Lang, RestartMode, ServiceName, Task};
use crate::localized;
use crate::report::{Paint, Wording, duration, event_lines};
use crate::runner::{Expiry, Failure, OnFailure};
use crate::store::Lifetime;
use crate::text;
use crate::text::Text;
use crate::web::by_language::ByLanguage;
use crate::web::failures::failure_lines;
use crate::web::observation::Observation;
use crate::web::parts::{self, LabView, id};
use crate::web::route::{ExerciseAction, LabAction};
use crate::web::site::Site;
use crate::web::update::{NoteKind, Update};

/// The fields of a form.
pub(super) type Form = BTreeMap<String, String>;

/// How a learner starts a lab on a page: it stays up when the page is closed.
const UP: UpOptions = UpOptions {
    lifetime: Lifetime::Persistent,
    expiry: Expiry::Unchanged,
    on_failure: OnFailure::TearDown,
    initial_data: InitialData::Copied,
};

/// Does something with a lab.
pub(super) async fn lab_action(
    site: &Rc<Site>,
    lang: &Lang,
    lab: &LabId,
    action: &LabAction,
) -> Update {
    let what = match action {
        LabAction::Up => text!("the lab is being started"),
        LabAction::Down => text!("the lab is being removed"),
        LabAction::Reset => text!("the services are being reset"),
        LabAction::Restart(service) => text!("{service} is being restarted", service),
    };
    let Some(job) = site.begin(lab, what) else {
        return busy(site, lab);
    };
    let warnings = Warnings::default();
    let app = site.app(lang, job_events(site, lab, &warnings));
    let begun = Instant::now();
    let done = match action {
        LabAction::Up => up(site, &app, lab).await,
        LabAction::Down => down(&app, lab).await,
        LabAction::Reset => reset(site, &app, lab).await,
        LabAction::Restart(service) => restart(site, &app, lab, service).await,
    };
    drop(job);
    let passed = begun.elapsed();
    report_outcome(site, lab, &warnings, || match &done {
        Ok(()) => Update::default().note(NoteKind::Done, done_sentence(lab, action, passed)),
        Err(failure) => failed(failure),
    })
}

/// Returns what was done with a lab.
fn done_sentence(lab: &LabId, action: &LabAction, passed: Duration) -> String {
    let time = duration(passed.as_millis() as u64);
    match action {
        LabAction::Up => localized!("the lab is up after {time}", time),
        LabAction::Down => localized!("removed in {time}; your progress and files stay", time),
        LabAction::Reset => localized!("{lab} is reset and healthy after {time}", lab, time),
        LabAction::Restart(service) => {
            localized!("restarted {services} in {time}", services = service, time)
        }
    }
}

/// Shows how a job ended, with what it warned of, and returns that in the language of the present page.
fn report_outcome(
    site: &Site,
    lab: &LabId,
    warnings: &Warnings,
    note: impl Fn() -> Update,
) -> Update {
    let outcome = ByLanguage::new(|| {
        let events = warnings.borrow();
        let lines = events
            .iter()
            .flat_map(|event| event_lines(event, Paint::Plain, Wording::Plain));
        note().add_to_note(&lines.collect::<Vec<_>>())
    });
    let update = outcome.current().cloned().unwrap_or_default();
    site.report_outcome(lab, outcome);
    update
}

async fn up(site: &Site, app: &App, lab: &LabId) -> Result<(), Failure> {
    let lab = site.lab(app, lab, &DrawOf::NewRun)?;
    let engine = app.engine().await?;
    let started = app.up(&engine, &lab, UP).await?;
    started.running.live.connections.close().await;
    Ok(())
}

async fn down(app: &App, lab: &LabId) -> Result<(), Failure> {
    let engine = app.existing_engine().await?;
    app.down(&engine, std::slice::from_ref(lab), Forget::No)
        .await
        .map(drop)
}

async fn reset(site: &Site, app: &App, lab: &LabId) -> Result<(), Failure> {
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let engine = app.existing_engine().await?;
    app.reset(&engine, &lab, None, ResetKind::RunStart)
        .await
        .map(drop)
}

async fn restart(
    site: &Site,
    app: &App,
    lab: &LabId,
    service: &ServiceName,
) -> Result<(), Failure> {
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let services = select_services(&lab, &[service.to_string()])?;
    let engine = app.existing_engine().await?;
    app.restart(&engine, &lab, services, RestartMode::Stop)
        .await
        .map(drop)
}

/// Does something with an exercise.
pub(super) async fn exercise_action(
    site: &Rc<Site>,
    lang: &Lang,
    lab: &LabId,
    exercise: &ExerciseId,
    action: ExerciseAction,
    form: &Form,
) -> Update {
    let update = match action {
        ExerciseAction::Hint | ExerciseAction::Answer => {
            let app = site.quiet_app(lang);
            let done = quick(site, &app, lab, exercise, action, form).await;
            done.unwrap_or_else(|failure| failed(&failure))
        }
        ExerciseAction::Solve | ExerciseAction::Reset => {
            long(site, lang, lab, exercise, action, form).await
        }
    };
    // Other pages of the lab show it as well.
    site.changed();
    update
}

/// Shows a hint or records an answer.
async fn quick(
    site: &Site,
    app: &App,
    lab: &LabId,
    exercise: &ExerciseId,
    action: ExerciseAction,
    form: &Form,
) -> Result<Update, Failure> {
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let exercise = find(&lab, exercise)?;
    let observed = Observation::of(site, app, &lab).await;
    let sentence = match action {
        ExerciseAction::Answer => {
            let choice = form.get("choice").map_or("", String::as_str);
            let answer = app.answer(&lab, exercise, choice, &observed.addresses)?;
            match answer.correct {
                true => localized!("{choice} is correct", choice = answer.choice),
                false => localized!("{choice} is not correct", choice = answer.choice),
            }
        }
        _ => match app.next_hint(&lab, exercise, &observed.addresses)? {
            Some(hint) => localized!(
                "Hint {number} of {all}",
                number = hint.number,
                all = hint.of
            ),
            None => localized!("this exercise has no hint"),
        },
    };
    let progress = app.progress(&lab.id)?;
    let view = LabView {
        app,
        lab: &lab,
        progress: &progress,
        addresses: &observed.addresses,
        run: observed.run.clone(),
        state: &observed.state,
    };
    let update = Update::default()
        .part(id::OUTLINE, parts::outline(&view, Some(exercise)))
        .part(id::SCORE, parts::score(&view))
        .announce(sentence);
    Ok(match &exercise.task {
        Task::Quiz(quiz) => update
            .part(id::QUIZ, parts::quiz(&view, exercise, quiz))
            .part(id::CLOSING, parts::closing(&view, exercise, None))
            .part(id::STATUS, parts::status(&view, exercise, None)),
        Task::Practical { .. } => update.part(id::HINTS, parts::hints(&view, exercise)),
    })
}

/// What a job with an exercise led to.
enum Ended {
    /// The solution was played; this is what the page shows of it.
    Solved(Markup),
    /// The solution does not work from the present state, for this reason; the page offers to reset the services first.
    Stuck(Text, Markup),
    Reset,
}

/// Plays a solution, or resets the lab to where an exercise begins.
async fn long(
    site: &Rc<Site>,
    lang: &Lang,
    lab: &LabId,
    exercise: &ExerciseId,
    action: ExerciseAction,
    form: &Form,
) -> Update {
    let what = match action {
        ExerciseAction::Solve => text!("the solution is being played"),
        _ => text!("the services are being reset"),
    };
    let Some(job) = site.begin(lab, what) else {
        return busy(site, lab);
    };
    let warnings = Warnings::default();
    let app = site.app(lang, job_events(site, lab, &warnings));
    let begun = Instant::now();
    let ended = match action {
        ExerciseAction::Solve => {
            let from = match form.get("from").map(String::as_str) {
                Some("start") => SolveFrom::StartOfExercise,
                _ => SolveFrom::PresentState,
            };
            solve(site, &app, lab, exercise, from).await
        }
        _ => reset_exercise(site, &app, lab, exercise).await,
    };
    drop(job);
    let passed = begun.elapsed();
    let update = report_outcome(site, lab, &warnings, || ended_note(&ended, passed));
    match ended {
        Ok(Ended::Solved(shown) | Ended::Stuck(_, shown)) => update.part(id::SOLUTION, shown),
        Ok(Ended::Reset) | Err(_) => update,
    }
}

fn ended_note(ended: &Result<Ended, Failure>, passed: Duration) -> Update {
    let note = |kind, sentence: String| Update::default().note(kind, sentence);
    match ended {
        Ok(Ended::Solved(_)) => note(NoteKind::Done, localized!("solution played")),
        Ok(Ended::Stuck(why, _)) => note(NoteKind::Failed, parts::stuck_sentence(why)),
        Ok(Ended::Reset) => {
            let time = duration(passed.as_millis() as u64);
            let sentence = localized!("reset to the start of this exercise in {time}", time);
            note(NoteKind::Done, sentence)
        }
        Err(failure) => failed(failure),
    }
}

/// Plays a solution. From the present state, nothing that the learner stored is lost.
async fn solve(
    site: &Site,
    app: &App,
    lab: &LabId,
    exercise: &ExerciseId,
    from: SolveFrom,
) -> Result<Ended, Failure> {
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let exercise = find(&lab, exercise)?;
    let engine = app.existing_engine().await?;
    match (app.solve(&engine, &lab, exercise, from).await?, from) {
        (SolveOutcome::Solved(report), _) => {
            let played = report.played.last();
            let shown = played.map(|(_, typed)| parts::solution(typed));
            Ok(Ended::Solved(shown.unwrap_or_default()))
        }
        (SolveOutcome::Stuck(why), SolveFrom::PresentState) => {
            let shown = parts::stuck(&lab, exercise, &why.sentence);
            Ok(Ended::Stuck(why.sentence, shown))
        }
        (SolveOutcome::Stuck(why), SolveFrom::StartOfExercise) => Err(Failure::Step(why.detail)),
    }
}

async fn reset_exercise(
    site: &Site,
    app: &App,
    lab: &LabId,
    exercise: &ExerciseId,
) -> Result<Ended, Failure> {
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let exercise = find(&lab, exercise)?;
    let engine = app.existing_engine().await?;
    let mut running = app.running(&engine, &lab).await?;
    let reset = running.reset_exercise(exercise).await;
    running.live.connections.close().await;
    reset.map(|()| Ended::Reset)
}

fn find<'a>(lab: &'a Lab, exercise: &ExerciseId) -> Result<&'a Exercise, Failure> {
    lab.exercise(exercise).ok_or_else(|| {
        Failure::Usage(text!(
            "lab `{lab}` has no exercise `{exercise}`",
            lab = lab.id,
            exercise
        ))
    })
}

/// What a job warned of, such as files of the learner that were kept beside those of the lab.
type Warnings = Rc<RefCell<Vec<Event>>>;

/// Returns a sink that shows the events of a job on every page of its lab, and keeps the warnings.
fn job_events(site: &Rc<Site>, lab: &LabId, warnings: &Warnings) -> EventSink {
    let (site, lab, warnings) = (Rc::clone(site), lab.clone(), Rc::clone(warnings));
    Box::new(move |event| {
        site.report_job_event(&lab, &event);
        if let Event::Warning(_) = event {
            warnings.borrow_mut().push(event);
        }
    })
}

fn busy(site: &Site, lab: &LabId) -> Update {
    let what = site.job(lab).unwrap_or_default();
    let sentence = localized!("try again in a moment: {what}", what);
    Update::default().note(NoteKind::Failed, sentence)
}

fn failed(failure: &Failure) -> Update {
    Update::default().note(NoteKind::Failed, failure_lines(failure).join("\n"))
}
