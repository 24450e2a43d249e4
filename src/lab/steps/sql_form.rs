//! The statements of an SQL script, as far as their words show what they can do.
//!
//! This is no parser: it skips comments and quoted parts, splits at semicolons, and inspects words. What it does not know
//! counts as writing. It knows the words of PostgreSQL, MySQL and MariaDB; a word that only one of them has is harmless in the
//! others, which refuse it. Servers enforce the rest in read-only transactions.

/// What a statement can do, by its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    Reads,
    /// It can write; with the word that shows it.
    CanWrite(String),
    /// It begins or ends a transaction; with its first word.
    EndsTransaction(String),
}

/// Functions that act outside the transaction or survive its rollback; with `*`, all whose name begins so.
const ACTING_FUNCTIONS: &[&str] = &[
    "DBLINK*",
    "LOWRITE",
    "LO_*",
    "NEXTVAL",
    "PG_ADVISORY_*",
    "PG_BACKUP_*",
    "PG_CANCEL_BACKEND",
    "PG_COPY_*",
    "PG_CREATE_*",
    "PG_DROP_*",
    "PG_FILE_*",
    "PG_LOGICAL_*",
    "PG_NOTIFY",
    "PG_PROMOTE",
    "PG_RELOAD_CONF",
    "PG_REPLICATION_*",
    "PG_ROTATE_LOGFILE",
    "PG_START_BACKUP",
    "PG_STAT_RESET*",
    "PG_STAT_STATEMENTS_RESET",
    "PG_STOP_BACKUP",
    "PG_SWITCH_WAL",
    "PG_TERMINATE_BACKEND",
    "PG_TRY_ADVISORY_*",
    "PG_WAL_REPLAY_*",
    "SETVAL",
];

/// A word, or one of the signs that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A keyword or an unquoted name, in upper case.
    Word(String),
    /// A quoted name or a literal.
    Quoted,
    Open,
    Semicolon,
    Other,
}

/// Returns what each statement of a script can do.
pub(crate) fn statements(script: &str) -> Vec<Statement> {
    let tokens = tokens(script);
    let statements = tokens.split(|token| *token == Token::Semicolon);
    statements
        .filter(|tokens| !tokens.is_empty())
        .map(statement)
        .collect()
}

/// Returns the line, from 1, on which the statement begins that follows `completed` others; that of the last one if there are
/// not so many.
pub fn statement_line(script: &str, completed: usize) -> usize {
    let mut begins = Vec::new();
    let mut at = 0;
    let mut inside = false;
    while let Some(first) = script[at..].chars().next() {
        let (token, length) = next(&script[at..], first);
        match token {
            Some(Token::Semicolon) => inside = false,
            Some(_) if !inside => {
                inside = true;
                begins.push(at);
            }
            Some(_) | None => {}
        }
        at += length;
    }
    let begin = begins.get(completed).or(begins.last()).copied();
    line_at(script, begin.unwrap_or(0))
}

/// Returns the line, from 1, of a character, counted from 0.
pub fn line_of_character(script: &str, character: usize) -> usize {
    let at = script.char_indices().nth(character).map(|(at, _)| at);
    line_at(script, at.unwrap_or(script.len()))
}

fn line_at(script: &str, at: usize) -> usize {
    script[..at].matches('\n').count() + 1
}

