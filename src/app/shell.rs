//! The shell of a service: which service has one, its container and its command.

use std::time::Duration;

use crate::app::{App, ClientCommand, client_command, select_services};
use crate::diagnosis::KILLED;
use crate::engine::docker::{Docker, ProcessTag};
use crate::engine::{Engine, ErrorKind, Inspect};
use crate::lab::{Lab, ServiceName};
use crate::plan::Running;
use crate::runner::Failure;
use crate::store::{OpenShell, ShellRecord};
use crate::text;

/// How often a container is inspected after its shell was killed, and how long to wait in between. A busy engine reports the end
/// of a container seconds after that of its programs.
const INSPECTIONS: u32 = 200;
const INSPECTION_INTERVAL: Duration = Duration::from_millis(40);

/// The container and the command of a shell.
#[derive(Debug)]
pub struct ShellTarget {
    pub container: String,
    pub command: ClientCommand,
    pub recorded: RecordedTag,
    /// When the container was started.
    started: Option<Duration>,
}

/// By what a program in a container is found when it is to end, also by the next process if this one is killed.
#[derive(Debug)]
pub struct RecordedTag {
    pub tag: ProcessTag,
    /// Without it, the program runs all the same.
    _record: Option<ShellRecord>,
}

impl ShellTarget {
    /// Returns whether the container was stopped, restarted or removed since the target was found. To be called when the shell
    /// has ended, with its exit code.
    pub async fn has_stopped(&self, engine: &impl Inspect, code: i64) -> bool {
        // After a shell that ended by itself there is nothing to wait for.
        let inspections = match code {
            KILLED => INSPECTIONS,
            _ => 1,
        };
        for inspection in 0..inspections {
            if inspection > 0 {
                tokio::time::sleep(INSPECTION_INTERVAL).await;
            }
            let stopped = match engine.inspect(&self.container).await {
                Ok(state) => !state.running || state.started != self.started,
                Err(error) => error.kind == ErrorKind::NotFound,
            };
            if stopped {
                return true;
            }
        }
        false
    }
}

impl App {
    /// Records that this process runs a program in a container, until the result is dropped.
    pub fn record_shell(&self, container: &str) -> RecordedTag {
        let tag = ProcessTag::unique();
        let shell = OpenShell {
            container: container.to_owned(),
            tag: tag.variable(),
        };
        RecordedTag {
            tag,
            _record: shell.record(&self.paths.state).ok(),
        }
    }

    /// Ends the programs in containers whose shell or page was killed.
    pub(super) async fn end_left_shells(&self, engine: &Docker) {
        for (shell, record) in OpenShell::left_over(&self.paths.state) {
            let tag = ProcessTag::of_variable(shell.tag);
            if engine.kill_tagged(&shell.container, &tag).await.is_err() {
                record.keep();
            }
        }
    }

    /// Returns the named service, else the only one that has a client, else the one with the name of the lab, else the first
    /// one.
    pub fn shell_service(&self, lab: &Lab, service: Option<&str>) -> Result<ServiceName, Failure> {
        let no_service = || Failure::Usage(text!("this lab has no services"));
        if let Some(service) = service {
            let found = select_services(lab, &[service.to_owned()])?;
            return found.into_iter().next().ok_or_else(no_service);
        }
        let with_client: Vec<&ServiceName> = lab
            .services
            .values()
            .filter(|service| service.interface.shell.is_some())
            .map(|service| &service.name)
            .collect();
        match with_client.as_slice() {
            [only] => Ok((*only).clone()),
            [] => {
                let first = lab.services.keys().next().cloned();
                first.ok_or_else(no_service)
            }
            several if several.iter().any(|name| name.as_str() == lab.id.as_str()) => {
                let named = several.iter().find(|name| name.as_str() == lab.id.as_str());
                named.map(|name| (*name).clone()).ok_or_else(no_service)
            }
            several => {
                let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
                Err(Failure::Usage(text!(
                    "specify a service: `roadlab shell {lab} SERVICE`, one of: {names}",
                    lab = self.lab_argument(&lab.id),
                    names = names.join(", ")
                )))
            }
        }
    }

