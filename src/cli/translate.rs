//! Puts clap's help into the language of the process: commands, arguments, headings, and what clap itself adds.

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use crate::localized;
use crate::text::{Language, translated, translated_heading};

/// The one heading that arguments have of their own.
pub(super) const GLOBAL_OPTIONS: &str = "Global options";

/// Returns the command with every text in the language of the process. English needs no change.
pub(super) fn translate(command: Command) -> Command {
    match Language::current() {
        Language::English => command,
        Language::Korean => translate_tree(command),
    }
}

fn translate_tree(command: Command) -> Command {
    let about = command
        .get_about()
        .map(|text| translated(&text.to_string()));
    let heading = |name: &str| format!("{name}\n\n");
    let template = format!(
        "{{before-help}}{}{} {{usage}}\n\n{{all-args}}{{after-help}}",
        heading("{about}"),
        translated("Usage:"),
    );
    let mut place = 0;
    let command = command
        .help_template(template)
        .subcommand_help_heading(translated_heading("Commands"))
        .mut_args(|arg| {
            place += 1;
            match arg.is_positional() {
                // Under a heading of its own, clap sorts them by name.
                true => translate_argument(arg).display_order(place),
                false => translate_argument(arg),
            }
        })
        .mut_subcommands(translate_tree);
    match about {
        Some(about) => command.about(about),
        None => command,
    }
}

fn translate_argument(arg: Arg) -> Arg {
    let mut help = match arg.get_help() {
        Some(help) => translated(&help.to_string()),
        None => String::new(),
    };
    let heading = translated_heading(match arg.get_help_heading() {
        Some(_) => GLOBAL_OPTIONS,
        None if arg.is_positional() => "Arguments",
        None => "Options",
    });
    let takes_values = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let mut notes = Vec::new();
    if let Some(name) = arg.get_env().and_then(|name| name.to_str()) {
        notes.push(localized!("[env: {name}]", name));
    }
    if takes_values && !arg.get_default_values().is_empty() {
        let values = arg.get_default_values().iter();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        notes.push(localized!("[default: {value}]", value = values.join(", ")));
    }
    if takes_values {
        let values = arg.get_possible_values();
        let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        if !values.is_empty() {
            notes.push(localized!(
                "[possible values: {values}]",
                values = values.join(", ")
            ));
        }
    }
    for note in notes {
        help.push(' ');
        help.push_str(&note);
    }
    let arg = arg.help(help.trim_start().to_owned()).help_heading(heading);
    if !takes_values {
        return arg;
    }
    // Their English labels are in the help already.
    arg.hide_env(true)
        .hide_default_value(true)
        .hide_possible_values(true)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_translated_command_line_is_valid() {
        translate_tree(crate::cli::Cli::command()).debug_assert();
    }
}
