//! How long the sides of a measurement took.

use std::time::Duration;

use crate::lab::{CheckId, Unit};

/// How long a side took.
#[derive(Debug, Clone)]
pub struct SideTimes {
    pub id: CheckId,
    /// The time of each measured round, from the shortest to the longest. Never empty.
    times: Vec<Duration>,
    /// How much the service read for one answer.
    pub touched: Option<(u64, Unit)>,
}

impl SideTimes {
    /// Creates the times of a side; there must be at least one.
    pub fn new(id: CheckId, mut times: Vec<Duration>, touched: Option<(u64, Unit)>) -> Self {
        times.sort_unstable();
        Self { id, times, touched }
    }

    /// Returns the number of measured rounds.
    pub fn rounds(&self) -> usize {
        self.times.len()
    }

    /// Returns the time that half of the rounds did not exceed.
    pub fn median(&self) -> Duration {
        self.quantile(50)
    }

    /// Returns the time that 95 of 100 rounds did not exceed: with few rounds, the longest one.
    pub fn p95(&self) -> Duration {
        self.quantile(95)
    }

    /// Returns the smallest time that at least so many percent of the rounds did not exceed (the nearest-rank method).
    fn quantile(&self, percent: usize) -> Duration {
        let rank = (self.times.len() * percent).div_ceil(100);
        self.times[rank.max(1) - 1]
    }
}

/// Returns how many times longer each side took than the quickest one, by their medians.
pub fn ratios(sides: &[SideTimes]) -> Vec<f64> {
    let quickest = sides.iter().map(SideTimes::median).min();
    let quickest = quickest.unwrap_or_default().as_secs_f64();
    let ratio = |side: &SideTimes| side.median().as_secs_f64() / quickest.max(1e-9);
    sides.iter().map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(id: &str, millis: &[u64]) -> SideTimes {
        let times = millis.iter().copied().map(Duration::from_millis).collect();
        SideTimes::new(CheckId::new(id).unwrap(), times, None)
    }

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let one = side("a", &[7]);
        assert_eq!(one.median(), Duration::from_millis(7));
        assert_eq!(one.p95(), Duration::from_millis(7));
        let four = side("a", &[4, 1, 3, 2]);
        assert_eq!(four.median(), Duration::from_millis(2));
        assert_eq!(four.p95(), Duration::from_millis(4));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let hundred = side("a", &hundred);
        assert_eq!(hundred.median(), Duration::from_millis(50));
        assert_eq!(hundred.p95(), Duration::from_millis(95));
        assert_eq!(hundred.rounds(), 100);
    }

    #[test]
    fn ratios_are_those_to_the_quickest_side() {
        assert_eq!(ratios(&[side("a", &[30]), side("b", &[10])]), [3.0, 1.0]);
        assert_eq!(ratios(&[]), [0.0; 0]);
    }
}
