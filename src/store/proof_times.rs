//! Remembers how long the parts of proofs took, so that the longest are played first the next time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lab::LabId;
use crate::proof::Part;
use crate::store::document;

const VERSION: u32 = 1;

/// The last known duration of each part of the proof of each lab, in milliseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProofTimes {
    labs: BTreeMap<String, LabTimes>,
}

/// The times of one lab.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct LabTimes {
    #[serde(default)]
    lab: Option<u64>,
    #[serde(default)]
    exercises: BTreeMap<String, u64>,
}

impl ProofTimes {
    /// Reads the times. A file that cannot be read counts as empty, since it only saves time.
    pub fn read(state: &Path) -> Self {
        let known = document::read(&state.join("proof-times.json"), VERSION);
        known.ok().flatten().unwrap_or_default()
    }

    /// Returns how long a part took the last time.
    pub fn get(&self, lab: &LabId, part: &Part) -> Option<Duration> {
        let times = self.labs.get(lab.as_str())?;
        let millis = match part {
            Part::Lab => times.lab,
            Part::Exercise(id) => times.exercises.get(id.as_str()).copied(),
        };
        millis.map(Duration::from_millis)
    }

    /// Records how long a part took.
    pub fn set(&mut self, lab: &LabId, part: &Part, took: Duration) {
        let times = self.labs.entry(lab.to_string()).or_default();
        let millis = took.as_millis() as u64;
        match part {
            Part::Lab => times.lab = Some(millis),
            Part::Exercise(id) => drop(times.exercises.insert(id.to_string(), millis)),
        }
    }

    /// Writes these times, beside those that other processes wrote meanwhile.
    pub fn write(self, state: &Path) {
        let path = state.join("proof-times.json");
        // If it cannot be written, the next test estimates.
        let _ = document::update(&path, VERSION, |known: Option<Self>| {
            let mut all = known.unwrap_or_default();
            for (lab, times) in self.labs {
                let known = all.labs.entry(lab).or_default();
                known.lab = times.lab.or(known.lab);
                known.exercises.extend(times.exercises);
            }
            all
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::ExerciseId;

    #[test]
    fn new_times_replace_those_of_the_same_parts_only() {
        let state = tempfile::tempdir().unwrap();
        let lab = LabId::new("redis").unwrap();
        let part = |name: &str| Part::Exercise(ExerciseId::new(name).unwrap());
        let write = |part: &Part, seconds: u64| {
            let mut times = ProofTimes::default();
            times.set(&lab, part, Duration::from_secs(seconds));
            times.write(state.path());
        };
        write(&part("ttl"), 5);
        write(&Part::Lab, 7);
        write(&part("counters"), 8);
        write(&part("ttl"), 6);
        let times = ProofTimes::read(state.path());
        let known = |part: &Part| times.get(&lab, part).map(|took| took.as_secs());
        assert_eq!(known(&part("ttl")), Some(6));
        assert_eq!(known(&part("counters")), Some(8));
        assert_eq!(known(&Part::Lab), Some(7));
        assert_eq!(known(&part("other")), None);
    }
}
