//! Reads services: the documented subset of the Compose Specification, and the catalogue's `x-roadlab`.

use std::collections::BTreeMap;

use crate::lab::compose_limits::{healthcheck, limits, sysctls, ulimits};
use crate::lab::compose_values::{pairs, ports as ports_in, words};
use crate::lab::fields::{Fields, Problems, entries, text};
use crate::lab::include::{Composition, close_with_extensions, env_files};
use crate::lab::policy;
use crate::lab::service::*;
use crate::lab::talk::talk_of;
use crate::lab::vars::Vars;
use crate::lab::yaml::{Kind, Node};
use crate::lab::{FileSystem, ServiceName};
use crate::problem::{Problem, suggestion};

/// What `WORKSPACE` is filled with: no real path begins with two slashes after it was tidied.
pub(crate) const WORKSPACE_MARK: &str = "//workspace";

/// The largest file that is read for `env_file`, in bytes.
const LARGEST_ENV_FILE: usize = 64 << 10;

/// Reads all services of a composition that are started without a profile.
pub(crate) fn services(
    found: &Composition,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Vec<Service> {
    let mut services = Vec::new();
    for (name, node) in &found.services {
        match ServiceName::new(name) {
            Ok(name) => services.extend(
                Reader {
                    found,
                    files,
                    problems,
                }
                .service(name, node),
            ),
            Err(error) => problems.push(Problem::new(error.to_string()).at(node.place())),
        }
    }
    services
}

pub(super) struct Reader<'a> {
    pub(super) found: &'a Composition,
    pub(super) files: &'a dyn FileSystem,
    pub(super) problems: &'a mut Problems,
}

