//! Reads services.

use std::collections::BTreeMap;

use crate::lab::compose::composition::Composition;
use crate::lab::compose::ports::{read_ports, refuse_used_host_port};
use crate::lab::compose::resources::{read_healthcheck, read_limits, read_sysctls, read_ulimits};
use crate::lab::compose::values::{read_pairs, read_words};
use crate::lab::compose::x_roadlab::read_interface;
use crate::lab::file_system::FileSystem;
use crate::lab::id::ServiceName;
use crate::lab::image_name::ImageName;
use crate::lab::policy;
use crate::lab::service::{Condition, Gpus, Service};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, entries, list, string};
use crate::problem::{Problem, suggestion};
use crate::text;

/// The largest `env_file`, in bytes.
const MAX_ENV_FILE_SIZE: usize = 64 << 10;

/// Reads all services that start without a profile.
pub(crate) fn read_services(
    found: &Composition,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Vec<Service> {
    let mut services = Vec::new();
    for (name, node) in &found.services {
        let mut reader = ServiceReader {
            found,
            files,
            problems,
        };
        match ServiceName::new(name) {
            Ok(name) => services.extend(reader.read_service(name, node)),
            Err(error) => problems.push(Problem::new(error.text()).at(node.place())),
        }
    }
    services
}

/// Reads one service of a composition.
pub(crate) struct ServiceReader<'a> {
    pub found: &'a Composition,
    pub files: &'a dyn FileSystem,
    pub problems: &'a mut Problems,
}

