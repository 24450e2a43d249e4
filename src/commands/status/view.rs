//! The status as lines for people and as JSON.

use std::iter;

use console::measure_text_width;
use serde_json::{Value, json};

use crate::app::{Row, Run, RunJournal, ServiceFault, Status, Stopped};
use crate::commands::format::expiry;
use crate::commands::orphans;
use crate::localized;
use crate::plan::Running;
use crate::report::{Paint, Wording, age, memory, sanitize, table};
use crate::runner::ServiceHealth;
use crate::store::{UnreadableJournal, now};

impl Status {
    /// Returns one element for each run, this state folder's first.
    pub(super) fn to_json(&self) -> Value {
        let runs = self.runs.iter().map(Run::to_json);
        let unreadable = self.unreadable.iter().map(unreadable_json);
        let orphans = self.orphans.iter().map(|orphan| {
            json!({ "lab": orphan.lab, "instance": orphan.instance, "run": orphan.run, "done": [], "solution_played": [], "holding": null,
                "exercises": null, "until": null, "paused": null, "services": [], "orphan": orphans::to_json(orphan) })
        });
        runs.chain(unreadable).chain(orphans).collect()
    }

    /// Returns everything but what changes all the time.
    pub(super) fn stable_json(&self) -> Value {
        let runs = self.runs.iter().map(Run::stable_json);
        let unreadable = self.unreadable.iter().map(unreadable_json);
        let orphans = self
            .orphans
            .iter()
            .map(|orphan| json!([orphan.run, orphan.running, orphan.containers]));
        runs.chain(unreadable).chain(orphans).collect()
    }

    /// Returns the lines for people; none if there is nothing. Addresses that are too far to the right for a width in columns
    /// have lines of their own.
    pub(super) fn lines(
        &self,
        paint: Paint,
        wording: Wording,
        width: Option<usize>,
    ) -> Vec<String> {
        let runs = self.runs.iter().flat_map(|run| run.lines(paint, width));
        let mut lines: Vec<String> = runs.collect();
        let unreadable = self.unreadable.iter();
        lines.extend(unreadable.map(|journal| paint.warn(&sanitize(&journal.text().localized()))));
        lines.extend(orphans::lines(&self.orphans, wording));
        lines
    }
}

fn unreadable_json(journal: &UnreadableJournal) -> Value {
    json!({ "lab": journal.lab, "instance": journal.instance, "run": journal.run, "done": [], "solution_played": [], "holding": null,
        "exercises": null, "until": null, "paused": null, "services": [], "journal": "unreadable",
        "journal_problem": journal.text().localized() })
}

impl Run {
    fn to_json(&self) -> Value {
        let (journal, problem) = match &self.journal {
            RunJournal::Readable => ("readable", None),
            RunJournal::Missing => ("missing", None),
            RunJournal::Unreadable(problem) => ("unreadable", Some(problem)),
        };
        json!({ "lab": self.lab, "instance": self.instance, "run": self.run, "done": self.solved, "exercises": self.score.all, "points": self.points, "earned": self.points.map(|_| self.earned),
            "solution_played": self.played, "holding": self.holding,
            "until": self.until, "paused": self.paused, "services": self.services.iter().map(Row::to_json).collect::<Vec<_>>(),
            "journal": journal, "journal_problem": problem, "progress_problem": self.progress_problem, "orphan": null })
    }

    fn stable_json(&self) -> Value {
        let services = self.services.iter().map(|row| {
            json!([
                row.service,
                row.running == Running::Yes,
                row.fault_words(),
                row.health_word(),
                row.url,
                row.created
            ])
        });
        json!([
            self.run,
            self.lab,
            self.instance,
            self.solved,
            self.played,
            self.holding,
            services.collect::<Vec<_>>()
        ])
    }

    /// Returns the lab with the option for its instance, as it is typed after a command.
    fn lab_argument(&self) -> String {
        match self.instance.is_main() {
            true => self.lab.to_string(),
            false => format!("{} --instance {}", self.lab, self.instance),
        }
    }

