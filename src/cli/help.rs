//! The help of the program: the overview of all commands, and for each command a description and examples.
//!
//! The texts are in `texts.rs`; here they become part of clap's commands.

mod texts;

use std::ffi::OsStr;
use std::fmt::Write;

use clap::{Arg, ArgAction, CommandFactory, Id};

use texts::{COMMANDS, CommandHelp, GROUPS, SHARED};

use crate::cli::translate::GLOBAL_OPTIONS;
use crate::cli::{Cli, translate};
use crate::localized;
use crate::text::translated;

/// Returns the whole command line with its help, in the language of the process.
pub(crate) fn command() -> clap::Command {
    let mut root = Cli::command()
        .override_help(overview())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(help_option())
        .arg(version_option());
    root = without_empty_variables(translate::translate(root));
    let mut built = root.clone();
    built.build();
    for help in COMMANDS {
        let mut path = help.command.split(' ');
        let usage = usage(&mut built, help.command);
        if let Some(first) = path.next()
            && root.find_subcommand(first).is_some()
        {
            root = root.mut_subcommand(first, |command| match path.next() {
                None => with_help(command, help).override_usage(usage),
                Some(second) => command
                    .mut_subcommand(second, |below| with_help(below, help).override_usage(usage)),
            });
        }
    }
    root
}

