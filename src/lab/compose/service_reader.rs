//! Reads services.

use std::collections::{BTreeMap, BTreeSet};

use crate::lab::compose::composition::{Composition, Part, env_place};
use crate::lab::compose::env_file::{EnvFormat, Lookups, MAX_ENV_FILE_SIZE, parse_env_file};
use crate::lab::compose::merge::clean_path;
use crate::lab::compose::ports::{read_ports, refuse_used_host_port};
use crate::lab::compose::resources::{
    read_deploy, read_healthcheck, read_limits, read_restart, read_ulimits,
};
use crate::lab::compose::values::{check_target, read_words};
use crate::lab::compose::x_roadlab::read_interface;
use crate::lab::file_system::{FileSystem, normalize};
use crate::lab::id::ServiceName;
use crate::lab::image_name::ImageName;
use crate::lab::policy;
use crate::lab::service::{
    Condition, Gpus, Mount, Port, Presence, RestartPolicy, Service, ServiceInterface,
};
use crate::lab::yaml::{
    Fields, Kind, Mapping, Node, Problems, keyed_entries, list, mismatch, parse_duration,
    quoted_string, string,
};
use crate::problem::{Code, Place, Problem, ProblemKind, suggestion};
use crate::text;

/// The services of a composition.
#[derive(Debug, Default)]
pub(crate) struct Services {
    pub active: Vec<Service>,
    /// Those that do not start, with the places of their profiles.
    pub inactive: BTreeMap<ServiceName, Place>,
    /// Those that have problems of their own.
    pub broken: BTreeSet<ServiceName>,
}

/// Reads all services.
pub(crate) fn read_services(
    found: &Composition,
    files: &dyn FileSystem,
    problems: &mut Problems,
) -> Services {
    let mut services = Services::default();
    let mut read: Vec<ReadService> = Vec::new();
    for part in &found.services {
        let name = match ServiceName::new(&part.name) {
            Ok(name) => name,
            Err(error) => {
                problems.push(
                    Problem::new(error.text())
                        .code(Code::InvalidName)
                        .at(part.key.place()),
                );
                continue;
            }
        };
        if !is_active(found, part) {
            services.inactive.insert(name, profiles_place(part));
            continue;
        }
        let mut reader = ServiceReader {
            found,
            files,
            problems,
        };
        let before = reader.problems.len();
        read.extend(reader.read_service(name.clone(), part));
        let is_wrong =
            |problem: &Problem| matches!(problem.kind, ProblemKind::Lab | ProblemKind::Refused);
        if problems.iter().skip(before).any(is_wrong) {
            services.broken.insert(name.clone());
        }
        let optional = read.last_mut().map(|last| &mut last.service);
        let optional = optional.filter(|service| {
            service.name == name && service.interface.presence == Presence::Optional
        });
        if let Some(service) = optional {
            let own = problems.split_off(before);
            let needs_trust = |problem: &Problem| problem.kind == ProblemKind::NeedsTrust;
            let (needs_trust, others) = own.into_iter().partition(needs_trust);
            service.needs_trust = needs_trust;
            problems.extend(others);
        }
    }
    refuse_shared_ports(&read, problems);
    refuse_shared_names(&read, problems);
    let built: Vec<(ServiceName, Place)> = read
        .iter()
        .filter_map(|read| Some((read.service.name.clone(), read.build_only.clone()?)))
        .collect();
    for at in 0..read.len() {
        for (linked, alias) in std::mem::take(&mut read[at].links) {
            let shared: Vec<String> = read[at].service.networks.keys().cloned().collect();
            let linked = read.iter_mut().find(|read| read.service.name == linked);
            if let Some(linked) = linked.filter(|linked| linked.service.name.as_str() != alias) {
                add_alias(&mut linked.service, &shared, &alias);
            }
        }
    }
    services.active = read.into_iter().map(|read| read.service).collect();
    share_recipes(&mut services.active);
    for (name, place) in built {
        build_only(&mut services, &name, place, problems);
    }
    services
}

