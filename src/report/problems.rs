//! Formats a problem for people: what is wrong, the place, the line, and how to fix it.

use crate::localized;
use crate::problem::{Problem, ProblemKind};
use crate::report::{Paint, sanitize};

/// Returns a problem on a few lines.
pub(crate) fn problem(problem: &Problem, paint: Paint) -> String {
    let word = match problem.kind {
        ProblemKind::Lab => paint.bad(&localized!("error")),
        ProblemKind::Refused => paint.bad(&localized!("refused")),
        ProblemKind::NeedsTrust => paint.warn(&localized!("needs --trust")),
        ProblemKind::Note => paint.dim(&localized!("note")),
    };
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
    }
}
