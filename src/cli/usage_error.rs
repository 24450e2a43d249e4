//! What is wrong with the arguments, in the language of the process. clap's own English stands as it is; in another language the
//! same message is made from the parts of clap's error.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::problem::similar;
use crate::text::{Language, Text};
use crate::{localized, text};

/// Puts the most similar command first, and leaves out those that only clap takes for similar.
pub(super) fn with_closest_first(mut error: Error) -> Error {
    let kind = ContextKind::SuggestedSubcommand;
    if let Some(ContextValue::Strings(names)) = error.get(kind) {
        let typed = text_of(&error, ContextKind::InvalidSubcommand).unwrap_or_default();
        let close = similar(&typed, names.iter().map(String::as_str));
        let close: Vec<String> = close.into_iter().map(str::to_owned).collect();
        error.remove(kind);
        if !close.is_empty() {
            error.insert(kind, ContextValue::Strings(close));
        }
    }
    error
}

/// Returns help, version or the message of a usage error, with colors if the stream shows them.
pub(super) fn render(error: &Error, language: Language) -> String {
    let in_english = || {
        let text = error.render();
        let is_terminal = match error.use_stderr() {
            true => console::colors_enabled_stderr(),
            false => console::colors_enabled(),
        };
        match is_terminal {
            true => text.ansi().to_string(),
            false => text.to_string(),
        }
    };
    match (language, message(error)) {
        (Language::English, _) | (_, None) => in_english(),
        (_, Some(message)) => with_tips(error, message),
    }
}

/// Returns the first line of a message; `None` for help, version and what has no translation.
fn message(error: &Error) -> Option<Text> {
    let get = |kind| text_of(error, kind).unwrap_or_default();
    let argument = get(ContextKind::InvalidArg);
    Some(match error.kind() {
        ErrorKind::InvalidValue if get(ContextKind::InvalidValue).is_empty() => {
            text!(
                "a value is required for '{argument}' but none was supplied",
                argument
            )
        }
        ErrorKind::InvalidValue => {
            let value = get(ContextKind::InvalidValue);
            text!("invalid value '{value}' for '{argument}'", value, argument)
        }
        ErrorKind::ValueValidation => {
            let value = get(ContextKind::InvalidValue);
            let reason = std::error::Error::source(error).map(ToString::to_string);
            text!(
                "invalid value '{value}' for '{argument}': {reason}",
                value,
                argument,
                reason = reason.unwrap_or_default()
            )
        }
        ErrorKind::UnknownArgument => text!("unexpected argument '{argument}' found", argument),
        ErrorKind::InvalidSubcommand => {
            let name = get(ContextKind::InvalidSubcommand);
            text!("unrecognized subcommand '{name}'", name)
        }
        ErrorKind::ArgumentConflict => match get(ContextKind::PriorArg) {
            prior if prior == argument => {
                text!(
                    "the argument '{argument}' cannot be used multiple times",
                    argument
                )
            }
            prior => text!(
                "the argument '{argument}' cannot be used with '{prior}'",
                argument,
                prior
            ),
        },
        ErrorKind::MissingRequiredArgument => {
            text!("required arguments are missing: {argument}", argument)
        }
        ErrorKind::MissingSubcommand => {
            let name = get(ContextKind::InvalidSubcommand);
            text!(
                "'{name}' requires a subcommand but one was not provided",
                name
            )
        }
        ErrorKind::InvalidUtf8 => text!("invalid UTF-8 was detected in one or more arguments"),
        _ => return None,
    })
}

/// Returns a message with what clap adds: possible values, suggestions, usage.
fn with_tips(error: &Error, message: Text) -> String {
    let mut lines = vec![localized!("error: {problem}", problem = message)];
    if let Some(values) = text_of(error, ContextKind::ValidValue) {
        lines.push(format!(
            "  {}",
            localized!("[possible values: {values}]", values)
        ));
    }
    let suggestions = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    for kind in suggestions {
        if let Some(name) = text_of(error, kind) {
            let tip = localized!("tip: did you mean '{name}'?", name);
            lines.extend([String::new(), format!("  {tip}")]);
        }
    }
    if let Some(usage) = text_of(error, ContextKind::Usage) {
        let usage = usage.trim_start_matches("Usage:").trim_start();
        let usage = format!("{} {usage}", crate::text::translated("Usage:"));
        lines.extend([String::new(), usage]);
    }
    lines.extend([
        String::new(),
        localized!("For more information, try '--help'."),
    ]);
    lines.join("\n")
}

fn text_of(error: &Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[&str], korean: &str) {
        let error = crate::cli::command()
            .try_get_matches_from(words)
            .unwrap_err();
        let message = message(&error).unwrap().in_language(Language::Korean);
        assert_eq!(message, korean);
    }

    #[test]
    fn the_most_similar_command_is_suggested_and_no_distant_one() {
        let suggested = |typed: &str| {
            let command = crate::cli::command();
            let error = command
                .try_get_matches_from(["roadlab", typed])
                .unwrap_err();
            let error = with_closest_first(error);
            text_of(&error, ContextKind::SuggestedSubcommand)
        };
        assert_eq!(suggested("chekc").as_deref(), Some("check"));
        assert_eq!(suggested("staus").as_deref(), Some("status"));
        assert_eq!(suggested("schemes"), Some("schema".to_owned()));
        assert_eq!(suggested("xyzzy"), None);
    }

    #[test]
    fn every_usual_mistake_has_a_message_of_its_own() {
        check(&["roadlab", "lst"], "알 수 없는 하위 명령입니다: 'lst'");
        check(
            &["roadlab", "list", "--al"],
            "알 수 없는 인자입니다: '--al'",
        );
        check(
            &["roadlab", "list", "--color", "blue"],
            "'--color <COLOR>'에 잘못된 값이 지정되었습니다: 'blue'",
        );
        check(&["roadlab", "show"], "필수 인자가 없습니다: <LAB>");
        check(
            &["roadlab", "run", "a", "--keep", "--down"],
            "'--keep' 인자는 '--down'과 함께 사용할 수 없습니다",
        );
    }

    #[test]
    fn english_is_what_clap_writes() {
        let error = crate::cli::command()
            .try_get_matches_from(["roadlab", "lst"])
            .unwrap_err();
        let text = render(&error, Language::English);
        assert!(text.contains("unrecognized subcommand 'lst'"), "{text}");
    }
}
