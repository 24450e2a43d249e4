//! Renders the Markdown of guides for a terminal.

use console::measure_text_width;
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::report::wrapping::wrapped;
use crate::report::{Paint, sanitize, table};

/// The widest line that is easy to read, in columns.
const WIDEST: usize = 100;

/// The indentation of code.
const CODE_INDENT: usize = 4;

/// A space that is not a place to break a line, as in inline code. The character is for private use, so no guide has it.
const HARD_SPACE: char = '\u{e000}';

/// Returns Markdown as lines for a terminal of this width. For a pipe (`None`) it is returned as it is.
///
/// Lines are broken at spaces only. Code is never broken, so that it can be copied.
pub(crate) fn markdown(text: &str, width: Option<usize>, paint: Paint) -> String {
    let text = sanitize(text);
    let Some(width) = width else { return text };
    let mut renderer = Renderer::new(width.min(WIDEST), paint);
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        renderer.event(event);
    }
    renderer.flush();
    renderer.lines.join("\n")
}

/// Returns the width of the widest line of code as it is shown, which is never broken.
pub(crate) fn code_width(text: &str) -> usize {
    let mut in_code = false;
    let mut widest = 0;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(code) if in_code => {
                let lines = code.lines().map(measure_text_width);
                widest = lines.fold(widest, usize::max);
            }
            _ => {}
        }
    }
    match widest {
        0 => 0,
        widest => widest + CODE_INDENT,
    }
}

/// What a line of a list item or quote begins with.
struct Prefix {
    first: String,
    rest: String,
}

/// The style of a piece of text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Strong,
    Emphasis,
    Heading,
}

struct Renderer {
    width: usize,
    paint: Paint,
    lines: Vec<String>,
    /// The text of the paragraph so far, with its colors.
    text: String,
    styles: Vec<Style>,
    prefixes: Vec<Prefix>,
    /// The next number of each list that is open; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Whether nothing of the innermost list item is printed yet.
    item_begins: bool,
    /// The code block so far.
    code: Option<String>,
    /// The rows of the table so far.
    rows: Vec<Vec<String>>,
    /// The targets of the links that are open.
    links: Vec<String>,
}

