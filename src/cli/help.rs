//! What `--help` says beyond a command's own line: the screen of all commands, and for each what it promises, with examples.
//!
//! The texts are in `texts.rs`; here they are put into the tree of commands.

mod texts;

use std::fmt::Write;

use clap::CommandFactory;

use texts::{COMMANDS, CommandHelp, GROUPS};

use crate::cli::Cli;

/// All that can be typed, with its help.
pub(crate) fn command() -> clap::Command {
    let mut root = Cli::command().override_help(overview());
    for text in COMMANDS {
        let mut path = text.command.split(' ');
        if let Some(first) = path.next()
            && root.find_subcommand(first).is_some()
        {
            root = root.mut_subcommand(first, |command| match path.next() {
                None => with_help(command, text),
                Some(second) => command.mut_subcommand(second, |below| with_help(below, text)),
            });
        }
    }
    root
}

fn with_help(command: clap::Command, text: &CommandHelp) -> clap::Command {
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut examples = "Examples:".to_owned();
    for example in text.examples {
        // Writing to a String cannot fail.
        let _ = write!(examples, "\n  {example}");
    }
    command
        .long_about(format!("{about}\n\n{}", text.description))
        .after_help(examples)
        .mut_args(
            |arg| match (arg.get_help(), argument_help(arg.get_id().as_str())) {
                (None, Some(help)) => arg.help(help),
                _ => arg,
            },
        )
}

/// What the words mean that many commands take.
fn argument_help(id: &str) -> Option<&'static str> {
    match id {
        "lab" | "names" => {
            Some("A lab by name, as `roadlab list` shows it, or by a path such as ./my-lab")
        }
        "exercise" | "exercises" => Some("An exercise by name, as `roadlab show LAB` lists them"),
        "service" | "services" => Some("A service of the lab, as `roadlab show LAB` lists them"),
        "choice" => Some("One of the quiz's choices"),
        _ => None,
    }
}

/// What `exit.rs` says, in two lines.
pub(crate) const EXIT_CODES: &str = "\
0 fine, 1 a check failed, 2 usage or lab file, 3 environment,
4 refused, 5 never ready, 6 fault, 129 130 143 stopped by a signal";

/// The width of a column, so that two stand side by side on 80 characters.
const COLUMN: usize = 40;

/// All commands on one screen of 80 columns and 24 lines.
fn overview() -> String {
    let (left, right) = GROUPS.split_at(GROUPS.len().div_ceil(2));
    let columns = [left, right].map(|groups| {
        let mut lines = Vec::new();
        for (title, names) in groups {
            lines.extend((!lines.is_empty()).then(String::new));
            lines.push(format!("{title}:"));
            for name in *names {
                let text = COMMANDS.iter().find(|text| text.command == *name);
                let summary = text.map_or("", |text| text.summary);
                lines.push(format!("  {name:<11} {summary}"));
            }
        }
        lines
    });
    let mut overview = "Hands-on data engineering labs: real services, verified exercises, instant reset\n\
                      Usage: roadlab COMMAND [OPTIONS]          roadlab COMMAND --help tells more\n\n"
        .to_owned();
    for at in 0..columns[0].len().max(columns[1].len()) {
        let [left, right] = [0, 1].map(|side| columns[side].get(at).map_or("", String::as_str));
        let line = format!("{left:<COLUMN$}{right}");
        let _ = writeln!(overview, "{}", line.trim_end());
    }
    overview.push_str("\nStart here: roadlab list, then roadlab run redis\n");
    let codes = EXIT_CODES.replace('\n', "\n            ");
    let _ = write!(overview, "Exit codes: {codes}");
    overview
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands that people type.
    fn typed(root: &clap::Command) -> impl Iterator<Item = &clap::Command> {
        root.get_subcommands()
            .filter(|command| !command.is_hide_set())
    }

    /// Every command that does something, by its words.
    fn all() -> Vec<(String, clap::Command)> {
        let mut found = Vec::new();
        for command in typed(&command()) {
            let below: Vec<_> = command.get_subcommands().collect();
            for inner in &below {
                let name = format!("{} {}", command.get_name(), inner.get_name());
                found.push((name, (*inner).clone()));
            }
            found.push((command.get_name().to_owned(), command.clone()));
        }
        found
    }

    /// The words that an example gives to roadlab: up to a pipe, a redirection, a comment.
    fn words(example: &str) -> Vec<&str> {
        let (_, line) = example.split_once("roadlab ").unwrap_or_default();
        let line = line.split([')', '|', '>', '#']).next().unwrap_or_default();
        line.split_whitespace().collect()
    }

    #[test]
    fn every_command_says_what_it_promises_with_examples_that_can_be_typed() {
        let mut told: Vec<&str> = COMMANDS.iter().map(|text| text.command).collect();
        let mut there: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
        told.sort_unstable();
        there.sort_unstable();
        assert_eq!(told, there, "src/cli/help/texts.rs tells of every command");
        for text in COMMANDS {
            assert!(!text.description.is_empty() && !text.examples.is_empty());
            let mut of_its_own = 0;
            for example in text.examples {
                let words = words(example);
                let typed = [&["roadlab"], words.as_slice()].concat();
                let parsed = command().try_get_matches_from(&typed);
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                of_its_own += usize::from(words.join(" ").starts_with(text.command));
            }
            assert!(
                of_its_own > 0,
                "`{}` has an example of its own",
                text.command
            );
        }
    }

    #[test]
    fn every_command_and_every_word_it_takes_is_explained() {
        for (name, command) in all() {
            let description = command.get_long_about().unwrap().to_string();
            assert!(description.lines().count() >= 3, "{name}: {description}");
            for arg in command.get_arguments().filter(|arg| !arg.is_global_set()) {
                assert!(arg.get_help().is_some(), "{name}: {}", arg.get_id());
                let upper = |text: &str| !text.chars().any(char::is_lowercase);
                let names = arg.get_value_names().unwrap_or_default();
                assert!(names.iter().all(|name| upper(name)), "{name}: {names:?}");
                for plural in ["EXERCISES", "SERVICES", "NAMES", "PATHS", "LABS"] {
                    assert!(
                        names.iter().all(|name| *name != plural),
                        "{name}: {names:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_help_fits_on_one_screen_and_has_every_command_once() {
        let overview = overview();
        assert!(overview.lines().count() <= 24, "{overview}");
        for line in overview.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        let root = command();
        let mut there: Vec<&str> = typed(&root).map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        there.sort_unstable();
        assert_eq!(grouped, there);
        for text in COMMANDS.iter().filter(|text| !text.command.contains(' ')) {
            let long = text.summary.chars().count();
            assert!(long > 0 && long <= COLUMN - 15, "{}: {long}", text.summary);
        }
    }
}