/// Leaves out the name of the image of a service whose image is always built, so that it is not pulled. Other services with the same
/// image get the one that is built, as in Compose.
fn build_only(services: &mut Services, name: &ServiceName, place: Place, problems: &mut Problems) {
    let service = services.active.iter().find(|service| service.name == *name);
    let Some(service) = service else {
        return;
    };
    if service.recipe.is_some() {
        let image = service.image.clone();
        for service in &mut services.active {
            let has_image = image.is_some() && service.image == image;
            if service.name == *name || has_image {
                service.image = None;
            }
        }
    } else if !services.broken.contains(name) {
        let what = text!(
            "service `{name}` has `pull_policy: build`, but no `build`",
            name
        );
        let help = text!("add `build`, or remove `pull_policy`");
        let problem = Problem::new(what).code(Code::MissingKey).help(help);
        problems.push(problem.at(place));
        services.broken.insert(name.clone());
    }
}

/// Gives services without a recipe that of a service which builds the same image, so that no image is pulled under a name that the
/// lab itself gives.
fn share_recipes(services: &mut [Service]) {
    let built = services.iter().filter(|service| service.recipe.is_some());
    let built: Vec<_> = built
        .filter_map(|service| Some((service.image.clone()?, service.recipe.clone())))
        .collect();
    for service in services
        .iter_mut()
        .filter(|service| service.recipe.is_none())
    {
        let same = built
            .iter()
            .find(|(image, _)| service.image.as_ref() == Some(image));
        service.recipe = same.and_then(|(_, recipe)| recipe.clone());
    }
}

fn profiles_place(part: &Part) -> Place {
    let profiles = part.node.key_of("profiles");
    profiles.unwrap_or(&part.key).place()
}

/// A service, and what is needed only while all are read.
struct ReadService {
    service: Service,
    /// Linked services, each with another name for it.
    links: Vec<(ServiceName, String)>,
    /// The places of fixed host ports.
    port_places: Vec<(u16, Place)>,
    /// The place of `pull_policy: build`: the image is always built.
    build_only: Option<Place>,
    /// The name of the container, and its place.
    container_name: Option<(String, Place)>,
}

/// Gives a service another name on those of its networks that are among `shared`.
fn add_alias(service: &mut Service, shared: &[String], alias: &str) {
    for (network, aliases) in &mut service.networks {
        if shared.contains(network) && !aliases.iter().any(|known| known == alias) {
            aliases.push(alias.to_owned());
        }
    }
}

/// Returns whether Compose and the engine accept a name of a container.
fn is_container_name(name: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.len() > 1
        && name.chars().all(is_known)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Returns whether Compose knows a value of `pull_policy`.
fn is_pull_policy(written: &str) -> bool {
    const WORDS: [&str; 8] = [
        "always",
        "build",
        "daily",
        "if_not_present",
        "missing",
        "never",
        "refresh",
        "weekly",
    ];
    let every = written.strip_prefix("every_").and_then(parse_duration);
    WORDS.contains(&written) || every.is_some()
}

/// Returns whether a service starts: without profiles, or with one that `COMPOSE_PROFILES` names.
fn is_active(found: &Composition, part: &Part) -> bool {
    let profiles = match part.node.child("profiles").map(|node| &node.kind) {
        Some(Kind::List(items)) if !items.is_empty() => items,
        _ => return true,
    };
    let chosen = found.variables.get("COMPOSE_PROFILES");
    let chosen = chosen.iter().flat_map(|names| names.split(','));
    let chosen: Vec<&str> = chosen.map(str::trim).collect();
    let mut profiles = profiles.iter().filter_map(Node::as_string);
    // A name may come from a variable that is empty.
    chosen.contains(&"*")
        || profiles.any(|profile| profile.is_empty() || chosen.contains(&profile.as_str()))
}

/// Refuses a fixed host port that two services publish.
fn refuse_shared_ports(services: &[ReadService], problems: &mut Problems) {
    let mut seen: Vec<(&Port, &ServiceName)> = Vec::new();
    for read in services {
        let name = &read.service.name;
        for port in &read.service.ports {
            let same = |(other, _): &&(&Port, &ServiceName)| {
                other.host.is_some() && other.host == port.host && other.protocol == port.protocol
            };
            let first = seen.iter().find(same).map(|(_, first)| *first);
            let (Some(first), Some(host)) = (first.filter(|first| *first != name), port.host)
            else {
                seen.push((port, name));
                continue;
            };
            let what = text!(
                "host port {host} is published by `{first}` and by `{second}`",
                host,
                first,
                second = name
            );
            let help =
                text!("choose another host port for one of them, or leave it out for a free one");
            let place = read.port_places.iter().find(|(port, _)| *port == host);
            let place =
                place.map_or_else(|| read.service.place.clone(), |(_, place)| place.clone());
            problems.push(Problem::new(what).code(Code::Port).at(place).help(help));
        }
    }
}

/// Refuses a container name that two services have.
fn refuse_shared_names(services: &[ReadService], problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &ServiceName> = BTreeMap::new();
    for read in services {
        let Some((name, place)) = &read.container_name else {
            continue;
        };
        let Some(first) = seen.insert(name, &read.service.name) else {
            continue;
        };
        let what = text!(
            "services `{first}` and `{second}` have the same `container_name`: `{name}`",
            first,
            second = read.service.name,
            name
        );
        let help = text!("give one of the two another name");
        let problem = Problem::new(what).code(Code::DuplicateName).help(help);
        problems.push(problem.at(place.clone()));
    }
}

/// Reads one service of a composition.
pub(crate) struct ServiceReader<'a> {
    pub found: &'a Composition,
    pub files: &'a dyn FileSystem,
    pub problems: &'a mut Problems,
}

