//! What there is: the engine itself, our resources, images, networks, ports.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum, Network, PortSummary, PortSummaryTypeEnum, Volume,
};
use bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder,
    ListNetworksOptions, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    StatsOptionsBuilder,
};
use futures_util::future::try_join3;

use super::{Docker, LOOK, convert, names, platform, podman};
use crate::engine::{
    ContainerState, EngineError, ErrorKind, ImageInfo, MemoryUsage, Result, SystemInfo,
};
use crate::lab::Protocol;
use crate::plan::{
    Observed, ObservedContainer, ObservedNetwork, ObservedVolume, PublishedPort, PublishedPorts,
    RunLabels, Running, Scope, Subnet,
};

/// An engine that is well says what it is within milliseconds.
const ABOUT: Duration = Duration::from_secs(10);

impl Docker {
    pub(super) async fn ask_ping(&self) -> Result<()> {
        self.call(
            "ask whether it answers",
            ABOUT,
            self.client.ask(|client| client.ping()),
        )
        .await
        .map(drop)
    }

    pub(super) async fn ask_about(&self) -> Result<SystemInfo> {
        let what = "ask what it is";
        let (version, info) = futures_util::try_join!(
            self.call(what, ABOUT, self.client.ask(|client| client.version())),
            self.call(what, ABOUT, self.client.ask(|client| client.info())),
        )?;
        let podman = podman::speaks(&version);
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        Ok(SystemInfo {
            product: if podman { "Podman" } else { "Docker" }.into(),
            version: known(version.version),
            api: known(version.api_version),
            platform: format!("{}/{}", known(version.os), known(version.arch)),
            memory: positive(info.mem_total),
            cpus: positive(info.ncpu),
            root: PathBuf::from(info.docker_root_dir.unwrap_or_default()),
            cgroup: info.cgroup_version.map(|version| version.to_string()),
            unlimited: unlimited(info.memory_limit, info.pids_limit),
            warnings: info.warnings.unwrap_or_default(),
            proxies: [info.http_proxy, info.https_proxy]
                .into_iter()
                .flatten()
                .filter(|proxy| !proxy.is_empty())
                .collect(),
            time: info.system_time,
        })
    }

    /// Asked once: who listens at a socket does not change while we work.
    pub(super) async fn is_podman(&self) -> Result<bool> {
        if let Some(known) = self.podman.get() {
            return Ok(*known);
        }
        let version = self.client.ask(|client| client.version());
        let version = self.call("ask what it is", ABOUT, version).await?;
        Ok(*self.podman.get_or_init(|| podman::speaks(&version)))
    }

    pub(super) async fn look_at(&self, scope: &Scope) -> Result<Observed> {
        let filters = HashMap::from([("label", scope.filters())]);
        let containers = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let networks = ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        let volumes = ListVolumesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let (containers, networks, volumes) = try_join3(
            self.call(
                "list containers",
                LOOK,
                self.client
                    .ask(|client| client.list_containers(Some(containers)))
                    .of_any_state(),
            ),
            self.call(
                "list networks",
                LOOK,
                self.client
                    .ask(|client| client.list_networks(Some(networks))),
            ),
            self.call(
                "list volumes",
                LOOK,
                self.client.ask(|client| client.list_volumes(Some(volumes))),
            ),
        )
        .await?;
        let volumes = volumes.volumes.unwrap_or_default();
        let mut observed = Observed {
            containers: containers.into_iter().filter_map(container).collect(),
            networks: networks.into_iter().filter_map(network).collect(),
            volumes: volumes.into_iter().filter_map(volume).collect(),
        };
        observed
            .containers
            .retain(|one| scope.holds(&one.run_labels));
        observed.networks.retain(|one| scope.holds(&one.run_labels));
        observed.volumes.retain(|one| scope.holds(&one.run_labels));
        Ok(observed)
    }

    pub(super) async fn list_subnets(&self) -> Result<Vec<Subnet>> {
        let networks = self
            .client
            .ask(|client| client.list_networks(None::<ListNetworksOptions>));
        let networks = self.call("list networks", LOOK, networks).await?;
        let ranges = networks
            .into_iter()
            .filter_map(|network| network.ipam?.config)
            .flatten();
        Ok(ranges
            .filter_map(|range| Subnet::parse(&range.subnet?))
            .collect())
    }

    pub(super) async fn list_published_ports(&self) -> Result<BTreeMap<u16, String>> {
        let running = self
            .client
            .ask(|client| client.list_containers(None))
            .of_any_state();
        let containers = self.call("list containers", LOOK, running).await?;
        let published = containers.into_iter().flat_map(|container| {
            let name = first_name(&container).unwrap_or_default().to_owned();
            let ports = container.ports.unwrap_or_default();
            ports
                .into_iter()
                .filter_map(move |port| Some((port.public_port?, name.clone())))
        });
        Ok(published.collect())
    }

