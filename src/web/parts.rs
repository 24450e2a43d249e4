//! The parts of the page of a lab that change while it is open: the outline, the checks, hints, quiz and solution.

use maud::{Markup, html};

use crate::app::{App, TypedSolution};
use crate::event::{CheckResult, Outcome};
use crate::expect::Words;
use crate::lab::{Addresses, Exercise, Lab, Quiz, RunId, Section, ServiceName, Task};
use crate::localized;
use crate::report::{duration, sanitize};
use crate::runner::{ExerciseResult, Failure, check_answer};
use crate::store::{Progress, Standing};
use crate::text::Text;
use crate::web::failures::failure_lines;
use crate::web::markdown::{markdown, markdown_line};

/// The ids of the elements whose content the parts are.
pub(super) mod id {
    use crate::lab::LabId;

    pub(in crate::web) const OUTLINE: &str = "outline-list";
    pub(in crate::web) const SCORE: &str = "score";
    pub(in crate::web) const RUN: &str = "run";
    pub(in crate::web) const CHECKS: &str = "checks";
    pub(in crate::web) const HINTS: &str = "hints";
    pub(in crate::web) const QUIZ: &str = "quiz";
    pub(in crate::web) const SOLUTION: &str = "solution-steps";
    pub(in crate::web) const CLOSING: &str = "closing";
    pub(in crate::web) const SERVICES: &str = "services";
    pub(in crate::web) const PROGRESS: &str = "job-progress";
    pub(in crate::web) const STATUS: &str = "status";

    /// The cards of all labs.
    pub(in crate::web) const LABS: &str = "labs";
    /// The topics of the map as a list, as a picture, and how many there are.
    pub(in crate::web) const TOPICS: &str = "topics";
    pub(in crate::web) const TOPIC_PICTURE: &str = "roadmap-picture";
    pub(in crate::web) const TOPIC_COUNTS: &str = "roadmap-counts";

    /// The row of a lab on the map.
    pub(in crate::web) fn map_lab(lab: &LabId) -> String {
        format!("map-{lab}")
    }

    /// How far a job of a lab is, on the map.
    pub(in crate::web) fn map_progress(lab: &LabId) -> String {
        format!("map-{lab}-progress")
    }
}

/// A lab as a learner sees it at one moment.
pub(super) struct LabView<'a> {
    pub(super) app: &'a App,
    pub(super) lab: &'a Lab,
    pub(super) progress: &'a Progress,
    /// Where the services answer, or will answer.
    pub(super) addresses: &'a Addresses,
    /// The run, if the lab is running.
    pub(super) run: Option<RunId>,
    pub(super) state: &'a RunState,
}

/// Whether a lab runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunState {
    Running,
    NotRunning,
    /// It cannot be used, for this reason.
    Unusable(String),
    /// Something is being done with it.
    Busy(String),
}

impl LabView<'_> {
    pub(super) fn section(&self, exercise: &Exercise) -> &Section {
        self.lab.section(&exercise.id, &self.app.lang)
    }

    /// Returns Markdown of the guide as HTML, with the addresses in it.
    pub(super) fn guide_text(&self, text: &str) -> Markup {
        let filled = self.app.fill_in_addresses(self.lab, text, self.addresses);
        markdown(&filled)
    }

    /// Returns the path of an exercise.
    pub(super) fn path(&self, exercise: &Exercise) -> String {
        format!("/labs/{}/exercises/{}", self.lab.id, exercise.id)
    }

    /// Returns how far an exercise is: a solution that the services still hold is no work of the learner.
    fn standing(&self, exercise: &Exercise) -> Standing {
        let stands = self
            .progress
            .stands_by_solution(&exercise.id, self.run.as_ref());
        match self.progress.standing(&exercise.id) {
            Standing::Unsolved if stands => Standing::SolutionPlayed,
            standing => standing,
        }
    }
}

/// Returns the list of exercises; `present` is the one that the page shows.
pub(super) fn outline(view: &LabView<'_>, present: Option<&Exercise>) -> Markup {
    let is_present = |exercise: &Exercise| present.is_some_and(|one| one.id == exercise.id);
    html! {
        li {
            a href={ "/labs/" (view.lab.id) } aria-current=[present.is_none().then_some("page")] {
                span.sign aria-hidden="true" { "i" }
                span { (localized!("introduction")) }
            }
        }
        @for (at, exercise) in view.lab.exercises.iter().enumerate() {
            @let standing = view.standing(exercise);
            li class=(standing_class(standing)) {
                a href=(view.path(exercise)) aria-current=[is_present(exercise).then_some("page")] {
                    span.sign aria-hidden="true" { (standing_sign(standing)) }
                    span {
                        (at + 1) ". " (markdown_line(&view.section(exercise).title))
                        @if standing != Standing::Unsolved {
                            span.visually-hidden { ", " (standing_text(standing)) }
                        }
                    }
                }
            }
        }
    }
}

