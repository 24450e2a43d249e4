//! Findings about a machine as lines for the terminal.

use crate::diagnosis::{Finding, Message, Severity};
use crate::report::{Paint, sanitize};
use crate::{localized, text};

/// Returns each finding as a line with its severity and subject, followed by a line with the fix if there is one.
pub(crate) fn finding_lines(findings: &[Finding], paint: Paint) -> Vec<String> {
    let subjects: Vec<String> = findings
        .iter()
        .map(|finding| finding.subject().localized())
        .collect();
    let widest = subjects.iter().map(|subject| width(subject)).max();
    let lines = findings
        .iter()
        .zip(&subjects)
        .flat_map(|(finding, subject)| {
            let symbol = match finding.severity() {
                Severity::Ok => paint.good("✓"),
                Severity::Note => paint.warn("!"),
                Severity::Problem => paint.bad("✗"),
            };
            let gap = " ".repeat(widest.unwrap_or(0) - width(subject));
            let Message { what, fix } = finding.message();
            let what = sanitize(&what.localized());
            let first = format!("{symbol} {}{gap}  {what}", paint.bold(subject));
            let fix = fix.map(|fix| format!("    {} {}", localized!("fix:"), command(&fix, paint)));
            std::iter::once(first).chain(fix)
        });
    lines.collect()
}

/// Returns the lines for a machine that is too small for a lab.
pub(crate) fn too_small(finding: &Finding, paint: Paint) -> Vec<String> {
    let Message { what, fix } = finding.message();
    let error = paint.bad(&localized!("error"));
    let first = format!("{error}: {}", sanitize(&what.localized()));
    let fix = fix.map(|fix| format!("  {} {}", localized!("fix:"), command(&fix, paint)));
    std::iter::once(first).chain(fix).collect()
}

fn command(fix: &text::Text, paint: Paint) -> String {
    paint.link(&sanitize(&fix.localized()))
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests;
