//! Time that passes for us. While this program is stopped (Ctrl-Z), every other clock goes on, and no wait may end for that.
//!
//! One ticker sees that time is missing: it looks ten times a second, so a long gap means that nothing of us ran.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// A machine that is busy may keep us waiting this long without having stopped us.
const BUSY: Duration = Duration::from_secs(1);

/// Nothing came in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// How long this program was stopped so far, in milliseconds.
struct Stopped(AtomicU64);

static STOPPED: Stopped = Stopped(AtomicU64::new(0));

/// Now, by a clock that stands still while we are stopped. Only for deadlines: what people are told is the time on their wall.
pub fn now() -> Instant {
    STOPPED.now()
}

/// How long ago a moment of [`now`] was.
pub fn since(moment: Instant) -> Duration {
    now().saturating_duration_since(moment)
}

/// Waits for `future` for at most `limit`.
pub fn timeout<T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Elapsed>> {
    STOPPED.timeout(limit, future)
}

/// Does all the work of this program, and counts meanwhile how long it was stopped.
pub fn counted<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let work = Box::pin(work);
    let counting = async {
        let mut before = Instant::now();
        loop {
            tokio::time::sleep(TICK).await;
            STOPPED.add(missing(before.elapsed()));
            before = Instant::now();
        }
    };
    async {
        tokio::select! {
            // What was missed is counted before anybody looks at a deadline.
            biased;
            never = counting => never,
            done = work => done,
        }
    }
}

/// What of the time between two ticks we were stopped.
fn missing(gap: Duration) -> Duration {
    match gap > BUSY {
        true => gap - TICK,
        false => Duration::ZERO,
    }
}

impl Stopped {
    fn add(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    fn now(&self) -> Instant {
        let stopped = Duration::from_millis(self.0.load(Ordering::Relaxed));
        let now = Instant::now();
        now.checked_sub(stopped).unwrap_or(now)
    }

    #[expect(clippy::disallowed_methods, reason = "this is where it is mended")]
    fn timeout<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, Elapsed>> {
        // Waits lie within waits, and each would hold the next one twice over.
        let mut future = Box::pin(future);
        async move {
            let begun = self.now();
            loop {
                let spent = self.now().saturating_duration_since(begun);
                let left = limit.saturating_sub(spent);
                match tokio::time::timeout(left, &mut future).await {
                    Ok(done) => return Ok(done),
                    Err(_) if left.is_zero() => return Err(Elapsed),
                    // Time is up, or we were stopped and it is not.
                    Err(_) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn only_a_gap_that_no_busy_machine_explains_is_a_stop() {
        assert_eq!(missing(TICK), Duration::ZERO);
        assert_eq!(missing(BUSY), Duration::ZERO);
        assert_eq!(missing(HOUR), HOUR - TICK);
    }

    #[tokio::test]
    async fn a_wait_goes_on_by_the_time_that_we_were_stopped() {
        let clock = Stopped(AtomicU64::new(0));
        let limit = Duration::from_millis(20);
        let work = async {
            clock.add(HOUR);
            tokio::time::sleep(3 * limit).await;
        };
        assert_eq!(clock.timeout(limit, work).await, Ok(()));
    }

    #[tokio::test]
    async fn a_wait_ends_in_time() {
        let clock = Stopped(AtomicU64::new(0));
        let begun = Instant::now();
        let never = std::future::pending::<()>();
        let limit = Duration::from_millis(20);
        assert_eq!(clock.timeout(limit, never).await, Err(Elapsed));
        assert!(begun.elapsed() >= limit);
        let at_once = clock.timeout(Duration::ZERO, async { 7 }).await;
        assert_eq!(at_once, Ok(7), "what is there needs no time");
    }
}
