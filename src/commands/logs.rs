//! `roadlab logs`: the log of the services, in the order in which they wrote it.

use serde_json::json;

use crate::app::{LogEvent, LogQuery, LogSource, select_services};
use crate::commands::Context;
use crate::engine::{Follow, LogLine};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, Paint, error, output_unwrapped, sanitize};
use crate::runner::Failure;

pub(crate) async fn logs(
    context: &Context,
    name: &str,
    services: &[String],
    query: LogQuery,
) -> Result<Exit, Failure> {
    let lab = context.lab(name)?;
    let services = select_services(&lab, services)?;
    let engine = context.app.existing_engine().await?;
    let logs = context.app.service_logs(&engine, &lab, &services).await?;
    context.reporter.finish();
    let widths = logs.sources.iter();
    let widths = widths.map(|source| source.service.as_str().len());
    let (count, width) = (logs.sources.len(), widths.max().unwrap_or(0));
    let line = |source: &LogSource<'_>, line: &LogLine| {
        let service = source.service.as_str();
        match (context.global.json, count) {
            (true, _) => report::json_line(
                &json!({ "service": service, "at": line.at.as_secs_f64(), "line": line.text }),
            ),
            (false, 1) => readable(&line.text, context.paint),
            (false, _) => {
                let prefix = format!("{service:width$} |");
                let prefix = context.paint.nth(source.place, &prefix);
                format!("{prefix} {}", readable(&line.text, context.paint))
            }
        }
    };
    let show = |source: &LogSource<'_>, event: LogEvent<'_>| match event {
        LogEvent::Line(text) => output_unwrapped(&line(source, text)),
        LogEvent::Ended if count > 1 => {
            error(&localized!("{service} exited", service = source.service));
        }
        LogEvent::Ended => {}
    };
    tokio::select! {
        read = logs.read(query, &show) => read?,
        () = report::output_closed(), if query.follow == Follow::Yes => {}
    }
    Ok(Exit::Success)
}

/// Returns a line with its colors on a terminal that shows them, and without them elsewhere.
fn readable(line: &str, paint: Paint) -> String {
    match paint {
        // The output lets colors pass and escapes every other control character.
        Paint::Colored if line.contains('\u{1b}') => format!("{line}\u{1b}[0m"),
        Paint::Colored => line.to_owned(),
        Paint::Plain => sanitize(&console::strip_ansi_codes(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_of_a_log_are_shown_or_left_out_but_not_spelled() {
        let line = "\u{1b}[38;5;214m[warning]\u{1b}[0m closed";
        assert_eq!(readable(line, Paint::Plain), "[warning] closed");
        assert!(readable(line, Paint::Colored).starts_with(line));
    }
}
