//! Breaks text into lines at spaces, by the width that a terminal gives each character.

use console::measure_text_width;

/// Breaks a text at spaces into lines of a width. A word that is wider has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let text: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    wrapped_from(&text.join(" "), width, width)
}

/// Breaks a text at spaces: the first line has one width, the others another. Spaces within a line are kept.
pub(super) fn wrapped_from(text: &str, first: usize, others: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let wide = measure_text_width(word);
        let width = if lines.is_empty() { first } else { others };
        if used > 0 && used + 1 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += wide;
    }
    lines.push(line);
    lines
}
