//! Questions that must be answered before something is lost.

use std::io::IsTerminal;
use std::path::Path;

use crate::app::{OutputKind, Replaced, replaced_by};
use crate::commands::Context;
use crate::localized;
use crate::report::{self, sanitize};
use crate::runner::Failure;
use crate::text;
use crate::text::Text;

/// Whether the user agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirmation {
    Given,
    Declined,
}

impl Confirmation {
    /// Converts the line that the user typed.
    fn from_line(line: &str) -> Self {
        match line.trim() {
            "y" | "Y" | "yes" => Self::Given,
            _ => Self::Declined,
        }
    }
}

/// Shows lines and a question on the terminal and waits for the answer; `--yes` answers it. Without a terminal and without
/// `--yes`, the command fails with `refused`.
pub(crate) async fn confirm(
    context: &Context,
    lines: &[String],
    question: &str,
    refused: Text,
) -> Result<Confirmation, Failure> {
    if context.global.yes {
        return Ok(Confirmation::Given);
    }
    if !can_prompt(context) {
        return Err(Failure::Usage(refused));
    }
    context.reporter.finish();
    lines.iter().for_each(|line| report::error(line));
    report::error(question);
    // Reading blocks, so it happens on another thread: a signal still ends the program.
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await.map_err(anyhow::Error::from)?;
    let answer = answer.map_err(anyhow::Error::from)?;
    Ok(Confirmation::from_line(&answer))
}

/// Asks before a file is replaced that is of another kind than what is written. What is no regular file is never replaced.
pub(crate) async fn confirm_replacing(
    context: &Context,
    file: &Path,
    kind: OutputKind,
) -> Result<Confirmation, Failure> {
    if replaced_by(file, kind)? == Replaced::Nothing {
        return Ok(Confirmation::Given);
    }
    let shown = sanitize(&file.display().to_string());
    let lines = [localized!(
        "{file} exists and is a file of another kind",
        file = &shown
    )];
    let question = localized!("replace {file}? [y/N]", file = &shown);
    let refused = text!(
        "{file} exists and is a file of another kind; add `--yes` to replace it, or name another file",
        file = &shown
    );
    let answer = confirm(context, &lines, &question, refused).await?;
    if answer == Confirmation::Declined {
        report::output(&localized!("nothing was written"));
    }
    Ok(answer)
}

/// Returns whether the user can answer a question.
fn can_prompt(context: &Context) -> bool {
    !context.global.json && std::io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_confirms() {
        for line in ["y\n", "Y\n", " yes \n"] {
            assert_eq!(Confirmation::from_line(line), Confirmation::Given);
        }
        for line in ["", "\n", "n\n", "no\n"] {
            assert_eq!(Confirmation::from_line(line), Confirmation::Declined);
        }
    }
}
