//! `kill -9` at random moments: a command is killed, sometimes with its reaper, and then nothing may be left.
//!
//! `ROADLAB_TEST_KILLS=200` sets the number of kills and `ROADLAB_TEST_SEED=7` the seed, which gives the same commands and
//! moments each time.

use std::fs::DirEntry;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::engine_lab::EngineLab;
use crate::support::eventually;

/// The command that runs before, the command that is killed, and the latest moment in milliseconds.
const COMMANDS: [(&str, &str, u64); 5] = [
    ("", "up LAB", 800),
    ("", "run LAB --auto", 1000),
    ("up LAB", "reset LAB", 50),
    ("up LAB", "reset LAB --hard", 1000),
    ("up LAB", "down LAB", 300),
];

/// One of this many kills includes the reaper.
const REAPER_SHARE: u64 = 5;

#[apply(engine_test)]
fn random_kills_leave_nothing() {
    let setting = |name: &str, default: u64| {
        let value = std::env::var(name).ok();
        value.map_or(default, |value| value.parse().expect("a number"))
    };
    let count = setting("ROADLAB_TEST_KILLS", 20);
    let mut random = Random(setting("ROADLAB_TEST_SEED", 5));
    // The service takes a while to get ready, so that kills come at all moments of its life.
    let slow = "    command: [sh, -c, \"sleep 0.4; exec redis-server --protected-mode no\"]\n";
    let lab = EngineLab::tiny_with(slow);
    let hits = (0..count).filter(|number| {
        let command = COMMANDS[usize::try_from(*number).expect("a few") % COMMANDS.len()];
        kill(&lab, command, &mut random)
    });
    let hits = u64::try_from(hits.count()).expect("a few");
    let missed = count - hits;
    assert!(
        hits > count / 2,
        "{missed} of {count} kills came after the end of the command"
    );
}

/// Kills one command and waits until nothing is left. Returns whether the command was still running.
#[track_caller]
fn kill(
    lab: &EngineLab,
    (before, arguments, latest): (&str, &str, u64),
    random: &mut Random,
) -> bool {
    if !before.is_empty() {
        lab.run(before, 0);
    }
    let moment = Duration::from_millis(random.below(latest));
    let with_reaper = random.below(REAPER_SHARE) == 0;
    let mut child = lab
        .command(arguments)
        .spawn()
        .expect("the program can be run");
    // The random moment is the point of this test; it waits for nothing.
    std::thread::sleep(moment);
    let hit = child.try_wait().ok().flatten().is_none();
    match with_reaper {
        true => kill_all(lab),
        // It may have ended.
        false => drop(child.kill()),
    }
    child.wait().expect("a child process");
    let kill = format!("{arguments} after {moment:?}, reaper killed: {with_reaper}");
    // Without its reaper, only the next command cleans up.
    let gc = with_reaper.then(|| lab.run("gc", 0).stderr);
    let settled =
        eventually(|| lab.processes().is_empty() && (lab.resources().is_empty() || is_up(lab)));
    let state = || (lab.resources(), lab.processes(), lab.reaper_log());
    assert!(settled, "{kill}: {gc:?} {:?}", state());
    // A lab that is up as a whole stays until its user removes it.
    lab.run("down LAB", 0);
    let clean = eventually(|| lab.resources().is_empty() && lab.processes().is_empty());
    assert!(clean, "{kill}: {gc:?} {:?}", state());
    hit
}

/// Whether all resources of the lab exist and its journal says that it stays.
pub(super) fn is_up(lab: &EngineLab) -> bool {
    let journals = std::fs::read_dir(lab.copy.path("state/roadlab/runs"));
    let journals = journals.into_iter().flatten().flatten();
    // The baselines of a run are in a file beside its journal.
    let is_complete = |entry: &DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.ends_with(".json") && !name.ends_with(".baselines.json")
    };
    let texts = journals
        .filter(is_complete)
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    let texts: Vec<String> = texts.collect();
    let stays = |text: &String| text.contains("\"life\": \"kept\"");
    texts.len() == 1 && texts.iter().all(stays) && lab.resources().len() == 3
}

/// Kills the reapers first, so that none of them notices the end of the program.
fn kill_all(lab: &EngineLab) {
    let mut processes = lab.processes();
    processes.sort_by_key(|(_, command)| !command.contains("__reap"));
    for (pid, _) in processes {
        // It may have ended.
        let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
    }
}

/// Pseudo-random numbers (splitmix64, Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
