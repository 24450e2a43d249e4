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
pub enum Seen {
    Change,
    Same,
}

/// What the signs show, by name.
pub(super) type Signs = BTreeMap<String, String>;

/// Times are counted from the start of watching.
#[derive(Debug, Default)]
pub(super) struct Pace {
    looked: Duration,
    signs: BTreeMap<String, Sign>,
}

#[derive(Debug)]
struct Sign {
    shows: String,
    /// It moved since the last full look.
    moved: bool,
    last_move: Duration,
    /// How long after a full look it is believed again.
    patience: Duration,
}

impl Pace {
    /// Whether a full look is due, given what the signs show now.
    pub(super) fn due(&mut self, now: Duration, shown: Signs) -> bool {
        for (name, shows) in shown {
            let sign = self.signs.entry(name).or_insert_with(|| Sign {
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
        let waited = now.saturating_sub(self.looked);
        let believed = |sign: &Sign| sign.moved && waited >= sign.patience;
        waited >= LONGEST || self.signs.values().any(believed)
    }

    /// A full look was made. `after` are the signs that our own look moves, as they are now.
    pub(super) fn looked(&mut self, now: Duration, seen: Seen, after: Signs) {
        for sign in self.signs.values_mut().filter(|sign| sign.moved) {
            sign.moved = false;
            sign.patience = match seen {
                Seen::Change => Duration::ZERO,
                Seen::Same => (sign.patience * 2).clamp(FIRST, LONGEST),
            };
        }
        for (name, shows) in after {
            if let Some(sign) = self.signs.get_mut(&name) {
                sign.shows = shows;
            }
        }
        self.looked = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(of: &[(&str, u32)]) -> Signs {
        let sign = |(name, shows): &(&str, u32)| ((*name).to_owned(), shows.to_string());
        of.iter().map(sign).collect()
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nothing_moves_so_a_look_is_due_every_five_seconds_only() {
        let mut pace = Pace::default();
        let looks = (0..200).filter(|tick| {
            let now = at(tick * 100);
            let due = pace.due(now, signs(&[("writes", 1)]));
            if due {
                pace.looked(now, Seen::Same, Signs::new());
            }
            due
        });
        assert_eq!(looks.collect::<Vec<_>>(), [50, 100, 150]);
    }

    #[test]
    fn a_sign_that_moves_is_believed_at_once() {
        let mut pace = Pace::default();
        assert!(!pace.due(at(0), signs(&[("writes", 1)])));
        assert!(!pace.due(at(400), signs(&[("writes", 1)])));
        assert!(pace.due(at(800), signs(&[("writes", 2)])));
        pace.looked(at(810), Seen::Change, Signs::new());
        assert!(!pace.due(at(1200), signs(&[("writes", 2)])));
        assert!(pace.due(at(1600), signs(&[("writes", 3)])));
    }

    #[test]
    fn what_moves_by_our_own_look_is_no_news() {
        let mut pace = Pace::default();
        pace.due(at(0), signs(&[("traffic", 1)]));
        assert!(pace.due(at(400), signs(&[("traffic", 2)])));
        pace.looked(at(410), Seen::Same, signs(&[("traffic", 9)]));
        assert!(!pace.due(at(2000), signs(&[("traffic", 9)])));
    }

    #[test]
    fn a_sign_that_moves_in_vain_is_believed_less_and_another_one_still_at_once() {
        let mut pace = Pace::default();
        let mut looks = Vec::new();
        for tick in 0..100 {
            let now = at(tick * 400);
            if pace.due(now, signs(&[("chatter", tick as u32), ("writes", 1)])) {
                looks.push(tick);
                pace.looked(now, Seen::Same, Signs::new());
            }
        }
        // The pauses grow to the longest one.
        assert_eq!(looks[..5], [1, 3, 6, 11, 21]);
        assert!(looks.len() < 14, "{looks:?}");
        let late = at(100 * 400);
        pace.due(late, signs(&[("chatter", 100), ("writes", 1)]));
        pace.looked(late, Seen::Same, Signs::new());
        let soon = late + at(400);
        assert!(!pace.due(soon, signs(&[("chatter", 101), ("writes", 1)])));
        assert!(pace.due(soon, signs(&[("chatter", 101), ("writes", 2)])));
    }

    #[test]
    fn a_sign_that_was_quiet_for_a_while_is_believed_again() {
        let mut pace = Pace::default();
        for tick in 0..40 {
            if pace.due(at(tick * 400), signs(&[("chatter", tick as u32)])) {
                pace.looked(at(tick * 400), Seen::Same, Signs::new());
            }
        }
        for tick in 40..60 {
            if pace.due(at(tick * 400), signs(&[("chatter", 40)])) {
                pace.looked(at(tick * 400), Seen::Same, Signs::new());
            }
        }
        assert!(pace.due(at(60 * 400), signs(&[("chatter", 41)])));
    }
}
