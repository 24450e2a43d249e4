//! What the buttons of a page do. Each returns how the page changes; why something failed is a note on it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use crate::app::{
    App, DrawOf, EventSink, Forget, InitialData, ResetKind, SolveFrom, SolveOutcome, SolveReport,
    TypedSolution, UpOptions, select_services,
};
use crate::event::Event;
use crate::lab::{Exercise, ExerciseId, Lab, LabId, Lang, RestartMode, ServiceName, Task};
use crate::localized;
use crate::report::{Paint, Wording, duration, event_lines};
use crate::runner::{Expiry, Failure, OnFailure};
use crate::store::Lifetime;
use crate::text;
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
        LabAction::Up => localized!("the lab is being started"),
        LabAction::Down => localized!("the lab is being removed"),
        LabAction::Reset => localized!("the services are being reset"),
        LabAction::Restart(service) => localized!("{service} is being restarted", service),
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
    match done {
        Ok(()) => {
            let time = duration(begun.elapsed().as_millis() as u64);
            let sentence = match action {
                LabAction::Up => localized!("the lab is up after {time}", time),
                LabAction::Down => {
                    localized!("removed in {time}; your progress and files stay", time)
                }
                LabAction::Reset => {
                    localized!("{lab} is reset and healthy after {time}", lab, time)
                }
                LabAction::Restart(service) => {
                    localized!("restarted {services} in {time}", services = service, time)
                }
            };
            let update = Update::default().note(NoteKind::Done, sentence);
            update.add_to_note(&warnings.take())
        }
        Err(failure) => failed(&failure),
    }
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
    let done = match action {
        ExerciseAction::Hint | ExerciseAction::Answer => {
            let app = site.quiet_app(lang);
            quick(site, &app, lab, exercise, action, form).await
        }
        ExerciseAction::Solve | ExerciseAction::Reset => {
            let what = match action {
                ExerciseAction::Solve => localized!("the solution is being played"),
                _ => localized!("the services are being reset"),
            };
            let Some(job) = site.begin(lab, what) else {
                return busy(site, lab);
            };
            let warnings = Warnings::default();
            let app = site.app(lang, job_events(site, lab, &warnings));
            let done = long(site, &app, lab, exercise, action).await;
            drop(job);
            done.map(|update| update.add_to_note(&warnings.take()))
        }
    };
    // Other pages of the lab show it as well.
    site.changed();
    done.unwrap_or_else(|failure| failed(&failure))
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

/// Plays a solution, or resets the lab to where an exercise begins.
async fn long(
    site: &Site,
    app: &App,
    lab: &LabId,
    exercise: &ExerciseId,
    action: ExerciseAction,
) -> Result<Update, Failure> {
    let begun = Instant::now();
    let lab = site.lab(app, lab, &DrawOf::Run)?;
    let exercise = find(&lab, exercise)?;
    let engine = app.existing_engine().await?;
    let mut running = app.running(&engine, &lab).await?;
    let update = match action {
        ExerciseAction::Solve => {
            let typed = running.typed_solution(exercise);
            let from = SolveFrom::PresentState;
            match running.play_solution(exercise, from).await {
                Ok(SolveOutcome::Solved(report)) => Ok(solution(&typed, &report)),
                Ok(SolveOutcome::Stuck(why)) => Err(Failure::Step(why.sentence)),
                Err(failure) => Err(failure),
            }
        }
        _ => {
            let reset = running.reset_exercise(exercise).await;
            reset.map(|()| {
                let time = duration(begun.elapsed().as_millis() as u64);
                let sentence = localized!("reset to the start of this exercise in {time}", time);
                Update::default().note(NoteKind::Done, sentence)
            })
        }
    };
    running.live.connections.close().await;
    update
}

fn solution(typed: &TypedSolution, report: &SolveReport<'_>) -> Update {
    let because = report.reset_because.as_deref();
    Update::default()
        .part(id::SOLUTION, parts::solution(typed, because))
        .note(NoteKind::Done, localized!("solution played"))
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
type Warnings = Rc<RefCell<Vec<String>>>;

/// Returns a sink that shows the events of a job on every page of its lab, and keeps the warnings.
fn job_events(site: &Rc<Site>, lab: &LabId, warnings: &Warnings) -> EventSink {
    let (site, lab, warnings) = (Rc::clone(site), lab.clone(), Rc::clone(warnings));
    Box::new(move |event| {
        if let Event::Warning(_) = event {
            let lines = event_lines(&event, Paint::Plain, Wording::Plain);
            warnings.borrow_mut().extend(lines);
        }
        site.report_job_event(&lab, &event);
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
