//! Decides when the checks run again while a learner works. Pure, so that its rules are tested without waiting.
//!
//! Running all checks is expensive; change signals (a server's change counter, a file's age) are cheap. A signal that
//! changes makes the checks run at once. One that changes all the time although no check result does is ignored for longer
//! and longer.

use std::collections::BTreeMap;
use std::time::Duration;

/// The longest time between two runs of the checks, which is the delay for a service without a change signal.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// How long a signal is ignored after its first change without effect.
const FIRST: Duration = Duration::from_millis(500);

/// Whether the results of the checks differ from those of the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Yes,
    No,
}

/// The values of the change signals, by name.
pub(super) type SignalValues = BTreeMap<String, String>;

/// What is known of the change signals. Times are counted from the start of watching.
#[derive(Debug, Default)]
pub(super) struct PollBackoff {
    last_check: Duration,
    signals: BTreeMap<String, SignalState>,
}

#[derive(Debug)]
struct SignalState {
    value: String,
    /// Whether the value changed since the checks ran.
    changed: bool,
    last_change: Duration,
    /// How long after a run of the checks a change is ignored.
    backoff: Duration,
}

impl PollBackoff {
    /// Returns whether a signal changed since the checks ran that does not change all the time.
    pub(super) fn has_clear_signal(&self) -> bool {
        let mut signals = self.signals.values();
        signals.any(|signal| signal.changed && signal.backoff.is_zero())
    }

    /// Returns whether the checks are due, given the present values of the signals.
    pub(super) fn is_due(&mut self, now: Duration, values: SignalValues) -> bool {
        for (name, value) in values {
            let signal = self.signals.entry(name).or_insert_with(|| SignalState {
                value: value.clone(),
                changed: false,
                last_change: now,
                backoff: Duration::ZERO,
            });
            if signal.value != value {
                signal.value = value;
                signal.changed = true;
                signal.last_change = now;
            } else if now.saturating_sub(signal.last_change) >= LONGEST {
                signal.backoff = Duration::ZERO;
            }
        }
        let waited = now.saturating_sub(self.last_check);
        let due = |signal: &SignalState| signal.changed && waited >= signal.backoff;
        waited >= LONGEST || self.signals.values().any(due)
    }

    /// Records that the checks ran. `after` are the present values of the signals that the checks themselves change.
    pub(super) fn record_check(&mut self, now: Duration, changed: Changed, after: &SignalValues) {
        for signal in self.signals.values_mut().filter(|signal| signal.changed) {
            signal.changed = false;
            signal.backoff = match changed {
                Changed::Yes => Duration::ZERO,
                Changed::No => (signal.backoff * 2).clamp(FIRST, LONGEST),
            };
        }
        self.accept(after);
        self.last_check = now;
    }

    /// Records values of signals that the checks themselves changed, so that they are no change.
    pub(super) fn accept(&mut self, values: &SignalValues) {
        for (name, value) in values {
            if let Some(signal) = self.signals.get_mut(name) {
                signal.value.clone_from(value);
            }
        }
    }
}

/// For how long checks that may pass by themselves are run again soon: for the time that they may take, counted from the last
/// change. Times are counted from the start of watching.
#[derive(Debug, Default)]
pub(super) struct UndecidedTime {
    until: Option<Duration>,
    next_check: Duration,
}

impl UndecidedTime {
    /// Records that checks ran of which one may pass `within` a time; `None` if none may. `begins` if anything changed, so that
    /// they have their whole time again. They run again after `pause`.
    pub(super) fn record(
        &mut self,
        now: Duration,
        within: Option<Duration>,
        begins: bool,
        pause: Duration,
    ) {
        self.until = match (within, begins) {
            (None, _) => None,
            (Some(within), true) => Some(now + within),
            (Some(_), false) => self.until.filter(|until| now < *until),
        };
        self.next_check = now + pause;
    }

