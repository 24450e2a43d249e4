//! Decides which part of which lab's proof is played next, and on how many instances.
//!
//! A part is played on one instance of its lab; an instance plays one part after the other. The instances of all labs share
//! the machine: there are at most as many as were asked for, and only as many as its memory has room for.

use std::time::Duration;

use crate::diagnosis::Memory;
use crate::lab::{ExerciseId, Step};

/// A part of the proof of a lab that one instance plays as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What is true of all exercises together: nothing passes before anything was done, all solutions in sequence, and resets.
    /// It is the first part, because it needs a lab to which nothing was done.
    Lab,
    Exercise(ExerciseId),
}

/// A part that was not played yet.
#[derive(Debug, Clone)]
pub struct WaitingPart {
    pub part: Part,
    /// How long it probably takes, by what is in it.
    pub expected: Duration,
    /// How long it took the last time.
    pub known: Option<Duration>,
}

/// The proof of one lab, as far as the schedule is concerned.
#[derive(Debug, Clone)]
pub struct LabWork {
    /// The parts in the order of the lab.
    pub parts: Vec<WaitingPart>,
    /// The most instances that the lab may have at the same time.
    pub most: usize,
    /// The memory limits of the services of one instance together, in bytes.
    pub memory: u64,
}

/// How much may be done at the same time, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most instances of all labs together.
    pub jobs: usize,
    /// The memory of the machine before the first instance was started; `None` if it is not known.
    pub memory: Option<Memory>,
    /// No part is started that would probably end after this time.
    pub within: Option<Duration>,
}

/// The assumed duration of a reset and the checks, and the part of the time a step may wait that it usually does.
const ANSWER: Duration = Duration::from_secs(2);
const WAITED: u32 = 10;

/// A part that takes less than this is not worth another instance, which needs time to become ready.
const WORTH_AN_INSTANCE: Duration = Duration::from_secs(10);

/// The part of the machine's memory that stays free.
const RESERVE: u64 = 10;

/// Returns how long answers with these steps probably take on a machine like others.
pub fn expected_duration<'a>(answers: impl IntoIterator<Item = &'a [&'a Step]>) -> Duration {
    let answer = |steps: &[&Step]| {
        let waits = steps.iter().filter_map(|step| step.within);
        ANSWER + waits.sum::<Duration>() / WAITED
    };
    answers.into_iter().map(answer).sum()
}

/// The parts that wait, and the instances that play.
pub struct Schedule {
    labs: Vec<LabState>,
    limits: Limits,
}

struct LabState {
    work: LabWork,
    instances: usize,
    /// What was played: how long it took, and how long it was expected to take.
    played: (Duration, Duration),
}

impl Schedule {
    /// Creates a schedule for labs in the order of their importance, which counts where not everything can be played in time.
    pub fn new(labs: Vec<LabWork>, limits: Limits) -> Self {
        let labs = labs.into_iter().map(|work| LabState {
            work,
            instances: 0,
            played: (Duration::ZERO, Duration::ZERO),
        });
        Self {
            labs: labs.collect(),
            limits,
        }
    }

    /// Returns the lab that gets another instance now, and counts it; `now` is the memory of the machine at this moment.
    pub fn start_instance(&mut self, elapsed: Duration, now: Option<Memory>) -> Option<usize> {
        let running: usize = self.labs.iter().map(|lab| lab.instances).sum();
        if running >= self.limits.jobs.max(1) {
            return None;
        }
        let candidates = (0..self.labs.len()).filter(|at| {
            let lab = &self.labs[*at];
            lab.instances < lab.work.most.max(1)
                && self.is_worth_another(lab, elapsed)
                && (running == 0 || self.has_room(lab.work.memory, now))
        });
        // The first of equal ones.
        let chosen = match self.has_time_for_all(elapsed) {
            true => candidates.rev().max_by_key(|at| self.labs[*at].share()),
            false => candidates.min(),
        };
        let lab = &mut self.labs[chosen?];
        lab.instances += 1;
        chosen
    }

