//! Formats a problem for people: what is wrong, the place, the line, and how to fix it.

use crate::localized;
use crate::problem::{Problem, ProblemKind};
use crate::report::{Paint, sanitize};

/// Returns the word for the kind of a problem.
fn label(kind: ProblemKind, paint: Paint) -> String {
    match kind {
        ProblemKind::Lab => paint.bad(&localized!("error")),
        ProblemKind::Refused => paint.bad(&localized!("refused")),
        ProblemKind::NeedsTrust => paint.warn(&localized!("needs --trust")),
        ProblemKind::Note => paint.dim(&localized!("note")),
    }
}

/// Returns a problem on one line: `error: lab.yaml:3:1: unknown key … (did you mean …?) [unknown-key]`.
pub(crate) fn problem_line(problem: &Problem, paint: Paint) -> String {
    let text = one_line(&problem.to_string());
    let code = match problem.kind {
        ProblemKind::Lab => format!(" {}", paint.dim(&format!("[{}]", problem.code.name()))),
        ProblemKind::Refused | ProblemKind::NeedsTrust | ProblemKind::Note => String::new(),
    };
    format!("{}: {text}{code}", label(problem.kind, paint))
}

/// Returns an error on one line: its place, what is wrong, and how to mend it if that does not already say so.
pub(crate) fn error_line(
    place: Option<(&str, usize)>,
    what: &str,
    help: Option<&str>,
    paint: Paint,
) -> String {
    let place = place.map(|(file, line)| format!("{file}:{line}: "));
    let place = place.unwrap_or_default();
    let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
    let text = one_line(&format!("{place}{what}{help}"));
    format!("{}: {text}", label(ProblemKind::Lab, paint))
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    sanitize(&lines.join(" "))
}

/// Returns a problem on a few lines, with the line of the file.
pub(crate) fn problem(problem: &Problem, paint: Paint) -> String {
    let word = label(problem.kind, paint);
    let mut text = format!("{word}: {}", sanitize(&problem.what.localized()));
    if let Some(place) = &problem.place {
        text.push_str(&format!(
            "\n  {} {}",
            paint.dim("-->"),
            sanitize(&place.to_string())
        ));
        if place.line > 0 && !place.text.trim().is_empty() {
            let number = place.line.to_string();
            let line = sanitize(place.text.trim_end());
            let before: String = place
                .text
                .chars()
                .take(place.column.saturating_sub(1))
                .collect();
            let indent = " ".repeat(console::measure_text_width(&sanitize(&before)));
            let gap = " ".repeat(number.len());
            text.push_str(&format!(
                "\n {} {} {line}",
                paint.dim(&number),
                paint.dim("|")
            ));
            text.push_str(&format!(
                "\n {gap} {} {indent}{}",
                paint.dim("|"),
                paint.bad("^")
            ));
        }
    }
    if let Some(help) = &problem.help {
        text.push_str(&format!(
            "\n  {} {}",
            paint.dim("="),
            sanitize(&help.localized())
        ));
    }
    // A mistake of the file has a rule to read about; the others say what they are.
    if problem.kind == ProblemKind::Lab && problem.place.is_some() {
        text.push_str(&format!(
            "\n  {} roadlab explain {}",
            paint.dim("="),
            problem.code.name()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;
    use crate::text;

    #[test]
    fn a_problem_shows_its_line_and_its_help() {
        let place = Place {
            file: "labs/x/compose.yaml".into(),
            line: 4,
            column: 5,
            text: "    privilged: true".into(),
        };
        let misspelt = Problem::new(text!("unknown key `privilged` in a service"))
            .at(place)
            .help(text!("did you mean `privileged`?"));
        assert_eq!(
            problem(&misspelt, Paint::Plain),
            "error: unknown key `privilged` in a service\n  --> labs/x/compose.yaml:4:5\n 4 |     privilged: true\n   |     ^\n  = did you mean `privileged`?\n  = roadlab explain invalid-lab"
        );
        assert_eq!(
            problem_line(&misspelt, Paint::Plain),
            "error: labs/x/compose.yaml:4:5: unknown key `privilged` in a service (did you mean `privileged`?) [invalid-lab]"
        );
    }

    #[test]
    fn an_error_of_several_lines_is_one_line() {
        let line = error_line(
            Some(("lab.yaml", 3)),
            "no\n  answer",
            Some("mend it"),
            Paint::Plain,
        );
        assert_eq!(line, "error: lab.yaml:3: no answer (mend it)");
        let line = error_line(None, "no answer", None, Paint::Plain);
        assert_eq!(line, "error: no answer");
    }
}
