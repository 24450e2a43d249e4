//! Probes whose value changes by itself, as time passes.

use crate::lab::steps::model::StepKind;

/// Redis commands whose reply depends on the time or on what the server counts. `OBJECT` has several subcommands.
const COMMANDS: [&str; 10] = [
    "TTL", "PTTL", "HTTL", "HPTTL", "TIME", "INFO", "LASTSAVE", "SLOWLOG", "LATENCY", "MEMORY",
];
const OBJECT: [&str; 2] = ["IDLETIME", "FREQ"];

impl StepKind {
    /// Returns whether the value of a probe changes although nothing was done: a time to live, an age, a log.
    pub fn changes_by_itself(&self) -> bool {
        let StepKind::Redis(probe) = self else {
            return matches!(self, StepKind::Log(_) | StepKind::Ratio(_));
        };
        let word = |at: usize| {
            let word = probe.command.get(at);
            word.map(|word| word.to_ascii_uppercase())
                .unwrap_or_default()
        };
        match word(0).as_str() {
            "OBJECT" => OBJECT.contains(&word(1).as_str()),
            command => COMMANDS.contains(&command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{LogProbe, RedisProbe, ServiceName};

    #[test]
    fn times_to_live_ages_and_logs_change_by_themselves() {
        let service = || ServiceName::new("redis").unwrap();
        for (command, expected) in [
            ("TTL a", true),
            ("pttl a", true),
            ("OBJECT IDLETIME a", true),
            ("object encoding a", false),
            ("EXPIRETIME a", false),
            ("GET ttl", false),
            ("", false),
        ] {
            let command = command.split_whitespace().map(str::to_owned).collect();
            let step = StepKind::Redis(RedisProbe {
                service: service(),
                command,
                db: 0,
            });
            assert_eq!(step.changes_by_itself(), expected, "{step}");
        }
        let log = LogProbe {
            service: service(),
            tail: 1,
        };
        assert!(StepKind::Log(log).changes_by_itself());
    }
}
