//! The place of an error in a script that is a file of the lab. Pure.

use crate::expect::Actual;
use crate::lab::{SqlProbe, line_of_character, statement_line};

/// What a server reported about an error in a script.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ErrorPlace {
    /// The character at which the error is, from 1, if the server named one.
    pub(super) character: Option<usize>,
    /// How many statements were completed before.
    pub(super) completed: usize,
}

/// Adds the file and the line to an error, as `files/seed.sql:37`.
pub(super) fn with_place(mut actual: Actual, probe: &SqlProbe, place: ErrorPlace) -> Actual {
    if let (Some(file), Some(error)) = (&probe.file, &mut actual.error) {
        let script = probe.text.as_str();
        let line = match place.character {
            Some(character) => line_of_character(script, character.saturating_sub(1)),
            None => statement_line(script, place.completed),
        };
        error.message = format!("{file}:{line}: {}", error.message);
    }
    actual
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::SqlText;
    use crate::probe::double::Scene;

    #[test]
    fn an_error_in_a_file_has_its_line() {
        let probe = |file: Option<&str>| SqlProbe {
            service: Scene::service(),
            text: SqlText::Script("SELECT 1;\n\nSELEC 2;".to_owned()),
            file: file.map(str::to_owned),
            database: None,
            user: None,
            password: None,
        };
        let message = |file, place| {
            let actual = with_place(Actual::error("42601", "wrong"), &probe(file), place);
            actual.error.map(|error| error.message)
        };
        let at = |character, completed| ErrorPlace {
            character,
            completed,
        };
        let check = |place, expected: &str| {
            assert_eq!(message(Some("a.sql"), place).as_deref(), Some(expected));
        };
        check(at(Some(12), 0), "a.sql:3: wrong");
        check(at(Some(1), 1), "a.sql:1: wrong");
        check(at(None, 1), "a.sql:3: wrong");
        assert_eq!(message(None, at(None, 1)).as_deref(), Some("wrong"));
    }
}
