//! What was seen, for people and for programs.

use crate::commands::format::expiry;
use serde_json::{Value, json};

use crate::commands::status::look::{Row, Run};
use crate::plan::Running;
use crate::report::{Paint, age, memory, sanitize, t, table};
use crate::runner::ServiceHealth;

impl Run {
    pub(super) fn to_json(&self) -> Value {
        json!({ "lab": self.lab, "instance": self.instance, "run": self.run, "done": self.done, "exercises": self.exercises,
            "until": self.until, "services": self.services.iter().map(Row::to_json).collect::<Vec<_>>() })
    }

    /// All but what changes all the time.
    pub(super) fn essence(&self) -> Value {
        let services = self.services.iter().map(|row| {
            json!([
                row.service,
                row.running == Running::Yes,
                row.health_word(),
                row.url,
                row.created
            ])
        });
        json!([
            self.run,
            self.lab,
            self.instance,
            self.done,
            services.collect::<Vec<_>>()
        ])
    }

    pub(super) fn lines(&self, paint: Paint) -> Vec<String> {
        let name = match self.instance.is_main() {
            true => self.lab.to_string(),
            false => format!("{} ({})", self.lab, self.instance),
        };
        let progress = match self.exercises {
            Some(all) => t!("status.progress", done = self.done.len(), all = all),
            None => t!("status.done", done = self.done.len()),
        };
        let mut lines = vec![format!("{}  {}", paint.bold(&name), paint.dim(&progress))];
        if self.services.is_empty() {
            let lab = match self.instance.is_main() {
                true => self.lab.to_string(),
                false => format!("{} --instance {}", self.lab, self.instance),
            };
            lines.push(format!(
                "  {}",
                paint.warn(&t!("status.leftovers", lab = lab))
            ));
        }
        let rows = self.services.iter().map(|row| row.cells(paint));
        let rows = table(&rows.collect::<Vec<_>>());
        for (line, row) in rows.into_iter().zip(&self.services) {
            lines.push(line);
            if let ServiceHealth::Unhealthy(why) = &row.health {
                let why = sanitize(why).replace('\n', " ");
                lines.push(format!("      {}", paint.dim(&why)));
            }
        }
        if let Some(until) = self.until {
            lines.push(format!("  {}", paint.dim(&expiry(until))));
        }
        lines
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
            "memory_limit": self.limit })
    }

    fn health_word(&self) -> Option<&'static str> {
        match self.health {
            ServiceHealth::Healthy => Some("healthy"),
            ServiceHealth::Unhealthy(_) => Some("unhealthy"),
            ServiceHealth::Unknown => None,
        }
    }

    fn cells(&self, paint: Paint) -> Vec<String> {
        let (mark, state) = match self.running {
            Running::Yes => (paint.good("●"), t!("status.running").into_owned()),
            Running::Paused => (paint.warn("●"), t!("status.paused").into_owned()),
            Running::No => (paint.bad("●"), sanitize(&self.state)),
        };
        let health = match self.health {
            ServiceHealth::Healthy => paint.good(&t!("status.healthy")),
            ServiceHealth::Unhealthy(_) => paint.bad(&t!("status.unhealthy")),
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
            paint.link(&self.url.as_deref().map(sanitize).unwrap_or_default()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Instance, LabId};

    fn run(services: Vec<Row>) -> Run {
        Run {
            lab: LabId::new("redis").unwrap(),
            instance: Instance::new("second").unwrap(),
            run: None,
            done: Vec::new(),
            exercises: Some(16),
            services,
            until: None,
        }
    }

    fn row(service: &str, health: ServiceHealth) -> Row {
        Row {
            service: service.into(),
            running: Running::Yes,
            state: "Up 3 minutes".into(),
            health,
            url: Some("redis://127.0.0.1:24030".into()),
            memory: Some(12 << 20),
            limit: Some(256 << 20),
            uptime: Some(185),
            created: 7,
        }
    }

    #[test]
    fn a_service_says_what_it_is_and_an_ill_one_why() {
        let ill = ServiceHealth::Unhealthy("PING: expected PONG,\nsaw \u{1b}LOADING".into());
        let mut gone = row("job", ServiceHealth::Unknown);
        gone.running = Running::No;
        gone.state = "Exited (137) 2 seconds ago".into();
        (gone.memory, gone.limit, gone.uptime, gone.url) = (None, None, None, None);
        let run = run(vec![
            row("cache", ServiceHealth::Healthy),
            gone,
            row("redis", ill),
        ]);
        insta::assert_snapshot!(run.lines(Paint::Plain).join("\n"), @r"
        redis (second)  0/16 exercises solved
          ● cache  running                     healthy      12 MiB / 256 MiB  3 m  redis://127.0.0.1:24030
          ● job    Exited (137) 2 seconds ago
          ● redis  running                     not healthy  12 MiB / 256 MiB  3 m  redis://127.0.0.1:24030
              PING: expected PONG, saw \u{1b}LOADING
        ");
    }

    #[test]
    fn what_changes_all_the_time_is_no_change() {
        let before = run(vec![row("redis", ServiceHealth::Healthy)]);
        let mut later = row("redis", ServiceHealth::Healthy);
        (later.memory, later.uptime, later.state) = (Some(1), Some(186), "Up 4 minutes".into());
        assert_eq!(run(vec![later]).essence(), before.essence());
        let ill = row("redis", ServiceHealth::Unhealthy("x".into()));
        assert_ne!(run(vec![ill]).essence(), before.essence());
    }

    #[test]
    fn leftovers_say_how_they_are_removed() {
        let lines = run(Vec::new()).lines(Paint::Plain).join("\n");
        assert!(
            lines.contains("`roadlab down redis --instance second`"),
            "{lines}"
        );
    }
}
