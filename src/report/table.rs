//! Columns that line up, wide characters included.

/// Rows as lines; the last column is not padded. A cell may hold colours.
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

/// A line that fits a terminal of this width, colours aside.
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
    fn a_line_is_cut_by_columns_and_its_colours_end() {
        assert_eq!(cut("레디스 랩", 8), "레디스 …");
        assert_eq!(cut("fits", 4), "fits");
        let cut = cut("\u{1b}[32mgreen\u{1b}[0m", 3);
        assert!(
            cut.starts_with("\u{1b}[32mgr…") && cut.ends_with("\u{1b}[0m"),
            "{cut:?}"
        );
    }
}
