//! The panel of a session: checks, the matching hint and the keys, as lines for a width and a height.

use console::measure_text_width;

use crate::event::CheckResult;
use crate::report::wrapping::wrapped;
use crate::report::{Paint, Wording, check_line, check_lines, markdown, outcome_sign, sanitize};

/// The content of a panel.
#[derive(Debug, Default)]
pub(crate) struct Panel {
    /// The position and title of the exercise, such as `3/16 Sessions that end`.
    pub(crate) title: String,
    /// The state, at the right of the title.
    pub(crate) state: String,
    pub(crate) checks: Vec<CheckResult>,
    pub(crate) wording: Wording,
    /// The hint, in Markdown.
    pub(crate) hint: Option<String>,
    /// A message about the last key, or a question.
    pub(crate) note: Option<String>,
    /// The keys and what they do.
    pub(crate) menu: Vec<(String, String)>,
}

/// How much of the checks is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    /// A line for each, and the details of the first that fails.
    FirstFailed,
    /// The first that fails with its details, and the names of the others.
    Names,
    /// A line for each.
    None,
}

impl Panel {
    /// Returns at most `rows` lines, none wider than `columns`. If there is too much, the details of all checks but the first that
    /// fails are left out first, then the sentences of the others, then the end of the hint.
    pub(crate) fn lines(&self, columns: usize, rows: usize, paint: Paint) -> Vec<String> {
        let columns = columns.saturating_sub(1);
        let menu = self.menu_lines(columns, paint);
        let notes: Vec<String> = match &self.note {
            Some(note) => sanitize(note)
                .lines()
                .flat_map(|line| wrapped(line, columns))
                .map(|line| paint.warn(&line))
                .collect(),
            None => Vec::new(),
        };
        let hint = self.hint_lines(columns, paint);
        let room = rows.saturating_sub(1 + menu.len() + notes.len());
        let hint_least = hint.len().min(5);
        let mut checks = Vec::new();
        for detail in [
            Detail::All,
            Detail::FirstFailed,
            Detail::Names,
            Detail::None,
        ] {
            checks = self.check_lines(detail, columns, paint);
            if checks.len() + hint_least <= room {
                break;
            }
        }
        let checks = cut(checks, room.saturating_sub(hint_least), paint);
        let hint = cut(hint, room.saturating_sub(checks.len()), paint);
        let mut lines = vec![self.rule(columns, paint)];
        lines.extend(checks.into_iter().chain(hint).chain(notes).chain(menu));
        let fit = |line: String| console::truncate_str(&line, columns, "…").into_owned();
        lines.into_iter().map(fit).take(rows).collect()
    }

    fn rule(&self, columns: usize, paint: Paint) -> String {
        let right = format!(" {} ─", sanitize(&self.state));
        let room = columns.saturating_sub(measure_text_width(&right) + 4);
        let title = sanitize(&self.title);
        let title = console::truncate_str(&title, room, "…");
        let used = measure_text_width(&title) + measure_text_width(&right) + 4;
        let fill = "─".repeat(columns.saturating_sub(used));
        format!(
            "{} {} {}",
            paint.dim("──"),
            paint.bold(&title),
            paint.dim(&format!("{fill}{right}"))
        )
    }

    fn check_lines(&self, detail: Detail, columns: usize, paint: Paint) -> Vec<String> {
        let first = self.checks.iter().position(|check| !check.outcome.passed());
        let whole = |check| check_lines(check, self.wording, Some(columns), paint);
        let lines = self
            .checks
            .iter()
            .enumerate()
            .flat_map(|(at, check)| match detail {
                Detail::All => whole(check),
                Detail::FirstFailed | Detail::Names if Some(at) == first => whole(check),
                Detail::Names => Vec::new(),
                Detail::FirstFailed | Detail::None => vec![check_line(check, paint)],
            });
        let mut lines: Vec<String> = lines.collect();
        if detail == Detail::Names {
            let others = self.checks.iter().enumerate();
            let others = others.filter(|(at, _)| Some(*at) != first);
            let (passed, failed): (Vec<_>, Vec<_>) = others
                .map(|(_, check)| check)
                .partition(|check| check.outcome.passed());
            for group in [failed, passed] {
                let names: Vec<&str> = group.iter().map(|check| check.check.as_str()).collect();
                let Some(one) = group.first() else { continue };
                let sign = outcome_sign(&one.outcome, paint);
                lines.push(format!("  {sign} {}", paint.dim(&names.join(", "))));
            }
        }
        lines
    }

