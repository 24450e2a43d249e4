//! The labels and names of everything that roadlab creates.

use std::collections::BTreeMap;

use crate::lab::{Instance, LabId, RunId, ServiceName};

/// The beginning of every name.
const PREFIX: &str = "roadlab-";

const RUN: &str = "dev.roadlab.run";
const LAB: &str = "dev.roadlab.lab";
const INSTANCE: &str = "dev.roadlab.instance";
const SERVICE: &str = "dev.roadlab.service";
const DIGEST: &str = "dev.roadlab.digest";
const MOUNTED: &str = "dev.roadlab.mounted";
/// Who created it. Several users and several state folders may share one engine.
const OWNER: &str = "dev.roadlab.owner";
/// Who that is, for people: the user's name and state folder.
const USER: &str = "dev.roadlab.user";
const STATE_FOLDER: &str = "dev.roadlab.state";
const SCHEMA: &str = "dev.roadlab.schema";

/// The owner of a run: a state folder of a user of a machine. The id decides; the rest is for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub id: String,
    /// The user's name. Runs of early versions do not have it.
    pub user: Option<String>,
    pub state_folder: Option<String>,
}

impl<T: Into<String>> From<T> for Owner {
    /// Returns an owner of whom only the id is known.
    fn from(id: T) -> Self {
        Self {
            id: id.into(),
            user: None,
            state_folder: None,
        }
    }
}

/// The labels of a container, network or volume: who created it and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLabels {
    pub run: RunId,
    pub lab: LabId,
    pub instance: Instance,
    pub owner: Owner,
    pub service: Option<ServiceName>,
    /// The identity of a container: what it was created from, with a version.
    pub digest: Option<String>,
    /// A digest of the lab's files that a container mounts, as they were when it was created. Containers of early versions do
    /// not have it.
    pub mounted: Option<String>,
}

/// A selection of the containers, networks and volumes that roadlab created. `None` selects all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    pub owner: Option<String>,
    pub lab: Option<LabId>,
    pub instance: Option<Instance>,
    pub run: Option<RunId>,
}

impl RunLabels {
    /// Returns the labels as the create call takes them.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([
            (RUN.to_owned(), self.run.to_string()),
            (LAB.to_owned(), self.lab.to_string()),
            (INSTANCE.to_owned(), self.instance.to_string()),
            (OWNER.to_owned(), self.owner.id.clone()),
            (SCHEMA.to_owned(), "1".to_owned()),
        ]);
        let owner = &self.owner;
        let names = [(USER, &owner.user), (STATE_FOLDER, &owner.state_folder)];
        labels.extend(
            names
                .into_iter()
                .filter_map(|(key, name)| Some((key.to_owned(), name.clone()?))),
        );
        labels.extend(
            self.service
                .iter()
                .map(|service| (SERVICE.to_owned(), service.to_string())),
        );
        let digests = [(DIGEST, &self.digest), (MOUNTED, &self.mounted)];
        labels.extend(
            digests
                .into_iter()
                .filter_map(|(key, digest)| Some((key.to_owned(), digest.clone()?))),
        );
        labels
    }

    /// Reads labels back; `None` unless roadlab created the resource. Containers inherit the labels of their image, and
    /// `docker commit` copies labels into an image, so every label must be well formed and the name must fit: for a service the
    /// whole name, for a network or volume its beginning.
    pub fn read(name: &str, labels: &BTreeMap<String, String>) -> Option<Self> {
        let name = name.trim_start_matches('/');
        let get = |key: &str| labels.get(key).map(String::as_str);
        let run_labels = Self {
            run: RunId::new(get(RUN)?).ok()?,
            lab: LabId::new(get(LAB)?).ok()?,
            instance: Instance::new(get(INSTANCE)?).ok()?,
            owner: Owner {
                id: get(OWNER)?.to_owned(),
                user: get(USER).map(str::to_owned),
                state_folder: get(STATE_FOLDER).map(str::to_owned),
            },
            service: match get(SERVICE) {
                Some(service) => Some(ServiceName::new(service).ok()?),
                None => None,
            },
            digest: get(DIGEST).map(str::to_owned),
            mounted: get(MOUNTED).map(str::to_owned),
        };
        let has_own_name = match &run_labels.service {
            Some(service) => name == run_labels.name(service.as_str()),
            None => name.starts_with(&run_labels.name("")),
        };
        has_own_name.then_some(run_labels)
    }

    /// Returns the full name of a container, network or volume of this run.
    pub fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.name_start())
    }

    /// Returns the labels of a service of this run.
    pub fn of_service(&self, service: &ServiceName, digest: String) -> Self {
        Self {
            service: Some(service.clone()),
            digest: Some(digest),
            ..self.clone()
        }
    }

    fn name_start(&self) -> String {
        format!("{PREFIX}{}-{}", self.lab, self.run.short())
    }
}

