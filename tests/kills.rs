//! Twenty `kill -9` at random moments, the same ones each time; `cargo bench --bench kills` does as many as one likes.

mod support;

#[path = "support/engine.rs"]
mod engine;
#[path = "support/kills.rs"]
mod kills;

use std::time::Duration;

use crate::kills::{Random, kill, lab};

const COUNT: usize = 20;

#[test]
fn whatever_is_killed_and_whenever_nothing_is_left() {
    let real = lab();
    let mut random = Random::new(5);
    let kills: Vec<_> = (0..COUNT)
        .map(|number| kill(&real, number, &mut random))
        .collect();
    for kill in &kills {
        let told = format!("{}: {:?}; {}", kill.what, kill.clean_after, kill.said);
        assert_eq!(kill.left, [""; 0], "{told}");
        assert_eq!(kill.processes, [""; 0], "{told}");
        let in_time = |time: Duration| time < Duration::from_secs(10);
        assert!(kill.clean_after.is_some_and(in_time), "{told}");
    }
    let hit = kills.iter().filter(|kill| kill.hit).count();
    assert!(
        hit > COUNT / 2,
        "only {hit} of {COUNT} came before the command had ended"
    );
}
