//! `roadlab completions`: a completion script for a shell.

use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::report::output;
use crate::runner::Failure;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut typed(), "roadlab", &mut script);
    output(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Fine)
}

/// The commands that people type; scripts would offer hidden ones too.
fn typed() -> Command {
    let all = Cli::command();
    let typed = all
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    Command::new("roadlab")
        .args(all.get_arguments().cloned())
        .subcommands(typed.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_types_is_not_offered() {
        let typed = typed();
        let names: Vec<&str> = typed.get_subcommands().map(Command::get_name).collect();
        assert!(names.contains(&"up"), "{names:?}");
        assert!(!names.contains(&crate::cli::REAP), "{names:?}");
    }
}