impl ServiceReader<'_> {
    fn read_service(&mut self, name: ServiceName, part: &Part) -> Option<ReadService> {
        let node = &part.node;
        let mut fields = Fields::open_compose(node, Mapping::Service, self.problems)?;
        // Compose takes an empty name as none.
        let is_empty = |image: &Node| match &image.kind {
            Kind::Null => !image.is_broken(),
            Kind::String(name) => name.is_empty(),
            Kind::Bool(_) | Kind::Number(..) | Kind::List(_) | Kind::Map(_) => false,
        };
        let is_unnamed = node.child("image").is_some_and(is_empty);
        let image = fields.get("image").filter(|_| !is_unnamed);
        let image = image.and_then(|image| {
            let written = quoted_string(image, "image", self.problems)?;
            ImageName::new(&written)
                .map_err(|error| {
                    self.problems.push(
                        Problem::new(error)
                            .code(Code::InvalidName)
                            .at(image.place()),
                    )
                })
                .ok()
        });
        let recipe = fields
            .get("build")
            .and_then(|build| self.read_build(&name, build, &part.key));
        let build_only = self.read_pull_policy(&name, &mut fields);
        let sources = ["image", "build", "extends"];
        let has_source = sources
            .into_iter()
            .any(|key| fields.contains(key) && !(key == "image" && is_unnamed));
        if !has_source && !fields.has_misspelt(&sources) {
            let what = text!("service `{name}` needs `image` or `build`", name);
            self.problems.push(
                Problem::new(what)
                    .code(Code::MissingKey)
                    .at(part.key.place()),
            );
        }
        let entrypoint = read_words(&mut fields, "entrypoint", self.problems);
        let command = read_words(&mut fields, "command", self.problems);
        let environment = self.read_environment(&mut fields);
        let before = self.problems.len();
        let mut ports: Vec<Port> = Vec::new();
        let mut port_places = Vec::new();
        for entry in fields.list("ports", self.problems) {
            for port in read_ports(entry, self.problems) {
                // As in Compose, the same entry may stand twice.
                if port.host.is_some() && ports.contains(&port) {
                    continue;
                }
                refuse_used_host_port(&port, &ports, entry, self.problems);
                port_places.extend(port.host.map(|host| (host, entry.place())));
                ports.push(port);
            }
        }
        let has_all_ports = self.problems.len() == before;
        let mut tmpfs = self.read_tmpfs(&mut fields);
        let mut mounts = Vec::new();
        for item in fields.list("volumes", self.problems) {
            mounts.extend(self.read_mount(&name, item, &mut tmpfs));
        }
        for kind in [FileKind::Config, FileKind::Secret] {
            for item in fields.list(kind.key(), self.problems) {
                mounts.extend(self.read_file_reference(kind, item));
            }
        }
        let mut depends_on = self.read_depends_on(&mut fields);
        let healthcheck = fields
            .get("healthcheck")
            .and_then(|check| read_healthcheck(check, self.problems));
        let mut networks = self.read_networks(&mut fields);
        let container_name = self.read_container_name(&name, &mut fields);
        let alias = container_name.as_ref().map(|(alias, _)| alias);
        if let Some(alias) = alias.filter(|alias| *alias != name.as_str()) {
            for aliases in networks.values_mut() {
                aliases.push(alias.clone());
            }
        }
        let links = self.read_links(&mut fields);
        for (linked, _) in &links {
            depends_on
                .entry(linked.clone())
                .or_insert(Condition::Started);
        }
        let mut restart = fields
            .get("restart")
            .and_then(|node| read_restart(node, self.problems));
        let deploy = read_deploy(&mut fields, self.problems);
        restart = deploy.restart.or(restart);
        let limits = read_limits(node, &mut fields, deploy.limits, self.problems);
        let ulimits = read_ulimits(&mut fields, self.problems);
        let cap_add = fields.list("cap_add", self.problems);
        let cap_add = cap_add
            .into_iter()
            .filter_map(|capability| policy::check_capability(capability, self.problems))
            .collect();
        let cap_drop = fields.list("cap_drop", self.problems);
        let cap_drop = cap_drop
            .into_iter()
            .filter_map(|name| quoted_string(name, "cap_drop", self.problems))
            .map(|name| policy::capability_name(&name))
            .collect();
        let sysctls = self.read_sysctls(&mut fields);
        let extra_hosts = fields.get("extra_hosts").and_then(policy::extra_hosts);
        let gpus = match fields.get("gpus") {
            Some(_) => Gpus::All,
            None => Gpus::None,
        };
        let labels_node = fields.key("labels").unwrap_or(node);
        let labels = self.read_pairs(&mut fields, "labels");
        for (key, _) in &labels {
            policy::check_label(key, labels_node, self.problems);
        }
        fields.strings("profiles", self.problems);
        let hostname = fields.string("hostname", self.problems);
        let domainname = fields.string("domainname", self.problems);
        let user = fields.string("user", self.problems);
        let working_dir = fields.string("working_dir", self.problems);
        let init = fields.boolean("init", self.problems).unwrap_or(false);
        let read_only = fields.boolean("read_only", self.problems).unwrap_or(false);
        let stop_signal = fields.string("stop_signal", self.problems);
        let stop_grace_period = fields.duration("stop_grace_period", self.problems);
        // A program that reads its input, such as a shell, ends at once if it is closed. A terminal keeps it open too.
        let terminal = fields.boolean("tty", self.problems).unwrap_or(false);
        let input = fields.boolean("stdin_open", self.problems).unwrap_or(false);
        let stdin_open = input || terminal;
        let interface = fields
            .get("x-roadlab")
            .and_then(|interface| read_interface(interface, &name, self.problems))
            .unwrap_or_default();
        if has_all_ports {
            check_web_ports(&interface, &ports, &name, node, self.problems);
        }
        for item in fields.list("expose", self.problems) {
            // It has no effect: the services of a network reach every port of one another.
            string(item, "expose", self.problems);
        }
        refuse_shared_targets(&mounts, &tmpfs, node, self.problems);
        fields.accept(&["extends"]);
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
            domainname,
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
            stop_grace_period,
            restart: restart.unwrap_or(RestartPolicy::Never),
            stdin_open,
            cap_drop,
            interface,
            needs_trust: Vec::new(),
            labels: labels.into_iter().collect(),
            place: part.key.place(),
            name,
        };
        Some(ReadService {
            service,
            links,
            port_places,
            build_only,
            container_name,
        })
    }

    /// Reads `pull_policy`, and returns its place if it is `build`. The other values have no effect.
    fn read_pull_policy(
        &mut self,
        service: &ServiceName,
        fields: &mut Fields<'_>,
    ) -> Option<Place> {
        let node = fields.get("pull_policy")?;
        let written = string(node, "pull_policy", self.problems)?;
        if !is_pull_policy(&written) {
            let expected = text!("`build`, `missing`, `always` or `never`");
            self.problems.push(mismatch(node, "pull_policy", expected));
            return None;
        }
        if written == "build" {
            return Some(node.place());
        }
        let what = text!(
            "`pull_policy: {value}` of service `{service}` has no effect: roadlab uses local images first",
            value = written,
            service
        );
        let place = fields.key("pull_policy")?.place();
        let note = Problem::new(what).at(place).kind(ProblemKind::Note);
        self.problems.push(note);
        None
    }

    /// Reads `container_name`, by which other services find this one. The container itself has a name that does not collide with those
    /// of other instances.
    fn read_container_name(
        &mut self,
        service: &ServiceName,
        fields: &mut Fields<'_>,
    ) -> Option<(String, Place)> {
        let written = fields.string("container_name", self.problems)?;
        if !is_container_name(&written) {
            let what = text!("`{name}` cannot be the name of a container", name = written);
            let help = text!(
                "use at least two letters, digits, `_`, `.` or `-`, and begin with a letter or digit"
            );
            let problem = Problem::new(what).code(Code::InvalidName).help(help);
            let node = fields.get("container_name")?;
            self.problems.push(problem.at(node.place()));
            return None;
        }
        let what = text!(
            "`container_name` of service `{service}` is only a name on its networks; the container itself has another one",
            service
        );
        let place = fields.key("container_name")?.place();
        let note = Problem::new(what).code(Code::Note).at(place.clone());
        self.problems.push(note.kind(ProblemKind::Note));
        Some((written, place))
    }

    /// Reads `links`: services of the lab, each with another name for it.
    fn read_links(&mut self, fields: &mut Fields<'_>) -> Vec<(ServiceName, String)> {
        let mut links = Vec::new();
        for item in fields.list("links", self.problems) {
            let Some(written) = string(item, "links", self.problems) else {
                continue;
            };
            let (service, alias) = written.split_once(':').unwrap_or((&written, &written));
            let linked = self.active_service(service, "links", item);
            links.extend(linked.map(|linked| (linked, alias.to_owned())));
        }
        links
    }

    /// Returns the name of a service of the lab that starts.
    fn active_service(
        &mut self,
        name: &str,
        key: &'static str,
        node: &Node,
    ) -> Option<ServiceName> {
        let part = self.found.service(name);
        let problem = match part {
            Some(part) if is_active(self.found, part) => return ServiceName::new(name).ok(),
            Some(part) => {
                let name = ServiceName::new(name).ok()?;
                let problem = inactive_but_used(&name, profiles_place(part));
                self.problems.push(problem);
                return None;
            }
            None => {
                let known = self.found.services.iter().map(|part| part.name.as_str());
                let help = suggestion(name, known);
                Problem::new(text!("no such service in `{key}`: `{name}`", key, name))
                    .code(Code::UnknownName)
                    .help(help)
            }
        };
        self.problems.push(problem.at(node.place()));
        None
    }

    fn read_tmpfs(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
        let mut tmpfs = BTreeMap::new();
        for item in fields.one_or_many("tmpfs") {
            let Some(written) = quoted_string(item, "tmpfs", self.problems) else {
                continue;
            };
            let (path, options) = written.split_once(':').unwrap_or((&written, ""));
            if !check_target(path, item, self.problems) {
                continue;
            }
            let options = policy::check_tmpfs(options, item, self.problems);
            if tmpfs.insert(path.to_owned(), options).is_some() {
                self.problems.push(used_target(path, item));
            }
        }
        tmpfs
    }

    /// Reads `env_file` and `environment`, which overrides it.
    fn read_environment(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
        let explicit: BTreeMap<String, String> =
            self.read_pairs(fields, "environment").into_iter().collect();
        // As in compose-go, references see the variables of the lab, then `environment`, then earlier files.
        let mut environment = explicit.clone();
        for file in self.read_env_file_paths(fields) {
            self.read_env_file(&file, &explicit, &mut environment);
        }
        environment.extend(explicit);
        environment
    }

    fn read_env_file(
        &mut self,
        file: &EnvFile,
        explicit: &BTreeMap<String, String>,
        environment: &mut BTreeMap<String, String>,
    ) {
        if !file.required {
            let path = normalize(&file.node.folder().join(&file.path));
            if self.files.canonical_path(&path).is_none() {
                return;
            }
        }
        let Some(path) = self.resolve(&file.node, &file.path) else {
            return;
        };
        let text = match self.files.read(&path) {
            Ok(text) if text.len() <= MAX_ENV_FILE_SIZE => text,
            Ok(text) => {
                let what = text!(
                    "{file} is too large: {size} bytes, the limit is {limit}",
                    file = path.display(),
                    size = text.len(),
                    limit = MAX_ENV_FILE_SIZE
                );
                self.problems.push(
                    Problem::new(what)
                        .code(Code::UnreadableFile)
                        .at(file.node.place()),
                );
                return;
            }
            Err(error) => {
                let what = text!(
                    "cannot read {file}: {reason}",
                    file = path.display(),
                    reason = error.text()
                );
                self.problems.push(
                    Problem::new(what)
                        .code(Code::UnreadableFile)
                        .at(file.node.place()),
                );
                return;
            }
        };
        // The path as it is written, not the canonical one, is what the reader knows.
        let shown = normalize(&file.node.folder().join(&file.path));
        let lab = &self.found.variables;
        let outer = |name: &str| lab.get(name).or_else(|| explicit.get(name)).cloned();
        let earlier = |name: &str| environment.get(name).cloned();
        let lookups = Lookups {
            outer: &outer,
            earlier: &earlier,
        };
        let entries = match parse_env_file(&text, file.format, &lookups) {
            Ok(entries) => entries,
            Err(error) => {
                let place = env_place(&shown, &text, error.line);
                self.problems.push(error.problem.at(place));
                return;
            }
        };
        for entry in entries {
            match entry.value.or_else(|| outer(&entry.name)) {
                Some(value) => drop(environment.insert(entry.name, value)),
                None => {
                    let what = text!(
                        "`{name}` has no value: Compose would take it from the environment of this machine",
                        name = entry.name
                    );
                    let help = text!("write `{name}=` and a value", name = entry.name);
                    let problem = Problem::new(what)
                        .code(Code::UndefinedVariable)
                        .kind(ProblemKind::Refused)
                        .help(help);
                    let place = env_place(&shown, &text, entry.line);
                    self.problems.push(problem.at(place));
                }
            }
        }
    }

    /// Reads `env_file`: a path, several, or mappings with `path`.
    fn read_env_file_paths(&mut self, fields: &mut Fields<'_>) -> Vec<EnvFile> {
        let mut files = Vec::new();
        for item in fields.one_or_many("env_file") {
            let mut file = EnvFile {
                path: String::new(),
                required: true,
                format: EnvFormat::Compose,
                node: item.clone(),
            };
            let path = match item.kind {
                Kind::Map(_) => {
                    let Some(mut fields) = Fields::open(item, Mapping::EnvFile, self.problems)
                    else {
                        continue;
                    };
                    let path = fields.required_string("path", item, self.problems);
                    file.required = fields.boolean("required", self.problems).unwrap_or(true);
                    if let Some(format) = fields.get("format") {
                        match format.as_string().as_deref() {
                            Some("raw") => file.format = EnvFormat::Raw,
                            _ => self
                                .problems
                                .push(mismatch(format, "format", text!("`raw`"))),
                        }
                    }
                    fields.close(self.problems);
                    path
                }
                _ => string(item, "env_file", self.problems),
            };
            match path {
                Some(path) if path.is_empty() => {
                    let what = text!("`{key}` is empty", key = "env_file");
                    let problem = Problem::new(what).code(Code::WrongType);
                    self.problems.push(problem.at(item.place()));
                }
                Some(path) => files.push(EnvFile { path, ..file }),
                None => {}
            }
        }
        files
    }

    fn read_depends_on(&mut self, fields: &mut Fields<'_>) -> BTreeMap<ServiceName, Condition> {
        let Some(node) = fields.get("depends_on") else {
            return BTreeMap::new();
        };
        let mut out = BTreeMap::new();
        if let Kind::List(_) = &node.kind {
            let mut seen: Vec<String> = Vec::new();
            for item in list(node, "depends_on", self.problems) {
                let name = quoted_string(item, "depends_on", self.problems);
                if let Some(name) = name.as_ref().filter(|name| seen.contains(name)) {
                    let what = text!("`{name}` stands twice in `depends_on`", name);
                    let problem = Problem::new(what).code(Code::DuplicateName);
                    self.problems.push(problem.at(item.place()));
                }
                seen.extend(name.clone());
                let found = name.and_then(|name| self.active_service(&name, "depends_on", item));
                out.extend(found.map(|name| (name, Condition::Started)));
            }
            return out;
        }
        if node.as_string().is_some() {
            let expected = text!("a list or a mapping");
            self.problems.push(mismatch(node, "depends_on", expected));
            return out;
        }
        for (key, value) in keyed_entries(node, "depends_on", self.problems) {
            let Some(name) = key.as_string() else {
                continue;
            };
            let mut condition = Condition::Started;
            let mut at = value;
            let Some(mut fields) = Fields::open_compose(value, Mapping::Dependency, self.problems)
            else {
                continue;
            };
            if let Some(node) = fields.required("condition", key, self.problems) {
                at = node;
                let written = string(node, "condition", self.problems);
                condition = self.read_condition(written.as_deref(), node);
            }
            let required = fields.boolean("required", self.problems).unwrap_or(true);
            policy::check_keys(Mapping::Dependency, &mut fields, self.problems);
            fields.close(self.problems);
            let part = self.found.service(&name);
            let starts = part.is_some_and(|part| is_active(self.found, part));
            if !required && !starts && part.is_some() {
                continue;
            }
            let Some(name) = self.active_service(&name, "depends_on", key) else {
                continue;
            };
            if let (Condition::Healthy, Some(part)) = (condition, part) {
                self.check_healthy(&name, part, at);
            }
            out.insert(name, condition);
        }
        out
    }

    /// Refuses to wait for the health of a service whose health check is switched off.
    fn check_healthy(&mut self, name: &ServiceName, part: &Part, node: &Node) {
        let check = part.node.child("healthcheck");
        // Problems of the health check are reported with its service.
        let check = check.and_then(|check| read_healthcheck(check, &mut Problems::new()));
        let is_off = check.is_some_and(|check| check.is_off());
        let ready = part
            .node
            .child("x-roadlab")
            .and_then(|node| node.child("ready"));
        if is_off && ready.is_none() {
            let what = text!(
                "nothing says when `{name}` is healthy: its health check is off",
                name
            );
            let help = text!(
                "add `ready` to `x-roadlab` of `{name}`, or write `service_started`",
                name
            );
            self.problems.push(
                Problem::new(what)
                    .code(Code::Health)
                    .at(node.place())
                    .help(help),
            );
        }
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
        self.problems.push(
            Problem::new(what)
                .code(Code::UnknownName)
                .at(node.place())
                .help(help),
        );
        Condition::Started
    }

    fn read_networks(&mut self, fields: &mut Fields<'_>) -> BTreeMap<String, Vec<String>> {
        let default = || BTreeMap::from([("default".to_owned(), Vec::new())]);
        let Some(node) = fields.get("networks") else {
            return default();
        };
        if node.as_string().is_some() {
            let expected = text!("a list or a mapping");
            self.problems.push(mismatch(node, "networks", expected));
            return default();
        }
        let named: Vec<(&Node, Option<&Node>)> = match &node.kind {
            Kind::List(_) => list(node, "networks", self.problems)
                .into_iter()
                .map(|item| (item, None))
                .collect(),
            _ => keyed_entries(node, "networks", self.problems)
                .into_iter()
                .map(|(key, value)| (key, Some(value)))
                .collect(),
        };
        let mut out = BTreeMap::new();
        for (key, value) in named {
            let Some(name) = string(key, "networks", self.problems) else {
                continue;
            };
            let mut aliases = Vec::new();
            if let Some(value) = value.filter(|value| !matches!(value.kind, Kind::Null))
                && let Some(mut fields) =
                    Fields::open_compose(value, Mapping::Attachment, self.problems)
            {
                aliases = fields.strings("aliases", self.problems).unwrap_or_default();
                policy::check_keys(Mapping::Attachment, &mut fields, self.problems);
                fields.close(self.problems);
            }
            let declared = self.found.networks.iter().any(|known| known.name == name);
            if !declared && name != "default" {
                let what = text!("no such network: `{name}`", name);
                let help = text!("declare it in the top-level `networks`");
                self.problems.push(
                    Problem::new(what)
                        .code(Code::UnknownName)
                        .at(key.place())
                        .help(help),
                );
            }
            out.insert(name, aliases);
        }
        match out.is_empty() {
            true => default(),
            false => out,
        }
    }
}