    /// Returns whether the results of the last run are final.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_none()
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.until.is_some() && now >= self.next_check
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(of: &[(&str, u32)]) -> SignalValues {
        let value = |(name, value): &(&str, u32)| ((*name).to_owned(), value.to_string());
        of.iter().map(value).collect()
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn what_may_still_pass_is_checked_again_soon_until_its_time_is_over() {
        let mut time = UndecidedTime::default();
        let within = Some(at(1000));
        time.record(at(0), within, true, at(400));
        let due = [100, 399, 400, 900].map(|now| time.is_due(at(now)));
        assert_eq!((time.is_over(), due), (false, [false, false, true, true]));
        // Another change gives it its whole time again.
        time.record(at(400), within, true, at(400));
        time.record(at(1300), within, false, at(400));
        assert!(!time.is_over() && time.is_due(at(1700)));
        time.record(at(1700), within, false, at(400));
        assert!(time.is_over() && !time.is_due(at(9000)));
        // What failed for its whole time is final until something changes.
        time.record(at(9000), within, false, at(400));
        assert!(time.is_over());
        time.record(at(9500), None, true, at(400));
        assert!(time.is_over());
    }

    #[test]
    fn a_signal_that_changes_all_the_time_is_not_clear() {
        let mut backoff = PollBackoff::default();
        backoff.is_due(at(0), values(&[("chatter", 0), ("writes", 1)]));
        backoff.is_due(at(400), values(&[("chatter", 1), ("writes", 1)]));
        assert!(backoff.has_clear_signal());
        backoff.record_check(at(400), Changed::No, &SignalValues::new());
        backoff.is_due(at(800), values(&[("chatter", 2), ("writes", 1)]));
        assert!(!backoff.has_clear_signal());
        backoff.is_due(at(1200), values(&[("chatter", 3), ("writes", 2)]));
        assert!(backoff.has_clear_signal());
    }

    #[test]
    fn without_changes_checks_are_due_every_five_seconds() {
        let mut backoff = PollBackoff::default();
        let checks = (0..200).filter(|tick| {
            let now = at(tick * 100);
            let due = backoff.is_due(now, values(&[("writes", 1)]));
            if due {
                backoff.record_check(now, Changed::No, &SignalValues::new());
            }
            due
        });
        assert_eq!(checks.collect::<Vec<_>>(), [50, 100, 150]);
    }

    #[test]
    fn change_makes_checks_due_at_once() {
        let mut backoff = PollBackoff::default();
        assert!(!backoff.is_due(at(0), values(&[("writes", 1)])));
        assert!(!backoff.is_due(at(400), values(&[("writes", 1)])));
        assert!(backoff.is_due(at(800), values(&[("writes", 2)])));
        backoff.record_check(at(810), Changed::Yes, &SignalValues::new());
        assert!(!backoff.is_due(at(1200), values(&[("writes", 2)])));
        assert!(backoff.is_due(at(1600), values(&[("writes", 3)])));
    }

    #[test]
    fn changes_by_the_checks_themselves_are_ignored() {
        let mut backoff = PollBackoff::default();
        backoff.is_due(at(0), values(&[("traffic", 1)]));
        assert!(backoff.is_due(at(400), values(&[("traffic", 2)])));
        backoff.record_check(at(410), Changed::No, &values(&[("traffic", 9)]));
        assert!(!backoff.is_due(at(2000), values(&[("traffic", 9)])));
        // What is measured late is accepted late.
        backoff.accept(&values(&[("traffic", 12)]));
        assert!(!backoff.is_due(at(2400), values(&[("traffic", 12)])));
        assert!(backoff.is_due(at(2800), values(&[("traffic", 13)])));
    }

    #[test]
    fn signal_without_effect_is_ignored_for_longer_and_others_are_not() {
        let mut backoff = PollBackoff::default();
        let mut checks = Vec::new();
        for tick in 0..100 {
            let now = at(tick * 400);
            if backoff.is_due(now, values(&[("chatter", tick as u32), ("writes", 1)])) {
                checks.push(tick);
                backoff.record_check(now, Changed::No, &SignalValues::new());
            }
        }
        // The pauses grow to the longest one.
        assert_eq!(checks[..5], [1, 3, 6, 11, 21]);
        assert!(checks.len() < 14, "{checks:?}");
        let late = at(100 * 400);
        backoff.is_due(late, values(&[("chatter", 100), ("writes", 1)]));
        backoff.record_check(late, Changed::No, &SignalValues::new());
        let soon = late + at(400);
        assert!(!backoff.is_due(soon, values(&[("chatter", 101), ("writes", 1)])));
        assert!(backoff.is_due(soon, values(&[("chatter", 101), ("writes", 2)])));
    }

    #[test]
    fn signal_that_was_quiet_is_no_longer_ignored() {
        let mut backoff = PollBackoff::default();
        for tick in 0..40 {
            if backoff.is_due(at(tick * 400), values(&[("chatter", tick as u32)])) {
                backoff.record_check(at(tick * 400), Changed::No, &SignalValues::new());
            }
        }
        for tick in 40..60 {
            if backoff.is_due(at(tick * 400), values(&[("chatter", 40)])) {
                backoff.record_check(at(tick * 400), Changed::No, &SignalValues::new());
            }
        }
        assert!(backoff.is_due(at(60 * 400), values(&[("chatter", 41)])));
    }
}
