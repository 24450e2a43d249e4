//! Where the time of a start went: its parts as a waterfall, and as a file for trace viewers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::event::{Event, StartPart};
use crate::report::format::{Paint, Wording};
use crate::report::sanitize;
use crate::report::table::cut;
use crate::{localized, text_plural};

/// The columns of a line without its bar: name, begin and duration with the gaps between them.
const NAME: usize = 34;
const BESIDE_BAR: usize = 2 + NAME + 2 + 9 + 2 + 9 + 2;

/// The fewest columns that a bar may take.
const NARROWEST_BAR: usize = 10;

/// A part of the time, measured from the beginning of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    name: String,
    begin: Duration,
    end: Duration,
    /// Whether it is a step that seeds or prepares the services; there can be dozens.
    is_step: bool,
}

/// The parts of a command, collected from its events.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// When each part that is not finished began.
    open: BTreeMap<String, Duration>,
    spans: Vec<Span>,
}

impl Timeline {
    /// Records an event that happened at a time after the beginning of the command.
    pub(crate) fn record(&mut self, event: &Event, at: Duration) {
        match event {
            Event::OperationStarted { operation } => self.begin(operation, at),
            Event::OperationFinished { operation, .. } => self.end(operation, at),
            Event::PullStarted { image } => self.begin(&format!("pull {image}"), at),
            Event::PullFinished { image, .. } => self.end(&format!("pull {image}"), at),
            Event::BuildStarted { image, .. } => self.begin(&format!("build {image}"), at),
            Event::BuildFinished { image, .. } => self.end(&format!("build {image}"), at),
            Event::StartPartFinished { part, step, micros } => self.spans.push(Span {
                name: step.clone().unwrap_or_else(|| part_name(*part)),
                begin: at.saturating_sub(Duration::from_micros(*micros)),
                end: at,
                is_step: *part == StartPart::Step,
            }),
            _ => {}
        }
    }

    /// Returns whether nothing has begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.spans.is_empty()
    }

    fn begin(&mut self, name: &str, at: Duration) {
        self.open.insert(name.to_owned(), at);
    }

    fn end(&mut self, name: &str, at: Duration) {
        if let Some(begin) = self.open.remove(name) {
            self.spans.push(Span {
                name: name.to_owned(),
                begin,
                end: at,
                is_step: false,
            });
        }
    }

    /// Returns all parts in the order in which they began; what is not finished ends now.
    fn in_order(&self, now: Duration) -> Vec<Span> {
        let open = self.open.iter().map(|(name, begin)| Span {
            name: name.clone(),
            begin: *begin,
            end: now,
            is_step: false,
        });
        let mut spans: Vec<Span> = self.spans.iter().cloned().chain(open).collect();
        // What contains others comes before them.
        spans.sort_by_key(|span| (span.begin, std::cmp::Reverse(span.end)));
        spans
    }

    /// Returns a line with a bar for each part, in lines of `width` columns; the command took until `now`. Steps that follow each
    /// other are one part, unless the wording is technical.
    pub(crate) fn waterfall(
        &self,
        now: Duration,
        width: usize,
        paint: Paint,
        wording: Wording,
    ) -> Vec<String> {
        let mut spans = self.in_order(now);
        if wording == Wording::Plain {
            spans = with_steps_joined(spans);
        }
        let room = width.saturating_sub(BESIDE_BAR).max(NARROWEST_BAR);
        let mut lines = vec![paint.dim(&line(
            "",
            &localized!("from"),
            &localized!("time"),
            String::new(),
        ))];
        lines.extend(spans.iter().map(|span| {
            line(
                &sanitize(&span.name).replace('\n', " "),
                &millis(span.begin),
                &millis(span.end - span.begin),
                match width < BESIDE_BAR + NARROWEST_BAR {
                    true => String::new(),
                    false => bar(span, now, room),
                },
            )
        }));
        lines.push(line(
            &localized!("everything else"),
            "",
            &millis(now.saturating_sub(covered(&spans))),
            String::new(),
        ));
        lines.push(line(
            &localized!("in total"),
            "",
            &millis(now),
            String::new(),
        ));
        lines
    }

    /// Returns the parts for `--json`: `name`, and `from` and `to` in microseconds since the beginning of the command.
    pub(crate) fn to_json(&self, now: Duration) -> Value {
        let spans = self.in_order(now).into_iter();
        let spans = spans.map(|span| {
            json!({
                "name": span.name,
                "from": span.begin.as_micros() as u64,
                "to": span.end.as_micros() as u64,
            })
        });
        spans.collect()
    }

    /// Returns the parts in the Trace Event Format, which Perfetto and the browsers' tracing pages read
    /// (<https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>). Parts at the same time are in
    /// different rows.
    pub(crate) fn trace(&self, now: Duration) -> Value {
        let mut row_ends: Vec<Duration> = Vec::new();
        let spans = self.in_order(now).into_iter().map(|span| {
            let free = row_ends.iter().position(|end| *end <= span.begin);
            let row = free.unwrap_or(row_ends.len());
            match free {
                Some(row) => row_ends[row] = span.end,
                None => row_ends.push(span.end),
            }
            json!({
                "name": span.name,
                "ph": "X",
                "ts": span.begin.as_micros() as u64,
                "dur": (span.end - span.begin).as_micros() as u64,
                "pid": 1,
                "tid": row + 1,
            })
        });
        json!({ "traceEvents": spans.collect::<Vec<_>>(), "displayTimeUnit": "ms" })
    }
}

