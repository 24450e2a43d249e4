//! What users should know although the command succeeds.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::text;
use crate::text::Text;

/// A warning. In `--json` it is an event `note` with a `code` for programs and a `text` for people.
#[derive(Debug, Clone)]
pub enum Warning {
    /// A container that roadlab did not create was on a network that was removed.
    ContainerDisconnected { container: String, network: String },
    /// No service of the lab mounts this volume any more.
    UnusedVolume { volume: String },
    /// The container of this service was created by a newer roadlab.
    UnknownIdentity { service: String, lab: String },
    /// After a failed start everything that was created is removed again.
    CleanedUp { removed: Text },
    /// After a failed start something could not be removed yet.
    CleanupContinues { reason: String },
    /// A run whose program was killed was removed.
    InterruptedRunRemoved { lab: String, removed: Text },
    /// A run whose time limit expired was removed.
    ExpiredRunRemoved { lab: String, removed: Text },
    /// A run that must be removed could not be removed.
    LeftoversRemain { lab: String, reason: String },
    /// The command waits until an earlier run of the lab is removed.
    WaitingForRemoval { lab: String },
    /// After a failed start the containers are kept for inspection. `name` is the lab with the options that select it.
    ContainersRetained { name: String },
    /// After a failed start it could not be recorded that the run stays.
    RunNotKept { reason: String },
    /// A journal that could not be read was removed with its run.
    UnreadableJournalRemoved { path: String, reason: Text },
    /// An instance for a test did not start, and the other instances of the lab play what it would have played.
    TestInstanceFailed { lab: String, reason: String },
    /// A service that did not run is restarted before a reset.
    ServiceRestarted { service: String },
    /// A service that was paused continues before a reset.
    ServiceContinued { service: String },
    /// A reset failed or was interrupted, and `command` does it again.
    ResetUnfinished { command: String },
    /// The learner's version of a file was kept beside the lab's. `kept` is the whole path.
    FileKept { file: String, kept: String },
    /// The learner's folder is another one than the service mounted, so that the service is restarted.
    FolderReplaced { service: String },
    /// The copy of a lab's volumes could not be used, and was removed. The services initialise their data themselves.
    CopyNotUsed { lab: String, reason: String },
    /// The volumes of a lab could not be copied, so that its next start takes as long as this one.
    CopyNotMade { lab: String, reason: Text },
}