/// `solved 3 of 16`.
pub(super) fn score(view: &LabView<'_>) -> Markup {
    let exercises = view.lab.exercises.iter();
    let solved = exercises.filter(|exercise| view.progress.is_solved(&exercise.id));
    let (done, all) = (solved.count(), view.lab.exercises.len());
    html! {
        progress value=(done) max=(all) aria-hidden="true" {}
        " "
        (localized!("solved {done} of {all}", done, all))
    }
}

/// Returns why a lab cannot be read any more.
pub(super) fn unusable(failure: &Failure) -> Markup {
    html! {
        @for line in failure_lines(failure) { p.state.bad { (line) } }
    }
}

/// Returns whether the lab runs, in words.
pub(super) fn run_state(state: &RunState) -> String {
    match state {
        RunState::Running => localized!("the lab is running"),
        RunState::NotRunning => localized!("the lab is not running"),
        RunState::Unusable(why) => shown(why),
        RunState::Busy(what) => shown(what),
    }
}

/// Returns whether the lab runs, and the buttons that change that.
pub(super) fn run(view: &LabView<'_>) -> Markup {
    let action = |name: &str| format!("/labs/{}/{name}", view.lab.id);
    let state = run_state(view.state);
    html! {
        @match view.state {
            RunState::Running => {
                p.state { span.dot.good aria-hidden="true" {} (state) }
                form method="post" action=(action("reset")) data-confirm=(localized!("Reset the services to their start? Your progress and files stay.")) {
                    button type="submit" { (localized!("Reset")) }
                }
                form method="post" action=(action("down")) data-confirm=(localized!("Stop the lab and remove its services with their data? Your progress and files stay.")) {
                    button type="submit" { (localized!("Stop the lab")) }
                }
            }
            RunState::NotRunning => {
                p.state { span.dot aria-hidden="true" {} (state) }
                form method="post" action=(action("up")) {
                    button.primary type="submit" { (localized!("Start the lab")) }
                }
            }
            RunState::Unusable(_) => {
                p.state.bad { (state) }
                form method="post" action=(action("up")) {
                    button type="submit" { (localized!("Start the lab")) }
                }
            }
            RunState::Busy(_) => {
                p.state { span.dot.busy aria-hidden="true" {} (state) }
            }
        }
    }
}

/// Returns that a check passes, as it is read aloud.
pub(super) fn passes(check: &CheckResult) -> String {
    let about = match check.about.as_str() {
        "" => check.check.as_str(),
        about => about,
    };
    format!(
        "{}: {}",
        sanitize(&about.replace('`', "")),
        localized!("passes")
    )
}

/// Returns the checks of an exercise with what they saw, and the hint for that.
pub(super) fn checks(
    view: &LabView<'_>,
    exercise: &Exercise,
    result: Option<&ExerciseResult>,
    hint: Option<&str>,
) -> Markup {
    if matches!(exercise.task, Task::Quiz(_)) {
        return html! { p.state { (state(view, exercise, result)) } };
    }
    let section = view.section(exercise);
    html! {
        p.state { (state(view, exercise, result)) }
        ul.checks {
            @match result {
                Some(result) => @for check in &result.checks { (check_item(check)) },
                None => @for check in exercise.checks() {
                    li.open {
                        span.sign aria-hidden="true" { "·" }
                        span { (check_sentence(check.id.as_str(), section.checks.get(check.id.as_str()).map_or("", String::as_str))) }
                    }
                },
            }
        }
        @if let Some(hint) = hint {
            div.hint {
                strong { (localized!("hint")) }
                (markdown(hint))
            }
        }
    }
}

fn check_item(check: &CheckResult) -> Markup {
    let (class, sign, read) = match check.outcome {
        Outcome::Pass => ("pass", "✓", localized!("passes")),
        Outcome::Fail { .. } => ("fail", "✗", localized!("does not pass")),
        Outcome::ProbeError { .. } => ("error", "?", localized!("cannot check")),
    };
    html! {
        li class=(class) {
            span.sign aria-hidden="true" { (sign) }
            div {
                (check_sentence(&check.check, &check.about))
                span.visually-hidden { ": " (read) }
                (check_values(check))
            }
        }
    }
}

fn check_sentence(id: &str, about: &str) -> Markup {
    html! {
        @if about.is_empty() { (id) } @else { (markdown_line(about)) }
    }
}

