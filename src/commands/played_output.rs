//! What an author sees of an answer that was played: the raw value that each check saw, which fields of its matcher hold, and
//! the hint that is chosen.

use crate::commands::Context;
use crate::event::{CheckView, PlayedAnswer};
use crate::localized;
use crate::report::{Paint, cut, error_line, output, sanitize, wrap};

/// The width of lines that do not go to a terminal.
const WIDTH: usize = 120;

/// Prints an answer. With `--verbose`, values are not cut.
pub(super) fn show_played(context: &Context, played: &PlayedAnswer) {
    let width = context.width().unwrap_or(WIDTH);
    let limit = match context.global.verbose {
        true => None,
        false => Some(width),
    };
    for line in lines(played, context.paint, width, limit) {
        output(&line);
    }
}

/// Returns the lines; values are cut to `limit` columns.
fn lines(played: &PlayedAnswer, paint: Paint, width: usize, limit: Option<usize>) -> Vec<String> {
    let sign = match played.as_expected {
        true => paint.good("✓"),
        false => paint.bad("✗"),
    };
    let hint = played
        .hint
        .as_ref()
        .map(|hint| localized!("hint `{hint}`", hint));
    let verdict = match (played.passed, played.checks.is_empty()) {
        (_, true) => localized!("could not be played"),
        (true, false) => localized!("every check passes"),
        (false, false) => localized!("refused"),
    };
    let verdict: Vec<String> = [verdict].into_iter().chain(hint).collect();
    let mut lines = wrap(
        &format!(
            "  {sign} {}: {}",
            paint.bold(&sanitize(&played.answer)),
            verdict.join(", ")
        ),
        4,
        Some(width),
    );
    if let Some(problem) = &played.problem {
        let place = played.file.as_deref().zip(played.line);
        let help = localized!("change the check, its hints or the answer");
        let text = error_line(place, problem, Some(&help), paint);
        lines.extend(wrap(&format!("      {text}"), 8, Some(width)));
    }
    // A learner sees the hint of the first check that fails, and of its hints the first that fits.
    let first = played.checks.iter().position(|check| !check.passed);
    for (at, check) in played.checks.iter().enumerate() {
        let line = check_line(check, paint);
        lines.push(limit.map_or(line.clone(), |limit| cut(&line, limit)));
        lines.extend(wrap(
            &format!("        {}", fields(check, Some(at) == first, paint)),
            8,
            Some(width),
        ));
    }
    lines
}

/// `✗ says-hello  saw "hallo"`.
fn check_line(check: &CheckView, paint: Paint) -> String {
    let sign = match (check.passed, &check.error) {
        (true, _) => paint.good("✓"),
        (false, _) => paint.bad("✗"),
    };
    let status = check.status.filter(|_| !check.success);
    let saw = match (&check.error, status) {
        (Some(error), _) => localized!("error {error}", error),
        (None, Some(status)) => localized!("status {status}, {value}", status, value = check.saw),
        (None, None) => check.saw.to_string(),
    };
    let guard = if check.guard {
        localized!(" (guard)")
    } else {
        String::new()
    };
    format!(
        "    {sign} {}{}  {}",
        check.check,
        paint.dim(&guard),
        sanitize(&saw)
    )
}

/// `at least 1: yes · at most 3: no · hint many when at least 4: yes`. The hints are those that are tried, up to the first that
/// fits.
fn fields(check: &CheckView, has_hints: bool, paint: Paint) -> String {
    let answer = |holds: bool| match holds {
        true => paint.good(&localized!("yes")),
        false => paint.bad(&localized!("no")),
    };
    let fields = check.fields.iter().map(|field| {
        let expects = sanitize(&field.expects);
        format!("{expects}: {}", answer(field.holds))
    });
    let fits = check.hints.iter().position(|hint| hint.holds);
    let tried = match has_hints {
        true => fits.map_or(check.hints.len(), |at| at + 1),
        false => 0,
    };
    let hints = check.hints.iter().take(tried).map(|hint| {
        let when = sanitize(&hint.when);
        let text = localized!("hint `{hint}` when {when}", hint = hint.hint, when);
        format!("{text}: {}", answer(hint.holds))
    });
    fields.chain(hints).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::{FieldView, HintView};

    #[test]
    fn an_answer_shows_values_fields_hints_and_the_line_of_its_problem() {
        let played = PlayedAnswer {
            exercise: "greeting".to_owned(),
            answer: "wrong answer 1".to_owned(),
            name: Some("1".to_owned()),
            passed: false,
            as_expected: false,
            problem: Some("shows no hint instead of `spelling`".to_owned()),
            file: Some("lab.yaml".to_owned()),
            line: Some(7),
            hint: None,
            checks: vec![CheckView {
                check: "says-hello".to_owned(),
                guard: false,
                passed: false,
                saw: json!("halo"),
                status: None,
                success: true,
                error: None,
                fields: vec![FieldView {
                    expects: "\"hello\"".to_owned(),
                    holds: false,
                }],
                hints: vec![HintView {
                    hint: "spelling".to_owned(),
                    when: "\"hallo\"".to_owned(),
                    holds: false,
                }],
            }],
        };
        assert_eq!(
            lines(&played, Paint::Plain, 80, Some(80)),
            [
                "  ✗ wrong answer 1: refused",
                "      error: lab.yaml:7: shows no hint instead of `spelling` (change the check,",
                "        its hints or the answer)",
                "    ✗ says-hello  \"halo\"",
                "        \"hello\": no · hint `spelling` when \"hallo\": no",
            ]
        );
    }
}