impl Reader<'_> {
    fn service(&mut self, name: ServiceName, node: &Node) -> Option<Service> {
        let mut fields = Fields::open(node, "service", self.problems)?;
        let image = fields.get("image").and_then(|image| {
            let written = text(image, "image", self.problems)?;
            ImageName::new(&written)
                .map_err(|e| self.problems.push(Problem::new(e).at(image.place())))
                .ok()
        });
        let recipe = fields
            .get("build")
            .and_then(|build| self.recipe(&name, build));
        let named = ["image", "build", "extends"];
        if !named.into_iter().any(|key| fields.has(key)) {
            self.problems.push(
                Problem::new(format!("service `{name}` needs `image` or `build`")).at(node.place()),
            );
        }
        let entrypoint = words(&mut fields, "entrypoint", self.problems);
        let command = words(&mut fields, "command", self.problems);
        let environment = self.environment(&mut fields);
        let ports = fields.list("ports", self.problems);
        let ports = ports
            .into_iter()
            .flat_map(|port| ports_in(port, self.problems))
            .collect();
        fields.ignore(&["expose"]);
        let mut tmpfs = BTreeMap::new();
        for item in fields.one_or_many("tmpfs") {
            let Some(written) = text(item, "tmpfs", self.problems) else {
                continue;
            };
            let (path, options) = written.split_once(':').unwrap_or((&written, ""));
            let options = policy::tmpfs(options, item, self.problems);
            tmpfs.insert(path.to_owned(), options);
        }
        let mut mounts = Vec::new();
        for item in fields.list("volumes", self.problems) {
            mounts.extend(self.mount(item, &mut tmpfs));
        }
        for item in fields.list("configs", self.problems) {
            mounts.extend(self.config(item));
        }
        let depends_on = self.depends_on(&mut fields);
        let healthcheck = fields
            .get("healthcheck")
            .and_then(|check| healthcheck(check, self.problems));
        let networks = self.networks(&mut fields);
        let limits = limits(node, &mut fields, self.problems);
        let ulimits = ulimits(&mut fields, self.problems);
        let cap_add = fields.list("cap_add", self.problems);
        let cap_add = cap_add
            .into_iter()
            .filter_map(|cap| policy::capability(cap, self.problems))
            .collect();
        fields.ignore(&["cap_drop"]);
        let sysctls = sysctls(&mut fields, self.problems);
        let hosts = fields.get("extra_hosts").map(policy::extra_hosts);
        let gpus = match fields.get("gpus") {
            Some(_) => Gpus::All,
            None => Gpus::None,
        };
        let labels_at = fields.key("labels").unwrap_or(node);
        let labels = pairs(&mut fields, "labels", self.problems);
        for (key, _) in &labels {
            policy::label(key, labels_at, self.problems);
        }
        let profiles = fields.texts("profiles", self.problems).unwrap_or_default();
        let hostname = fields.text("hostname", self.problems);
        let user = fields.text("user", self.problems);
        let working_dir = fields.text("working_dir", self.problems);
        let init = fields.bool("init", self.problems).unwrap_or(false);
        let read_only = fields.bool("read_only", self.problems).unwrap_or(false);
        let stop_signal = fields.text("stop_signal", self.problems);
        fields.ignore(&["stop_grace_period", "extends"]);
        let interface = fields
            .get("x-roadlab")
            .and_then(|interface| talk_of(interface, &name, self.problems))
            .unwrap_or_default();
        let keys: Vec<_> = match &node.kind {
            Kind::Map(entries) => entries
                .iter()
                .filter_map(|(k, v)| Some((k.text()?, k, v)))
                .collect(),
            _ => Vec::new(),
        };
        for key in policy::service(name.as_str(), &keys, self.problems) {
            fields.get(key);
        }
        close_with_extensions(fields, self.problems);
        let service = Service {
            image,
            recipe,
            entrypoint,
            command,
            environment,
            ports,
            mounts,
            tmpfs,
            depends_on,
            healthcheck,
            networks,
            hostname,
            user,
            working_dir,
            init,
            read_only,
            limits,
            ulimits,
            cap_add,
            sysctls,
            extra_hosts: hosts.unwrap_or_default(),
            gpus,
            stop_signal,
            interface,
            labels: labels.into_iter().collect(),
            place: node.place(),
            name,
        };
        profiles.is_empty().then_some(service)
    }

    fn environment(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        for (path, at) in env_files(fields, self.problems) {
            let Some(path) = self.inside(&at, &path) else {
                continue;
            };
            match self.files.read(&path) {
                Ok(text) if text.len() <= LARGEST_ENV_FILE => {
                    let lines = text
                        .lines()
                        .map(str::trim)
                        .filter(|line| !line.is_empty() && !line.starts_with('#'));
                    environment.extend(lines.filter_map(|line| line.split_once('=')).map(
                        |(k, v)| {
                            (
                                k.trim().to_owned(),
                                v.trim().trim_matches(['"', '\'']).to_owned(),
                            )
                        },
                    ));
                }
                Ok(_) => {
                    let what = format!("{} has more than {LARGEST_ENV_FILE} bytes", path.display());
                    self.problems.push(Problem::new(what).at(at.place()));
                }
                Err(reason) => {
                    let what = format!("cannot read {}: {reason}", path.display());
                    self.problems.push(Problem::new(what).at(at.place()));
                }
            }
        }
        environment.extend(pairs(fields, "environment", self.problems));
        environment
    }

    fn depends_on(&mut self, fields: &mut Fields<'_>) -> BTreeMap<ServiceName, Condition> {
        let Some(node) = fields.get("depends_on") else {
            return BTreeMap::new();
        };
        let named: Vec<(String, Condition, &Node)> = match &node.kind {
            Kind::List(items) => {
                let named = items
                    .iter()
                    .filter_map(|item| Some((text(item, "depends_on", self.problems)?, item)));
                named
                    .map(|(name, at)| (name, Condition::Started, at))
                    .collect()
            }
            _ => {
                let mut named = Vec::new();
                for (name, value) in entries(node, "depends_on", self.problems) {
                    let Some(mut fields) = Fields::open(value, "dependency", self.problems) else {
                        continue;
                    };
                    let written = fields.text("condition", self.problems);
                    fields.ignore(&["required", "restart"]);
                    fields.close(self.problems);
                    let condition = match written.as_deref() {
                        None | Some("service_started") => Condition::Started,
                        Some("service_healthy") => Condition::Healthy,
                        Some("service_completed_successfully") => Condition::Completed,
                        Some(other) => {
                            let known = [
                                "service_started",
                                "service_healthy",
                                "service_completed_successfully",
                            ];
                            let problem = Problem::new(format!("unknown condition `{other}`"))
                                .at(value.place());
                            self.problems.push(problem.help(suggestion(other, known)));
                            Condition::Started
                        }
                    };
                    named.push((name, condition, value));
                }
                named
            }
        };
        let mut out = BTreeMap::new();
        for (name, condition, at) in named {
            let known = self.found.services.iter().map(|(known, _)| known.as_str());
            match ServiceName::new(&name) {
                Ok(name) if known.clone().any(|known| known == name.as_str()) => {
                    out.insert(name, condition);
                }
                _ => {
                    let help = suggestion(&name, known.collect::<Vec<_>>().iter().copied());
                    let problem =
                        Problem::new(format!("`depends_on`: there is no service `{name}`"));
                    self.problems.push(problem.at(at.place()).help(help));
                }
            }
        }
        out
    }

    fn networks(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, Vec<String>> {
        let mut out = BTreeMap::new();
        if let Some(node) = fields.get("networks") {
            let named: Vec<(String, Option<&Node>)> = match &node.kind {
                Kind::List(items) => items
                    .iter()
                    .filter_map(|item| Some((text(item, "networks", self.problems)?, None)))
                    .collect(),
                _ => entries(node, "networks", self.problems)
                    .into_iter()
                    .map(|(k, v)| (k, Some(v)))
                    .collect(),
            };
            for (name, value) in named {
                let mut aliases = Vec::new();
                if let Some(value) = value.filter(|value| !matches!(value.kind, Kind::Null))
                    && let Some(mut fields) = Fields::open(value, "network", self.problems)
                {
                    aliases = fields.texts("aliases", self.problems).unwrap_or_default();
                    fields.close(self.problems);
                }
                let declared = self.found.networks.iter().any(|(known, _)| *known == name);
                if !declared && name != "default" {
                    let what = format!("there is no network `{name}`");
                    self.problems.push(
                        Problem::new(what)
                            .at(node.place())
                            .help("declare it under top-level `networks`"),
                    );
                }
                out.insert(name, aliases);
            }
        }
        if out.is_empty() {
            out.insert("default".to_owned(), Vec::new());
        }
        out
    }
}

/// The variables a Compose file may use: the lab's own, and where the workspace lies.
pub(crate) fn compose_vars(vars: &Vars) -> Vars {
    let mut vars = vars.clone();
    vars.insert("WORKSPACE".to_owned(), WORKSPACE_MARK.to_owned());
    vars
}