    /// Finds the container of a service of this instance, and the command of its shell: what was typed, or the service's own
    /// client.
    pub async fn shell_target(
        &self,
        engine: &impl Engine,
        lab: &Lab,
        service: &ServiceName,
        typed: &[String],
    ) -> Result<ShellTarget, Failure> {
        let running = self.observe(engine, lab).await?;
        let journal = self.journal(&lab.id, &running.live.observed)?;
        self.require_not_paused(&running, journal.as_ref())?;
        let live = running.live;
        let container = live.observed.container(service);
        let (Some(container), Some(definition)) = (container, lab.services.get(service)) else {
            return Err(Failure::Environment(text!(
                "service `{service}` has no container; start it with `roadlab up {lab}`",
                service,
                lab = self.lab_argument(&lab.id)
            )));
        };
        let heal = || {
            format!(
                "roadlab fault {} heal {service}",
                self.lab_argument(&lab.id)
            )
        };
        match container.running {
            Running::Yes => {}
            Running::Paused => {
                return Err(Failure::Environment(text!(
                    "`{service}` is paused; `{command}` continues it",
                    service,
                    command = heal()
                )));
            }
            Running::No => {
                return Err(Failure::Environment(text!(
                    "`{service}` is not running; `{command}` starts it",
                    service,
                    command = heal()
                )));
            }
        }
        let address = live.addresses.get(service);
        let url = address.and_then(|address| address.url.as_deref());
        let state = engine.inspect(&container.id).await.ok();
        Ok(ShellTarget {
            container: container.id.clone(),
            recorded: self.record_shell(&container.id),
            command: client_command(definition, url, typed),
            started: state.and_then(|state| state.started),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::app::testing::app;
    use crate::engine::{self, ContainerState};
    use crate::lab::testing::{COMPOSE, lab};

    /// Selects a service of a lab whose services have these names, and a client where there is a `*`.
    #[track_caller]
    fn check(services: &str, wanted: Option<&str>, expected: Result<&str, &str>) {
        let mut lab = lab(COMPOSE);
        let (_, template) = lab.services.pop_first().unwrap();
        for word in services.split_whitespace() {
            let mut service = template.clone();
            service.name = ServiceName::new(word.trim_end_matches('*')).unwrap();
            let client = word.ends_with('*').then(|| vec!["client".to_owned()]);
            service.interface.shell = client;
            lab.services.insert(service.name.clone(), service);
        }
        let folder = tempfile::tempdir().unwrap();
        let found = app(folder.path()).shell_service(&lab, wanted);
        let found = found.map(|name| name.to_string());
        let found = found.map_err(|failure| failure.to_string());
        match expected {
            Ok(service) => assert_eq!(found.as_deref(), Ok(service)),
            Err(part) => assert!(found.unwrap_err().contains(part)),
        }
    }

    /// A container that ends after this many inspections.
    struct Ending {
        after: u32,
        inspected: Cell<u32>,
    }

    impl Inspect for Ending {
        async fn inspect(&self, _: &str) -> engine::Result<ContainerState> {
            self.inspected.set(self.inspected.get() + 1);
            Ok(ContainerState {
                running: self.inspected.get() <= self.after,
                ..ContainerState::default()
            })
        }
    }

    /// Returns whether the container of a shell has stopped, and how often it was inspected.
    async fn stopped(after: u32, code: i64) -> (bool, u32) {
        let target = ShellTarget {
            container: "redis".to_owned(),
            command: ClientCommand {
                argv: Vec::new(),
                env: Vec::new(),
            },
            recorded: RecordedTag {
                tag: ProcessTag::unique(),
                _record: None,
            },
            started: None,
        };
        let inspected = Cell::new(0);
        let engine = Ending { after, inspected };
        let stopped = target.has_stopped(&engine, code).await;
        (stopped, engine.inspected.get())
    }

    #[tokio::test]
    async fn only_after_a_killed_shell_the_end_of_its_container_is_waited_for() {
        assert_eq!(stopped(u32::MAX, 0).await, (false, 1));
        assert_eq!(stopped(0, 1).await, (true, 1));
        // A busy engine reports it late.
        assert_eq!(stopped(12, KILLED).await, (true, 13));
    }

    #[test]
    fn a_shell_opens_in_the_service_that_a_learner_most_likely_means() {
        check("db* web", None, Ok("db"));
        check("db web", None, Ok("db"));
        check("db* web", Some("web"), Ok("web"));
        check("db* web*", None, Err("one of: db, web"));
        check("db* small*", None, Ok("small"));
        check("db", Some("bd"), Err("no service `bd`"));
        check("", None, Err("no services"));
    }
}