impl ServiceReader<'_> {
    fn read_service(&mut self, name: ServiceName, node: &Node) -> Option<Service> {
        let mut fields = Fields::open_compose(node, Mapping::Service, self.problems)?;
        let image = fields.get("image").and_then(|image| {
            let written = string(image, "image", self.problems)?;
            ImageName::new(&written)
                .map_err(|error| self.problems.push(Problem::new(error).at(image.place())))
                .ok()
        });
        let recipe = fields
            .get("build")
            .and_then(|build| self.read_build(&name, build));
        let sources = ["image", "build", "extends"];
        if !sources.into_iter().any(|key| fields.contains(key)) {
            let what = text!("service `{name}` needs `image` or `build`", name);
            self.problems.push(Problem::new(what).at(node.place()));
        }
        let entrypoint = read_words(&mut fields, "entrypoint", self.problems);
        let command = read_words(&mut fields, "command", self.problems);
        let environment = self.read_environment(&mut fields);
        let mut ports = Vec::new();
        for entry in fields.list("ports", self.problems) {
            for port in read_ports(entry, self.problems) {
                refuse_used_host_port(&port, &ports, entry, self.problems);
                ports.push(port);
            }
        }
        let mut tmpfs = self.read_tmpfs(&mut fields);
        let mut mounts = Vec::new();
        for item in fields.list("volumes", self.problems) {
            mounts.extend(self.read_mount(item, &mut tmpfs));
        }
        for item in fields.list("configs", self.problems) {
            mounts.extend(self.read_config(item));
        }
        let depends_on = self.read_depends_on(&mut fields);
        let healthcheck = fields
            .get("healthcheck")
            .and_then(|check| read_healthcheck(check, self.problems));
        let networks = self.read_networks(&mut fields);
        let limits = read_limits(node, &mut fields, self.problems);
        let ulimits = read_ulimits(&mut fields, self.problems);
        let cap_add = fields.list("cap_add", self.problems);
        let cap_add = cap_add
            .into_iter()
            .filter_map(|capability| policy::check_capability(capability, self.problems))
            .collect();
        let sysctls = read_sysctls(&mut fields, self.problems);
        let extra_hosts = fields.get("extra_hosts").map(policy::extra_hosts);
        let gpus = match fields.get("gpus") {
            Some(_) => Gpus::All,
            None => Gpus::None,
        };
        let labels_node = fields.key("labels").unwrap_or(node);
        let labels = read_pairs(&mut fields, "labels", self.problems);
        for (key, _) in &labels {
            policy::check_label(key, labels_node, self.problems);
        }
        let profiles = fields
            .strings("profiles", self.problems)
            .unwrap_or_default();
        let hostname = fields.string("hostname", self.problems);
        let user = fields.string("user", self.problems);
        let working_dir = fields.string("working_dir", self.problems);
        let init = fields.boolean("init", self.problems).unwrap_or(false);
        let read_only = fields.boolean("read_only", self.problems).unwrap_or(false);
        let stop_signal = fields.string("stop_signal", self.problems);
        let interface = fields
            .get("x-roadlab")
            .and_then(|interface| read_interface(interface, &name, self.problems))
            .unwrap_or_default();
        fields.accept(&["cap_drop", "expose", "extends", "stop_grace_period"]);
        policy::check_service(name.as_str(), &mut fields, self.problems);
        fields.close(self.problems);
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
            extra_hosts: extra_hosts.unwrap_or_default(),
            gpus,
            stop_signal,
            interface,
            labels: labels.into_iter().collect(),
            place: node.place(),
            name,
        };
        profiles.is_empty().then_some(service)
    }

    fn read_tmpfs(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
        let mut tmpfs = BTreeMap::new();
        for item in fields.one_or_many("tmpfs") {
            let Some(written) = string(item, "tmpfs", self.problems) else {
                continue;
            };
            let (path, options) = written.split_once(':').unwrap_or((&written, ""));
            let options = policy::check_tmpfs(options, item, self.problems);
            tmpfs.insert(path.to_owned(), options);
        }
        tmpfs
    }

    /// Reads `env_file` and `environment`, which overrides it.
    fn read_environment(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        for (path, node) in self.read_env_file_paths(fields) {
            let Some(path) = self.resolve(&node, &path) else {
                continue;
            };
            let what = match self.files.read(&path) {
                Ok(text) if text.len() <= MAX_ENV_FILE_SIZE => {
                    environment.extend(parse_env_file(&text));
                    continue;
                }
                Ok(text) => text!(
                    "{file} is too large: {size} bytes, the limit is {limit}",
                    file = path.display(),
                    size = text.len(),
                    limit = MAX_ENV_FILE_SIZE
                ),
                Err(error) => text!(
                    "cannot read {file}: {reason}",
                    file = path.display(),
                    reason = error.text()
                ),
            };
            self.problems.push(Problem::new(what).at(node.place()));
        }
        environment.extend(read_pairs(fields, "environment", self.problems));
        environment
    }

    /// Reads the paths of `env_file`: one, several, or mappings with `path`.
    fn read_env_file_paths(&mut self, fields: &mut Fields<'_>) -> Vec<(String, Node)> {
        let Some(node) = fields.get("env_file") else {
            return Vec::new();
        };
        let items = match node.kind {
            Kind::List(_) => list(node, "env_file", self.problems),
            _ => vec![node],
        };
        let mut paths = Vec::new();
        for item in items {
            let path = match item.kind {
                Kind::Map(_) => {
                    let Some(mut fields) = Fields::open(item, Mapping::EnvFile, self.problems)
                    else {
                        continue;
                    };
                    let path = fields.string("path", self.problems);
                    fields.accept(&["required", "format"]);
                    fields.close(self.problems);
                    path
                }
                _ => string(item, "env_file", self.problems),
            };
            paths.extend(path.map(|path| (path, item.clone())));
        }
        paths
    }

    fn read_depends_on(&mut self, fields: &mut Fields<'_>) -> BTreeMap<ServiceName, Condition> {
        let Some(node) = fields.get("depends_on") else {
            return BTreeMap::new();
        };
        let mut dependencies: Vec<(String, Condition, &Node)> = Vec::new();
        if let Kind::List(items) = &node.kind {
            for item in items {
                let name = string(item, "depends_on", self.problems);
                dependencies.extend(name.map(|name| (name, Condition::Started, item)));
            }
        } else {
            for (name, value) in entries(node, "depends_on", self.problems) {
                let Some(mut fields) = Fields::open(value, Mapping::Dependency, self.problems)
                else {
                    continue;
                };
                let written = fields.string("condition", self.problems);
                fields.accept(&["required", "restart"]);
                fields.close(self.problems);
                let condition = self.read_condition(written.as_deref(), value);
                dependencies.push((name, condition, value));
            }
        }
        let known = self.found.services.iter().map(|(name, _)| name.as_str());
        let mut out = BTreeMap::new();
        for (name, condition, node) in dependencies {
            match ServiceName::new(&name) {
                Ok(name) if known.clone().any(|known| known == name.as_str()) => {
                    out.insert(name, condition);
                }
                _ => {
                    let help = suggestion(&name, known.clone());
                    let what = text!("no such service in `depends_on`: `{name}`", name);
                    self.problems
                        .push(Problem::new(what).at(node.place()).help(help));
                }
            }
        }
        out
    }

    fn read_condition(&mut self, written: Option<&str>, node: &Node) -> Condition {
        const CONDITIONS: [(&str, Condition); 3] = [
            ("service_started", Condition::Started),
            ("service_healthy", Condition::Healthy),
            ("service_completed_successfully", Condition::Completed),
        ];
        let Some(written) = written else {
            return Condition::Started;
        };
        let found = CONDITIONS.into_iter().find(|(name, _)| *name == written);
        if let Some((_, condition)) = found {
            return condition;
        }
        let help = suggestion(written, CONDITIONS.map(|(name, _)| name));
        let what = text!("unknown condition `{written}`", written);
        self.problems
            .push(Problem::new(what).at(node.place()).help(help));
        Condition::Started
    }

    fn read_networks(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, Vec<String>> {
        let default = || BTreeMap::from([("default".to_owned(), Vec::new())]);
        let Some(node) = fields.get("networks") else {
            return default();
        };
        let named: Vec<(String, Option<&Node>)> = match &node.kind {
            Kind::List(items) => items
                .iter()
                .filter_map(|item| Some((string(item, "networks", self.problems)?, None)))
                .collect(),
            _ => entries(node, "networks", self.problems)
                .into_iter()
                .map(|(name, value)| (name, Some(value)))
                .collect(),
        };
        let mut out = BTreeMap::new();
        for (name, value) in named {
            let mut aliases = Vec::new();
            if let Some(value) = value.filter(|value| !matches!(value.kind, Kind::Null))
                && let Some(mut fields) = Fields::open(value, Mapping::Network, self.problems)
            {
                aliases = fields.strings("aliases", self.problems).unwrap_or_default();
                fields.close(self.problems);
            }
            let declared = self.found.networks.iter().any(|(known, _)| *known == name);
            if !declared && name != "default" {
                let what = text!("no such network: `{name}`", name);
                let help = text!("declare it in the top-level `networks`");
                self.problems
                    .push(Problem::new(what).at(node.place()).help(help));
            }
            out.insert(name, aliases);
        }
        match out.is_empty() {
            true => default(),
            false => out,
        }
    }
}

/// Parses lines of `KEY=value`. Empty lines and comments are skipped, and quotes around a value removed.
fn parse_env_file(text: &str) -> impl Iterator<Item = (String, String)> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        Some((key.trim().to_owned(), value.to_owned()))
    })
}
