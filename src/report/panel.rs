//! The panel of a session: checks, the matching hint and the keys, as lines for a width and a height.

use console::measure_text_width;

use crate::event::CheckResult;
use crate::report::wrapping::{wrap, wrapped};
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
    /// How to see the rest, where not every check and the whole hint fit into the panel.
    pub(crate) more: String,
    pub(crate) menu: Vec<MenuItem>,
}

/// A key and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MenuItem {
    pub(crate) key: String,
    pub(crate) does: String,
    pub(crate) shown: Shown,
}

/// When a key is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Always,
    /// Only if all keys fit into one line.
    IfItFits,
    /// Also if only those fit that are always shown, and this one.
    AlmostAlways,
}

/// How much of the checks is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    /// The sentence of each, and the details of the first that fails.
    FirstFailed,
    /// The first that fails with its details, and the names of the others.
    Names,
    /// The sentence of the first that fails, and the names of the others.
    Sentence,
}

impl Panel {
    /// Returns at most `rows` lines, none wider than `columns`. If there is too much, the details of all checks but the first that
    /// fails are left out first, then the sentences of the others, then the end of the hint. No sentence is cut in the middle.
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
        let body = self.body(hint, room, columns, paint);
        let mut lines = vec![self.rule(columns, paint)];
        lines.extend(body.into_iter().chain(notes).chain(menu));
        let fit = |line: String| console::truncate_str(&line, columns, "…").into_owned();
        lines.into_iter().map(fit).take(rows).collect()
    }

    /// Returns the checks and the hint in at most `room` lines. Where something is left out, the last line says how to see it.
    fn body(&self, hint: Vec<String>, room: usize, columns: usize, paint: Paint) -> Vec<String> {
        let hint_least = hint.len().min(5);
        for detail in [Detail::All, Detail::FirstFailed] {
            let checks = self.check_lines(detail, columns, paint);
            if checks.len() + hint_least <= room {
                let all = checks.into_iter().chain(hint).collect();
                return self.cut(all, room, paint);
            }
        }
        let room = room.saturating_sub(1);
        let mut checks = self.check_lines(Detail::Names, columns, paint);
        if checks.len() + hint_least > room {
            checks = self.check_lines(Detail::Sentence, columns, paint);
        }
        checks.truncate(room.saturating_sub(hint_least));
        let mut lines: Vec<String> = checks.into_iter().chain(hint).take(room).collect();
        lines.push(self.more_line(paint));
        lines
    }

    /// Returns the first lines, with a sign that there are more.
    fn cut(&self, mut lines: Vec<String>, most: usize, paint: Paint) -> Vec<String> {
        if lines.len() > most {
            lines.truncate(most.saturating_sub(1));
            lines.extend((most > 0).then(|| self.more_line(paint)));
        }
        lines
    }

    fn more_line(&self, paint: Paint) -> String {
        paint.dim(format!("  … {}", self.more).trim_end())
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
        let sentence = |check| wrap(&check_line(check, paint), 4, Some(columns));
        let lines = self.checks.iter().enumerate();
        let lines = lines.flat_map(|(at, check)| match (detail, Some(at) == first) {
            (Detail::All, _) | (Detail::FirstFailed | Detail::Names, true) => whole(check),
            (Detail::FirstFailed, false) | (Detail::Sentence, true) => sentence(check),
            (Detail::Names | Detail::Sentence, false) => Vec::new(),
        });
        let mut lines: Vec<String> = lines.collect();
        if let Detail::Names | Detail::Sentence = detail {
            let others = self.checks.iter().enumerate();
            let others = others.filter(|(at, _)| Some(*at) != first);
            let (passed, failed): (Vec<_>, Vec<_>) = others
                .map(|(_, check)| check)
                .partition(|check| check.outcome.passed());
            for group in [failed, passed] {
                let names: Vec<&str> = group.iter().map(|check| check.check.as_str()).collect();
                let Some(one) = group.first() else { continue };
                let sign = outcome_sign(&one.outcome, paint);
                let line = format!("  {sign} {}", paint.dim(&names.join(", ")));
                lines.extend(wrap(&line, 4, Some(columns)));
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

    /// Returns the keys in one line if they fit, closer together or without the least important if they must be.
    fn menu_lines(&self, columns: usize, paint: Paint) -> Vec<String> {
        let all: Vec<&MenuItem> = self.menu.iter().collect();
        let fewer = |item: &&MenuItem| item.shown != Shown::IfItFits;
        let fewer: Vec<&MenuItem> = self.menu.iter().filter(fewer).collect();
        let always = |item: &&MenuItem| item.shown == Shown::Always;
        let fewest: Vec<&MenuItem> = self.menu.iter().filter(always).collect();
        for items in [&all, &fewer, &fewest] {
            for gap in ["   ", "  "] {
                let lines = menu_with_gap(items, gap, columns, paint);
                if lines.len() <= 1 {
                    return lines;
                }
            }
        }
        menu_with_gap(&all, "  ", columns, paint)
    }
}

fn menu_with_gap(items: &[&MenuItem], gap: &str, columns: usize, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for MenuItem { key, does, .. } in items {
        let item = match does.is_empty() {
            true => paint.bold(key),
            false => format!("{} {}", paint.bold(key), paint.dim(does)),
        };
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

    fn item(key: &str, does: &str) -> MenuItem {
        MenuItem {
            key: key.into(),
            does: does.into(),
            shown: Shown::Always,
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
            more: "d shows all".into(),
            menu: [("n", "next"), ("h", "hint"), ("q", "quit")].map(|(key, does)| item(key, does)).to_vec(),
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
          … d shows all
        n next   h hint   q quit
        ");
        insta::assert_snapshot!(panel.lines(80, 9, Paint::Plain).join("\n"), @r"
        ── 3/16 세션과 만료 ──────────────────────────────────────────────── watching ─
          ✗ second  the 고객 has a name
          ✗ third, fourth, fifth, sixth
          ✓ first, seventh
        ┃ Look at TTL.
        ┃ It counts seconds, and this sentence is long enough to be wrapped.
          … d shows all
        n next   h hint   q quit
        ");
    }

    #[test]
    fn the_sentence_of_the_first_failed_check_is_never_cut() {
        let mut panel = panel();
        let long = "a sentence that is much longer than one line of a small terminal, and that says at its very end what is meant";
        for check in &mut panel.checks {
            check.about = long.into();
        }
        panel.hint = Some("one\n\ntwo\n\nthree\n\nfour\n\nfive\n\nsix\n\nseven".into());
        for rows in 10..30 {
            let lines = panel.lines(80, rows, Paint::Plain);
            let text = lines.join(" ");
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(words.join(" ").contains(long), "{rows}: {lines:#?}");
            let cut = lines.iter().any(|line| line.ends_with('…'));
            assert!(!cut, "{rows}: {lines:#?}");
            let whole = text.contains("seven") || text.contains("d shows all");
            assert!(whole, "{rows}: {lines:#?}");
        }
    }

    #[test]
    fn a_key_that_can_be_missed_is_left_out_before_the_menu_takes_a_second_line() {
        let mut panel = panel();
        panel.menu[1].shown = Shown::IfItFits;
        let menu = |columns| {
            panel
                .lines(columns, 20, Paint::Plain)
                .pop()
                .unwrap_or_default()
        };
        assert_eq!(menu(60), "n next   h hint   q quit");
        assert_eq!(menu(23), "n next  h hint  q quit");
        assert_eq!(menu(22), "n next   q quit");
        panel.menu.push(MenuItem {
            shown: Shown::AlmostAlways,
            ..item("?", "")
        });
        let menu = |columns| panel.lines(columns, 20, Paint::Plain).pop();
        assert_eq!(menu(60).as_deref(), Some("n next   h hint   q quit   ?"));
        assert_eq!(menu(24).as_deref(), Some("n next   q quit   ?"));
        assert_eq!(menu(16).as_deref(), Some("n next   q quit"));
    }
}
