//! `roadlab completions`: prints a script that lets a shell ask roadlab for completions.

use std::path::Path;

use anyhow::Context;
use clap_complete::env::Shells;

use crate::cli::NAME;
use crate::commands::complete::VARIABLE;
use crate::exit::Exit;
use crate::localized;
use crate::report::output;
use crate::runner::Failure;

/// In a folder of `fpath`, zsh runs the script as the function `_roadlab` at the first TAB, and expects completions.
const ZSH_AUTOLOAD: &str = r#"
if [[ "$funcstack[1]" == "_roadlab" ]]; then
    _clap_dynamic_completer_roadlab "$@"
fi
"#;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&shell.to_string())
        .with_context(|| localized!("no completions for {shell}", shell))?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, NAME, NAME, &program(), &mut script)
        .context("cannot generate the completions")?;
    if shell.name() == "zsh" {
        script.extend_from_slice(ZSH_AUTOLOAD.as_bytes());
    }
    output(String::from_utf8_lossy(&script).trim());
    Ok(Exit::Success)
}

/// Returns how the shell calls roadlab: by the name it was called by, or by the absolute path if a path was typed.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_else(|| NAME.into());
    match Path::new(&called).components().count() {
        0 | 1 => called.to_string_lossy().into_owned(),
        _ => std::path::absolute(&called)
            .unwrap_or_else(|_| called.into())
            .to_string_lossy()
            .into_owned(),
    }
}