    fn lines(&self, paint: Paint, width: Option<usize>) -> Vec<String> {
        let name = match self.instance.is_main() {
            true => self.lab.to_string(),
            false => format!("{} ({})", self.lab, self.instance),
        };
        let progress = match &self.progress_problem {
            None => self.score.text(),
            Some(_) => localized!("progress unknown"),
        };
        let mut lines = vec![format!("{}  {}", paint.bold(&name), paint.dim(&progress))];
        if self.services.is_empty() {
            let lab = self.lab_argument();
            lines.push(format!(
                "  {}",
                paint.warn(&localized!(
                    "leftovers only; remove them with `roadlab down {lab}`",
                    lab
                ))
            ));
        }
        let journal = match &self.journal {
            RunJournal::Readable => None,
            RunJournal::Missing => Some(localized!(
                "the journal of this run is missing, so it never expires"
            )),
            RunJournal::Unreadable(problem) => Some(problem.clone()),
        };
        for problem in journal.iter().chain(&self.progress_problem) {
            lines.push(format!("  {}", paint.warn(&sanitize(problem))));
        }
        for (shown, row) in self.rows(paint, width).into_iter().zip(&self.services) {
            lines.extend(shown);
            if let ServiceHealth::Unhealthy(why) = &row.health {
                let why = sanitize(why).replace('\n', " ");
                lines.push(format!("      {}", paint.dim(&why)));
            }
        }
        if self.services.iter().any(|row| !row.faults.is_empty()) {
            let lab = self.lab_argument();
            lines.push(format!(
                "  {}",
                paint.warn(&localized!(
                    "repair it with `roadlab fault {lab} heal`",
                    lab
                ))
            ));
        }
        let unhealthy = |row: &Row| matches!(row.health, ServiceHealth::Unhealthy(_));
        if self.services.iter().any(unhealthy) {
            let lab = self.lab_argument();
            lines.push(format!(
                "  {}",
                paint.warn(&localized!(
                    "if it stays unhealthy: `roadlab reset {lab} --hard`, which wipes the data of the services",
                    lab
                ))
            ));
        }
        if let Some(paused) = self.paused {
            let (lab, time) = (self.lab_argument(), age(now().saturating_sub(paused)));
            let text = localized!(
                "paused for {time}; continue with `roadlab up {lab}`",
                time,
                lab
            );
            lines.push(format!("  {}", paint.dim(&text)));
        }
        if let Some(until) = self.until {
            lines.push(format!("  {}", paint.dim(&expiry(until))));
        }
        lines
    }

    /// Returns the lines of each service.
    fn rows(&self, paint: Paint, width: Option<usize>) -> Vec<Vec<String>> {
        let address = |row: &Row| row.url.as_deref().map(|url| paint.link(&sanitize(url)));
        let with_address = self.services.iter().map(|row| {
            let mut cells = row.cells(paint);
            cells.extend(address(row));
            cells
        });
        let lines = table(&with_address.collect::<Vec<_>>());
        let fits = |line: &String| width.is_none_or(|width| measure_text_width(line) <= width);
        if lines.iter().all(fits) {
            return lines.into_iter().map(|line| vec![line]).collect();
        }
        let cells = self.services.iter().map(|row| row.cells(paint));
        let lines = table(&cells.collect::<Vec<_>>());
        let rows = lines.into_iter().zip(&self.services).map(|(line, row)| {
            let address = address(row).map(|url| format!("      {url}"));
            iter::once(line).chain(address).collect()
        });
        rows.collect()
    }
}

impl Row {
    fn to_json(&self) -> Value {
        let why = match &self.health {
            ServiceHealth::Unhealthy(why) => Some(why),
            ServiceHealth::Healthy | ServiceHealth::Unknown => None,
        };
        json!({ "service": self.service, "state": self.state, "running": self.running == Running::Yes, "created": self.created,
            "uptime": self.uptime, "health": self.health_word(), "why": why, "url": self.url, "memory": self.memory,
            "memory_limit": self.limit, "fault": self.fault_words().first(), "faults": self.fault_words() })
    }

