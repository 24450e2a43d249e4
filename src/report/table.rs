//! Aligned columns, with wide characters counted as two.

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