/// Creates the problem of a service that is used but does not start. It is the same wherever the service is used, so that it
/// is reported once.
pub(crate) fn inactive_but_used(name: &ServiceName, profiles: Place) -> Problem {
    let what = text!(
        "service `{name}` has a profile, so it does not start, but the lab uses it",
        name
    );
    let help = text!("remove its `profiles`, or add `COMPOSE_PROFILES` to `.env`");
    Problem::new(what)
        .code(Code::UnknownName)
        .at(profiles)
        .help(help)
}

/// Refuses two mounts at the same path.
fn refuse_shared_targets(
    mounts: &[Mount],
    tmpfs: &BTreeMap<String, String>,
    service: &Node,
    problems: &mut Problems,
) {
    let mut seen: BTreeSet<String> = tmpfs.keys().map(|path| clean_path(path)).collect();
    let at = service.key_of("volumes").unwrap_or(service);
    for mount in mounts {
        let (Mount::Bind { target, .. }
        | Mount::Volume { target, .. }
        | Mount::Workspace { target, .. }) = mount;
        if !seen.insert(clean_path(target)) {
            problems.push(used_target(target, at));
        }
    }
}

fn used_target(path: &str, node: &Node) -> Problem {
    let what = text!("something is mounted at `{path}` already", path);
    let help = text!("remove one of the two");
    Problem::new(what)
        .code(Code::DuplicateName)
        .at(node.place())
        .help(help)
}