    fn hint_lines(&self, columns: usize, paint: Paint) -> Vec<String> {
        let Some(hint) = &self.hint else {
            return Vec::new();
        };
        let text = markdown(hint, Some(columns.saturating_sub(2)), paint);
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| format!("{} {line}", paint.warn("┃")))
            .collect()
    }

    /// Returns the keys in one line if they fit, closer together if they must be.
    fn menu_lines(&self, columns: usize, paint: Paint) -> Vec<String> {
        let lines = self.menu_with_gap("   ", columns, paint);
        match lines.len() > 1 {
            true => self.menu_with_gap("  ", columns, paint),
            false => lines,
        }
    }

    fn menu_with_gap(&self, gap: &str, columns: usize, paint: Paint) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for (key, does) in &self.menu {
            let item = format!("{} {}", paint.bold(key), paint.dim(does));
            if !line.is_empty()
                && measure_text_width(&line) + gap.len() + measure_text_width(&item) > columns
            {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push_str(gap);
            }
            line.push_str(&item);
        }
        lines.extend((!line.is_empty()).then_some(line));
        lines
    }
}

/// The first lines, and a sign that there are more.
fn cut(mut lines: Vec<String>, most: usize, paint: Paint) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most.saturating_sub(1));
        if most > 0 {
            lines.push(paint.dim("  …"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::expect::Words;
    use crate::lab::CheckRole;

    fn check(id: &str, outcome: Outcome) -> CheckResult {
        CheckResult {
            check: id.into(),
            role: CheckRole::Goal,
            about: "the 고객 has a name".into(),
            outcome,
            words: Words::default(),
        }
    }

    fn fail() -> Outcome {
        Outcome::Fail {
            expected: "a".into(),
            actual: "b".into(),
            hint: None,
        }
    }

    fn panel() -> Panel {
        Panel {
            title: "3/16 세션과 만료".into(),
            state: "watching".into(),
            checks: vec![
                check("first", Outcome::Pass),
                check("second", fail()),
                check("third", fail()),
            ],
            wording: Wording::Plain,
            hint: Some("Look at `TTL`.\n\nIt counts seconds, and this sentence is long enough to be wrapped.".into()),
            note: None,
            menu: vec![("n".into(), "next".into()), ("h".into(), "hint".into()), ("q".into(), "quit".into())],
        }
    }

    #[test]
    fn a_panel_shows_checks_hint_and_keys() {
        let lines = panel().lines(60, 20, Paint::Plain).join("\n");
        insta::assert_snapshot!(lines, @r"
        ── 3/16 세션과 만료 ──────────────────────────── watching ─
          ✓ first  the 고객 has a name
          ✗ second  the 고객 has a name
              expected  a
              actual    b
          ✗ third  the 고객 has a name
              expected  a
              actual    b
        ┃ Look at TTL.
        ┃ It counts seconds, and this sentence is long enough to be
        ┃ wrapped.
        n next   h hint   q quit
        ");
    }

    #[test]
    fn the_panel_fits_every_size() {
        for columns in [20, 33, 80, 200] {
            for rows in 2..30 {
                let lines = panel().lines(columns, rows, Paint::Colored);
                assert!(lines.len() <= rows, "{columns}x{rows}: {lines:#?}");
                for line in &lines {
                    assert!(
                        measure_text_width(line) < columns,
                        "{columns}x{rows}: {line}"
                    );
                }
                // The keys are left out last.
                assert!(
                    rows < 5 || lines.iter().any(|line| line.contains("quit")),
                    "{columns}x{rows}: {lines:#?}"
                );
            }
        }
    }

    #[test]
    fn a_note_is_wrapped_by_word() {
        let panel = Panel {
            note: Some("Leave the session? 진행 상황은 저장됩니다.\nAgain.".into()),
            ..Panel::default()
        };
        let lines = panel.lines(25, 20, Paint::Plain);
        assert_eq!(
            lines[1..],
            ["Leave the session? 진행", "상황은 저장됩니다.", "Again."]
        );
    }

    #[test]
    fn details_of_all_but_the_first_failed_check_are_left_out_before_the_hint() {
        let with = |rows| panel().lines(60, rows, Paint::Plain).join("\n");
        insta::assert_snapshot!(with(10), @r"
        ── 3/16 세션과 만료 ──────────────────────────── watching ─
          ✓ first  the 고객 has a name
          ✗ second  the 고객 has a name
              expected  a
              actual    b
          ✗ third  the 고객 has a name
        ┃ Look at TTL.
        ┃ It counts seconds, and this sentence is long enough to be
        ┃ wrapped.
        n next   h hint   q quit
        ");
    }

    #[test]
    fn seven_checks_of_which_five_fail_fit_into_half_of_a_small_terminal() {
        let mut panel = panel();
        panel
            .checks
            .extend(["fourth", "fifth", "sixth"].map(|id| check(id, fail())));
        panel.checks.push(check("seventh", Outcome::Pass));
        insta::assert_snapshot!(panel.lines(80, 10, Paint::Plain).join("\n"), @r"
        ── 3/16 세션과 만료 ──────────────────────────────────────────────── watching ─
          ✗ second  the 고객 has a name
              expected  a
              actual    b
          ✗ third, fourth, fifth, sixth
          ✓ first, seventh
        ┃ Look at TTL.
        ┃ It counts seconds, and this sentence is long enough to be wrapped.
        n next   h hint   q quit
        ");
    }
}
