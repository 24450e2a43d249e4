//! `roadlab completions`: a completion script for a shell.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::report::output;
use crate::runner::Failure;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "roadlab", &mut script);
    output(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Fine)
}
