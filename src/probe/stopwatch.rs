//! How long a service took to answer, without what a probe adds to the request: SQL checks begin and end a transaction of their
//! own and ask for the types of columns first.

use std::cell::Cell;
use std::time::{Duration, Instant};

tokio::task_local! {
    static REQUEST: Cell<Option<Duration>>;
}

/// Awaits the request that a step is for and records how long it took, for a caller that measures.
pub(super) async fn request<T>(request: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let answer = request.await;
    // Outside of `measured` there is nothing to record.
    let _ = REQUEST.try_with(|time| time.set(Some(begun.elapsed())));
    answer
}

/// Awaits a probe and returns how long its request took; for a probe that adds nothing to its request, all of it.
pub async fn measured<T>(probe: impl Future<Output = T>) -> (T, Duration) {
    let measured = async {
        let begun = Instant::now();
        let result = probe.await;
        let whole = begun.elapsed();
        (result, REQUEST.with(Cell::get).unwrap_or(whole))
    };
    REQUEST.scope(Cell::new(None), measured).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_request_counts_where_a_probe_names_it() {
        let pause = Duration::from_millis(20);
        let begun = Instant::now();
        let (value, time) = measured(async {
            std::thread::sleep(pause);
            request(async { 7 }).await
        })
        .await;
        // However busy the machine is, the pause is a part of the whole and not of the request.
        assert!(value == 7 && time + pause <= begun.elapsed(), "{time:?}");
        let ((), time) = measured(async { std::thread::sleep(pause) }).await;
        assert!(time >= pause, "{time:?}");
    }
}
