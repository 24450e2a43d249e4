//! The page of a lab: the outline, the text of the introduction or of an exercise, and what runs beside it.

use hyper::StatusCode;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::app::{DrawOf, clients};
use crate::lab::{Exercise, ExerciseId, LabId, Lang, ServiceName, Task};
use crate::localized;
use crate::report::{memory, sanitize};
use crate::runner::Failure;
use crate::store::{Standing, Workspace};
use crate::text_plural;
use crate::web::client_language::ClientLanguage;
use crate::web::failures::failure_lines;
use crate::web::layout::{self, Content};
use crate::web::markdown::markdown_line;
use crate::web::observation::Observation;
use crate::web::parts::{self, LabView, id};
use crate::web::reply::{self, Reply};
use crate::web::site::Site;

/// The longest text that can be pasted into a terminal at once, in bytes: what a program does not read waits in memory.
const MAX_PASTE: u64 = 256 << 10;

/// Returns the page of an exercise, or that of the introduction.
pub(super) async fn lab_page(
    site: &Site,
    lang: &Lang,
    lab: &LabId,
    exercise: Option<&ExerciseId>,
) -> Reply {
    let path = path(lab, exercise);
    let app = site.quiet_app(lang);
    let lab = match site.lab(&app, lab, &DrawOf::Run) {
        Ok(lab) => lab,
        Err(failure) => return no_lab(lang, &path, &failure),
    };
    let present = match exercise.map(|id| lab.exercise(id)) {
        None => None,
        Some(Some(exercise)) => Some(exercise),
        Some(None) => {
            let title = localized!("There is no such exercise");
            let text = layout::message(&title, lang, &path, &[]);
            return reply::page(StatusCode::NOT_FOUND, text);
        }
    };
    let observed = Observation::of(site, &app, &lab).await;
    let progress = match app.progress(&lab.id) {
        Ok(progress) => progress,
        Err(failure) => return no_lab(lang, &path, &failure),
    };
    let view = LabView {
        app: &app,
        lab: &lab,
        progress: &progress,
        addresses: &observed.addresses,
        run: observed.run.clone(),
        state: &observed.state,
    };
    let guide = lab.guide(lang);
    let title = present.map_or(&guide.title, |one| &view.section(one).title);
    let body = html! {
        div.lab {
            (outline(&view, present))
            main #content {
                @match present {
                    None => (introduction(&view)),
                    Some(exercise) => (exercise_content(&view, exercise, observed.workspace.as_ref())),
                }
            }
            (splitter())
            (side(&view))
        }
    };
    // The page is loaded again when another run has begun: its texts name other addresses.
    let run = observed.run.as_ref().map(ToString::to_string);
    let socket = format!("{path}/socket?run={}", run.unwrap_or_default());
    let text = layout::page(&Content {
        title: &sanitize(title),
        lang,
        path: &path,
        bar: html! {
            a href={ "/labs/" (lab.id) } { (sanitize(&guide.title)) }
            span #(id::SCORE) .score { (parts::score(&view)) }
        },
        socket: Some(&socket),
        scripts: &["terminal.js", "files.js"],
        body,
    });
    reply::page(StatusCode::OK, text)
}

/// Returns the path of a page of a lab.
pub(super) fn path(lab: &LabId, exercise: Option<&ExerciseId>) -> String {
    match exercise {
        None => format!("/labs/{lab}"),
        Some(exercise) => format!("/labs/{lab}/exercises/{exercise}"),
    }
}

/// Returns the page for a lab that cannot be read.
fn no_lab(lang: &Lang, path: &str, failure: &Failure) -> Reply {
    let sentences = failure_lines(failure);
    let title = localized!("This lab cannot be shown");
    let text = layout::message(&title, lang, path, &sentences);
    reply::page(StatusCode::NOT_FOUND, text)
}

fn outline(view: &LabView<'_>, present: Option<&Exercise>) -> Markup {
    html! {
        nav.outline aria-label=(localized!("Exercises")) {
            details open {
                summary { (localized!("Exercises")) }
                ol #(id::OUTLINE) { (parts::outline(view, present)) }
            }
        }
    }
}

fn introduction(view: &LabView<'_>) -> Markup {
    let guide = view.lab.guide(&view.app.lang);
    let exercises = &view.lab.exercises;
    let run = view.run.as_ref();
    let present = view.progress.present_exercise(exercises, run);
    let next = present.and_then(|at| exercises.get(at));
    html! {
        h1 { (sanitize(&guide.title)) }
        section.box aria-labelledby="page-help" {
            h2 #page-help { (localized!("On this page")) }
            ol.page-help {
                li { (localized!("\"Start the lab\" creates its services; the checks of each exercise then follow what you do.")) }
                li { (localized!("Under \"Terminals\", a button opens the client of a service; code in the text can be run there with one click.")) }
                li { (markdown_line(&localized!("What the text says about keys and commands of `roadlab` is for the terminal; here there are buttons for it."))) }
            }
        }
        div.guide { (view.guide_text(&guide.intro.markdown)) }
        nav.steps aria-label=(localized!("Previous and next exercise")) {
            @if let Some(next) = next.or(exercises.first()) {
                a.next href=(view.path(next)) rel="next" {
                    (markdown_line(&view.section(next).title)) " →"
                }
            }
        }
    }
}