impl Warning {
    /// Returns the code in `--json`. A code never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Warning::ContainerDisconnected { .. } => "container_disconnected",
            Warning::UnusedVolume { .. } => "unused_volume",
            Warning::UnknownIdentity { .. } => "unknown_identity",
            Warning::CleanedUp { .. } => "cleaned_up",
            Warning::CleanupContinues { .. } => "cleanup_continues",
            Warning::InterruptedRunRemoved { .. } => "interrupted_run_removed",
            Warning::ExpiredRunRemoved { .. } => "expired_run_removed",
            Warning::LeftoversRemain { .. } => "leftovers_remain",
            Warning::WaitingForRemoval { .. } => "waiting_for_removal",
            Warning::ContainersRetained { .. } => "containers_retained",
            Warning::RunNotKept { .. } => "run_not_kept",
            Warning::UnreadableJournalRemoved { .. } => "unreadable_journal_removed",
            Warning::TestInstanceFailed { .. } => "test_instance_failed",
            Warning::ServiceRestarted { .. } => "service_restarted",
            Warning::ServiceContinued { .. } => "service_continued",
            Warning::ResetUnfinished { .. } => "reset_unfinished",
            Warning::FileKept { .. } => "file_kept",
            Warning::FolderReplaced { .. } => "folder_replaced",
            Warning::CopyNotUsed { .. } => "copy_not_used",
            Warning::CopyNotMade { .. } => "copy_not_made",
        }
    }

    pub fn text(&self) -> Text {
        match self {
            Warning::ContainerDisconnected { container, network } => text!(
                "container `{container}` does not belong to roadlab and was disconnected from network `{network}`",
                container,
                network
            ),
            Warning::UnusedVolume { volume } => text!(
                "volume `{volume}` is no longer used by the lab and is kept; `docker volume rm {volume}` removes it",
                volume
            ),
            Warning::UnknownIdentity { service, lab } => text!(
                "the container of `{service}` was created by a newer roadlab, so changes to its definition are not detected; `roadlab down {lab}` and `roadlab up {lab}` create it again",
                service,
                lab
            ),
            Warning::CleanedUp { removed } => {
                text!("removed what was created: {removed}", removed = *removed)
            }
            Warning::CleanupContinues { reason } => {
                text!("cleanup continues in the background: {reason}", reason)
            }
            Warning::InterruptedRunRemoved { lab, removed } => text!(
                "cleaned up an interrupted run of {lab}: {removed}",
                lab,
                removed = *removed
            ),
            Warning::ExpiredRunRemoved { lab, removed } => {
                text!("{lab} expired: removed {removed}", lab, removed = *removed)
            }
            Warning::LeftoversRemain { lab, reason } => text!(
                "cannot remove the leftovers of {lab}: {failure}",
                lab,
                failure = reason
            ),
            Warning::WaitingForRemoval { lab } => {
                text!("waiting until an earlier run of {lab} is removed", lab)
            }
            Warning::ContainersRetained { name } => text!(
                "the containers are retained: `roadlab status`, `roadlab logs {name}`; remove them with `roadlab down {name}`",
                name
            ),
            Warning::UnreadableJournalRemoved { path, reason } => text!(
                "removed {path}, the journal of a run, which could not be read: {reason}",
                path,
                reason = *reason
            ),
            Warning::RunNotKept { reason } => {
                text!("cannot record that the run stays: {reason}", reason)
            }
            Warning::TestInstanceFailed { lab, reason } => text!(
                "{lab} is tested with fewer instances, because one did not start: {reason}",
                lab,
                reason
            ),
            Warning::ServiceRestarted { service } => {
                text!("{service} is not running: restarting it", service)
            }
            Warning::ServiceContinued { service } => {
                text!("{service} is paused: it continues", service)
            }
            Warning::FileKept { file, kept } => {
                text!("your version of {file} is kept as {kept}", file, kept)
            }
            Warning::FolderReplaced { service } => text!(
                "your folder was replaced: restarting {service}, which still used the old one",
                service
            ),
            Warning::CopyNotUsed { lab, reason } => text!(
                "the copy of the data that {lab} starts with could not be used and was removed; the services create their data again: {reason}",
                lab,
                reason
            ),
            Warning::ResetUnfinished { command } => text!(
                "the last reset of this lab did not finish, so the services may hold only a part of what they should; `{command}` does it again",
                command
            ),
            Warning::CopyNotMade { lab, reason } => text!(
                "the data that {lab} starts with could not be copied, so the next start takes as long as this one: {reason}",
                lab,
                reason = *reason
            ),
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Warning", 2)?;
        fields.serialize_field("code", self.code())?;
        fields.serialize_field("text", &self.text().localized())?;
        fields.end()
    }
}

impl JsonSchema for Warning {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Warning".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "code": { "type": "string", "description": "The kind of the note. A code never changes its meaning." },
                "text": { "type": "string", "description": "The note, in the language of the process." }
            },
            "required": ["code", "text"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn a_warning_is_a_note_in_json() {
        let volume = "roadlab-redis-z7a9bc-old".to_owned();
        let event = Event::Warning(Warning::UnusedVolume { volume });
        insta::assert_snapshot!(serde_json::to_string(&event).unwrap(), @r#"{"event":"note","code":"unused_volume","text":"volume `roadlab-redis-z7a9bc-old` is no longer used by the lab and is kept; `docker volume rm roadlab-redis-z7a9bc-old` removes it"}"#);
    }
}
