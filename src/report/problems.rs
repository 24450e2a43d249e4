//! A problem as people read it: what, where, the line itself, and what to do.

use crate::problem::{Problem, ProblemKind};
use crate::report::{Paint, sanitize};

/// One problem over a few lines.
pub(crate) fn problem(problem: &Problem, paint: Paint) -> String {
    let word = match problem.kind {
        ProblemKind::Lab => paint.bad("error"),
        ProblemKind::Refused => paint.bad("refused"),
        ProblemKind::NeedsTrust => paint.warn("needs --trust"),
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
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;
    use crate::text;

    #[test]
    fn a_problem_shows_its_line_and_what_to_do() {
        let place = Place {
            file: "labs/x/compose.yaml".into(),
            line: 4,
            column: 5,
            text: "    privilged: true".into(),
        };
        let told = Problem::new(text!("unknown key `privilged` in a service"))
            .at(place)
            .help(text!("did you mean `privileged`?"));
        assert_eq!(
            problem(&told, Paint::Plain),
            "error: unknown key `privilged` in a service\n  --> labs/x/compose.yaml:4:5\n 4 |     privilged: true\n   |     ^\n  = did you mean `privileged`?"
        );
    }
}
