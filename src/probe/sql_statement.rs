//! What the servers that speak SQL have in common.

use std::time::Duration;

use crate::lab::SqlText;
use crate::probe::mode::ProbeMode;

/// Statements after which a session can be reset and used again. After any other statement it is closed.
const REUSABLE_AFTER: [&str; 11] = [
    "SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "INSERT", "UPDATE", "DELETE", "MERGE",
    "REPLACE",
];

/// What a statement may do, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) mode: ProbeMode,
    pub(super) timeout: Duration,
}

pub(super) fn mentions_databases(text: &SqlText) -> bool {
    text.as_str().to_ascii_lowercase().contains("database")
}

/// Whether a session can be used again after a statement.
pub(super) fn is_reusable_after(text: &SqlText) -> bool {
    let SqlText::Query(query) = text else {
        return false;
    };
    let rest = skip_blanks(query);
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next();
    let is = |name: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(name));
    REUSABLE_AFTER.into_iter().any(is)
}

/// Returns the query without leading blanks, comments and parentheses. After nested comments the session is closed, which is
/// safe.
fn skip_blanks(query: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || c == '(';
    let mut rest = query.trim_start_matches(blank);
    loop {
        let after = match rest {
            line if line.starts_with("--") => line.split_once('\n'),
            block if block.starts_with("/*") => block.split_once("*/"),
            other => return other,
        };
        rest = after.map_or("", |(_, after)| after.trim_start_matches(blank));
    }
}

/// Returns column names as unique keys of an object: a second `count` becomes `count_2`.
pub(super) fn unique_names(columns: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let numbered = (2..).map(|number| format!("{column}_{number}"));
        let mut wishes = std::iter::once(column.clone()).chain(numbered);
        names.extend(wishes.find(|wish| !names.contains(wish)));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, reusable: bool) {
        let text = SqlText::Query(query.to_owned());
        assert_eq!(is_reusable_after(&text), reusable, "{query:?}");
    }

    #[test]
    fn a_session_is_reused_after_certain_statements_only() {
        check("select 1", true);
        check("  -- all\n/* of */ (SELECT 1)", true);
        check("WITH x AS (SELECT 1) TABLE x", true);
        check("insert into t values (1)", true);
        check("BEGIN", false);
        check("SET search_path = x", false);
        check("selection", false);
        check("CREATE DATABASE x", false);
        check("", false);
        check("-- SELECT", false);
        check("/* SELECT", false);
        assert!(!is_reusable_after(&SqlText::Script("SELECT 1".to_owned())));
    }

    #[test]
    fn columns_with_the_same_name_are_numbered() {
        let columns = ["count", "a", "count", "count_2", "count"];
        let names = unique_names(columns.into_iter().map(str::to_owned));
        assert_eq!(names, ["count", "a", "count_2", "count_2_2", "count_3"]);
    }
}
