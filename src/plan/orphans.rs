//! Runs on the engine that no journal of this state folder records.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::{Instance, LabId, RunId};
use crate::plan::{Observed, Owner, RunLabels, Running};

/// The alphabet of a ULID, <https://github.com/ulid/spec>, in lower case.
const CROCKFORD: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// The characters of a ULID that hold its time.
const TIME_CHARS: usize = 10;

/// A run that no journal of this state folder records. It is shown, and removed only when a user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanRun {
    pub run: RunId,
    pub lab: LabId,
    pub instance: Instance,
    pub owner: Owner,
    pub kind: OrphanKind,
    /// When the run was started, in seconds since 1970.
    pub started: Option<u64>,
    pub containers: usize,
    /// The number of containers that run.
    pub running: usize,
    pub networks: usize,
    pub volumes: usize,
}

/// Why no journal of this state folder records a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanKind {
    /// It belongs to the state folder of another user, or to another `XDG_STATE_HOME`.
    OtherStateFolder,
    /// It belongs to this state folder, and its journal is gone.
    NoJournal,
}

/// Returns the orphan runs among `observed`, oldest first. `owner` is the id of this state folder, and `recorded` has the runs
/// with a journal in it, readable or not.
pub fn orphan_runs(observed: &Observed, owner: &str, recorded: &BTreeSet<RunId>) -> Vec<OrphanRun> {
    let mut orphans: BTreeMap<(RunId, String), OrphanRun> = BTreeMap::new();
    for labels in observed.labels() {
        let kind = match labels.owner.id == owner {
            true if recorded.contains(&labels.run) => continue,
            true => OrphanKind::NoJournal,
            false => OrphanKind::OtherStateFolder,
        };
        let key = (labels.run.clone(), labels.owner.id.clone());
        orphans
            .entry(key)
            .or_insert_with(|| OrphanRun::new(labels, kind, observed));
    }
    orphans.into_values().collect()
}

impl OrphanRun {
    fn new(labels: &RunLabels, kind: OrphanKind, observed: &Observed) -> Self {
        let same = |other: &RunLabels| other.run == labels.run && other.owner.id == labels.owner.id;
        let containers = || {
            observed
                .containers
                .iter()
                .filter(|one| same(&one.run_labels))
        };
        let networks = observed.networks.iter();
        let volumes = observed.volumes.iter();
        Self {
            run: labels.run.clone(),
            lab: labels.lab.clone(),
            instance: labels.instance.clone(),
            owner: labels.owner.clone(),
            kind,
            started: start_time(&labels.run),
            containers: containers().count(),
            running: containers()
                .filter(|container| container.running != Running::No)
                .count(),
            networks: networks.filter(|one| same(&one.run_labels)).count(),
            volumes: volumes.filter(|one| same(&one.run_labels)).count(),
        }
    }

    /// Returns the command that removes the run.
    pub fn command_down(&self) -> String {
        let instance = match self.instance.is_main() {
            true => String::new(),
            false => format!(" --instance {}", self.instance),
        };
        let orphan = match self.kind {
            OrphanKind::OtherStateFolder => " --orphan",
            OrphanKind::NoJournal => "",
        };
        format!("roadlab down {}{instance}{orphan}", self.lab)
    }
}

/// Returns when a run was started, in seconds since 1970: its id is a ULID, which begins with that time in milliseconds.
fn start_time(run: &RunId) -> Option<u64> {
    let millis = run
        .to_string()
        .chars()
        .take(TIME_CHARS)
        .try_fold(0_u64, |millis, digit| {
            let value = CROCKFORD.find(digit)? as u64;
            millis.checked_mul(32)?.checked_add(value)
        })?;
    Some(millis / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ObservedContainer, ObservedNetwork, ObservedVolume};

    const OLD: &str = "01jd8w0zq3v5k8m2x4y6z7a9bc";
    const NEW: &str = "01je000000v5k8m2x4y6z7a9bd";

    fn labels(run: &str, owner: &str) -> RunLabels {
        RunLabels {
            run: RunId::new(run).unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            owner: owner.into(),
            service: None,
            digest: None,
        }
    }

    fn container(run_labels: RunLabels, running: Running) -> ObservedContainer {
        ObservedContainer {
            id: "c".into(),
            name: "c".into(),
            run_labels,
            running,
            state: String::new(),
            ports: Default::default(),
            networks: Default::default(),
            addresses: Default::default(),
            created: 0,
            full_disks: Vec::new(),
        }
    }

    /// One line for each orphan run.
    #[track_caller]
    fn check(observed: &Observed, recorded: &[&str], expected: &str) {
        let recorded = recorded
            .iter()
            .map(|run| RunId::new(run).unwrap())
            .collect();
        let lines: String = orphan_runs(observed, "me", &recorded)
            .iter()
            .map(|orphan| {
                format!(
                    "{} of {} ({:?}): {}/{} containers, {} networks, {} volumes: {}\n",
                    orphan.run.short(),
                    orphan.owner.id,
                    orphan.kind,
                    orphan.running,
                    orphan.containers,
                    orphan.networks,
                    orphan.volumes,
                    orphan.command_down()
                )
            })
            .collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn runs_of_other_state_folders_are_orphans_and_recorded_runs_are_not() {
        let other = || labels(NEW, "other");
        let observed = Observed {
            containers: vec![
                container(labels(OLD, "me"), Running::Yes),
                container(other(), Running::Yes),
                container(other(), Running::No),
            ],
            networks: vec![ObservedNetwork {
                id: "n".into(),
                name: "n".into(),
                run_labels: other(),
                internal: false,
            }],
            volumes: Vec::new(),
        };
        let orphan = "z7a9bd of other (OtherStateFolder): 1/2 containers, 1 networks, 0 volumes: \
                      roadlab down redis --orphan\n";
        check(&observed, &[OLD], orphan);
        let forgotten =
            "z7a9bc of me (NoJournal): 1/1 containers, 0 networks, 0 volumes: roadlab down redis\n";
        check(&observed, &[], &format!("{forgotten}{orphan}"));
    }

    #[test]
    fn a_volume_alone_is_an_orphan_too() {
        let mut two = labels(OLD, "other");
        two.instance = Instance::new("two").unwrap();
        let observed = Observed {
            volumes: vec![ObservedVolume {
                name: "v".into(),
                run_labels: two,
            }],
            ..Observed::default()
        };
        check(
            &observed,
            // The id of a run does not make it this state folder's.
            &[OLD],
            "z7a9bc of other (OtherStateFolder): 0/0 containers, 0 networks, 1 volumes: \
             roadlab down redis --instance two --orphan\n",
        );
    }

    #[test]
    fn the_start_time_of_a_run_is_read_from_its_id() {
        let started = |run: &str| start_time(&RunId::new(run).unwrap());
        assert_eq!(started("01arz3ndektsv4rrffq69g5fav"), Some(1_469_922_850));
        assert_eq!(started("uuuuuuuuuutsv4rrffq69g5fav"), None);
    }
}