fn statement(tokens: &[Token]) -> Statement {
    let start = tokens.iter().position(|token| *token != Token::Open);
    let tokens = &tokens[start.unwrap_or(0)..];
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let first = word(0);
    let inner = || words_that_write(tokens).map_or(Statement::Reads, Statement::CanWrite);
    match first {
        "SELECT" | "WITH" | "VALUES" | "TABLE" | "FETCH" | "MOVE" | "CLOSE" | "DECLARE" => inner(),
        "SHOW" | "DESCRIBE" | "DESC" | "CHECKSUM" | "USE" => Statement::Reads,
        // Without `ANALYZE` the statement is only planned.
        "EXPLAIN" => {
            let analyze = |token: &Token| *token == Token::Word("ANALYZE".to_owned());
            let planned = tokens.iter().position(|token| {
                let Token::Word(word) = token else {
                    return false;
                };
                PLANNED.contains(&word.as_str())
            });
            let options = &tokens[..planned.unwrap_or(tokens.len())];
            match (options.iter().any(analyze), planned) {
                (true, Some(at)) => statement(&tokens[at..]),
                _ => Statement::Reads,
            }
        }
        "SET" | "RESET" => set(tokens),
        "SAVEPOINT" | "RELEASE" => Statement::Reads,
        "ROLLBACK" if word(1) == "TO" || word(2) == "TO" => Statement::Reads,
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" => {
            Statement::EndsTransaction(first.to_owned())
        }
        "PREPARE" if word(1) == "TRANSACTION" => {
            Statement::EndsTransaction("PREPARE TRANSACTION".to_owned())
        }
        "" => Statement::CanWrite("…".to_owned()),
        _ => Statement::CanWrite(first.to_owned()),
    }
}

fn set(tokens: &[Token]) -> Statement {
    let has = |name: &str| {
        let is = |token: &Token| matches!(token, Token::Word(word) if word == name);
        tokens.iter().any(is)
    };
    if has("WRITE") {
        return Statement::CanWrite("SET TRANSACTION READ WRITE".to_owned());
    }
    // Variables of the whole server, and accounts.
    let server = ["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "DEFAULT"];
    match server.into_iter().find(|name| has(name)) {
        // `SET x = DEFAULT` resets a variable of the session.
        Some("DEFAULT") if !has("ROLE") => Statement::Reads,
        Some(name) => Statement::CanWrite(format!("SET {name}")),
        None => Statement::Reads,
    }
}

/// Returns the first statement of a script that MySQL and MariaDB do not undo at a rollback: most statements but those that
/// change rows commit the transaction.
pub fn not_undone_by_mysql(script: &str) -> Option<String> {
    statements(script).into_iter().find_map(|one| match one {
        Statement::Reads => None,
        Statement::CanWrite(word)
            if matches!(word.as_str(), "INSERT" | "UPDATE" | "DELETE" | "REPLACE")
                || word.starts_with("FOR ") =>
        {
            None
        }
        Statement::CanWrite(word) | Statement::EndsTransaction(word) => Some(word),
    })
}

/// The first words of the statements that `EXPLAIN` plans.
const PLANNED: [&str; 10] = [
    "SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "EXECUTE",
];

/// Returns the word of a query that shows that it can write.
fn words_that_write(tokens: &[Token]) -> Option<String> {
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    (0..tokens.len()).find_map(|at| {
        let (before, own, after) = (at.checked_sub(1), word(at), word(at + 1));
        let in_parentheses = before.is_some_and(|before| tokens[before] == Token::Open);
        let called = tokens.get(at + 1) == Some(&Token::Open);
        let found = match own {
            "INSERT" | "MERGE" if after == "INTO" => own.to_owned(),
            "DELETE" if after == "FROM" => own.to_owned(),
            "UPDATE" if in_parentheses => own.to_owned(),
            "FOR" if matches!(after, "UPDATE" | "SHARE" | "NO" | "KEY") => format!("FOR {after}"),
            "INTO" => "SELECT INTO".to_owned(),
            name if called
                && ACTING_FUNCTIONS
                    .iter()
                    .any(|function| is_named(name, function)) =>
            {
                name.to_ascii_lowercase()
            }
            _ => return None,
        };
        Some(found)
    })
}

fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn tokens(script: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// Returns the token at the start of a text, if it is one, and its length in bytes.
fn next(rest: &str, first: char) -> (Option<Token>, usize) {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match first {
        _ if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
        _ if rest.starts_with("/*") => (None, comment(rest)),
        '\'' => (Some(Token::Quoted), quoted(rest, '\'', Escapes::None)),
        '"' => (Some(Token::Quoted), quoted(rest, '"', Escapes::None)),
        '`' => (Some(Token::Quoted), quoted(rest, '`', Escapes::None)),
        'e' | 'E' if rest[1..].starts_with('\'') => (
            Some(Token::Quoted),
            1 + quoted(&rest[1..], '\'', Escapes::Backslash),
        ),
        '$' => match dollar_quoted(rest) {
            Some(length) => (Some(Token::Quoted), length),
            None => (Some(Token::Other), 1),
        },
        c if c.is_alphabetic() || c == '_' => {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..length].to_uppercase())), length)
        }
        '(' => (Some(Token::Open), 1),
        ';' => (Some(Token::Semicolon), 1),
        c if c.is_whitespace() => (None, c.len_utf8()),
        c => (Some(Token::Other), c.len_utf8()),
    }
}