    /// Returns the next part for an instance of a lab: that of the whole lab, then the longest. `None` if there is none, or no
    /// time for it.
    pub fn next(&mut self, lab: usize, elapsed: Duration) -> Option<WaitingPart> {
        let at = self.next_position(&self.labs[lab], elapsed)?;
        Some(self.labs[lab].work.parts.remove(at))
    }

    /// Records how long a part took. The times of the others of its lab are estimated by it.
    pub fn played(&mut self, lab: usize, part: &WaitingPart, took: Duration) {
        let played = &mut self.labs[lab].played;
        played.0 += took;
        played.1 += part.expected;
    }

    /// Puts a part back that its instance could not begin, and allows the lab no more instances than it has without that one.
    /// Returns whether another instance of the lab can play it.
    pub fn give_back(&mut self, lab: usize, part: WaitingPart) -> bool {
        let lab = &mut self.labs[lab];
        lab.work.most = lab.instances.saturating_sub(1);
        let others = lab.work.most > 0;
        if others {
            lab.work.parts.insert(0, part);
        }
        others
    }

    /// Records that an instance of a lab was removed.
    pub fn instance_removed(&mut self, lab: usize) {
        let instances = &mut self.labs[lab].instances;
        *instances = instances.saturating_sub(1);
    }

    /// Returns whether a lab has no instance and will get none.
    pub fn is_done(&self, lab: usize, elapsed: Duration) -> bool {
        let lab = &self.labs[lab];
        lab.instances == 0 && self.next_position(lab, elapsed).is_none()
    }

    /// Takes what is left of a lab.
    pub fn take_rest(&mut self, lab: usize) -> Vec<WaitingPart> {
        std::mem::take(&mut self.labs[lab].work.parts)
    }

    /// Returns the position of the next part of a lab, if there is time for it. Nothing comes before the part of the whole lab.
    fn next_position(&self, lab: &LabState, elapsed: Duration) -> Option<usize> {
        let parts = &lab.work.parts;
        let has_time = |part: &WaitingPart| {
            let end = elapsed + lab.estimate(part);
            self.limits.within.is_none_or(|within| end <= within)
        };
        if let Some(whole) = parts.iter().position(|part| part.part == Part::Lab) {
            return has_time(&parts[whole]).then_some(whole);
        }
        let parts = parts.iter().enumerate().filter(|(_, part)| has_time(part));
        // The first of equal ones.
        let longest = parts.rev().max_by_key(|(_, part)| lab.estimate(part));
        longest.map(|(at, _)| at)
    }

    /// Returns whether another instance of a lab is of use: the first one always is.
    fn is_worth_another(&self, lab: &LabState, elapsed: Duration) -> bool {
        let Some(at) = self.next_position(lab, elapsed) else {
            return false;
        };
        lab.instances == 0
            || lab.estimate(&lab.work.parts[at]) >= WORTH_AN_INSTANCE
            || lab.share() >= WORTH_AN_INSTANCE
    }

    /// Returns whether everything that waits will probably be played in time.
    fn has_time_for_all(&self, elapsed: Duration) -> bool {
        let Some(within) = self.limits.within else {
            return true;
        };
        let waiting: Duration = self.labs.iter().map(LabState::waiting).sum();
        elapsed + waiting / self.limits.jobs.max(1) as u32 <= within
    }

    /// Returns whether the memory of the machine has room for the limits of another instance, beside those of all that run.
    fn has_room(&self, memory: u64, now: Option<Memory>) -> bool {
        let reserve = |of: Memory| of.total / RESERVE;
        let promised = self
            .labs
            .iter()
            .map(|lab| lab.work.memory * lab.instances as u64);
        let promised: u64 = promised.sum();
        let before = self.limits.memory;
        before.is_none_or(|before| promised + memory + reserve(before) <= before.available)
            && now.is_none_or(|now| memory + reserve(now) <= now.available)
    }
}

impl LabState {
    fn estimate(&self, part: &WaitingPart) -> Duration {
        let (took, expected) = self.played;
        let ratio = match expected.is_zero() {
            true => 1.0,
            false => took.as_secs_f64() / expected.as_secs_f64(),
        };
        part.known.unwrap_or(part.expected.mul_f64(ratio))
    }

