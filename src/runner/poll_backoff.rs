//! When to look again at what a learner does: pure, so that its rules can be tested without waiting.
//!
//! A full look at all checks is dear; signs (a server's change counter, a file's age) are cheap. A sign that moves asks
//! for a full look at once. One that moves all the time without any check changing is believed less and less.

use std::collections::BTreeMap;
use std::time::Duration;

/// The longest time between two full looks, and so the price of a service that shows no sign.
pub(super) const LONGEST: Duration = Duration::from_secs(5);

/// How long a sign is not believed after it moved in vain for the first time.
const FIRST: Duration = Duration::from_millis(500);

/// Whether a full look saw something else than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    Yes,
    No,
}

/// What the signs show, by name.
pub(super) type SignalValues = BTreeMap<String, String>;

/// Times are counted from the start of watching.
#[derive(Debug, Default)]
pub(super) struct PollBackoff {
    record_check: Duration,
    signs: BTreeMap<String, ChangeSignal>,
}

#[derive(Debug)]
struct ChangeSignal {
    shows: String,
    /// It moved since the last full look.
    moved: bool,
    last_move: Duration,
    /// How long after a full look it is believed again.
    patience: Duration,
}

impl PollBackoff {
    /// Whether a full look is due, given what the signs show now.
    pub(super) fn due(&mut self, now: Duration, shown: SignalValues) -> bool {
        for (name, shows) in shown {
            let sign = self.signs.entry(name).or_insert_with(|| ChangeSignal {
                shows: shows.clone(),
                moved: false,
                last_move: now,
                patience: Duration::ZERO,
            });
            if sign.shows != shows {
                sign.shows = shows;
                sign.moved = true;
                sign.last_move = now;
            } else if now.saturating_sub(sign.last_move) >= LONGEST {
                sign.patience = Duration::ZERO;
            }
        }
        let waited = now.saturating_sub(self.record_check);
        let believed = |sign: &ChangeSignal| sign.moved && waited >= sign.patience;
        waited >= LONGEST || self.signs.values().any(believed)
    }

    /// A full look was made. `after` are the signs that our own look moves, as they are now.
    pub(super) fn record_check(&mut self, now: Duration, seen: Changed, after: SignalValues) {
        for sign in self.signs.values_mut().filter(|sign| sign.moved) {
            sign.moved = false;
            sign.patience = match seen {
                Changed::Yes => Duration::ZERO,
                Changed::No => (sign.patience * 2).clamp(FIRST, LONGEST),
            };
        }
        for (name, shows) in after {
            if let Some(sign) = self.signs.get_mut(&name) {
                sign.shows = shows;
            }
        }
        self.record_check = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(of: &[(&str, u32)]) -> SignalValues {
        let sign = |(name, shows): &(&str, u32)| ((*name).to_owned(), shows.to_string());
        of.iter().map(sign).collect()
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nothing_moves_so_a_look_is_due_every_five_seconds_only() {
        let mut pace = PollBackoff::default();
        let looks = (0..200).filter(|tick| {
            let now = at(tick * 100);
            let due = pace.due(now, signs(&[("writes", 1)]));
            if due {
                pace.record_check(now, Changed::No, SignalValues::new());
            }
            due
        });
        assert_eq!(looks.collect::<Vec<_>>(), [50, 100, 150]);
    }

    #[test]
    fn a_sign_that_moves_is_believed_at_once() {
        let mut pace = PollBackoff::default();
        assert!(!pace.due(at(0), signs(&[("writes", 1)])));
        assert!(!pace.due(at(400), signs(&[("writes", 1)])));
        assert!(pace.due(at(800), signs(&[("writes", 2)])));
        pace.record_check(at(810), Changed::Yes, SignalValues::new());
        assert!(!pace.due(at(1200), signs(&[("writes", 2)])));
        assert!(pace.due(at(1600), signs(&[("writes", 3)])));
    }

    #[test]
    fn what_moves_by_our_own_look_is_no_news() {
        let mut pace = PollBackoff::default();
        pace.due(at(0), signs(&[("traffic", 1)]));
        assert!(pace.due(at(400), signs(&[("traffic", 2)])));
        pace.record_check(at(410), Changed::No, signs(&[("traffic", 9)]));
        assert!(!pace.due(at(2000), signs(&[("traffic", 9)])));
    }

    #[test]
    fn a_sign_that_moves_in_vain_is_believed_less_and_another_one_still_at_once() {
        let mut pace = PollBackoff::default();
        let mut looks = Vec::new();
        for tick in 0..100 {
            let now = at(tick * 400);
            if pace.due(now, signs(&[("chatter", tick as u32), ("writes", 1)])) {
                looks.push(tick);
                pace.record_check(now, Changed::No, SignalValues::new());
            }
        }
        // The pauses grow to the longest one.
        assert_eq!(looks[..5], [1, 3, 6, 11, 21]);
        assert!(looks.len() < 14, "{looks:?}");
        let late = at(100 * 400);
        pace.due(late, signs(&[("chatter", 100), ("writes", 1)]));
        pace.record_check(late, Changed::No, SignalValues::new());
        let soon = late + at(400);
        assert!(!pace.due(soon, signs(&[("chatter", 101), ("writes", 1)])));
        assert!(pace.due(soon, signs(&[("chatter", 101), ("writes", 2)])));
    }

    #[test]
    fn a_sign_that_was_quiet_for_a_while_is_believed_again() {
        let mut pace = PollBackoff::default();
        for tick in 0..40 {
            if pace.due(at(tick * 400), signs(&[("chatter", tick as u32)])) {
                pace.record_check(at(tick * 400), Changed::No, SignalValues::new());
            }
        }
        for tick in 40..60 {
            if pace.due(at(tick * 400), signs(&[("chatter", 40)])) {
                pace.record_check(at(tick * 400), Changed::No, SignalValues::new());
            }
        }
        assert!(pace.due(at(60 * 400), signs(&[("chatter", 41)])));
    }
}