/// Returns what a part of a start is called.
fn part_name(part: StartPart) -> String {
    match part {
        StartPart::Lab => localized!("read the lab"),
        StartPart::Engine => localized!("find the engine"),
        StartPart::Images => localized!("find the images"),
        StartPart::Observe => localized!("find out what is there"),
        StartPart::Plan => localized!("make the plan"),
        StartPart::Step => localized!("run a step"),
        StartPart::Files => localized!("write your files"),
        StartPart::Baselines => localized!("record what must stay unchanged"),
        StartPart::FillVolumes => localized!("fill volumes from a copy"),
        StartPart::CopyVolumes => localized!("copy volumes for later starts"),
    }
}

/// Joins steps that follow each other. A single one stays as it is.
fn with_steps_joined(spans: Vec<Span>) -> Vec<Span> {
    let joined = spans.chunk_by(|one, next| one.is_step && next.is_step);
    let joined = joined.map(|chunk| match chunk {
        [first, .., last] => {
            let count = chunk.len();
            Span {
                name: text_plural!("{count} step", "{count} steps", count).localized(),
                begin: first.begin,
                end: last.end,
                is_step: true,
            }
        }
        [only] => only.clone(),
        [] => unreachable!("a chunk has an element"),
    });
    joined.collect()
}

/// Returns how much of the time at least one of the parts covers. The parts are in the order of their begin.
fn covered(spans: &[Span]) -> Duration {
    let mut until = Duration::ZERO;
    let mut sum = Duration::ZERO;
    for span in spans {
        sum += span.end.saturating_sub(span.begin.max(until));
        until = until.max(span.end);
    }
    sum
}

fn line(name: &str, begin: &str, time: &str, bar: String) -> String {
    let name = console::pad_str(name, NAME, console::Alignment::Left, None);
    let right =
        |text: &str| console::pad_str(text, 9, console::Alignment::Right, None).into_owned();
    let line = format!(
        "  {}  {}  {}  {bar}",
        cut(&name, NAME),
        right(begin),
        right(time)
    );
    line.trim_end().to_owned()
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        _ => format!("{millis:.0} ms"),
    }
}

