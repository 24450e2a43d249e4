//! What a program costs: wall time, processor time, peak memory.

use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use wait4::Wait4;

/// What something cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// The wall time.
    pub(crate) wall: Duration,
    /// The time on the processor, of the program and of those that it waited for; not of the engine and the services.
    pub(crate) processor: Duration,
    /// The most memory, in KiB; 0 if it is not known.
    pub(crate) peak: u64,
}

impl Cost {
    pub(crate) fn of_wall(wall: Duration) -> Self {
        Self {
            wall,
            ..Self::default()
        }
    }

    /// One after the other.
    pub(crate) fn and(self, next: Self) -> Self {
        Self {
            wall: self.wall + next.wall,
            processor: self.processor + next.processor,
            peak: self.peak.max(next.peak),
        }
    }

    /// So many times this.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            wall: self.wall.mul_f64(factor),
            processor: self.processor.mul_f64(factor),
            peak: self.peak,
        }
    }
}

/// Runs a program to its end. Codes other than these are errors.
pub(crate) fn run(command: &mut Command, accepted: &[i32]) -> anyhow::Result<Cost> {
    let mut errors = tempfile::tempfile()?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors.try_clone()?);
    let begun = Instant::now();
    let child = command.spawn().with_context(|| words(command))?;
    let ended = child.wait4()?;
    let wall = begun.elapsed();
    if !ended
        .status
        .code()
        .is_some_and(|code| accepted.contains(&code))
    {
        let mut text = String::new();
        errors.rewind()?;
        errors.read_to_string(&mut text)?;
        bail!("{}: {}: {}", words(command), ended.status, text.trim());
    }
    Ok(Cost {
        wall,
        processor: ended.rusage.utime + ended.rusage.stime,
        peak: ended.rusage.maxrss / 1024,
    })
}

/// Runs programs at the same time, until the last has ended. A failure is reported after that.
pub(crate) fn all_at_once(commands: Vec<Command>) -> anyhow::Result<Cost> {
    let begun = Instant::now();
    let started = commands
        .into_iter()
        .map(|mut command| std::thread::spawn(move || run(&mut command, &[0])));
    // Collected first, so that they run at the same time.
    let started: Vec<_> = started.collect();
    let mut all = Cost::default();
    let mut failed = None;
    for one in started {
        match one.join().expect("a measurement does not panic") {
            Ok(cost) => all = all.and(cost),
            Err(error) => failed = Some(error),
        }
    }
    all.wall = begun.elapsed();
    failed.map_or(Ok(all), Err)
}

fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