/// Takes the variables that are empty from the options that they would give: an empty variable is as one that is not set, as
/// for NO_COLOR and the locale.
fn without_empty_variables(root: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let given = root.get_arguments();
    let given = given.filter(|option| option.get_env().is_some_and(is_empty));
    let empty: Vec<Id> = given.map(|option| option.get_id().clone()).collect();
    empty.into_iter().fold(root, |root, id| {
        root.mut_arg(id, |option| option.env(None::<&'static str>))
    })
}

/// Returns the usage of a command. What clap would write into a usage error has all options that a variable of the
/// environment gives, as if they had to be typed.
fn usage(root: &mut clap::Command, path: &str) -> String {
    let command = path
        .split(' ')
        .try_fold(root, |above, name| above.find_subcommand_mut(name));
    let usage = command.map(clap::Command::render_usage);
    let usage = usage.map(|usage| usage.to_string()).unwrap_or_default();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

fn help_option() -> Arg {
    Arg::new("help")
        .long("help")
        .short('h')
        .global(true)
        .help("Print help")
        .help_heading(GLOBAL_OPTIONS)
        .action(ArgAction::Help)
}

fn version_option() -> Arg {
    Arg::new("version")
        .long("version")
        .short('V')
        .global(true)
        .help("Print version")
        .help_heading(GLOBAL_OPTIONS)
        .action(ArgAction::Version)
}

fn with_help(command: clap::Command, help: &CommandHelp) -> clap::Command {
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut examples = translated("Examples:");
    for example in help.examples {
        // Writing to a String cannot fail.
        let _ = match example.split_once("# ") {
            None => write!(examples, "\n  {example}"),
            Some((line, note)) => write!(examples, "\n  {line}# {}", translated(note)),
        };
    }
    command
        .long_about(format!("{about}\n\n{}", translated(help.description)))
        .after_help(examples)
        .mut_args(|arg| {
            let missing = arg
                .get_help()
                .is_none_or(|help| help.to_string().is_empty());
            match argument_help(arg.get_id().as_str()) {
                Some(help) if missing => arg.help(translated(help)),
                Some(_) | None => arg,
            }
        })
}

/// Returns the help of an argument that many commands have.
fn argument_help(id: &str) -> Option<&'static str> {
    match id {
        "lab" | "names" => {
            Some("Lab by name, as `roadlab list` shows it, or by path, such as ./my-lab")
        }
        "exercise" | "exercises" => Some("Exercise by name, as `roadlab show LAB` lists it"),
        "service" | "services" => Some("Service of the lab, as `roadlab show LAB` lists it"),
        "choice" => Some("Choice of the quiz"),
        _ => None,
    }
}

/// Returns the exit codes of `exit.rs` in two lines.
pub(crate) fn exit_codes() -> String {
    localized!(
        "0 success, 1 check failed, 2 usage or lab file, 3 environment,\n4 refused, 5 not ready, 6 runtime error, 129 130 143 signal"
    )
}

/// The width of a column: two stand side by side on 80 characters.
const COLUMN: usize = 40;

/// The width of a name; longer ones are followed by their summaries.
const NAME_WIDTH: usize = 11;

/// Returns all commands on one screen of 80 columns and 24 lines.
fn overview() -> String {
    let (left, right) = GROUPS.split_at(GROUPS.len().div_ceil(2));
    let columns = [left, right].map(|groups| {
        let mut lines = Vec::new();
        for (title, names) in groups {
            lines.push(format!("{}:", translated(title)));
            for name in *names {
                let help = COMMANDS.iter().find(|help| help.command == *name);
                let shared = SHARED.iter().find(|(names, _)| names == name);
                let summary = help.map(|help| help.summary);
                let summary = summary.or(shared.map(|(_, summary)| *summary));
                let summary = translated(summary.unwrap_or_default());
                lines.push(match name.len() > NAME_WIDTH {
                    true => format!("  {name}  {summary}"),
                    false => format!("  {name:<NAME_WIDTH$} {summary}"),
                });
            }
        }
        lines
    });
    let mut screen = localized!(
        "Hands-on data engineering labs: real services, verified exercises, instant reset\nUsage: roadlab COMMAND [OPTIONS], help: roadlab COMMAND --help"
    );
    screen.push_str("\n\n");
    for at in 0..columns[0].len().max(columns[1].len()) {
        let [left, right] = [0, 1].map(|side| columns[side].get(at).map_or("", String::as_str));
        let left = console::pad_str(left, COLUMN, console::Alignment::Left, None);
        let line = format!("{left}{right}");
        let _ = writeln!(screen, "{}", line.trim_end());
    }
    screen.push_str(&localized!(
        "Get started: roadlab list, then roadlab run redis"
    ));
    let label = localized!("Exit codes: ");
    let indent = " ".repeat(console::measure_text_width(&label));
    let codes = exit_codes().replace('\n', &format!("\n{indent}"));
    let _ = write!(screen, "\n{label}{codes}");
    screen
}

/// Returns the texts of the overview and the notes in examples, for the test of the translations.
#[cfg(test)]
pub(crate) fn table_texts() -> Vec<String> {
    let titles = GROUPS.iter().map(|(title, _)| *title);
    let summaries = COMMANDS.iter().map(|help| help.summary);
    let examples = COMMANDS.iter().flat_map(|help| help.examples);
    let notes = examples.filter_map(|example| Some(example.split_once("# ")?.1));
    let shared = SHARED.iter().map(|(_, summary)| *summary);
    let texts = titles.chain(summaries).chain(shared).chain(notes);
    let texts = texts.filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the commands that are not hidden.
    fn visible(root: &clap::Command) -> impl Iterator<Item = &clap::Command> {
        root.get_subcommands()
            .filter(|command| !command.is_hide_set())
    }

    /// Returns every command and subcommand with its name.
    fn all() -> Vec<(String, clap::Command)> {
        let mut found = Vec::new();
        for command in visible(&command()) {
            let below: Vec<_> = command.get_subcommands().collect();
            for inner in &below {
                let name = format!("{} {}", command.get_name(), inner.get_name());
                found.push((name, (*inner).clone()));
            }
            found.push((command.get_name().to_owned(), command.clone()));
        }
        found
    }

    /// Returns the arguments of an example, without pipes, redirections and comments.
    fn words(example: &str) -> Vec<String> {
        let (_, line) = example.split_once("roadlab ").unwrap_or_default();
        let line = line.split([')', '|', '>', '#']).next().unwrap_or_default();
        shlex::split(line).expect("balanced quotes")
    }

    #[test]
    fn every_command_has_a_description_and_valid_examples() {
        let mut documented: Vec<&str> = COMMANDS.iter().map(|text| text.command).collect();
        let mut existing: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
        documented.sort_unstable();
        existing.sort_unstable();
        assert_eq!(
            documented, existing,
            "src/cli/help/texts.rs lists every command"
        );
        for text in COMMANDS {
            assert!(!text.description.is_empty() && !text.examples.is_empty());
            let mut own_examples = 0;
            for example in text.examples {
                let words = words(example);
                let typed = [&["roadlab".to_owned()], words.as_slice()].concat();
                let parsed = command().try_get_matches_from(&typed);
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
                own_examples += usize::from(words.join(" ").starts_with(text.command));
            }
            assert!(
                own_examples > 0,
                "`{}` has an example of its own",
                text.command
            );
        }
    }

    #[test]
    fn every_command_and_every_argument_has_help() {
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
    fn the_overview_fits_on_80_by_24_and_lists_every_command_once() {
        let overview = overview();
        assert!(overview.lines().count() <= 24, "{overview}");
        for line in overview.lines() {
            assert!(console::measure_text_width(line) <= 80, "{line}");
        }
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .flat_map(|names| names.split(", "))
            .collect();
        let root = command();
        let mut there: Vec<&str> = visible(&root).map(clap::Command::get_name).collect();
        grouped.sort_unstable();
        there.sort_unstable();
        assert_eq!(grouped, there);
        for text in COMMANDS.iter().filter(|text| !text.command.contains(' ')) {
            let long = text.summary.chars().count();
            assert!(long > 0 && long <= COLUMN - 15, "{}: {long}", text.summary);
        }
        for (names, _) in SHARED {
            assert!(
                GROUPS.iter().any(|(_, lines)| lines.contains(names)),
                "{names}"
            );
        }
    }
}