/// Returns the expected and the actual value of a check that does not pass, in words.
fn check_values(check: &CheckResult) -> Markup {
    let words = &check.words;
    let in_words = *words != Words::default();
    let (expected, actual) = match in_words {
        true => (Some(words.expected.as_str()), Some(words.actual.as_str())),
        false => (check.outcome.expected(), check.outcome.actual()),
    };
    let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(sanitize);
    let (expected, actual) = (filled(expected), filled(actual));
    let saw = match check.outcome {
        Outcome::ProbeError { .. } => localized!("cannot check"),
        Outcome::Pass | Outcome::Fail { .. } => localized!("actual"),
    };
    html! {
        @if !words.places.is_empty() {
            ul.places {
                @for at in &words.places {
                    li {
                        @if !at.place.is_empty() { (shown(&at.place)) ": " }
                        @if !at.actual.is_empty() {
                            @if at.expected.is_empty() { (localized!("not expected")) " " }
                            span.value.actual { (shown(&at.actual)) }
                        }
                        @if !at.expected.is_empty() {
                            @if at.actual.is_empty() { (localized!("missing")) " " } @else { ", " (localized!("expected")) " " }
                            span.value.expected { (shown(&at.expected)) }
                        }
                    }
                }
            }
        }
        @if expected.is_some() || actual.is_some() {
            dl.values {
                @if let Some(expected) = expected {
                    dt { (localized!("expected")) }
                    dd.expected { (expected) }
                }
                @if let Some(actual) = actual {
                    dt { (saw) }
                    dd.actual { (actual) }
                }
            }
        }
    }
}

/// Returns the state of an exercise in words. What was solved once stays so.
pub(super) fn state(
    view: &LabView<'_>,
    exercise: &Exercise,
    result: Option<&ExerciseResult>,
) -> String {
    let standing = view.standing(exercise);
    let passed = result.map(ExerciseResult::passed);
    match (&exercise.task, standing, passed) {
        (Task::Practical { .. }, Standing::Solved, Some(false)) => {
            localized!("solved, not passing")
        }
        (Task::Quiz(_), Standing::Solved, Some(false)) => {
            localized!("solved, the last answer is not correct")
        }
        (_, Standing::Solved, _) => localized!("solved"),
        (Task::Practical { .. }, Standing::SolutionPlayed, Some(true)) => {
            localized!("solution played, all checks pass")
        }
        (Task::Quiz(_), Standing::SolutionPlayed, Some(true)) => localized!("solution played"),
        (Task::Quiz(_), _, _) => localized!("choose an answer"),
        (Task::Practical { .. }, _, None) => match view.state {
            RunState::Running => localized!("checking"),
            _ => localized!("the checks run when the lab is running"),
        },
        (Task::Practical { .. }, _, Some(_)) => {
            let (passed, all) =
                result.map_or((0, 0), |one| (one.passed_checks(), one.checks.len()));
            localized!("watching, {passed} of {all} checks pass", passed, all)
        }
    }
}

/// Returns the state of an exercise in a line, with the way on once it is solved.
pub(super) fn status(
    view: &LabView<'_>,
    exercise: &Exercise,
    result: Option<&ExerciseResult>,
) -> Markup {
    let solved = view.standing(exercise) == Standing::Solved;
    let is_practical = matches!(exercise.task, Task::Practical { .. });
    let mut later = view.lab.exercises.iter();
    let next = later
        .find(|one| one.id == exercise.id)
        .and_then(|_| later.next());
    html! {
        span.(if solved { "good" } else { "state" }) {
            @if solved { "✓ " }
            (state(view, exercise, result))
        }
        @if is_practical {
            a href="#checks-title" { (localized!("Checks")) }
            a.narrow href="#terminals" { (localized!("Terminals")) }
        }
        @if let Some(next) = next.filter(|_| solved) {
            a.button href=(view.path(next)) { (localized!("Next exercise")) " →" }
        }
    }
}

/// Returns the hints that were shown, in order, and the button for the next one.
pub(super) fn hints(view: &LabView<'_>, exercise: &Exercise) -> Markup {
    let hints = &view.section(exercise).hints;
    let shown = view.progress.hints.get(&exercise.id).copied().unwrap_or(0);
    let shown = shown.min(hints.len());
    html! {
        @for (at, hint) in hints.iter().take(shown).enumerate() {
            div.hint {
                strong { (localized!("Hint {number} of {all}", number = at + 1, all = hints.len())) }
                (view.guide_text(&hint.markdown))
            }
        }
        @if shown < hints.len() {
            form method="post" action={ (view.path(exercise)) "/hint" } {
                button type="submit" {
                    @if shown == 0 { (localized!("Show a hint")) } @else { (localized!("Show the next hint")) }
                }
            }
        }
    }
}

