//! Formats colors, durations, sizes and the lines of a check.

use console::measure_text_width;

use crate::event::{CheckResult, Outcome};
use crate::expect::Words;
use crate::localized;
use crate::report::sanitize;
use crate::report::wrapping::wrapped_from;

/// Whether text has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    Colored,
    Plain,
}

impl Paint {
    fn apply(
        self,
        text: &str,
        style: impl FnOnce(console::StyledObject<&str>) -> console::StyledObject<&str>,
    ) -> String {
        match self {
            Paint::Colored => style(console::style(text).force_styling(true)).to_string(),
            Paint::Plain => text.to_owned(),
        }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.apply(text, |text| text.green())
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.apply(text, |text| text.red())
    }

    pub(crate) fn warn(self, text: &str) -> String {
        self.apply(text, |text| text.yellow())
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.apply(text, |text| text.bold())
    }

    pub(crate) fn italic(self, text: &str) -> String {
        self.apply(text, |text| text.italic())
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.apply(text, |text| text.dim())
    }

    /// Colors text in one of six colors that are easy to distinguish.
    pub(crate) fn nth(self, place: usize, text: &str) -> String {
        self.apply(text, |text| match place % 6 {
            0 => text.cyan(),
            1 => text.yellow(),
            2 => text.green(),
            3 => text.magenta(),
            4 => text.blue(),
            _ => text.cyan().bright(),
        })
    }

    pub(crate) fn link(self, text: &str) -> String {
        self.apply(text, |text| text.cyan())
    }
}

/// How expected and actual values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Wording {
    /// In words for people.
    #[default]
    Plain,
    /// As matchers and raw values.
    Technical,
}

/// The sign of an outcome.
pub(crate) fn outcome_sign(outcome: &Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Pass => paint.good("✓"),
        Outcome::Fail { .. } => paint.bad("✗"),
        Outcome::ProbeError { .. } => paint.warn("?"),
    }
}

/// Returns the line of a check: its id, and its sentence in the guide.
pub(crate) fn check_line(report: &CheckResult, paint: Paint) -> String {
    let sign = outcome_sign(&report.outcome, paint);
    let about = sanitize(&report.about.replace('`', ""));
    match (report.about.is_empty(), report.outcome.passed()) {
        (true, _) => format!("  {sign} {}", report.check),
        (false, true) => format!(
            "  {sign} {}  {}",
            paint.dim(&report.check),
            paint.dim(&about)
        ),
        (false, false) => format!("  {sign} {}  {about}", paint.dim(&report.check)),
    }
}

/// Returns the lines of a check: its sentence, and for a check that did not pass the expected and the actual value. With a
/// width, they are wrapped by word.
pub(crate) fn check_lines(
    report: &CheckResult,
    wording: Wording,
    width: Option<usize>,
    paint: Paint,
) -> Vec<String> {
    let mut lines = wrap(&check_line(report, paint), 4, width);
    let words = &report.words;
    let in_words = wording == Wording::Plain && *words != Words::default();
    let saw = match report.outcome {
        Outcome::ProbeError { .. } => localized!("cannot check"),
        Outcome::Pass | Outcome::Fail { .. } => localized!("actual"),
    };
    let (expected, actual) = match in_words {
        true => (Some(words.expected.as_str()), Some(words.actual.as_str())),
        false => (report.outcome.expected(), report.outcome.actual()),
    };
    let places = words.places.iter().filter(|_| in_words);
    for at in places {
        let place = sanitize(&at.place);
        let actual = paint.bad(&sanitize(&at.actual));
        let expected = paint.good(&sanitize(&at.expected));
        let line = match (at.expected.is_empty(), at.actual.is_empty()) {
            (false, false) => localized!(
                "{place}: {actual}, expected {expected}",
                place,
                actual,
                expected
            ),
            (is_surplus, _) => {
                let line = match is_surplus {
                    true => localized!("not expected: {items}", items = actual),
                    false => localized!("missing: {items}", items = expected),
                };
                match place.is_empty() {
                    true => line,
                    false => format!("{place}: {line}"),
                }
            }
        };
        lines.extend(wrap(&format!("      {line}"), 8, width));
    }
    // What follows the places needs no label.
    let (expected_label, actual_label) = match in_words && !words.places.is_empty() {
        true => (String::new(), String::new()),
        false => (localized!("expected"), saw),
    };
    let labels = [&expected_label, &actual_label];
    let widest = labels
        .map(|label| measure_text_width(label))
        .into_iter()
        .max();
    let indent = 6 + widest.filter(|wide| *wide > 0).map_or(0, |wide| wide + 2);
    for (label, text) in [(&expected_label, expected), (&actual_label, actual)] {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            continue;
        };
        let fill = " ".repeat(indent.saturating_sub(6 + measure_text_width(label)));
        let line = format!("      {label}{fill}{}", sanitize(text));
        lines.extend(wrap(&line, indent, width));
    }
    lines
}

/// Wraps the sentences of a text that are wider than a terminal. What is between backticks stays in one line where it fits, so
/// that a command can be copied. Indented lines, such as code and tables, stay as they are.
pub(crate) fn prose(text: &str, width: Option<usize>) -> String {
    const INDENT: usize = 2;
    let Some(width) = width.filter(|width| *width > 2 * INDENT) else {
        return text.to_owned();
    };
    let too_wide = |line: &str| {
        let indented = line.starts_with([' ', '\t', '│', '┃']) && !line.starts_with("  = ");
        !indented && measure_text_width(line) > width
    };
    if !text.lines().any(too_wide) {
        return text.to_owned();
    }
    let lines = text.split('\n').flat_map(|line| match too_wide(line) {
        true => wrap(&with_whole_code(line, width - INDENT), INDENT, Some(width)),
        false => vec![line.to_owned()],
    });
    lines
        .collect::<Vec<_>>()
        .join("\n")
        .replace(UNBREAKABLE, " ")
}

