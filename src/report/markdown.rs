//! Guide text for the terminal.

use termimad::crossterm::style::{Attribute, Color};
use termimad::{MadSkin, StyledChar};

use crate::report::{Paint, clean};

/// The widest line that is still read with ease, in columns.
const WIDEST: usize = 100;

/// Markdown as lines for a terminal of this width. Over a pipe (`None`) Markdown reads well as it is.
pub(crate) fn markdown(text: &str, width: Option<usize>, paint: Paint) -> String {
    let text = clean(text);
    let Some(width) = width else { return text };
    let skin = match paint {
        Paint::Colored => skin(),
        Paint::Plain => MadSkin::no_style(),
    };
    skin.text(&text, Some(width.min(WIDEST)))
        .to_string()
        .trim_end()
        .to_owned()
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
    fn escapes_in_a_guide_are_shown() {
        assert!(markdown("a \u{1b}[31mred", Some(80), Paint::Plain).contains("\\u{1b}"));
    }
}