/// Returns the choices of a quiz, and what the last answer led to.
pub(super) fn quiz(view: &LabView<'_>, exercise: &Exercise, quiz: &Quiz) -> Markup {
    let section = view.section(exercise);
    let chosen = view.progress.answers.get(&exercise.id);
    let outcome = chosen.map(|choice| check_answer(quiz, Some(choice)));
    html! {
        form.quiz method="post" action={ (view.path(exercise)) "/answer" } {
            fieldset {
                legend { (localized!("choose an answer")) }
                @for choice in &quiz.choices {
                    label {
                        input type="radio" name="choice" value=(choice) required checked[chosen == Some(choice)];
                        span { (markdown_line(section.choices.get(choice).map_or(choice, |text| text))) }
                    }
                }
            }
            button.primary type="submit" { (localized!("Answer")) }
        }
        @if let Some(outcome) = outcome {
            @if outcome.passed() {
                p.state.good { "✓ " (localized!("correct")) }
            } @else {
                p.state.bad { "✗ " (localized!("not correct")) }
                @if let Some(hint) = outcome.hint().and_then(|name| section.named_hints.get(name)) {
                    div.hint { (view.guide_text(&hint.markdown)) }
                }
            }
        }
    }
}

/// Returns a solution as it is typed.
pub(super) fn solution(solution: &TypedSolution) -> Markup {
    html! {
        @if let Some(prose) = &solution.prose { (markdown(prose)) }
        @for block in &solution.blocks {
            p.place { (markdown_line(&block.place)) }
            pre { code data-service=(block.client.as_ref().map_or("", ServiceName::as_str)) { (shown(&block.lines.join("\n"))) } }
        }
        @if let Some(answer) = &solution.answer {
            p { (localized!("the answer is {choice}", choice = sanitize(answer))) }
        }
    }
}

/// Returns why a solution does not work from the present state, and the button that resets the services before it is played.
pub(super) fn stuck(lab: &Lab, exercise: &Exercise, why: &Text) -> Markup {
    let action = format!("/labs/{}/exercises/{}/solve", lab.id, exercise.id);
    html! {
        p.state.bad { (stuck_sentence(why)) }
        // What becomes of files matters only where there are some.
        @if lab.workspace.is_some() {
            p { (localized!("files that you changed are kept beside the lab's under a name with the date")) }
        }
        form method="post" action=(action) data-confirm=(localized!("Reset the services to the start of this exercise, which wipes their data, and play the solution there?")) {
            input type="hidden" name="from" value="start";
            button type="submit" { (localized!("Reset and play the solution")) }
        }
    }
}

/// Returns why a solution does not work from the present state.
pub(super) fn stuck_sentence(why: &Text) -> String {
    let why = sanitize(&why.localized());
    localized!(
        "the solution does not work from the present state: {why}",
        why
    )
}

/// Returns what follows an exercise that is solved.
pub(super) fn closing(
    view: &LabView<'_>,
    exercise: &Exercise,
    result: Option<&ExerciseResult>,
) -> Markup {
    let section = view.section(exercise);
    let passes = result.is_some_and(ExerciseResult::passed);
    let solved = view.standing(exercise) == Standing::Solved;
    html! {
        @if let Some(after) = section.after.as_ref().filter(|_| passes || solved) {
            h2 { (markdown_line(&section.after_title)) }
            (view.guide_text(&after.markdown))
        }
    }
}

/// Returns the time that a learner spent on an exercise.
pub(super) fn spent(view: &LabView<'_>, exercise: &Exercise) -> Option<String> {
    let seconds = view.progress.seconds.get(&exercise.id).copied();
    let seconds = seconds.filter(|seconds| *seconds > 0)?;
    Some(localized!("{time} spent", time = duration(seconds * 1000)))
}

/// Returns a text of a lab or a service with its control characters visible.
pub(super) fn shown(text: &str) -> String {
    sanitize(text)
}

fn standing_class(standing: Standing) -> &'static str {
    match standing {
        Standing::Solved => "solved",
        Standing::SolutionPlayed => "played",
        Standing::Unsolved => "open",
    }
}

fn standing_sign(standing: Standing) -> &'static str {
    match standing {
        Standing::Solved => "✓",
        Standing::SolutionPlayed => "s",
        Standing::Unsolved => "·",
    }
}

fn standing_text(standing: Standing) -> String {
    match standing {
        Standing::Solved => localized!("solved"),
        Standing::SolutionPlayed => localized!("solution played"),
        Standing::Unsolved => localized!("unsolved"),
    }
}