    fn fault_words(&self) -> Vec<&'static str> {
        let word = |fault: &ServiceFault| match fault {
            ServiceFault::CutOff => "cut_off",
            ServiceFault::PartlyCutOff => "partly_cut_off",
            ServiceFault::Paused => "paused",
            ServiceFault::Stopped => "stopped",
            ServiceFault::Removed => "removed",
            ServiceFault::DiskFull => "disk_full",
        };
        self.faults.iter().map(word).collect()
    }

    fn health_word(&self) -> Option<&'static str> {
        match self.health {
            ServiceHealth::Healthy => Some("healthy"),
            ServiceHealth::Unhealthy(_) => Some("unhealthy"),
            ServiceHealth::Unknown => None,
        }
    }

    /// Returns the cells of a row but for the address.
    fn cells(&self, paint: Paint) -> Vec<String> {
        let (mark, state) = match self.running {
            Running::Yes if self.faults.is_empty() => (paint.good("●"), localized!("running")),
            Running::Yes => {
                let faults: Vec<String> = self.faults.iter().filter_map(fault_text).collect();
                (paint.warn("●"), faults.join(", "))
            }
            Running::Paused => (paint.warn("●"), localized!("paused")),
            Running::No => {
                let state = sanitize(&self.stopped_text(age));
                match self.stopped {
                    Some(Stopped::Finished { .. }) => (paint.good("●"), state),
                    _ => (paint.bad("●"), state),
                }
            }
        };
        let health = match self.health {
            ServiceHealth::Healthy => paint.good(&localized!("healthy")),
            ServiceHealth::Unhealthy(_) => paint.bad(&localized!("unhealthy")),
            ServiceHealth::Unknown => String::new(),
        };
        let used = match (self.memory, self.limit) {
            (Some(used), Some(limit)) => format!("{} / {}", memory(used), memory(limit)),
            (Some(used), None) => memory(used),
            (None, _) => String::new(),
        };
        vec![
            format!("  {mark} {}", sanitize(&self.service)),
            state,
            health,
            used,
            self.uptime.map(age).unwrap_or_default(),
        ]
    }
}

