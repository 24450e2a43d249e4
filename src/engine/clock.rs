//! A monotonic clock that leaves out the time in which this process was stopped, and deadlines that are measured by it.
//!
//! A stop is never the engine's or a service's fault, so no deadline may end because of one. SIGSTOP cannot be caught, but
//! whatever stopped the process (Ctrl-Z, SIGSTOP, a background read from the terminal), SIGCONT continues it, and that can.
//! Its handler sets a flag. The event loop records the time when it goes to sleep and when it wakes up; the flag says that
//! the last long gap between two records contains a stop, and that gap does not count. Nothing wakes up periodically.
//!
//! Two cases are not covered: a process that the cgroup freezer or a debugger stops gets no SIGCONT, and the idle wait
//! into which the stop fell is left out together with the stop, so that a deadline can be extended by that wait.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A shorter gap between two records is not worth leaving out.
const SHORTEST_STOP: Duration = Duration::from_millis(20);

/// The handler may run on another thread and set the flag a moment after the event loop woke up.
const FLAG_DELAY: Duration = Duration::from_millis(500);

/// How long a deadline that has passed is still open, so that the flag of the handler is seen.
const GRACE: Duration = Duration::from_millis(1);

/// The error of a wait whose deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::new);

/// Returns the time of this clock. It is only good for deadlines: what people read is measured by the system's clock.
pub fn now() -> Instant {
    CLOCK.now()
}

/// Returns how much time has passed since an earlier [`now`].
pub fn since(moment: Instant) -> Duration {
    now().saturating_duration_since(moment)
}

/// Waits for `future`, at most `limit`.
pub fn timeout<T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Elapsed>> {
    CLOCK.timeout(limit, future)
}

/// Makes the event loop record when it sleeps and wakes, and catches SIGCONT.
pub fn install(runtime: &mut tokio::runtime::Builder) -> io::Result<()> {
    let continued = Arc::clone(&CLOCK.continued);
    signal_hook::flag::register(signal_hook::consts::SIGCONT, continued)?;
    let record = || {
        CLOCK.record();
    };
    runtime.on_thread_park(record).on_thread_unpark(record);
    Ok(())
}

struct Clock {
    /// Set by the handler of SIGCONT.
    continued: Arc<AtomicBool>,
    records: Mutex<Records>,
}

/// When the process was seen running.
#[derive(Debug, Clone, Copy)]
struct Records {
    last: Instant,
    /// The last gap that was long enough for a stop, and its end.
    gap: Duration,
    gap_end: Instant,
    /// The time that does not count.
    stopped: Duration,
}

impl Records {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            gap: Duration::ZERO,
            gap_end: now,
            stopped: Duration::ZERO,
        }
    }

    /// Notes that the process runs at a time, and whether it was continued since the last record.
    fn record(&mut self, now: Instant, continued: bool) {
        let gap = now.saturating_duration_since(self.last);
        self.last = now;
        if gap >= SHORTEST_STOP {
            (self.gap, self.gap_end) = (gap, now);
        }
        if continued && now.saturating_duration_since(self.gap_end) <= FLAG_DELAY {
            self.stopped += std::mem::take(&mut self.gap);
        }
    }
}

impl Clock {
    fn new() -> Self {
        Self {
            continued: Arc::default(),
            records: Mutex::new(Records::new(Instant::now())),
        }
    }

    /// Returns the time that does not count so far.
    fn record(&self) -> Duration {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let continued = self.continued.swap(false, Ordering::Relaxed);
        records.record(Instant::now(), continued);
        records.stopped
    }

    fn now(&self) -> Instant {
        let stopped = self.record();
        let now = Instant::now();
        now.checked_sub(stopped).unwrap_or(now)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the deadline is measured again by this clock before it ends the wait"
    )]
    fn timeout<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = Result<T, Elapsed>> {
        // Timeouts are nested, and each future would hold the inner one twice.
        let mut future = Box::pin(future);
        async move {
            let begun = self.now();
            loop {
                let left = limit.saturating_sub(self.now().saturating_duration_since(begun));
                match tokio::time::timeout(left, &mut future).await {
                    Ok(done) => return Ok(done),
                    Err(_) if left.is_zero() => return Err(Elapsed),
                    Err(_) => tokio::time::sleep(GRACE).await,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const TICK: Duration = Duration::from_millis(1);

    /// The time that does not count after records at these distances, each with whether SIGCONT came.
    #[track_caller]
    fn check(records: &[(Duration, bool)], expected: Duration) {
        let mut now = Instant::now();
        let mut state = Records::new(now);
        for (gap, continued) in records {
            now += *gap;
            state.record(now, *continued);
        }
        assert_eq!(state.stopped, expected);
    }

    #[test]
    fn gap_that_ends_with_sigcont_does_not_count() {
        check(&[(TICK, false), (HOUR, true), (TICK, false)], HOUR);
        check(&[(HOUR, true), (HOUR, true)], 2 * HOUR);
    }

    #[test]
    fn idle_wait_without_sigcont_counts() {
        check(
            &[(HOUR, false), (TICK, false), (HOUR, false)],
            Duration::ZERO,
        );
        check(&[(HOUR, false), (HOUR, true)], HOUR);
    }

    #[test]
    fn flag_that_is_set_a_moment_after_the_wakeup_is_not_lost() {
        check(&[(HOUR, false), (TICK, false), (TICK, true)], HOUR);
    }

    #[test]
    fn sigcont_without_a_stop_changes_nothing() {
        check(&[(TICK, true), (TICK, true)], Duration::ZERO);
        check(&[(HOUR, true), (TICK, true)], HOUR);
    }

    #[tokio::test]
    async fn timeout_is_extended_by_a_stop() {
        let clock = Clock::new();
        let limit = Duration::from_millis(20);
        let work = async {
            // As after a stop: no record for an hour, then SIGCONT.
            clock.records.lock().unwrap().last -= HOUR;
            clock.continued.store(true, Ordering::Relaxed);
            tokio::time::sleep(3 * limit).await;
        };
        assert_eq!(clock.timeout(limit, work).await, Ok(()));
    }

    #[tokio::test]
    async fn timeout_ends_when_its_limit_has_passed() {
        let clock = Clock::new();
        let begun = Instant::now();
        let never = std::future::pending::<()>();
        let limit = Duration::from_millis(20);
        assert_eq!(clock.timeout(limit, never).await, Err(Elapsed));
        assert!(begun.elapsed() >= limit);
        let ready = clock.timeout(Duration::ZERO, async { 7 }).await;
        assert_eq!(ready, Ok(7), "a result that is ready needs no time");
    }
}
