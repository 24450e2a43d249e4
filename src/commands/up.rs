//! `roadlab up`: starts a lab's services and waits until they are ready.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::{DrawOf, InitialData, OutputKind, UpOptions, write_trace};
use crate::commands::confirmation::{Confirmation, confirm_replacing};
use crate::commands::{Context, format, next_output};
use crate::event::{Event, StartPart};
use crate::exit::Exit;
use crate::lab::Lab;
use crate::localized;
use crate::plan::ImageNames;
use crate::report::{self, duration, error, memory, output, output_unwrapped, sanitize};
use crate::runner::{Expiry, Failure, Live, OnFailure};
use crate::store::Lifetime;

/// The columns of the waterfall in a pipe.
const PIPE_WIDTH: usize = 100;

/// Whether the plan is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Start,
    /// The plan is only shown.
    DryRun,
}

/// How a lab is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HowToStart {
    pub mode: Mode,
    pub on_failure: OnFailure,
    pub initial_data: InitialData,
}

/// Starts a lab. `trace` is the file that its parts are written to for a trace viewer.
pub(crate) async fn up(
    context: &Context,
    name: &str,
    how: HowToStart,
    ttl: Option<Duration>,
    trace: Option<&Path>,
) -> Result<Exit, Failure> {
    // Before the start, so that no time is lost.
    if let Some(file) = trace
        && confirm_replacing(context, file, OutputKind::Trace).await? == Confirmation::Declined
    {
        return Ok(Exit::Success);
    }
    let result = start(context, name, how, ttl).await;
    context.reporter.finish();
    // A start that failed took its time too.
    let parts = context.timeline.borrow();
    let now = context.begun.elapsed();
    if context.with_timings && !context.global.json && !parts.is_empty() {
        let width = context.width().unwrap_or(PIPE_WIDTH);
        let lines = parts.waterfall(now, width, context.paint, context.wording());
        lines.iter().for_each(|line| output_unwrapped(line));
    }
    let written = match trace {
        Some(file) => write_trace(file, &report::json_line(&parts.trace(now))),
        None => Ok(()),
    };
    match (result, written) {
        (Ok(_), Err(failure)) => Err(failure),
        // The failure of the start matters more.
        (Err(failure), Err(not_written)) => {
            error(&sanitize(&not_written.to_string()));
            Err(failure)
        }
        (result, Ok(())) => result,
    }
}

async fn start(
    context: &Context,
    name: &str,
    how: HowToStart,
    ttl: Option<Duration>,
) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let lab = context.lab_with(name, &DrawOf::NewRun)?;
    if how.mode == Mode::Start {
        let part = Event::start_part_finished(StartPart::Lab, begun);
        context.app.emit(part);
    }
    context.app.require_memory(&lab)?;
    let options = UpOptions {
        lifetime: Lifetime::Persistent,
        expiry: ttl.map_or(Expiry::Unchanged, Expiry::After),
        on_failure: how.on_failure,
        initial_data: how.initial_data,
    };
    if how.mode == Mode::DryRun {
        let engine = context.app.existing_engine().await?;
        let planned = context.app.plan(&engine, &lab, options).await?;
        context.reporter.finish();
        let names = match context.global.json || context.global.verbose {
            true => ImageNames::Whole,
            false => ImageNames::WithoutDigests,
        };
        let size = (planned.missing.count > 0).then(|| {
            localized!(
                "images to download or build: {images}, at least {size}",
                images = planned.missing.count,
                size = memory(planned.missing.bytes)
            )
        });
        let missing = planned.missing_images.iter();
        let missing = missing.map(|image| format!("    {}", image.text(names).localized()));
        let lines: Vec<String> = size
            .into_iter()
            .chain(missing)
            .chain(planned.plan.lines(names))
            .collect();
        match (context.global.json, lines.is_empty()) {
            (true, _) => {
                let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
                report::document(&json!({ "plan": lines }));
            }
            (false, true) => output(&localized!("nothing to do")),
            (false, false) => lines.iter().for_each(|line| output(&sanitize(line))),
        }
        return Ok(Exit::Success);
    }
    let connecting = Instant::now();
    let engine = context.app.engine().await?;
    let part = Event::start_part_finished(StartPart::Engine, connecting);
    context.app.emit(part);
    let started = context.app.up(&engine, &lab, options).await?;
    context.reporter.finish();
    let live = &started.running.live;
    let until = started.journal.until;
    let millis = begun.elapsed().as_millis() as u64;
    if context.global.json {
        report::line(&json!({
            "event": "up",
            "lab": lab.id.as_str(),
            "instance": context.app.instance.as_str(),
            "changed": started.changed,
            "millis": millis,
            "services": addresses_json(live),
            "workspace": live.workspace.as_deref().map(report::json_path),
            "until": until,
            "timings": context.timings(),
        }));
        return Ok(Exit::Success);
    }
    let (id, time) = (&lab.id, duration(millis));
    output(&match started.changed {
        true => localized!("{lab} is up after {time}", lab = id, time),
        false => localized!(
            "{lab} is already up, nothing to do ({time})",
            lab = id,
            time
        ),
    });
    for line in format::address_lines(context.paint, &lab, live) {
        output(&line);
    }
    if let Some(until) = until {
        output(&format!("  {}", format::expiry(until)));
    }
    for line in next_steps(context, &lab) {
        output(&context.paint.dim(&line));
    }
    Ok(Exit::Success)
}

/// Returns with which exercise to go on and how, and how to remove the lab.
fn next_steps(context: &Context, lab: &Lab) -> Vec<String> {
    let argument = context.app.lab_argument(&lab.id);
    let exercise = match context.app.next_exercise(lab) {
        Ok(exercise) => exercise.map(|exercise| exercise.id.as_str()),
        // What needs the progress reports that it cannot be read.
        Err(_) => Some("EXERCISE"),
    };
    let next = match exercise {
        Some(exercise) => Some(localized!(
            "next: `roadlab show {lab} {exercise}`, then `roadlab check {lab} {exercise}`; or `roadlab run {lab}` for a guided session",
            lab = argument,
            exercise
        )),
        None => next_output::after_last(context, lab),
    };
    let remove = localized!("to remove it: `roadlab down {lab}`", lab = argument);
    next.into_iter().chain([remove]).collect()
}

fn addresses_json(live: &Live) -> Value {
    let services = live.addresses.iter().map(|(name, address)| {
        json!({
            "service": name.as_str(),
            "url": address.url,
            "host": address.host,
            "ports": address.ports,
            "container": address.container,
        })
    });
    services.collect()
}