/// Returns a fault of a service that runs, in words.
fn fault_text(fault: &ServiceFault) -> Option<String> {
    match fault {
        ServiceFault::CutOff => Some(localized!("cut off")),
        ServiceFault::PartlyCutOff => Some(localized!("partly cut off")),
        ServiceFault::DiskFull => Some(localized!("disk full")),
        ServiceFault::Paused | ServiceFault::Stopped | ServiceFault::Removed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Score;
    use crate::lab::{Instance, LabId};

    fn run(services: Vec<Row>) -> Run {
        Run {
            lab: LabId::new("redis").unwrap(),
            instance: Instance::new("second").unwrap(),
            run: None,
            solved: Vec::new(),
            played: Vec::new(),
            holding: None,
            score: Score {
                all: Some(16),
                ..Score::default()
            },
            points: None,
            earned: 0,
            services,
            until: None,
            paused: None,
            journal: RunJournal::Readable,
            progress_problem: None,
        }
    }

    fn row(service: &str, health: ServiceHealth) -> Row {
        Row {
            service: service.into(),
            running: Running::Yes,
            state: "Up 3 minutes".into(),
            stopped: None,
            health,
            url: Some("redis://127.0.0.1:24030".into()),
            memory: Some(12 << 20),
            limit: Some(256 << 20),
            uptime: Some(185),
            created: 7,
            faults: Vec::new(),
        }
    }

    #[test]
    fn a_service_has_its_state_and_an_unhealthy_one_its_reason() {
        let unhealthy = ServiceHealth::Unhealthy("PING: expected PONG,\nsaw \u{1b}LOADING".into());
        let mut gone = row("job", ServiceHealth::Unknown);
        gone.running = Running::No;
        gone.state = "Exited (137) 2 seconds ago".into();
        gone.stopped = Some(Stopped::Ended {
            code: 137,
            ago: Some(2),
        });
        (gone.memory, gone.limit, gone.uptime, gone.url) = (None, None, None, None);
        let run = run(vec![
            row("cache", ServiceHealth::Healthy),
            gone,
            row("redis", unhealthy),
        ]);
        insta::assert_snapshot!(run.lines(Paint::Plain, None).join("\n"), @r"
        redis (second)  solved 0 of 16
          ● cache  running                       healthy    12 MiB / 256 MiB  3 min  redis://127.0.0.1:24030
          ● job    ended 2 s ago, exit code 137
          ● redis  running                       unhealthy  12 MiB / 256 MiB  3 min  redis://127.0.0.1:24030
              PING: expected PONG, saw \u{1b}LOADING
          if it stays unhealthy: `roadlab reset redis --instance second --hard`, which wipes the data of the services
        ");
    }

    #[test]
    fn a_service_that_does_not_run_has_its_state_in_words() {
        let text = |stopped| {
            let row = Row {
                stopped,
                state: "removed".into(),
                ..row("job", ServiceHealth::Unknown)
            };
            row.stopped_text(age)
        };
        let (code, ago) = (1, Some(185));
        for (stopped, expected) in [
            (None, "removed"),
            (Some(Stopped::NeverStarted), "not started"),
            (Some(Stopped::Finished { ago: None }), "finished"),
            (Some(Stopped::Finished { ago }), "finished 3 min ago"),
            (
                Some(Stopped::Ended { code, ago: None }),
                "ended, exit code 1",
            ),
            (
                Some(Stopped::Ended { code, ago }),
                "ended 3 min ago, exit code 1",
            ),
        ] {
            assert_eq!(text(stopped), expected);
        }
    }

    #[test]
    fn an_address_is_never_broken() {
        let mut without = row("job", ServiceHealth::Healthy);
        without.url = None;
        let run = run(vec![row("redis", ServiceHealth::Healthy), without]);
        insta::assert_snapshot!(run.lines(Paint::Plain, Some(66)).join("\n"), @r"
        redis (second)  solved 0 of 16
          ● redis  running  healthy  12 MiB / 256 MiB  3 min
              redis://127.0.0.1:24030
          ● job    running  healthy  12 MiB / 256 MiB  3 min
        ");
        let whole = run.lines(Paint::Plain, Some(80)).join("\n");
        assert_eq!(whole, run.lines(Paint::Plain, None).join("\n"));
        assert!(whole.contains("3 min  redis://"), "{whole}");
    }

    #[test]
    fn what_is_broken_is_shown_with_the_command_that_repairs_it() {
        let broken = |service, running, faults: &[ServiceFault]| Row {
            running,
            faults: faults.to_vec(),
            health: ServiceHealth::Unknown,
            state: "removed".into(),
            memory: None,
            limit: None,
            uptime: None,
            url: None,
            ..row(service, ServiceHealth::Unknown)
        };
        let run = run(vec![
            broken(
                "a",
                Running::Yes,
                &[ServiceFault::CutOff, ServiceFault::DiskFull],
            ),
            broken("b", Running::Paused, &[ServiceFault::Paused]),
            broken("c", Running::No, &[ServiceFault::Removed]),
            broken("d", Running::Yes, &[ServiceFault::PartlyCutOff]),
        ]);
        insta::assert_snapshot!(run.lines(Paint::Plain, None).join("\n"), @r"
        redis (second)  solved 0 of 16
          ● a  cut off, disk full
          ● b  paused
          ● c  removed
          ● d  partly cut off
          repair it with `roadlab fault redis --instance second heal`
        ");
        let words: Vec<_> = run.services.iter().map(Row::fault_words).collect();
        let expected = json!([
            ["cut_off", "disk_full"],
            ["paused"],
            ["removed"],
            ["partly_cut_off"]
        ]);
        assert_eq!(json!(words), expected);
    }

    #[test]
    fn a_paused_lab_is_shown_with_its_age_and_the_command_that_continues_it() {
        let stopped = Row {
            running: Running::No,
            health: ServiceHealth::Unknown,
            state: "Exited (0) 2 hours ago".into(),
            stopped: Some(Stopped::Ended {
                code: 0,
                ago: Some(7260),
            }),
            memory: None,
            limit: None,
            uptime: None,
            url: None,
            ..row("redis", ServiceHealth::Unknown)
        };
        let mut run = run(vec![stopped]);
        run.paused = Some(now() - 7260);
        insta::assert_snapshot!(run.lines(Paint::Plain, None).join("\n"), @r"
        redis (second)  solved 0 of 16
          ● redis  ended 2 h 01 min ago, exit code 0
          paused for 2 h 01 min; continue with `roadlab up redis --instance second`
        ");
        assert_eq!(run.to_json()["paused"], json!(run.paused));
    }

    #[test]
    fn memory_and_uptime_are_not_part_of_the_essence() {
        let before = run(vec![row("redis", ServiceHealth::Healthy)]);
        let mut later = row("redis", ServiceHealth::Healthy);
        (later.memory, later.uptime, later.state) = (Some(1), Some(186), "Up 4 minutes".into());
        assert_eq!(run(vec![later]).stable_json(), before.stable_json());
        let unhealthy = row("redis", ServiceHealth::Unhealthy("x".into()));
        assert_ne!(run(vec![unhealthy]).stable_json(), before.stable_json());
    }

    #[test]
    fn leftovers_are_shown_with_the_command_that_removes_them() {
        let lines = run(Vec::new()).lines(Paint::Plain, None).join("\n");
        assert!(
            lines.contains("`roadlab down redis --instance second`"),
            "{lines}"
        );
    }

    #[test]
    fn problems_of_the_journal_and_the_progress_are_shown_with_their_run() {
        let mut run = run(vec![row("redis", ServiceHealth::Healthy)]);
        run.journal = RunJournal::Unreadable("cannot read the journal".into());
        run.progress_problem = Some("cannot read the progress".into());
        let lines = run.lines(Paint::Plain, None);
        assert_eq!(
            lines[1..3],
            ["  cannot read the journal", "  cannot read the progress"]
        );
        assert_eq!(run.to_json()["journal"], "unreadable");
    }
}