fn exercise_content(
    view: &LabView<'_>,
    exercise: &Exercise,
    workspace: Option<&Workspace>,
) -> Markup {
    let section = view.section(exercise);
    let exercises = &view.lab.exercises;
    let at = exercises.iter().position(|one| one.id == exercise.id);
    let at = at.unwrap_or(0);
    let points = exercise
        .points
        .map(|points| text_plural!("{count} point", "{count} points", count = points).localized());
    let about: Vec<String> = [
        Some(format!("{}/{}", at + 1, exercises.len())),
        points,
        parts::spent(view, exercise),
    ]
    .into_iter()
    .flatten()
    .collect();
    let before = at.checked_sub(1).and_then(|at| exercises.get(at));
    let after = exercises.get(at + 1);
    // What the learner wanted to see stays when the page is left and loaded again.
    let is_played = view.progress.standing(&exercise.id) == Standing::SolutionPlayed;
    let played = is_played.then(|| {
        let (app, lab) = (view.app, view.lab);
        app.typed_solution(lab, exercise, view.addresses, workspace)
    });
    html! {
        p.about { (about.join(" · ")) }
        h1 { (markdown_line(&section.title)) }
        div.guide { (view.guide_text(&section.body.markdown)) }
        @if let Task::Quiz(quiz) = &exercise.task {
            div #(id::QUIZ) { (parts::quiz(view, exercise, quiz)) }
        }
        @if matches!(exercise.task, Task::Practical { .. }) {
            section.box aria-labelledby="checks-title" {
                h2 #checks-title { (localized!("Checks")) }
                div #(id::CHECKS) { (parts::checks(view, exercise, None, None)) }
            }
        }
        div #(id::CLOSING) .closing { (parts::closing(view, exercise, None)) }
        @if matches!(exercise.task, Task::Practical { .. }) {
            section.box aria-labelledby="help-title" {
                h2 #help-title { (localized!("Help")) }
                div #(id::HINTS) { (parts::hints(view, exercise)) }
                details.solution open[played.is_some()] {
                    summary { (localized!("Solution")) }
                    p { (localized!("This shows the solution and plays it; the exercise then counts as played, not as solved.")) }
                    form method="post" action={ (view.path(exercise)) "/solve" } {
                        button type="submit" { (localized!("Play the solution")) }
                    }
                    div #(id::SOLUTION) {
                        @if let Some(solution) = &played { (parts::solution(solution)) }
                    }
                }
                form method="post" action={ (view.path(exercise)) "/reset" } data-confirm=(localized!("Reset the lab to where this exercise begins? Your progress and files stay.")) {
                    button type="submit" { (localized!("Begin this exercise again")) }
                }
            }
        }
        nav.steps aria-label=(localized!("Previous and next exercise")) {
            @match before {
                Some(before) => a.previous href=(view.path(before)) rel="prev" { "← " (markdown_line(&view.section(before).title)) },
                None => a.previous href={ "/labs/" (view.lab.id) } rel="prev" { "← " (localized!("introduction")) },
            }
            @if let Some(after) = after {
                a.next href=(view.path(after)) rel="next" { (markdown_line(&view.section(after).title)) " →" }
            }
        }
        // It stays in sight, so that what turns green is seen from anywhere in the text.
        div #(id::STATUS) .status-bar { (parts::status(view, exercise, None)) }
    }
}

/// Returns what divides the text and what runs beside it. The script of the page moves it.
fn splitter() -> Markup {
    html! {
        div #splitter .splitter role="separator" tabindex="0" aria-orientation="vertical" aria-controls="content" aria-label=(localized!("Width of the text")) aria-valuemin="20" aria-valuemax="80" aria-valuenow="50" {}
    }
}

/// Returns what runs beside the text.
fn side(view: &LabView<'_>) -> Markup {
    html! {
        aside.side aria-label=(localized!("Services")) {
            section.box {
                div #(id::RUN) .run { (parts::run(view)) }
                div #(id::PROGRESS) {}
                pre #job .job aria-live="off" hidden {}
            }
            (terminals(view))
            details #services-box .box open {
                summary { h2 { (localized!("Services")) } }
                div #(id::SERVICES) {}
            }
            (files(view))
            (logs(view))
        }
    }
}