/// An entry of `env_file`.
struct EnvFile {
    path: String,
    required: bool,
    format: EnvFormat,
    node: Node,
}

/// Refuses a web interface on a port that the service does not publish.
fn check_web_ports(
    interface: &ServiceInterface,
    ports: &[Port],
    name: &ServiceName,
    node: &Node,
    problems: &mut Problems,
) {
    for (at, web) in interface.web.iter().enumerate() {
        if ports.iter().any(|port| port.container == web.port) {
            continue;
        }
        let written = node.child("x-roadlab").and_then(|node| node.child("web"));
        let entry = written.map(|written| match &written.kind {
            Kind::List(items) => items.get(at).unwrap_or(written),
            _ => written,
        });
        let place = entry.map(|entry| entry.child("port").unwrap_or(entry).place());
        let what = text!(
            "service `{name}` does not publish port {port}",
            name,
            port = web.port
        );
        let help = text!("add the port to `ports` in compose.yaml");
        let problem = Problem::new(what).code(Code::Port).help(help);
        problems.push(problem.at(place.unwrap_or_else(|| node.place())));
    }
}

/// A kind of file that a Compose file names at its top level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Config,
    Secret,
}

impl FileKind {
    pub(crate) fn key(self) -> &'static str {
        match self {
            FileKind::Config => "configs",
            FileKind::Secret => "secrets",
        }
    }

    /// The folder in the container, as Compose chooses it.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            FileKind::Config => "",
            FileKind::Secret => "/run/secrets",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_containers_are_those_of_compose() {
        for right in ["db", "course-db", "1.a", "flow_api"] {
            assert!(is_container_name(right), "{right}");
        }
        for wrong in ["", "d", "-db", "a/b", "a b", "데이터"] {
            assert!(!is_container_name(wrong), "{wrong}");
        }
    }
}