impl Scope {
    /// Selects everything of one owner.
    pub fn owner(owner: &str) -> Self {
        Self {
            owner: Some(owner.to_owned()),
            ..Self::default()
        }
    }

    /// Selects everything of one instance of a lab.
    pub fn instance(owner: &str, lab: &LabId, instance: &Instance) -> Self {
        Self {
            lab: Some(lab.clone()),
            instance: Some(instance.clone()),
            ..Self::owner(owner)
        }
    }

    /// Selects everything of one run.
    pub fn run(owner: &str, run: &RunId) -> Self {
        Self {
            run: Some(run.clone()),
            ..Self::owner(owner)
        }
    }

    /// Whether a resource with these labels is selected. The filters of an engine are not enough: Podman 4 lists a volume that
    /// matches only one of several labels.
    pub fn holds(&self, run_labels: &RunLabels) -> bool {
        fn fits<T: PartialEq>(wanted: &Option<T>, given: &T) -> bool {
            wanted.as_ref().is_none_or(|wanted| wanted == given)
        }
        fits(&self.owner, &run_labels.owner.id)
            && fits(&self.lab, &run_labels.lab)
            && fits(&self.instance, &run_labels.instance)
            && fits(&self.run, &run_labels.run)
    }

    /// Returns the label filters for the engine, as `key` or `key=value`.
    pub fn filters(&self) -> Vec<String> {
        let mut filters = vec![RUN.to_owned()];
        filters.extend(self.owner.iter().map(|owner| format!("{OWNER}={owner}")));
        filters.extend(self.lab.iter().map(|lab| format!("{LAB}={lab}")));
        filters.extend(
            self.instance
                .iter()
                .map(|instance| format!("{INSTANCE}={instance}")),
        );
        filters.extend(self.run.iter().map(|run| format!("{RUN}={run}")));
        filters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_labels() -> RunLabels {
        RunLabels {
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            owner: "abc".into(),
            service: None,
            digest: None,
            mounted: None,
        }
    }

    #[test]
    fn labels_are_read_back_with_the_name() {
        let marked = run_labels().of_service(&ServiceName::new("redis").unwrap(), "d1".into());
        assert_eq!(
            RunLabels::read(&marked.name("redis"), &marked.labels()),
            Some(marked.clone())
        );
        assert_eq!(marked.name("redis"), "roadlab-redis-z7a9bc-redis");
    }

    #[test]
    fn a_scope_contains_only_what_matches_all_of_it() {
        let (run_labels, redis) = (run_labels(), LabId::new("redis").unwrap());
        let main = Instance::main();
        for within in [
            Scope::owner("abc"),
            Scope::instance("abc", &redis, &main),
            Scope::run("abc", &run_labels.run),
        ] {
            assert!(within.holds(&run_labels), "{:?}", within.filters());
        }
        let other = LabId::new("mongo").unwrap();
        for without in [
            Scope::owner("abd"),
            Scope::instance("abc", &other, &main),
            Scope::instance("abc", &redis, &Instance::new("two").unwrap()),
            Scope::run("abd", &run_labels.run),
        ] {
            assert!(!without.holds(&run_labels), "{:?}", without.filters());
        }
    }

    #[test]
    fn inherited_and_malformed_labels_are_not_read() {
        let labels = run_labels().labels();
        assert_eq!(RunLabels::read("another-container", &labels), None);
        assert_eq!(RunLabels::read("roadlab-redis-aaaaaa-redis", &labels), None);
        assert_eq!(RunLabels::read("roadlab-redis-z7a9bcx", &labels), None);
        let service = run_labels().of_service(&ServiceName::new("redis").unwrap(), "d1".into());
        for name in [
            "roadlab-redis-z7a9bc-redis-copy",
            "roadlab-redis-z7a9bc-other",
        ] {
            assert_eq!(RunLabels::read(name, &service.labels()), None);
        }
        let mut broken = labels.clone();
        broken.insert(LAB.into(), "../volumes/x".into());
        assert_eq!(RunLabels::read("roadlab-redis-z7a9bc-redis", &broken), None);
        assert_eq!(
            RunLabels::read("roadlab-redis-z7a9bc-redis", &BTreeMap::new()),
            None
        );
    }
}