    /// Returns the estimated duration of all parts that wait.
    fn waiting(&self) -> Duration {
        let parts = self.work.parts.iter();
        parts.map(|part| self.estimate(part)).sum()
    }

    /// Returns what another instance would have to do.
    fn share(&self) -> Duration {
        self.waiting() / (self.instances as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn exercise(name: &str, seconds: u64) -> WaitingPart {
        WaitingPart {
            part: Part::Exercise(ExerciseId::new(name).unwrap()),
            expected: Duration::ZERO,
            known: Some(Duration::from_secs(seconds)),
        }
    }

    fn whole() -> WaitingPart {
        WaitingPart {
            part: Part::Lab,
            expected: Duration::ZERO,
            known: Some(Duration::from_secs(1)),
        }
    }

    fn lab(parts: &[WaitingPart]) -> LabWork {
        LabWork {
            parts: parts.to_vec(),
            most: usize::MAX,
            memory: GIB,
        }
    }

    fn memory(available: u64) -> Option<Memory> {
        Some(Memory {
            total: 10 * GIB,
            available,
        })
    }

    fn limits(jobs: usize) -> Limits {
        Limits {
            jobs,
            memory: memory(9 * GIB),
            within: None,
        }
    }

    fn name(part: Option<WaitingPart>) -> String {
        match part.map(|waiting| waiting.part) {
            Some(Part::Lab) => "the lab".to_owned(),
            Some(Part::Exercise(id)) => id.to_string(),
            None => "nothing".to_owned(),
        }
    }

    fn seconds(of: u64) -> Duration {
        Duration::from_secs(of)
    }

    /// Starts as many instances as the schedule wants and returns their labs.
    fn started(schedule: &mut Schedule, now: Option<Memory>) -> Vec<usize> {
        let mut labs = Vec::new();
        while let Some(lab) = schedule.start_instance(Duration::ZERO, now) {
            labs.push(lab);
        }
        labs
    }

    #[test]
    fn the_whole_lab_comes_first_and_then_the_longest() {
        let parts = [
            exercise("a", 5),
            whole(),
            exercise("b", 30),
            exercise("c", 5),
        ];
        let mut schedule = Schedule::new(vec![lab(&parts)], limits(1));
        assert_eq!(started(&mut schedule, memory(9 * GIB)), [0]);
        let played: Vec<String> = (0..5)
            .map(|_| name(schedule.next(0, Duration::ZERO)))
            .collect();
        assert_eq!(played, ["the lab", "b", "a", "c", "nothing"]);
        assert!(!schedule.is_done(0, Duration::ZERO));
        schedule.instance_removed(0);
        assert!(schedule.is_done(0, Duration::ZERO));
    }

    #[test]
    fn the_lab_with_most_to_do_gets_the_next_instance() {
        let long = lab(&[exercise("a", 100), exercise("b", 100), exercise("c", 100)]);
        let short = lab(&[exercise("d", 60), exercise("e", 60)]);
        let labs = vec![short, long];
        let mut schedule = Schedule::new(labs, limits(4));
        assert_eq!(started(&mut schedule, memory(9 * GIB)), [1, 1, 0, 1]);
    }

    #[test]
    fn little_is_not_worth_another_instance() {
        let labs = vec![lab(&[exercise("a", 4), exercise("b", 4)])];
        let mut schedule = Schedule::new(labs, limits(4));
        assert_eq!(started(&mut schedule, memory(9 * GIB)), [0]);
    }

    #[test]
    fn a_lab_has_no_more_instances_than_it_may() {
        let one = LabWork {
            most: 1,
            ..lab(&[exercise("a", 100), exercise("b", 100)])
        };
        let mut schedule = Schedule::new(vec![one], limits(4));
        assert_eq!(started(&mut schedule, memory(9 * GIB)), [0]);
    }

    #[test]
    fn instances_stay_within_the_memory_of_the_machine() {
        let work = || {
            let parts = ["a", "b", "c", "d"].map(|name| exercise(name, 100));
            LabWork {
                memory: 3 * GIB,
                ..lab(&parts)
            }
        };
        let check = |before: u64, now: u64, instances: usize| {
            let limits = Limits {
                memory: memory(before),
                ..limits(8)
            };
            let mut schedule = Schedule::new(vec![work()], limits);
            assert_eq!(started(&mut schedule, memory(now)).len(), instances);
        };
        // The limits of what runs count, and a tenth of the machine stays free.
        check(9 * GIB, 9 * GIB, 2);
        // What other programs took meanwhile counts too.
        check(9 * GIB, 3 * GIB, 1);
        // A single instance is started even if there is little memory, as by `up`.
        check(GIB, GIB, 1);
    }

    #[test]
    fn parts_that_were_not_played_before_are_estimated_by_those_that_were() {
        let unknown = |name: &str, expected: u64| WaitingPart {
            expected: seconds(expected),
            known: None,
            ..exercise(name, 0)
        };
        let parts = [exercise("a", 30), unknown("b", 20)];
        let mut schedule = Schedule::new(vec![lab(&parts)], limits(1));
        let slow = lab(&[unknown("c", 10)]).parts.remove(0);
        schedule.played(0, &slow, seconds(20));
        assert_eq!(name(schedule.next(0, Duration::ZERO)), "b");
    }

    #[test]
    fn an_answer_that_may_wait_is_expected_to_take_longer() {
        let lab = crate::lab::testing::lab(crate::lab::testing::COMPOSE);
        let step = &lab.exercises[0].checks()[0].step;
        let waits = Step {
            within: Some(seconds(60)),
            ..step.clone()
        };
        let answers: [&[&Step]; 3] = [&[step], &[step, &waits], &[]];
        assert_eq!(expected_duration(answers), seconds(2 + 8 + 2));
    }

    #[test]
    fn what_would_end_too_late_is_left_out_and_the_first_labs_are_preferred() {
        let within = Limits {
            within: Some(seconds(100)),
            ..limits(1)
        };
        let first = lab(&[exercise("a", 50), exercise("b", 30)]);
        let second = lab(&[exercise("c", 90), exercise("d", 15)]);
        let mut schedule = Schedule::new(vec![first, second], within);
        assert_eq!(started(&mut schedule, None), [0]);
        assert_eq!(name(schedule.next(0, seconds(0))), "a");
        assert_eq!(name(schedule.next(0, seconds(50))), "b");
        schedule.instance_removed(0);
        assert_eq!(schedule.start_instance(seconds(80), None), Some(1));
        assert_eq!(name(schedule.next(1, seconds(80))), "d");
        assert_eq!(name(schedule.next(1, seconds(95))), "nothing");
        schedule.instance_removed(1);
        assert!(schedule.is_done(1, seconds(95)));
        let rest = schedule.take_rest(1).into_iter();
        assert_eq!(rest.map(|part| name(Some(part))).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_lab_is_left_out_if_there_is_no_time_for_its_first_part() {
        let within = Limits {
            within: Some(seconds(10)),
            ..limits(1)
        };
        let long = WaitingPart {
            known: Some(seconds(20)),
            ..whole()
        };
        let mut schedule = Schedule::new(vec![lab(&[long, exercise("a", 1)])], within);
        assert_eq!(started(&mut schedule, None), [0; 0]);
        assert!(schedule.is_done(0, Duration::ZERO));
        assert_eq!(schedule.take_rest(0).len(), 2);
    }

    #[test]
    fn an_instance_that_does_not_start_leaves_its_part_to_the_others() {
        let parts = [exercise("a", 50), exercise("b", 50)];
        let mut schedule = Schedule::new(vec![lab(&parts)], limits(2));
        assert_eq!(started(&mut schedule, None), [0, 0]);
        let parts = [0, 1].map(|_| schedule.next(0, Duration::ZERO).unwrap());
        let [a, b] = parts;
        assert!(schedule.give_back(0, b));
        schedule.instance_removed(0);
        assert_eq!(schedule.start_instance(Duration::ZERO, None), None);
        assert_eq!(name(schedule.next(0, Duration::ZERO)), "b");
        assert!(!schedule.give_back(0, a));
    }
}