/// Returns the place of the terminals, and the buttons that open them. The script of the page fills it.
fn terminals(view: &LabView<'_>) -> Markup {
    let services: Vec<&ServiceName> = clients(view.lab).map(|(service, _)| service).collect();
    let understood = clients(view.lab)
        .map(|(service, client)| json!([service.as_str(), ClientLanguage::of(client).name()]));
    let understood = Value::from(understood.collect::<Vec<Value>>()).to_string();
    // The one that `roadlab shell` opens, if that is clear.
    let first = view.app.shell_service(view.lab, None).ok();
    let first = first.as_ref().or(services.first().copied());
    // The names of services are filled in by the script.
    let (close, label) = (
        localized!("Close the terminal of {service}", service = "{service}"),
        localized!("Terminal of {service}", service = "{service}"),
    );
    html! {
        @if !services.is_empty() {
            section #terminals .terminals aria-labelledby="terminals-title" data-first=[first] data-paste=(MAX_PASTE) data-clients=(understood) data-run-in=(localized!("Run in {service}", service = "{service}")) data-close=(close) data-label=(label) data-again=(localized!("Open again")) data-large=(localized!("this is too much to paste at once: at most {size}", size = memory(MAX_PASTE))) {
                div.terminals-head {
                    h2 #terminals-title { (localized!("Terminals")) }
                    @for service in &services {
                        button type="button" data-service=(service) { "+ " (service) }
                    }
                    p #terminal-help .state hidden { (localized!("{key} leaves the terminal", key = "F6")) }
                }
                div.tabs-row {
                    div #terminal-tabs .tabs role="tablist" aria-labelledby="terminals-title" hidden {}
                    div #terminal-closes hidden {}
                }
                div #terminal-panels .panels hidden {}
                div #terminal-height .splitter.below role="separator" tabindex="0" aria-orientation="horizontal" aria-controls="terminal-panels" aria-label=(localized!("Height of the terminals")) aria-valuemin="15" aria-valuemax="90" aria-valuenow="55" hidden {}
            }
        }
    }
}

/// Returns the place of the learner's files. The script of the page fills it.
fn files(view: &LabView<'_>) -> Markup {
    html! {
        @if view.lab.workspace.is_some() {
            details #files .box data-base={ "/labs/" (view.lab.id) } data-none=(localized!("the files are there once the lab was started")) data-notext=(localized!("this is no text, or too large for this editor")) data-unsaved=(localized!("not saved yet")) data-unkept=(localized!("not saved yet, and this browser has no room to keep it: save it before you leave it")) data-same=(localized!("no differences")) data-disk=(localized!("Against the file")) data-lab=(localized!("Against the lab's version")) data-restore=(localized!("Restore it")) {
                summary { h2 { (localized!("Files")) } }
                ul #file-list .file-list {}
                button #new-file type="button" { (localized!("New file")) }
                form #editor method="post" data-plain hidden {
                    label { (localized!("File")) " " input name="path" autocomplete="off" spellcheck="false" required; }
                    textarea name="text" rows="18" wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off" aria-label=(localized!("Text of the file")) aria-describedby="editor-help" {}
                    p #editor-help .state { (localized!("Ctrl-S saves; Escape and then Tab leaves the text")) }
                    div.editor-buttons {
                        button.primary type="submit" { (localized!("Save")) }
                        button type="button" data-labs { (localized!("Restore the lab's version")) }
                        button type="button" data-delete { (localized!("Delete")) }
                        button type="button" data-diff aria-controls="file-changes" aria-expanded="false" { (localized!("Differences")) }
                        button type="button" data-replace hidden { (localized!("Replace it")) }
                    }
                    div #file-changes .file-changes tabindex="0" hidden {}
                }
                p #file-note .state role="status" {}
            }
        }
    }
}

/// Returns the place of the logs. The script of the page fills it.
fn logs(view: &LabView<'_>) -> Markup {
    // The number is filled in by the script.
    let missed = localized!("{count} lines were left out", count = "{count}");
    html! {
        details #logs .box data-missed=(missed) {
            summary { h2 { (localized!("Logs")) } }
            form.log-filter data-plain {
                label { (localized!("Service")) " "
                    select name="service" {
                        option value="" { (localized!("all")) }
                        @for service in view.lab.services.keys() { option value=(service) { (service) } }
                    }
                }
                label { (localized!("Filter")) " " input type="search" name="filter" autocomplete="off"; }
                label { input type="checkbox" name="follow" checked; " " (localized!("Follow")) }
            }
            div #log-lines .log-lines tabindex="0" role="log" aria-live="off" aria-label=(localized!("Logs")) {}
        }
    }
}
