//! Formats colors, durations, sizes and the lines of a check.

use crate::event::{CheckResult, Outcome};
use crate::localized;
use crate::report::{sanitize, table};

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

/// Returns the lines of a check: its description, and for a check that did not pass the expected and the actual value.
pub(crate) fn check_lines(report: &CheckResult, paint: Paint) -> Vec<String> {
    let mark = match report.outcome {
        Outcome::Pass => paint.good("✓"),
        Outcome::Fail { .. } => paint.bad("✗"),
        Outcome::ProbeError { .. } => paint.warn("?"),
    };
    let about = match report.about.is_empty() {
        true => report.check.clone(),
        false => format!(
            "{}  {}",
            report.check,
            paint.dim(&sanitize(&report.about.replace('`', "")))
        ),
    };
    let mut lines = vec![format!("  {mark} {about}")];
    let saw = match report.outcome {
        Outcome::ProbeError { .. } => localized!("cannot check"),
        Outcome::Pass | Outcome::Fail { .. } => localized!("actual"),
    };
    let labelled = [
        (localized!("expected"), report.outcome.expected()),
        (saw, report.outcome.actual()),
    ];
    let rows = labelled.iter().filter_map(|(label, text)| {
        let text = sanitize((*text)?);
        Some(vec![format!("      {label}"), text])
    });
    lines.extend(table(&rows.collect::<Vec<_>>()));
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
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m", seconds / 60),
        3600..86_400 => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}
pub(crate) use crate::diagnosis::format_bytes as memory;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::CheckRole;

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
        };
        let lines = check_lines(&report, Paint::Plain).join("\n");
        assert_eq!(
            lines,
            "  ✗ has-ttl  session:42 ends by itself\n      expected  at least 1\n      actual    -1"
        );
    }
}