/// Whether a backslash quotes the next character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Backslash,
}

/// Returns the length of a quoted part. A doubled quote is read as two parts, which is the same here.
fn quoted(rest: &str, quote: char, escapes: Escapes) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if escapes == Escapes::Backslash => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Returns the length of `$tag$…$tag$`.
fn dollar_quoted(rest: &str) -> Option<usize> {
    let end = rest[1..].find('$')? + 2;
    let tag = &rest[..end];
    let name = &tag[1..tag.len() - 1];
    let is_tag = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    let close = || {
        rest[end..]
            .find(tag)
            .map_or(rest.len(), |at| end + at + tag.len())
    };
    is_tag.then(close)
}

/// Returns the length of a comment; comments nest.
fn comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            inner if inner.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
            inner if inner.starts_with("*/") => (depth, at) = (depth - 1, at + 2),
            inner => at += inner.chars().next().map_or(1, char::len_utf8),
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let printed = statements(script)
            .into_iter()
            .map(|statement| match statement {
                Statement::Reads => "reads".to_owned(),
                Statement::CanWrite(word) => format!("writes: {word}"),
                Statement::EndsTransaction(word) => format!("ends: {word}"),
            });
        assert_eq!(printed.collect::<Vec<_>>().join(", "), expected, "{script}");
    }

    #[test]
    fn queries_read() {
        check("", "");
        check(" ; ;", "");
        check("SELECT 1", "reads");
        check(
            "  -- all\n/* of /* them */ ; */ (select 1) ; values (1)",
            "reads, reads",
        );
        check("WITH x AS (SELECT 1) TABLE x", "reads");
        check("SHOW lock_timeout", "reads");
        check(
            "SELECT 'INSERT INTO t; DELETE FROM t', \"nextval\"('s')",
            "reads",
        );
        check(
            "SELECT $$DELETE FROM t$$, $a$; COMMIT; $b$ $a$ AS x, $1",
            "reads",
        );
        check("SELECT E'it\\'s; COMMIT', 'it''s; COMMIT'", "reads");
        check("SELECT updated, delete, into_x FROM insert", "reads");
        check("SET CONSTRAINTS ALL IMMEDIATE; SELECT 1", "reads, reads");
        check(
            "SAVEPOINT a; SELECT 1; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a",
            "reads, reads, reads, reads",
        );
        check("EXPLAIN (FORMAT JSON) DELETE FROM t", "reads");
        check("EXPLAIN (ANALYZE, BUFFERS) SELECT analyze FROM t", "reads");
        check("SELECT pg_advisory_key, '가나다' FROM t", "reads");
    }

    #[test]
    fn everything_else_can_write() {
        check("INSERT INTO t VALUES (1)", "writes: INSERT");
        check("SELECT 1; UPDATE t SET a = 1", "reads, writes: UPDATE");
        check(
            "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
            "writes: DELETE",
        );
        check(
            "WITH x AS (UPDATE t SET a = 1 RETURNING 1) SELECT 1",
            "writes: UPDATE",
        );
        check(
            "WITH x AS (SELECT 1) INSERT INTO t SELECT 1",
            "writes: INSERT",
        );
        check("SELECT * INTO copy FROM t", "writes: SELECT INTO");
        check("SELECT * FROM t FOR UPDATE", "writes: FOR UPDATE");
        check("SELECT * FROM t FOR NO KEY UPDATE", "writes: FOR NO");
        check("SELECT NextVal ('s')", "writes: nextval");
        check("SELECT pg_catalog.setval('s', 1)", "writes: setval");
        check("SELECT pg_advisory_lock(1)", "writes: pg_advisory_lock");
        check("EXPLAIN ANALYZE DELETE FROM t", "writes: DELETE");
        check("EXPLAIN (ANALYZE) SELECT nextval('s')", "writes: nextval");
        check("DO $$ BEGIN COMMIT; END $$", "writes: DO");
        check("CALL late_changes()", "writes: CALL");
        check("COPY t TO PROGRAM 'sh'", "writes: COPY");
        check("LOCK TABLE t", "writes: LOCK");
        check("VACUUM", "writes: VACUUM");
        check(
            "SET TRANSACTION READ WRITE",
            "writes: SET TRANSACTION READ WRITE",
        );
        check("42", "writes: …");
    }

    #[test]
    fn the_words_of_mysql_are_known() {
        check(
            "DESC t; CHECKSUM TABLE t; USE shop; SHOW CREATE TABLE `delete`",
            "reads, reads, reads, reads",
        );
        check("SELECT `into` FROM `update; t`", "reads");
        check("REPLACE INTO t VALUES (1)", "writes: REPLACE");
        check("SELECT 1 INTO OUTFILE '/tmp/x'", "writes: SELECT INTO");
        check(
            "SET @x = 1; SET SESSION sort_buffer_size = DEFAULT",
            "reads, reads",
        );
        check("SET GLOBAL max_connections = 1", "writes: SET GLOBAL");
        check("SET @@GLOBAL.read_only = 1", "writes: SET GLOBAL");
        check("SET PERSIST sort_buffer_size = 1", "writes: SET PERSIST");
        check("SET DEFAULT ROLE x TO y", "writes: SET DEFAULT");
    }

    #[test]
    fn mysql_undoes_changes_of_rows_only() {
        let undone = "INSERT INTO t VALUES (1); UPDATE t SET a = 1; SELECT * FROM t FOR UPDATE";
        assert_eq!(not_undone_by_mysql(undone), None);
        let altered = not_undone_by_mysql("DELETE FROM t; CREATE TABLE x (a INT)");
        assert_eq!(altered.as_deref(), Some("CREATE"));
        assert_eq!(not_undone_by_mysql("CALL p()").as_deref(), Some("CALL"));
        assert_eq!(not_undone_by_mysql("COMMIT").as_deref(), Some("COMMIT"));
    }

    #[test]
    fn the_ends_of_transactions_are_found_wherever_they_are() {
        check(
            "BEGIN; INSERT INTO t VALUES (1); COMMIT",
            "ends: BEGIN, writes: INSERT, ends: COMMIT",
        );
        check("select 1;rollback", "reads, ends: ROLLBACK");
        check("START TRANSACTION", "ends: START");
        check("/* */ end", "ends: END");
        check(
            "PREPARE TRANSACTION 'x'; PREPARE q AS SELECT 1",
            "ends: PREPARE TRANSACTION, writes: PREPARE",
        );
        check("'open; COMMIT", "writes: …");
        check("/* open; COMMIT", "");
    }

    #[test]
    fn a_statement_has_the_line_on_which_it_begins() {
        let script = "-- seed;\nCREATE TABLE a (b text);\n\nINSERT INTO a VALUES (';\n'),\n  ('c');\nSELECT 1;\n";
        let lines: Vec<usize> = (0..4).map(|done| statement_line(script, done)).collect();
        assert_eq!(lines, [2, 4, 7, 7]);
        assert_eq!(statement_line("", 0), 1);
        assert_eq!(line_of_character("aé\nb", 3), 2);
        assert_eq!(line_of_character("a", 9), 1);
    }
}
