//! Random `kill -9`: a command is killed at a random moment, in a share of cases its reaper too, and then nothing may be left.

use std::fs::DirEntry;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::engine::EngineLab;

/// What is killed: the words that come before, the words that are killed, and the latest moment in milliseconds.
const COMMANDS: [(&str, &str, u64); 5] = [
    ("", "up LAB", 800),
    ("", "run LAB --auto", 1000),
    ("up LAB", "reset LAB", 50),
    ("up LAB", "reset LAB --hard", 1000),
    ("up LAB", "down LAB", 300),
];

/// One in so many kills takes the reaper too.
const REAPER_TOO: u64 = 5;

/// The tiny lab, whose service takes a while to answer, so that kills come at all moments of its life.
pub(crate) fn lab() -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let from = "service: redis }\n";
    let slow = "    command: [sh, -c, \"sleep 0.4; exec redis-server --protected-mode no\"]\n";
    real.copy
        .change("compose.yaml", from, &format!("{from}{slow}"));
    real
}

/// Random numbers that a seed brings back (splitmix64, Steele, Lea and Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// What came of one kill.
pub(crate) struct Kill {
    /// What was killed, and when.
    pub(crate) what: String,
    /// Whether the command was still at it.
    pub(crate) hit: bool,
    /// From the kill until nothing was left; `None` if something still was after the time that a clean-up may take.
    pub(crate) clean_after: Option<Duration>,
    pub(crate) left: Vec<String>,
    pub(crate) processes: Vec<String>,
    /// The last that was said by whoever cleaned up.
    pub(crate) said: String,
}

/// Kills once, waits until nothing is left, and leaves the engine as it was before.
pub(crate) fn kill(real: &EngineLab, number: usize, random: &mut Random) -> Kill {
    let (before, words, latest) = COMMANDS[number % COMMANDS.len()];
    if !before.is_empty() {
        real.run(before, 0);
    }
    let moment = Duration::from_millis(random.below(latest));
    let reaper_too = random.below(REAPER_TOO) == 0;
    let mut child = real.command(words).spawn().expect("the program can be run");
    // The moment is what is random here, so this is no wait for anything.
    std::thread::sleep(moment);
    let hit = child.try_wait().ok().flatten().is_none();
    if reaper_too {
        kill_all(real);
    } else {
        // It may have ended by itself.
        let _ = child.kill();
    }
    child.wait().expect("it can be waited for");
    let begun = Instant::now();
    let said = if reaper_too {
        // Nobody is left who could do it but the next command.
        real.run("gc", 0).stderr
    } else {
        real.soon(|| real.processes().is_empty());
        let log = std::fs::read_to_string(real.copy.path("state/roadlab/reaper.log"));
        let log = log.unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    };
    let by_itself = real.left().is_empty() || is_up(real);
    let clean = by_itself.then(|| begun.elapsed());
    // A lab that was up and stays is its owner's to remove.
    real.run("down LAB", 0);
    let clean = clean.filter(|_| real.soon(|| is_clean(real)));
    let too = if reaper_too { " and its reaper" } else { "" };
    Kill {
        what: format!("{words}{too} after {} ms", moment.as_millis()),
        hit,
        clean_after: clean,
        left: real.left(),
        processes: real
            .processes()
            .into_iter()
            .map(|(_, command)| command)
            .collect(),
        said,
    }
}

/// Whether the lab is there as a whole and known to be kept, not a part of it.
fn is_up(real: &EngineLab) -> bool {
    let journals = std::fs::read_dir(real.copy.path("state/roadlab/runs"));
    let journals = journals.into_iter().flatten().flatten();
    let is_whole = |entry: &DirEntry| entry.path().extension().is_some_and(|end| end == "json");
    let texts = journals
        .filter(is_whole)
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
    let texts: Vec<String> = texts.collect();
    let kept = |text: &String| text.contains("\"life\": \"kept\"");
    texts.len() == 1 && texts.iter().all(kept) && real.left().len() == 3
}

fn is_clean(real: &EngineLab) -> bool {
    real.left().is_empty() && real.processes().is_empty()
}

/// The reapers first, so that none of them learns of the program's death.
fn kill_all(real: &EngineLab) {
    let mut processes = real.processes();
    processes.sort_by_key(|(_, command)| !command.contains("__reap"));
    for (pid, _) in processes {
        // It may have ended by itself.
        let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
    }
}