/// Returns the bar of a part within `room` columns, which stand for the whole time. It is never empty.
fn bar(span: &Span, total: Duration, room: usize) -> String {
    let total = total.as_secs_f64().max(1e-9);
    let at = |time: Duration| (time.as_secs_f64() / total * room as f64).round() as usize;
    let (begin, end) = (at(span.begin), at(span.end));
    match end.saturating_sub(begin) {
        0 => format!("{}▏", " ".repeat(begin.min(room - 1))),
        length => format!("{}{}", " ".repeat(begin), "█".repeat(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The lab is read in 10 ms; then two containers start at once, one for 40 ms and one for 80 ms.
    fn timeline() -> Timeline {
        let mut timeline = Timeline::default();
        let begun = |name: &str| Event::OperationStarted {
            operation: name.to_owned(),
        };
        let ended = |name: &str| Event::OperationFinished {
            operation: name.to_owned(),
            millis: 0,
        };
        let read = Event::StartPartFinished {
            part: StartPart::Lab,
            step: None,
            micros: 10_000,
        };
        timeline.record(&read, ms(10));
        timeline.record(&begun("start a"), ms(20));
        timeline.record(&begun("start b"), ms(20));
        timeline.record(&ended("start a"), ms(60));
        timeline.record(&ended("start b"), ms(100));
        timeline
    }

    #[test]
    fn a_waterfall_shows_where_each_part_begins_and_what_is_in_none() {
        let lines = timeline().waterfall(ms(100), BESIDE_BAR + 10, Paint::Plain, Wording::Plain);
        let bars: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| {
                let text = line.trim();
                (
                    text.split("  ").next().unwrap(),
                    text.rsplit("ms").next().unwrap(),
                )
            })
            .collect();
        assert_eq!(bars[1], ("read the lab", "  █"));
        assert_eq!(bars[2], ("start b", "    ████████"));
        assert_eq!(bars[3], ("start a", "    ████"));
        assert!(lines[4].starts_with("  everything else"), "{lines:?}");
        assert!(lines[4].ends_with("10 ms"), "{lines:?}");
        assert!(lines[5].ends_with("100 ms"), "{lines:?}");
        for line in &lines {
            assert!(
                console::measure_text_width(line) <= BESIDE_BAR + 10,
                "{line}"
            );
        }
    }

    #[test]
    fn what_did_not_end_lasts_until_now() {
        let mut timeline = Timeline::default();
        let begun = Event::OperationStarted {
            operation: "wait for a".to_owned(),
        };
        timeline.record(&begun, ms(5));
        let json = timeline.to_json(ms(25));
        assert_eq!(
            json,
            json!([{ "name": "wait for a", "from": 5000, "to": 25000 }])
        );
    }

    #[test]
    fn parts_at_the_same_time_are_in_different_rows_of_the_trace() {
        let trace = timeline().trace(ms(100));
        let rows: Vec<(&str, u64)> = trace["traceEvents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| {
                (
                    event["name"].as_str().unwrap(),
                    event["tid"].as_u64().unwrap(),
                )
            })
            .collect();
        assert_eq!(rows, [("read the lab", 1), ("start b", 1), ("start a", 2)]);
    }

    #[test]
    fn steps_that_follow_each_other_are_one_part_unless_the_wording_is_technical() {
        let mut timeline = timeline();
        for at in [110, 120, 130] {
            let step = Event::StartPartFinished {
                part: StartPart::Step,
                step: Some("redis SET a 1".to_owned()),
                micros: 10_000,
            };
            timeline.record(&step, ms(at));
        }
        let lines = |wording| timeline.waterfall(ms(130), 80, Paint::Plain, wording);
        let plain = lines(Wording::Plain);
        let step = plain.iter().find(|line| line.contains("3 steps")).unwrap();
        assert!(step.contains("100 ms") && step.contains("30 ms"), "{step}");
        assert_eq!(lines(Wording::Technical).len(), plain.len() + 2);
    }

    #[test]
    fn a_part_that_takes_no_time_has_a_bar() {
        let span = |begin, end| Span {
            name: String::new(),
            begin: ms(begin),
            end: ms(end),
            is_step: false,
        };
        assert_eq!(bar(&span(100, 100), ms(100), 10), "         ▏");
        assert_eq!(bar(&span(0, 0), Duration::ZERO, 10), "▏");
    }
}
