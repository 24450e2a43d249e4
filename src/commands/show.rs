//! `roadlab show`: a lab with its services and exercises, or one exercise.

use serde_json::{Map, Value, json};

use crate::app::find_exercise;
use crate::commands::closing::{closing_lines, closing_markdown};
use crate::commands::format::with_points;
use crate::commands::{Context, added_output, format, quiz_output};
use crate::exit::Exit;
use crate::lab::{Exercise, Lab, Presence, Section, Task};
use crate::localized;
use crate::report::{self, error, markdown, memory, output, sanitize, sanitize_line, table, wrap};
use crate::runner::Failure;
use crate::store::{AddedLab, Progress, ProgressError, Standing};

pub(crate) async fn show(
    context: &Context,
    name: &str,
    one: Option<&str>,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    match one {
        Some(one) => show_exercise(context, &lab, one).await,
        None => show_lab(context, &lab).await,
    }
}

async fn show_lab(context: &Context, lab: &Lab) -> Result<Exit, Failure> {
    let guide = lab.guide(&context.app.lang);
    let (progress, unreadable) = shown_progress(context, lab);
    let built = context.app.built_services(lab).await;
    let added = context.app.added_labs().of_folder(&lab.folder);
    if context.global.json {
        let mut document = json!({
            "lab": lab.id.as_str(), "title": guide.title, "summary": guide.summary, "level": lab.level.name(),
            "minutes": lab.minutes, "roadmap": lab.roadmap, "after": lab.after, "memory": lab.memory(), "folder": report::json_path(&lab.folder),
            "version": lab.about.version, "authors": lab.about.authors, "licence": lab.about.licence,
            "origin": added.as_ref().map(|lab| added_output::origin_json(&lab.origin)),
            "digest": added.as_ref().map(|lab| lab.manifest.digest()),
            "outgoing": lab.services_with_egress().map(|service| service.name.as_str()).collect::<Vec<_>>(),
            "services": lab.services.values().map(|s| json!({
                "service": s.name.as_str(), "image": s.image.as_ref().map(|i| i.as_str()),
                "recipe": s.recipe.as_ref().map(|r| report::json_path(&r.context)), "optional": s.interface.presence == Presence::Optional,
                "needs_trust": s.needs_trust.iter().map(|request| request.what.localized()).collect::<Vec<_>>(),
                "built": built.contains_key(&s.name), "version": built.get(&s.name).cloned().flatten(),
                "memory": s.limits.memory, "ports": s.ports.iter().map(|p| p.container).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "exercises": lab.exercises.iter().map(|e| json!({
                "exercise": e.id.as_str(), "title": lab.section(&e.id, &context.app.lang).title,
                "quiz": matches!(e.task, Task::Quiz(_)), "checks": e.checks().len(),
                "needs": e.needs.iter().map(|n| n.as_str()).collect::<Vec<_>>(),
                "done": progress.is_solved(&e.id), "points": e.points,
            })).collect::<Vec<_>>(),
        });
        add_progress_error(&mut document, unreadable.as_ref());
        report::document(&document);
        return Ok(Exit::Success);
    }
    let paint = context.paint;
    output(&paint.bold(&sanitize(&guide.title)));
    output(&localized!(
        "{level} · {minutes} min · {memory} of memory",
        level = format::level(lab.level),
        minutes = lab.minutes,
        memory = memory(lab.memory() as u64)
    ));
    if !lab.after.is_empty() {
        let labs: Vec<&str> = lab.after.iter().map(|lab| lab.as_str()).collect();
        output(&localized!("builds on {labs}", labs = labs.join(", ")));
    }
    for line in about(lab, added.as_ref()) {
        output(&paint.dim(&sanitize(&line)));
    }
    output("");
    let intro = context.app.fill_in(lab, &guide.intro.markdown).await;
    output(&markdown(&intro, context.width(), paint));
    output(&format!("\n{}", paint.bold(&localized!("Services"))));
    let services = lab.services.values().map(|service| {
        let image = service.image.as_ref().map_or_else(
            || localized!("built from a recipe"),
            |image| image.to_string(),
        );
        let optional = match service.interface.presence {
            Presence::Optional if service.is_withheld() => Some(localized!("needs --trust")),
            Presence::Optional => Some(localized!("optional")),
            Presence::Required => None,
        };
        // The recipe may build another version than the image's name says.
        let here = built.get(&service.name).map(|version| match version {
            Some(version) => localized!("here: {version}, built from a recipe", version),
            None => localized!("here: built from a recipe"),
        });
        let notes: Vec<String> = optional.into_iter().chain(here).collect();
        vec![format!("  {}", service.name), image, notes.join(", ")]
    });
    output_wrapped(context, &table(&services.collect::<Vec<_>>()));
    let services_with_egress: Vec<_> = lab
        .services_with_egress()
        .map(|service| service.name.as_str())
        .collect();
    let reach = match services_with_egress.is_empty() {
        true => localized!("no service has access to other machines or the internet"),
        false => localized!(
            "services with access to other machines and the internet: {services}",
            services = services_with_egress.join(", ")
        ),
    };
    output_wrapped(context, &[format!("  {reach}")]);
    output(&format!("\n{}", paint.bold(&localized!("Exercises"))));
    let exercises = lab.exercises.iter().map(|exercise| {
        let symbol = match &unreadable {
            Some(_) => paint.warn("?"),
            None if progress.is_solved(&exercise.id) => paint.good("✓"),
            None => "·".to_owned(),
        };
        vec![
            format!("  {symbol} {}", exercise.id),
            with_points(
                exercise,
                &sanitize(&lab.section(&exercise.id, &context.app.lang).title),
            ),
        ]
    });
    output_wrapped(context, &table(&exercises.collect::<Vec<_>>()));
    warn_of_progress(unreadable.as_ref());
    Ok(Exit::Success)
}

/// Returns the learner's progress for what only shows a lab. A file that cannot be read hides nothing of the lab.
fn shown_progress(context: &Context, lab: &Lab) -> (Progress, Option<ProgressError>) {
    let app = &context.app;
    match Progress::read(&app.paths.progress(), &lab.id, &app.instance) {
        Ok(progress) => (progress, None),
        Err(error) => (Progress::default(), Some(error)),
    }
}

fn add_progress_error(document: &mut Value, unreadable: Option<&ProgressError>) {
    if let Some(problem) = unreadable {
        document["progress_error"] = json!(problem.to_string());
    }
}

fn warn_of_progress(unreadable: Option<&ProgressError>) {
    if let Some(problem) = unreadable {
        error(&sanitize(&problem.to_string()));
    }
}

/// Returns version, authors and licence of a lab, and where it comes from.
fn about(lab: &Lab, added: Option<&AddedLab>) -> Vec<String> {
    let about = &lab.about;
    let version = about.version.as_ref();
    let version = version.map(|version| localized!("version {version}", version));
    let authors = (!about.authors.is_empty())
        .then(|| localized!("by {authors}", authors = about.authors.join(", ")));
    let licence = about.licence.as_ref();
    let licence = licence.map(|licence| localized!("licence {licence}", licence));
    let facts: Vec<String> = version.into_iter().chain(authors).chain(licence).collect();
    let facts = (!facts.is_empty()).then(|| facts.join(" · "));
    let origin = added.map(|lab| {
        localized!(
            "added from {origin}, digest {digest}",
            origin = lab.origin,
            digest = lab.manifest.digest()
        )
    });
    let lines = facts.into_iter().chain(origin);
    lines.map(|line| sanitize_line(&line)).collect()
}

async fn show_exercise(context: &Context, lab: &Lab, name: &str) -> Result<Exit, Failure> {
    let exercise = find_exercise(lab, name)?;
    let section = lab.section(&exercise.id, &context.app.lang);
    let addresses = context.app.addresses(lab).await;
    let text = context
        .app
        .fill_in_addresses(lab, &section.body.markdown, &addresses);
    // The solution, too, shows what there is to see.
    let (progress, unreadable) = shown_progress(context, lab);
    let standing = progress.standing(&exercise.id);
    let solved = standing != Standing::Unsolved;
    if context.global.json {
        let after = closing_markdown(context, lab, exercise, &addresses).filter(|_| solved);
        let labels: Map<String, Value> = match &exercise.task {
            Task::Practical { .. } => check_labels(exercise, section)
                .into_iter()
                .map(|(id, about)| (id.to_owned(), about.into()))
                .collect(),
            Task::Quiz(quiz) => {
                let choices = quiz.choices.iter();
                let text = |choice: &String| section.choices.get(choice).cloned();
                choices
                    .map(|choice| (choice.clone(), text(choice).into()))
                    .collect()
            }
        };
        let mut document = json!({
            "lab": lab.id.as_str(), "exercise": exercise.id.as_str(), "title": section.title, "markdown": text,
            "checks": labels, "hints": section.hints.len(), "after": after, "points": exercise.points,
        });
        add_progress_error(&mut document, unreadable.as_ref());
        report::document(&document);
        return Ok(Exit::Success);
    }
    let title = with_points(exercise, &sanitize(&section.title));
    output(&context.paint.bold(&title));
    output("");
    output(&markdown(&text, context.width(), context.paint));
    output("");
    match &exercise.task {
        Task::Practical { .. } => {
            let labels = check_labels(exercise, section).into_iter();
            let list = labels.map(|(id, about)| format!("- `{id}`: {about}\n"));
            let list: String = list.collect();
            output(&markdown(&list, context.width(), context.paint));
        }
        Task::Quiz(quiz) => {
            let (width, paint) = (context.width(), context.paint);
            output(&quiz_output::choices(quiz, section, width, paint));
            output("");
            let how = quiz_output::how_to_answer(&context.app, lab, exercise, quiz);
            output_wrapped(context, &[how]);
        }
    }
    if let Some(text) = closing_lines(context, lab, exercise, &addresses).filter(|_| solved) {
        output(&text);
    }
    warn_of_progress(unreadable.as_ref());
    Ok(Exit::Success)
}

/// Prints lines, wrapped by word on a terminal.
fn output_wrapped(context: &Context, lines: &[String]) {
    let width = context.width();
    let wrapped = lines.iter().flat_map(|line| wrap(line, 4, width));
    wrapped.for_each(|line| output(&line));
}

/// Returns the checks and their descriptions, in the lab's order.
fn check_labels<'a>(exercise: &'a Exercise, section: &'a Section) -> Vec<(&'a str, &'a str)> {
    let checks = exercise.checks().iter();
    let label = |id: &str| section.checks.get(id).map_or("", String::as_str);
    let labels = checks.map(|check| (check.id.as_str(), label(check.id.as_str())));
    labels.collect()
}
