//! Formats colors, durations, sizes and the lines of a check.

use console::measure_text_width;

use crate::event::{CheckResult, Outcome};
use crate::expect::Words;
use crate::lab::plain_line;
use crate::localized;
use crate::report::sanitize;
use crate::report::wrapping::wrap;

/// Whether a command prints text for people or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputMode {
    Text,
    Json,
}

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
    let about = sanitize(&plain_line(&report.about));
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

/// Formats a duration: `0.4 s`, `12 ms`, `2 min 05 s`, `1 h 59 min`.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..100 => localized!("{count} ms", count = millis),
        100..60_000 => localized!(
            "{count} s",
            count = format!("{:.1}", millis as f64 / 1000.0)
        ),
        3_600_000.. => age(millis / 1000),
        _ => localized!(
            "{minutes} min {seconds} s",
            minutes = millis / 60_000,
            seconds = format!("{:02}", millis / 1000 % 60)
        ),
    }
}

/// Formats an uptime: `7 s`, `12 min`, `3 h 05 min`, `2 d 4 h`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => localized!("{count} s", count = seconds),
        60..3600 => localized!("{minutes} min", minutes = seconds / 60),
        3600..86_400 => localized!(
            "{hours} h {minutes} min",
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
    fn durations_and_sizes_have_units() {
        assert_eq!(
            [7, 420, 12_300, 125_000, 3_599_999, 7_173_000].map(duration),
            [
                "7 ms",
                "0.4 s",
                "12.3 s",
                "2 min 05 s",
                "59 min 59 s",
                "1 h 59 min"
            ]
        );
        assert_eq!(
            [7, 725, 11_100, 187_200].map(age),
            ["7 s", "12 min", "3 h 05 min", "2 d 4 h"]
        );
        assert_eq!(
            [4000, 256 << 20, 3 << 29].map(memory),
            ["4 KiB", "256 MiB", "1.5 GiB"]
        );
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
