//! The output of a program as a value: JSON, lines, or a table. Pure.
//!
//! What programs print was taken from their own output: `df -P`, `ps`, `kubectl get`, `docker ps` and `nodetool` align columns
//! with spaces; psql, mysql and cqlsh draw `|` between them; `psql -A` and `sqlite3 -header` write `a|b`, `mysql --batch` tabs,
//! and `psql --csv`, `duckdb -csv` and `redis-cli --csv` commas.

use serde_json::{Map, Value};

use crate::lab::OutputFormat;

/// Returns the output in a format. What is no JSON or no table stays a text.
pub(super) fn parse(output: &str, format: OutputFormat) -> Value {
    match format {
        OutputFormat::Text => Value::from(output),
        OutputFormat::Json => json(output).unwrap_or_else(|| Value::from(output)),
        OutputFormat::Lines => output.lines().map(Value::from).collect(),
        OutputFormat::Table => table(output).unwrap_or_else(|| Value::from(output)),
    }
}

/// Returns the JSON value of an output; several values one after another become a list.
fn json(output: &str) -> Option<Value> {
    if output.trim().is_empty() {
        return Some(Value::Null);
    }
    let values = serde_json::Deserializer::from_str(output).into_iter();
    let mut values: Vec<Value> = values.collect::<Result<_, _>>().ok()?;
    match values.len() {
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

/// Returns the rows of a table as objects by the names in its first line; `None` if a row has a cell that has no name.
fn table(output: &str) -> Option<Value> {
    let lines: Vec<&str> = output.lines().filter(|line| is_row(line)).collect();
    let Some(header) = lines.first() else {
        return Some(Value::Array(Vec::new()));
    };
    let bars = |line: &str| line.contains(['|', '│', '┃']);
    let mut rows = match () {
        () if header.contains('\t') => split(&lines, |line| cells(line, &['\t'])),
        () if bars(header) => {
            let lines: Vec<&str> = lines.iter().copied().filter(|line| bars(line)).collect();
            split(&lines, |line| cells(inside(line), &['|', '│', '┃']))
        }
        () if header.contains(',') => comma_separated(output),
        () => aligned(&lines),
    }
    .into_iter();
    let names = distinct(rows.next().unwrap_or_default());
    rows.map(|row| {
        // A separator at the end of a line is followed by nothing.
        if row.iter().skip(names.len()).any(|cell| !cell.is_empty()) {
            return None;
        }
        let cells = row.into_iter().map(Value::from);
        let cells = cells.chain(std::iter::repeat(Value::from("")));
        let cells = names.iter().cloned().zip(cells).collect::<Map<_, _>>();
        Some(Value::Object(cells))
    })
    .collect()
}

/// Whether a line is neither empty, nor a rule such as `---+---`, nor the number of rows below a table of psql.
fn is_row(line: &str) -> bool {
    let line = line.trim();
    let is_rule = line
        .chars()
        .all(|c| "-+|=: ".contains(c) || ('\u{2500}'..='\u{257f}').contains(&c));
    let count = line
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let count = count.and_then(|rest| rest.split_once(' '));
    let is_count = count.is_some_and(|(number, word)| {
        number.bytes().all(|byte| byte.is_ascii_digit()) && matches!(word, "row" | "rows")
    });
    !(is_rule || is_count)
}

type Row = Vec<String>;

fn split(lines: &[&str], cells: impl Fn(&str) -> Row) -> Vec<Row> {
    lines.iter().map(|line| cells(line)).collect()
}

fn cells(line: &str, separators: &[char]) -> Row {
    let cells = line.split(separators);
    cells.map(|cell| cell.trim().to_owned()).collect()
}

/// Returns a line without the frame around its cells. Without a frame, an empty cell at the end ends with a bar too.
fn inside(line: &str) -> &str {
    let bars = ['|', '│', '┃'];
    let line = line.trim();
    match line.strip_prefix(bars) {
        Some(rest) => rest.strip_suffix(bars).unwrap_or(rest),
        None => line,
    }
}

/// Reads comma-separated values, as in RFC 4180: a cell in quotes may contain commas, line breaks and doubled quotes.
fn comma_separated(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut rest = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                cell.push('"');
                rest.next();
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    row.push(cell);
    rows.push(row);
    rows
}

/// Reads columns that are aligned with spaces. Where every line has as many words as the first, words are cells; otherwise a
/// column ends where every line has a space, and what has no name belongs to the column before.
fn aligned(lines: &[&str]) -> Vec<Row> {
    let words = split(lines, |line| {
        line.split_whitespace().map(str::to_owned).collect()
    });
    let header = words.first().map(Vec::len).unwrap_or_default();
    if words.iter().all(|row| row.len() == header) {
        return words;
    }
    let lines: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
    let width = lines.iter().map(Vec::len).max().unwrap_or_default();
    let is_blank = |line: &[char], at: usize| line.get(at).is_none_or(|c| c.is_whitespace());
    let text = |line: &[char], from: usize, to: usize| -> String {
        let cell: String = line.iter().skip(from).take(to - from).collect();
        cell.trim().to_owned()
    };
    let mut columns: Vec<(usize, usize)> = Vec::new();
    let mut begin = None;
    for at in 0..=width {
        match (lines.iter().all(|line| is_blank(line, at)), begin) {
            (false, None) => begin = Some(at),
            (true, Some(from)) => {
                begin = None;
                let named = !text(&lines[0], from, at).is_empty();
                let filled = lines[1..]
                    .iter()
                    .any(|line| !text(line, from, at).is_empty());
                match columns.last_mut() {
                    // A part of a name such as `Mounted on`, or of values with spaces.
                    Some(last) if !(named && filled) => last.1 = at,
                    _ => columns.push((from, at)),
                }
            }
            (false, Some(_)) | (true, None) => {}
        }
    }
    let row = |line: &Vec<char>| {
        columns
            .iter()
            .map(|(from, to)| text(line, *from, *to))
            .collect()
    };
    lines.iter().map(row).collect()
}

/// Returns names that differ: the second `a` becomes `a_2`.
fn distinct(names: Row) -> Row {
    let mut seen = Row::new();
    for name in names {
        let mut number = 1;
        let mut candidate = name.clone();
        while seen.contains(&candidate) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        seen.push(candidate);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(output: &str, format: OutputFormat, expected: &Value) {
        assert_eq!(parse(output, format), *expected);
    }

    #[track_caller]
    fn check_table(output: &str, expected: &Value) {
        check(output, OutputFormat::Table, expected);
    }

    #[test]
    fn json_is_one_value_or_a_list_of_several() {
        check("{\"a\": 1.0}\n", OutputFormat::Json, &json!({"a": 1.0}));
        check("1\n2\n", OutputFormat::Json, &json!([1, 2]));
        check(" \n", OutputFormat::Json, &Value::Null);
        check("OK {", OutputFormat::Json, &json!("OK {"));
    }

    #[test]
    fn lines_keep_their_order_and_empty_ones() {
        check("a\r\n\nb", OutputFormat::Lines, &json!(["a", "", "b"]));
        check("", OutputFormat::Lines, &json!([]));
    }

    #[test]
    fn tables_with_bars_may_have_frames_and_counts() {
        let expected = json!([{"id": "1", "name": "a b"}, {"id": "2", "name": ""}]);
        check_table(
            " id | name \n----+------\n  1 | a b\n  2 | \n(2 rows)\n",
            &expected,
        );
        check_table("id|name\n1|a b\n2|\n(2 rows)", &expected);
        check_table(
            "+----+------+\n| id | name |\n+----+------+\n|  1 | a b  |\n|  2 |      |\n+----+------+",
            &expected,
        );
        check_table(
            "┌────┬──────┐\n│ id │ name │\n├────┼──────┤\n│  1 │ a b  │\n│  2 │      │\n└────┴──────┘",
            &expected,
        );
    }

    #[test]
    fn cells_are_separated_by_tabs_or_commas() {
        check_table("id\tname\n1\ta, b\n", &json!([{"id": "1", "name": "a, b"}]));
        check_table(
            "id,name\n1,\"a, \"\"b\"\"\nc\"\n2,\n",
            &json!([{"id": "1", "name": "a, \"b\"\nc"}, {"id": "2", "name": ""}]),
        );
        check_table("a,a\n1,2", &json!([{"a": "1", "a_2": "2"}]));
    }

    #[test]
    fn a_table_with_cells_that_have_no_name_stays_a_text() {
        for output in ["a,b\n1,2,3\n", "a|b\n1|2|3", "a\tb\n1\t2\t3"] {
            check_table(output, &json!(output));
        }
        check_table("a\tb\n1\t2\t\n", &json!([{"a": "1", "b": "2"}]));
        check_table("a,b\n1\n", &json!([{"a": "1", "b": ""}]));
    }

    #[test]
    fn columns_are_aligned_with_spaces() {
        check_table(
            "Filesystem 1024-blocks  Used Available Capacity Mounted on\ntmpfs             1024  1024         0     100% /scratch\noverlay      102400000 51200  51148800      51% /",
            &json!([
                {"Filesystem": "tmpfs", "1024-blocks": "1024", "Used": "1024", "Available": "0", "Capacity": "100%", "Mounted on": "/scratch"},
                {"Filesystem": "overlay", "1024-blocks": "102400000", "Used": "51200", "Available": "51148800", "Capacity": "51%", "Mounted on": "/"},
            ]),
        );
        check_table(
            "NAME    READY   STATUS    RESTARTS      AGE\nweb-0   1/1     Running   1 (2m ago)    5m\ndb-0    0/1     Pending   0             7s",
            &json!([
                {"NAME": "web-0", "READY": "1/1", "STATUS": "Running", "RESTARTS": "1 (2m ago)", "AGE": "5m"},
                {"NAME": "db-0", "READY": "0/1", "STATUS": "Pending", "RESTARTS": "0", "AGE": "7s"},
            ]),
        );
        check_table(
            "  PID COMMAND\n    1 redis-server *:6379\n   12 sh",
            &json!([
                {"PID": "1", "COMMAND": "redis-server *:6379"},
                {"PID": "12", "COMMAND": "sh"},
            ]),
        );
        check_table("a b\n", &json!([]));
        check_table("", &json!([]));
    }
}