impl Renderer {
    fn new(width: usize, paint: Paint) -> Self {
        Self {
            width,
            paint,
            lines: Vec::new(),
            text: String::new(),
            styles: Vec::new(),
            prefixes: Vec::new(),
            lists: Vec::new(),
            item_begins: false,
            code: None,
            rows: Vec::new(),
            links: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.append(&text),
            },
            Event::Code(code) => {
                let code = self.paint.warn(&code);
                let code = code.replace(' ', &HARD_SPACE.to_string());
                self.text.push_str(&code);
            }
            Event::Html(text) | Event::InlineHtml(text) => self.append(&text),
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::Rule => {
                self.separate();
                let rule = self.paint.dim(&"─".repeat(self.width));
                self.lines.push(rule);
            }
            Event::InlineMath(text) | Event::DisplayMath(text) => self.append(&text),
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.separate(),
            Tag::Heading { level, .. } => {
                self.separate();
                self.styles.push(Style::Heading);
                if level > HeadingLevel::H2 {
                    self.styles.push(Style::Strong);
                }
            }
            Tag::BlockQuote(_) => {
                self.separate();
                let bar = format!("{} ", self.paint.dim("▌"));
                self.prefixes.push(Prefix {
                    first: bar.clone(),
                    rest: bar,
                });
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.separate();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.flush();
                if self.lists.is_empty() {
                    self.separate();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    Some(None) | None => "• ".to_owned(),
                };
                self.prefixes.push(Prefix {
                    rest: " ".repeat(measure_text_width(&mark)),
                    first: self.paint.link(&mark),
                });
                self.item_begins = true;
            }
            Tag::Strong => self.styles.push(Style::Strong),
            Tag::Emphasis => self.styles.push(Style::Emphasis),
            Tag::Table(_) => self.separate(),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push(dest_url.into_string());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.clear();
            }
            TagEnd::BlockQuote(_) | TagEnd::Item => {
                self.flush();
                self.prefixes.pop();
                self.item_begins = false;
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                for line in code.trim_end_matches('\n').split('\n') {
                    let line = self.paint.warn(line);
                    self.push(&format!("{:CODE_INDENT$}{line}", ""));
                }
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Strong | TagEnd::Emphasis => {
                self.styles.pop();
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.text).replace(HARD_SPACE, " ");
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                for line in table(&rows) {
                    self.push(&line);
                }
            }
            TagEnd::Link | TagEnd::Image => {
                let target = self.links.pop().unwrap_or_default();
                if !self.text.ends_with(&target) {
                    let target = self.paint.link(&target);
                    self.text.push_str(&format!(" ({target})"));
                }
            }
            TagEnd::Paragraph => self.flush(),
            _ => {}
        }
    }

    /// Appends text in the current style. Each word has its own colors, so that a line can end behind it.
    fn append(&mut self, text: &str) {
        let mut word = String::new();
        for c in text.chars() {
            if c == ' ' || c == '\n' {
                self.append_word(&mut word);
                self.text.push(' ');
            } else {
                word.push(c);
            }
        }
        self.append_word(&mut word);
    }

    fn append_word(&mut self, word: &mut String) {
        if !word.is_empty() {
            let mut word = std::mem::take(word);
            for style in &self.styles {
                word = match style {
                    Style::Strong => self.paint.bold(&word),
                    Style::Emphasis => self.paint.italic(&word),
                    Style::Heading => self.paint.link(&self.paint.bold(&word)),
                };
            }
            self.text.push_str(&word);
        }
    }

    /// Ends the block before with an empty line, unless this is the first block of a document or of a list item.
    fn separate(&mut self) {
        self.flush();
        let begins = std::mem::take(&mut self.item_begins);
        if !begins && self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    /// Prints the text of a paragraph.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let indent: usize = self
            .prefixes
            .iter()
            .map(|prefix| measure_text_width(&prefix.rest))
            .sum();
        let width = self.width.saturating_sub(indent).max(1);
        for line in text.split('\n') {
            for line in wrapped(line, width) {
                self.push(&line.replace(HARD_SPACE, " "));
            }
        }
    }

    /// Prints a line behind the prefixes of its list items and quotes.
    fn push(&mut self, line: &str) {
        let mut out = String::new();
        for prefix in &mut self.prefixes {
            out.push_str(&prefix.first);
            prefix.first.clone_from(&prefix.rest);
        }
        out.push_str(line);
        self.item_begins = false;
        self.lines.push(out.trim_end().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, width: usize, expected: &str) {
        assert_eq!(markdown(text, Some(width), Paint::Plain), expected);
    }

    #[test]
    fn a_pipe_gets_the_markdown_itself() {
        let text = "# Title\n\nSome `code`\nand text.\n";
        assert_eq!(markdown(text, None, Paint::Plain), text);
    }

    #[test]
    fn paragraphs_are_wrapped_to_the_terminal() {
        check(
            "# Title\n\none two\nthree four\n\nfive",
            13,
            "Title\n\none two three\nfour\n\nfive",
        );
    }

    #[test]
    fn lists_are_indented() {
        check(
            "- one two three\n- four\n  - five\n\n1. six\n2. seven\n\nend",
            11,
            "• one two\n  three\n• four\n  • five\n\n1. six\n2. seven\n\nend",
        );
    }

    #[test]
    fn code_blocks_are_never_wrapped() {
        let line = "curl -s -u guest:guest http://127.0.0.1:15672/api/overview";
        check(
            &format!("Run:\n\n```sh\n{line}\n\n  indented\n```\n"),
            20,
            &format!("Run:\n\n    {line}\n\n      indented"),
        );
    }

    #[test]
    fn the_width_of_code_is_that_of_its_widest_line() {
        assert_eq!(code_width("no code that is a block, `but this`"), 0);
        assert_eq!(code_width("a\n\n```sh\nls\necho 가나\n```\n"), 4 + 9);
    }

    #[test]
    fn inline_code_and_what_clings_to_it_stay_together() {
        check(
            "set `a b`을 now\nand `roadlab up redis`.",
            12,
            "set a b을\nnow and\nroadlab up redis.",
        );
    }

    #[test]
    fn tables_have_columns() {
        check("| a | b |\n|---|---|\n| long | c |", 80, "a     b\nlong  c");
    }

    #[test]
    fn links_show_their_target() {
        check("see [docs](https://x.y)", 80, "see docs (https://x.y)");
        check("<https://x.y>", 80, "https://x.y");
    }

    #[test]
    fn wide_characters_count_twice() {
        check("가나 다라 마바", 9, "가나 다라\n마바");
    }

    #[test]
    fn a_quote_has_a_bar() {
        check("> one two three", 9, "▌ one two\n▌ three");
    }

    #[test]
    fn control_characters_are_made_visible() {
        assert!(markdown("a \u{1b}[31mred", Some(80), Paint::Plain).contains("\\u{1b}"));
    }
}
