//! Figures: medians, ratios, targets; as a table for people or as JSON.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

/// What one row is compared with.
pub(crate) enum Target {
    /// At most this part of another figure.
    Ratio(f64),
    /// At most this, in the row's own unit.
    Most(f64),
    /// Only reported.
    None,
}

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Millis,
    Mebibytes,
}

struct Row {
    what: String,
    unit: Unit,
    value: f64,
    against: Option<(String, f64)>,
    target: Target,
}

/// All rows, in the order they were added.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    pub(crate) notes: Vec<String>,
}

impl Table {
    /// A figure without a comparison.
    pub(crate) fn figure(&mut self, what: &str, unit: Unit, value: f64, target: Target) {
        self.rows.push(Row {
            what: what.to_owned(),
            unit,
            value,
            against: None,
            target,
        });
    }

    /// A time, in milliseconds, beside another.
    pub(crate) fn against(&mut self, what: &str, value: f64, other: (&str, f64), target: Target) {
        self.rows.push(Row {
            what: what.to_owned(),
            unit: Unit::Millis,
            value,
            against: Some((other.0.to_owned(), other.1)),
            target,
        });
    }

    pub(crate) fn text(&self) -> String {
        let head = ["what", "median", "against", "median", "ratio", "target", ""];
        let mut lines = vec![head.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let line = |cells: &[String; 7]| {
            let cells = cells.iter().zip(&widths).enumerate();
            let padded = cells.map(|(column, (cell, width))| match column {
                0 | 2 | 6 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut text: Vec<String> = lines.iter().map(line).collect();
        text.extend(self.notes.iter().cloned());
        text.join("\n")
    }

    pub(crate) fn json(&self) -> String {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({ "rows": rows, "notes": self.notes }).to_string()
    }
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        Some(self.value / self.against.as_ref()?.1)
    }

    fn holds(&self) -> Option<bool> {
        match self.target {
            Target::Ratio(most) => self.ratio().map(|ratio| ratio <= most),
            Target::Most(most) => Some(self.value <= most),
            Target::None => None,
        }
    }

    fn cells(&self) -> [String; 7] {
        let (against, other) = match &self.against {
            Some((name, value)) => (name.clone(), self.unit.show(*value)),
            None => (String::new(), String::new()),
        };
        [
            self.what.clone(),
            self.unit.show(self.value),
            against,
            other,
            self.ratio().map(|r| format!("{r:.3}")).unwrap_or_default(),
            match self.target {
                Target::Ratio(most) => most.to_string(),
                Target::Most(most) => self.unit.show(most),
                Target::None => String::new(),
            },
            match self.holds() {
                Some(true) => "ok".to_owned(),
                Some(false) => "over".to_owned(),
                None => String::new(),
            },
        ]
    }

    fn json(&self) -> Value {
        let target = match self.target {
            Target::Ratio(most) | Target::Most(most) => Some(most),
            Target::None => None,
        };
        let (against, other) = self.against.clone().unzip();
        json!({ "what": self.what, "unit": self.unit.name(), "median": self.value, "against": against,
            "against_median": other, "ratio": self.ratio(), "target": target, "ok": self.holds() })
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        format!("{value:.1} {}", self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Millis => "ms",
            Self::Mebibytes => "MiB",
        }
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The middle of some figures; of an even number, the mean of the two in the middle.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Results go to standard output.
pub(crate) fn print_line(text: &str) {
    // A closed standard output is no failure.
    let _ = writeln!(std::io::stdout(), "{text}");
}
