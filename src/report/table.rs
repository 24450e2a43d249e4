//! Aligned columns, with wide characters counted as two.

use crate::report::wrapping::wrapped;

/// Returns rows as lines with aligned columns. The last column is not padded; a cell may have colors.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| console::measure_text_width(cell))
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cells = row.iter().enumerate().map(|(at, cell)| match at == last {
            true => cell.clone(),
            false => {
                console::pad_str(cell, widths[at], console::Alignment::Left, None).into_owned()
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Returns rows as lines of at most a width, like [`table`]. Texts of the column that are too wide for it are wrapped by word.
pub(crate) fn table_within(
    rows: &[Vec<String>],
    column: usize,
    width: Option<usize>,
) -> Vec<String> {
    rows_within(rows, column, width).concat()
}

/// Returns the lines of each row, as [`table_within`] does.
pub(crate) fn rows_within(
    rows: &[Vec<String>],
    column: usize,
    width: Option<usize>,
) -> Vec<Vec<String>> {
    /// The least columns that the wrapped texts have.
    const LEAST: usize = 16;
    let lines = table(rows);
    let widest = |lines: &[String]| {
        let widths = lines.iter().map(|line| console::measure_text_width(line));
        widths.max().unwrap_or(0)
    };
    let Some(excess) = width.and_then(|width| widest(&lines).checked_sub(width)) else {
        return lines.into_iter().map(|line| vec![line]).collect();
    };
    let texts = rows.iter().filter_map(|row| row.get(column));
    let widths = texts.map(|text| console::measure_text_width(text));
    let room = widths.max().unwrap_or(0).saturating_sub(excess).max(LEAST);
    let mut wrapped_rows = Vec::new();
    let mut heights = Vec::new();
    for row in rows {
        let before = wrapped_rows.len();
        let Some(text) = row.get(column) else {
            wrapped_rows.push(row.clone());
            heights.push(1);
            continue;
        };
        for (at, part) in wrapped(text, room).into_iter().enumerate() {
            let mut cells = match at {
                0 => row.clone(),
                _ => vec![String::new(); column + 1],
            };
            cells[column] = part;
            wrapped_rows.push(cells);
        }
        heights.push(wrapped_rows.len() - before);
    }
    let mut lines = table(&wrapped_rows).into_iter();
    let rows = heights
        .into_iter()
        .map(|height| lines.by_ref().take(height).collect());
    rows.collect()
}

/// Cuts a line to a width in columns, without counting colors.
pub(crate) fn cut(line: &str, width: usize) -> String {
    console::truncate_str(line, width, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice() {
        let rows = vec![
            vec!["레디스".to_owned(), "a".to_owned()],
            vec!["redis".to_owned(), "b".to_owned()],
        ];
        assert_eq!(table(&rows), ["레디스  a", "redis   b"]);
    }

    #[test]
    fn a_wide_column_is_wrapped_by_word() {
        let rows = ["세션이 스스로 끝나게 하기", "a title with several words"].map(|title| {
            let cells = ["1", title, "by you"];
            cells.map(str::to_owned).to_vec()
        });
        assert_eq!(table_within(&rows, 1, Some(80)), table(&rows));
        assert_eq!(
            table_within(&rows, 1, Some(28)),
            [
                "1  세션이 스스로  by you",
                "   끝나게 하기",
                "1  a title with   by you",
                "   several words"
            ]
        );
    }

    #[test]
    fn a_line_is_cut_by_columns_and_its_colors_are_reset() {
        assert_eq!(cut("레디스 랩", 8), "레디스 …");
        assert_eq!(cut("fits", 4), "fits");
        let cut = cut("\u{1b}[32mgreen\u{1b}[0m", 3);
        assert!(
            cut.starts_with("\u{1b}[32mgr…") && cut.ends_with("\u{1b}[0m"),
            "{cut:?}"
        );
    }
}