    pub(super) async fn look_at_image(&self, name: &str) -> Result<Option<ImageInfo>> {
        let what = format!("inspect image `{name}`");
        let named = names::image(name)?;
        let answer = self
            .call(
                &what,
                LOOK,
                self.client.ask(|client| client.inspect_image(named)),
            )
            .await;
        let image = match answer {
            Ok(image) => image,
            Err(error) if matches!(error.kind, ErrorKind::NoSuchImage | ErrorKind::NotFound) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
        let architecture = known(image.architecture);
        // Asking what the machine is costs time, and nearly every image is of this one.
        let machine = match architecture == platform::own() {
            true => architecture.clone(),
            false => self.architecture().await?,
        };
        let os = known(image.os);
        Ok(Some(ImageInfo {
            id: image.id.unwrap_or_default(),
            incompatible_with: (!platform::runs_on(&machine, &architecture))
                .then(|| format!("{os}/{machine}")),
            platform: format!("{os}/{architecture}"),
            size: positive(image.size),
        }))
    }

    async fn architecture(&self) -> Result<String> {
        let version = self.client.ask(|client| client.version());
        let version = self.call("ask what it is", ABOUT, version).await?;
        Ok(version.arch.unwrap_or_default())
    }

    pub(super) async fn look_at_container(&self, container: &str) -> Result<ContainerState> {
        let what = format!("inspect container `{container}`");
        let named = names::resource(container)?;
        let answer = self
            .client
            .ask(|client| client.inspect_container(named, None::<InspectContainerOptions>))
            .of_any_state();
        Ok(convert::state(self.call(&what, LOOK, answer).await?))
    }

    /// The ids of the containers on a network, and their names.
    pub(super) async fn containers_on(&self, network: &str) -> Result<Vec<(String, String)>> {
        let what = format!("inspect network `{network}`");
        let named = names::resource(network)?;
        let answer = self
            .client
            .ask(|client| client.inspect_network(named, None::<InspectNetworkOptions>));
        let answer = self.call(&what, LOOK, answer).await?;
        let containers = answer.containers.unwrap_or_default().into_iter();
        let named = containers.map(|(id, endpoint)| {
            let name = endpoint.name.filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| id.clone());
            (id, name)
        });
        Ok(named.collect())
    }