/// Stands for a space at which a line is not broken.
const UNBREAKABLE: char = '\u{a0}';

/// Returns a line in which the spaces of code are unbreakable, where the code fits into a width.
fn with_whole_code(line: &str, width: usize) -> String {
    let parts = line.split('`').enumerate().map(|(at, part)| {
        match at % 2 == 1 && measure_text_width(part) + 3 < width {
            true => part.replace(' ', &UNBREAKABLE.to_string()),
            false => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Wraps a line by word; the lines after the first are indented.
pub(crate) fn wrap(line: &str, indent: usize, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| measure_text_width(line) > *width) else {
        return vec![line.to_owned()];
    };
    let text = line.trim_start_matches(' ');
    let first = line.len() - text.len();
    // Runs of spaces, such as those behind a label, are kept on the first line.
    let room = width.saturating_sub(indent).max(10);
    let mut lines = Vec::new();
    for (at, part) in wrapped_from(text, width.saturating_sub(first).max(10), room)
        .into_iter()
        .enumerate()
    {
        let indent = if at == 0 { first } else { indent };
        lines.push(format!("{}{part}", " ".repeat(indent)));
    }
    lines
}

/// Formats a duration: `0.4 s`, `12 ms`, `2 m 05 s`.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..100 => localized!("{count} ms", count = millis),
        100..60_000 => localized!(
            "{count} s",
            count = format!("{:.1}", millis as f64 / 1000.0)
        ),
        _ => localized!(
            "{minutes} min {seconds} s",
            minutes = millis / 60_000,
            seconds = format!("{:02}", millis / 1000 % 60)
        ),
    }
}

/// Formats an uptime: `7 s`, `12 m`, `3 h 05 m`, `2 d 4 h`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => localized!("{count} s", count = seconds),
        60..3600 => localized!("{count} m", count = seconds / 60),
        3600..86_400 => localized!(
            "{hours} h {minutes} m",
            hours = seconds / 3600,
            minutes = format!("{:02}", seconds / 60 % 60)
        ),
        _ => localized!(
            "{days} d {hours} h",
            days = seconds / 86_400,
            hours = seconds / 3600 % 24
        ),
    }
}
pub(crate) use crate::diagnosis::format_bytes as memory;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::DifferentPlace;
    use crate::lab::CheckRole;

    #[test]
    fn a_sentence_is_wrapped_by_word_and_code_stays_whole() {
        let text = "redis stays up; remove it with `roadlab down redis --instance a1`";
        assert_eq!(prose(text, None), text);
        assert_eq!(prose(text, Some(80)), text);
        assert_eq!(
            prose(text, Some(40)),
            "redis stays up; remove it with\n  `roadlab down redis --instance a1`"
        );
        assert_eq!(
            prose("서비스를 이 연습의 처음으로 되돌립니다", Some(24)),
            "서비스를 이 연습의\n  처음으로 되돌립니다"
        );
        let code = "    a line of code that is wider than the terminal";
        assert_eq!(prose(code, Some(20)), code);
        for line in prose(text, Some(20)).lines().skip(1) {
            assert!(line.starts_with("  "), "{line:?}");
        }
    }

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(
            [7, 420, 12_300, 125_000].map(duration),
            ["7 ms", "0.4 s", "12.3 s", "2 min 05 s"]
        );
        assert_eq!(
            [7, 725, 11_100, 187_200].map(age),
            ["7 s", "12 m", "3 h 05 m", "2 d 4 h"]
        );
        assert_eq!([256 << 20, 3 << 29].map(memory), ["256 MiB", "1.5 GiB"]);
    }

    #[test]
    fn a_failed_check_shows_expected_and_actual() {
        let report = CheckResult {
            check: "has-ttl".into(),
            role: CheckRole::Goal,
            about: "`session:42` ends by itself".into(),
            outcome: Outcome::Fail {
                expected: "at least 1".into(),
                actual: "-1".into(),
                hint: Some("forever".into()),
            },
            words: Words::default(),
        };
        let lines = check_lines(&report, Wording::Plain, None, Paint::Plain).join("\n");
        assert_eq!(
            lines,
            "  ✗ has-ttl  session:42 ends by itself\n      expected  at least 1\n      actual    -1"
        );
    }

    #[test]
    fn words_take_the_place_of_matchers_and_are_wrapped() {
        let report = CheckResult {
            check: "one-row".into(),
            role: CheckRole::Goal,
            about: "`team` has one row for each team and nothing else".into(),
            outcome: Outcome::Fail {
                expected: "rows [[1,1,0]]".into(),
                actual: "[{\"days\":1}]".into(),
                hint: None,
            },
            words: Words {
                expected: String::new(),
                actual: "and 2 more differences".into(),
                places: vec![DifferentPlace {
                    place: "hours".into(),
                    expected: "1".into(),
                    actual: "0".into(),
                }],
            },
        };
        let lines = |wording, width| check_lines(&report, wording, width, Paint::Plain).join("\n");
        insta::assert_snapshot!(lines(Wording::Plain, Some(40)), @r"
          ✗ one-row  team has one row for each
            team and nothing else
              hours: 0, expected 1
              and 2 more differences
        ");
        insta::assert_snapshot!(lines(Wording::Technical, None), @r#"
          ✗ one-row  team has one row for each team and nothing else
              expected  rows [[1,1,0]]
              actual    [{"days":1}]
        "#);
    }
}
