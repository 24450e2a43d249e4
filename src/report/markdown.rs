//! Guide text for the terminal.

use termimad::crossterm::style::{Attribute, Color};
use termimad::{MadSkin, StyledChar};

use crate::report::{Paint, sanitize};

/// The widest line that is still read with ease, in columns.
const WIDEST: usize = 100;

/// Markdown as lines for a terminal of this width. Over a pipe (`None`) Markdown reads well as it is.
pub(crate) fn markdown(text: &str, width: Option<usize>, paint: Paint) -> String {
    let text = sanitize(text);
    let Some(width) = width else { return text };
    let skin = match paint {
        Paint::Colored => skin(),
        Paint::Plain => MadSkin::no_style(),
    };
    skin.text(&reflowed(&text), Some(width.min(WIDEST)))
        .to_string()
        .trim_end()
        .to_owned()
}

/// Joins the lines of each paragraph and list item: where an author broke a line says nothing about this terminal.
fn reflowed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fence = None;
    let mut joins = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        let in_code = fence.is_some();
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        let text_line = !in_code && mark.is_none() && !trimmed.is_empty();
        let own_line = text_line && (trimmed.starts_with(['#', '|', '>']) || begins_item(trimmed));
        if joins && text_line && !own_line {
            out.push(' ');
            out.push_str(trimmed);
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
        // Two spaces at the end are Markdown's own line break.
        joins = text_line && !trimmed.starts_with(['#', '|']) && !line.ends_with("  ");
    }
    out
}

/// `- `, `* `, `+ `, `1. `, `2) `.
fn begins_item(line: &str) -> bool {
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after_number.len() < line.len()
        && (after_number.starts_with(". ") || after_number.starts_with(") "));
    numbered || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
}

fn skin() -> MadSkin {
    let mut skin = MadSkin::default();
    skin.set_headers_fg(Color::Cyan);
    for header in &mut skin.headers {
        header.align = termimad::Alignment::Left;
        header.add_attr(Attribute::Bold);
    }
    skin.bullet = StyledChar::from_fg_char(Color::Cyan, '•');
    // The terminal's own background suits both light and dark ones.
    skin.code_block.compound_style.object_style.background_color = None;
    skin.code_block.set_fg(Color::Yellow);
    skin.code_block.left_margin = 4;
    skin.inline_code.object_style.background_color = None;
    skin.inline_code.set_fg(Color::Yellow);
    skin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_markdown_and_a_terminal_wrapped_lines() {
        let text = "# Title\n\nSome `code` and a rather long line of words that must be wrapped somewhere.\n";
        assert_eq!(markdown(text, None, Paint::Plain), text);
        let shown = markdown(text, Some(40), Paint::Plain);
        assert!(
            shown
                .lines()
                .all(|line| console::measure_text_width(line) <= 40),
            "{shown}"
        );
        assert!(
            !shown.contains('\u{1b}') && shown.contains("code"),
            "{shown}"
        );
    }

    #[test]
    fn lines_are_broken_for_the_terminal_and_not_where_the_author_did() {
        let text = "one\ntwo\n\n1. first\n   goes on\n2. second\n\n```\na\nb\n```\nend\n\n| a | b |\n|---|---|\n| 1 | 2 |\n# Title\ntext\n";
        let expected = "one two\n\n1. first goes on\n2. second\n\n```\na\nb\n```\nend\n\n| a | b |\n|---|---|\n| 1 | 2 |\n# Title\ntext";
        assert_eq!(reflowed(text), expected);
    }

    #[test]
    fn escapes_in_a_guide_are_shown() {
        assert!(markdown("a \u{1b}[31mred", Some(80), Paint::Plain).contains("\\u{1b}"));
    }
}