    /// The names of the containers that hold a volume, running or not.
    pub(super) async fn containers_with(&self, volume: &str) -> Result<Vec<String>> {
        let filters = HashMap::from([("volume", vec![volume])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let holders = self
            .client
            .ask(|client| client.list_containers(Some(options)))
            .of_any_state();
        let holders = self.call("list containers", LOOK, holders).await?;
        Ok(holders
            .iter()
            .filter_map(first_name)
            .map(str::to_owned)
            .collect())
    }

    pub(super) async fn look_at_usage(&self, container: &str) -> Result<MemoryUsage> {
        let what = format!("measure container `{container}`");
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let named = names::resource(container)?;
        let mut stats = self
            .client
            .listen(|client| client.stats(named, Some(options)));
        let sample = self.next(&what, LOOK, &mut stats).await?;
        sample.and_then(convert::memory_usage).ok_or_else(|| {
            EngineError::new(
                ErrorKind::NotRunning,
                format!("cannot {what}: it is not running"),
            )
        })
    }
}

/// The limits that an engine says it cannot enforce; one that does not say can.
fn unlimited(memory: Option<bool>, pids: Option<bool>) -> Vec<String> {
    let limits = [("memory", memory), ("pids", pids)];
    let without = limits.iter().filter(|(_, holds)| *holds == Some(false));
    without.map(|(name, _)| (*name).to_owned()).collect()
}

fn positive(number: Option<i64>) -> u64 {
    number
        .and_then(|number| u64::try_from(number).ok())
        .unwrap_or(0)
}

fn first_name(container: &ContainerSummary) -> Option<&str> {
    let name = container.names.as_deref()?.first()?;
    Some(name.trim_start_matches('/'))
}

fn container(found: ContainerSummary) -> Option<ObservedContainer> {
    let name = first_name(&found)?.to_owned();
    let run_labels = RunLabels::read(&name, &found.labels?.into_iter().collect())?;
    let running = match found.state {
        Some(ContainerSummaryStateEnum::RUNNING) => Running::Yes,
        Some(ContainerSummaryStateEnum::PAUSED) => Running::Paused,
        _ => Running::No,
    };
    Some(ObservedContainer {
        id: found.id?,
        name,
        run_labels,
        running,
        state: found.status.unwrap_or_default(),
        // An engine that was killed still tells the ports of what died with it; by now they may be somebody else's.
        ports: match running {
            Running::Yes | Running::Paused => ports(found.ports.unwrap_or_default()),
            Running::No => PublishedPorts::default(),
        },
        networks: found
            .network_settings
            .and_then(|settings| settings.networks)
            .unwrap_or_default()
            .into_iter()
            .map(|(name, endpoint)| (name, endpoint.network_id.unwrap_or_default()))
            .collect(),
        created: found.created.unwrap_or_default(),
    })
}

/// Returns the ports that are published on an address which 127.0.0.1 reaches.
fn ports(found: Vec<PortSummary>) -> PublishedPorts {
    let ports = found.into_iter();
    ports
        .filter(|port| convert::reachable(port.ip.as_deref()))
        .filter_map(|port| {
            Some(PublishedPort {
                container: port.private_port,
                protocol: match port.typ? {
                    PortSummaryTypeEnum::TCP => Protocol::Tcp,
                    PortSummaryTypeEnum::UDP => Protocol::Udp,
                    PortSummaryTypeEnum::SCTP | PortSummaryTypeEnum::EMPTY => return None,
                },
                host: port.public_port?,
            })
        })
        .collect()
}

fn network(found: Network) -> Option<ObservedNetwork> {
    let name = found.name?;
    let run_labels = RunLabels::read(&name, &found.labels?.into_iter().collect())?;
    Some(ObservedNetwork {
        id: found.id?,
        name,
        run_labels,
        internal: found.internal.unwrap_or_default(),
    })
}

fn volume(found: Volume) -> Option<ObservedVolume> {
    let run_labels = RunLabels::read(&found.name, &found.labels.into_iter().collect())?;
    Some(ObservedVolume {
        name: found.name,
        run_labels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Instance, LabId, RunId};

    fn run_labels() -> RunLabels {
        RunLabels {
            run: RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
            owner: "abc".into(),
            service: None,
            digest: None,
        }
    }

    fn summary(name: &str) -> ContainerSummary {
        let port = |private_port, public_port, ip: &str, typ| PortSummary {
            ip: Some(ip.into()),
            private_port,
            public_port,
            typ: Some(typ),
        };
        ContainerSummary {
            id: Some("0a1b".into()),
            names: Some(vec![format!("/{name}")]),
            labels: Some(convert::labels(&run_labels().labels())),
            state: Some(ContainerSummaryStateEnum::RUNNING),
            created: Some(7),
            ports: Some(vec![
                port(53, Some(20001), "127.0.0.1", PortSummaryTypeEnum::TCP),
                port(53, Some(20002), "127.0.0.1", PortSummaryTypeEnum::UDP),
                port(80, Some(20003), "0.0.0.0", PortSummaryTypeEnum::TCP),
                port(81, Some(20004), "192.0.2.7", PortSummaryTypeEnum::TCP),
                port(82, None, "", PortSummaryTypeEnum::TCP),
            ]),
            ..Default::default()
        }
    }

    #[test]
    fn a_container_of_ours_is_read_with_the_ports_that_answer_here() {
        let found = container(summary(&run_labels().name("redis"))).unwrap();
        assert_eq!(found.name, "roadlab-redis-z7a9bc-redis");
        assert_eq!(
            (found.run_labels, found.running, found.created),
            (run_labels(), Running::Yes, 7)
        );
        let port = |container, protocol, host| PublishedPort {
            container,
            protocol,
            host,
        };
        assert_eq!(
            found.ports.iter().collect::<Vec<_>>(),
            [
                port(53, Protocol::Tcp, 20001),
                port(53, Protocol::Udp, 20002),
                port(80, Protocol::Tcp, 20003)
            ]
        );

        let mut stopped = summary(&run_labels().name("redis"));
        stopped.state = Some(ContainerSummaryStateEnum::EXITED);
        assert!(container(stopped).unwrap().ports.is_empty());
    }

    #[test]
    fn labels_alone_make_nothing_ours() {
        assert!(container(summary("somebody-elses")).is_none());
        let unlabelled = Network {
            name: Some(run_labels().name("default")),
            id: Some("0a".into()),
            ..Default::default()
        };
        assert!(network(unlabelled).is_none());
        let foreign = Volume {
            name: "data".into(),
            labels: convert::labels(&run_labels().labels()),
            ..Default::default()
        };
        assert!(volume(foreign).is_none());
    }
}
