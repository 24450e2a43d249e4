//! How commands show runs that no journal of this state folder records, and confirm their removal.

use std::path::Path;

use serde_json::{Value, json};

use crate::commands::Context;
use crate::commands::confirmation::{Confirmation, confirm};
use crate::localized;
use crate::plan::{OrphanKind, OrphanRun};
use crate::report::{Wording, age, sanitize};
use crate::runner::Failure;
use crate::store::now;
use crate::text;
use crate::text::Text;

/// Shows the runs and asks whether to remove them; `--yes` answers it.
pub(crate) async fn confirm_removal(
    context: &Context,
    orphans: &[OrphanRun],
) -> Result<Confirmation, Failure> {
    let refused = text!("removing a run of another state folder must be confirmed; add `--yes`");
    let lines = orphans.iter();
    let lines = lines.map(|orphan| sanitize(&describe(orphan).localized()));
    let question = localized!("Its owner may still be using it. Remove it and its data? [y/N]");
    confirm(context, &lines.collect::<Vec<_>>(), &question, refused).await
}

/// Describes an orphan run in one line: what it is, its owner and its age.
fn describe(orphan: &OrphanRun) -> Text {
    let name = match orphan.instance.is_main() {
        true => orphan.lab.to_string(),
        false => format!("{} ({})", orphan.lab, orphan.instance),
    };
    let started = match orphan.started {
        Some(at) => text!("started {age} ago", age = age(now().saturating_sub(at))),
        None => text!("start time unknown"),
    };
    text!(
        "{name}  {owner}; {started}; {running} of {containers} containers running",
        name,
        owner = owner(orphan),
        started,
        running = orphan.running,
        containers = orphan.containers
    )
}

fn owner(orphan: &OrphanRun) -> Text {
    let owner = &orphan.owner;
    match (orphan.kind, &owner.user, &owner.state_folder) {
        (OrphanKind::NoJournal, _, _) => text!("its journal is missing"),
        (OrphanKind::OtherStateFolder, Some(user), Some(folder)) if is_missing(folder) => text!(
            "user {user}, state folder {folder} (not found)",
            user,
            folder
        ),
        (OrphanKind::OtherStateFolder, Some(user), Some(folder)) => {
            text!("user {user}, state folder {folder}", user, folder)
        }
        // Early versions only recorded the id.
        (OrphanKind::OtherStateFolder, _, _) => {
            text!("unknown state folder (owner {id})", id = owner.id)
        }
    }
}

/// Whether a folder surely does not exist. One that this user may not see may exist.
fn is_missing(folder: &str) -> bool {
    matches!(Path::new(folder).try_exists(), Ok(false))
}

/// How many runs are shown one by one, unless more is asked for.
const FEW: usize = 3;

/// Returns the lines about orphan runs, each with the command that removes the run. Of many, only their number is shown.
pub(crate) fn lines(orphans: &[OrphanRun], wording: Wording) -> Vec<String> {
    if orphans.len() > FEW && wording == Wording::Plain {
        return vec![localized!(
            "{count} runs of other state folders are left alone; `roadlab status --verbose` shows them",
            count = orphans.len()
        )];
    }
    let mut lines = Vec::new();
    if !orphans.is_empty() {
        lines.push(localized!(
            "Runs of another state folder (left alone unless you use `--orphan`):"
        ));
    }
    for orphan in orphans {
        lines.push(format!("  {}", sanitize(&describe(orphan).localized())));
        lines.push(format!(
            "      {}",
            localized!(
                "remove it with `{command}`",
                command = orphan.command_down()
            )
        ));
    }
    lines
}

/// Returns an orphan run for `--json`.
pub(crate) fn to_json(orphan: &OrphanRun) -> Value {
    json!({
        "lab": orphan.lab,
        "instance": orphan.instance,
        "run": orphan.run,
        "reason": match orphan.kind {
            OrphanKind::OtherStateFolder => "other_state_folder",
            OrphanKind::NoJournal => "no_journal",
        },
        "owner": orphan.owner.id,
        "user": orphan.owner.user,
        "state_folder": orphan.owner.state_folder,
        "started": orphan.started,
        "containers": orphan.containers,
        "running": orphan.running,
        "networks": orphan.networks,
        "volumes": orphan.volumes,
        "remove": orphan.command_down(),
    })
}
