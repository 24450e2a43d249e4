//! The roles of the engine in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Fake, FakeContainer, id, missing, running, taken, within};
use crate::engine::{
    Build, BuildProgress, ContainerEvent, ContainerExec, ContainerFiles, ContainerFolders,
    ContainerState, Containers, EngineError, ErrorKind, Events, Exec, ExecOutput, Health,
    ImageBuild, ImageInfo, ImageTransfer, Images, Inspect, Inventory, ListedImage, LogLine,
    LogOptions, Logs, MemoryUsage, Networks, PullProgress, Result, Stats, System, SystemInfo,
    Volumes,
};
use crate::lab::ImageName;
use crate::plan::{
    ContainerSpec, MountSpec, NetworkAttachment, NetworkSpec, Observed, ObservedContainer,
    ObservedNetwork, ObservedVolume, PublishedPort, PublishedPorts, RunLabels, Running, Scope,
    Subnet, VolumeSpec,
};
use crate::text;
use crate::text::Text;

impl System for Fake {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    async fn system_info(&self) -> Result<SystemInfo> {
        Ok(SystemInfo {
            product: "Docker".into(),
            version: "0".into(),
            api: "1.41".into(),
            platform: "linux/amd64".into(),
            rootless: false,
            desktop: false,
            memory: 8 << 30,
            cpus: 2,
            root: PathBuf::from("/nowhere"),
            cgroup: None,
            unlimited: Vec::new(),
            warnings: Vec::new(),
            proxies: Vec::new(),
            time: None,
        })
    }
}

impl Inventory for Fake {
    async fn observe(&self, scope: &Scope) -> Result<Observed> {
        let run_labels = |name: &str, labels| {
            within(scope, labels)
                .then(|| RunLabels::read(name, labels))
                .flatten()
        };
        let containers = self.containers.borrow();
        let containers = containers.iter().filter_map(|(name, container)| {
            Some(ObservedContainer {
                id: id(name),
                name: name.clone(),
                run_labels: run_labels(name, &container.spec.labels)?,
                running: match (container.state.running, container.state.paused) {
                    (_, true) => Running::Paused,
                    (true, false) => Running::Yes,
                    (false, false) => Running::No,
                },
                state: container.state.status.clone(),
                ports: container.state.ports.clone(),
                networks: container.networks.clone(),
                addresses: container.addresses.clone(),
                created: container.created,
                full_disks: Vec::new(),
            })
        });
        let (networks, volumes) = (self.networks.borrow(), self.volumes.borrow());
        let networks = networks.iter().filter_map(|(name, spec)| {
            let run_labels = run_labels(name, &spec.labels)?;
            Some(ObservedNetwork {
                id: id(name),
                name: name.clone(),
                run_labels,
                internal: spec.internal,
            })
        });
        let volumes = volumes.iter().filter_map(|(name, spec)| {
            let run_labels = run_labels(name, &spec.labels)?;
            Some(ObservedVolume {
                name: name.clone(),
                run_labels,
            })
        });
        Ok(Observed {
            containers: containers.collect(),
            networks: networks.collect(),
            volumes: volumes.collect(),
        })
    }

    async fn subnets(&self) -> Result<Vec<Subnet>> {
        Ok(self
            .networks
            .borrow()
            .values()
            .map(|spec| spec.subnet)
            .collect())
    }

    async fn published_ports(&self) -> Result<BTreeMap<u16, String>> {
        let containers = self.containers.borrow();
        let ports = containers.iter().flat_map(|(name, container)| {
            container
                .state
                .ports
                .hosts()
                .map(|port| (port, name.clone()))
        });
        Ok(ports.collect())
    }
}

impl Inspect for Fake {
    async fn inspect(&self, container: &str) -> Result<ContainerState> {
        self.with(container, |found| Ok(found.state.clone()))
    }
}

impl Images for Fake {
    async fn image(&self, name: &str) -> Result<Option<ImageInfo>> {
        Ok(self.images.borrow().contains(name).then(|| ImageInfo {
            id: format!("sha256:{name}"),
            platform: "linux/amd64".into(),
            incompatible_with: None,
            size: 1 << 20,
            env: Vec::new(),
        }))
    }

    async fn all_images(&self) -> Result<Vec<ListedImage>> {
        let images = self.images.borrow();
        let listed = images.iter().map(|name| ListedImage {
            name: name.clone(),
            id: format!("sha256:{name}"),
            size: 1 << 20,
            shared: None,
        });
        Ok(listed.collect())
    }

    async fn pull(&self, image: &ImageName, progress: &dyn Fn(PullProgress)) -> Result<()> {
        self.change(format!("pull {image}"))?;
        let kind = match &*self.registry.borrow() {
            None => ErrorKind::RegistryUnreachable,
            Some(registry) if !registry.contains(image.as_str()) => ErrorKind::NoSuchImage,
            Some(_) => {
                progress(PullProgress {
                    layer: "0a1b".into(),
                    status: "Pull complete".into(),
                    current: None,
                    total: None,
                });
                self.images.borrow_mut().insert(image.to_string());
                return Ok(());
            }
        };
        Err(EngineError::new(kind, text!("cannot pull {image}", image)))
    }

    async fn import(&self, _root: &Path, name: &str) -> Result<()> {
        self.change(format!("import {name}"))?;
        self.images.borrow_mut().insert(name.to_owned());
        Ok(())
    }

    async fn remove_image(&self, name: &str) -> Result<()> {
        self.change(format!("remove image {name}"))?;
        self.images.borrow_mut().remove(name);
        Ok(())
    }
}

impl ImageBuild for Fake {
    async fn build(&self, build: &Build, progress: &dyn Fn(BuildProgress<'_>)) -> Result<()> {
        self.change(format!("build {}", build.tag))?;
        progress(BuildProgress::Line("Step 1/1 : FROM scratch"));
        self.images.borrow_mut().insert(build.tag.clone());
        Ok(())
    }
}

impl ImageTransfer for Fake {
    async fn save(&self, images: &[&str], _file: File, _progress: &dyn Fn(u64)) -> Result<()> {
        self.change(format!("save {}", images.join(" ")))
    }

    async fn load(&self, file: &Path, _progress: &dyn Fn(u64)) -> Result<Vec<String>> {
        self.change(format!("load {}", file.display()))?;
        Ok(self.images.borrow().iter().cloned().collect())
    }
}

impl Containers for Fake {
    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.change(format!("create container {}", spec.name))?;
        if self.containers.borrow().contains_key(&spec.name) {
            return Err(taken("container", &spec.name));
        }
        let known = self.images.borrow();
        if !known
            .iter()
            .any(|image| spec.image == *image || spec.image == format!("sha256:{image}"))
        {
            return Err(EngineError::new(
                ErrorKind::NoSuchImage,
                text!("no such image: {image}", image = spec.image),
            ));
        }
        if let Some(one) = spec
            .networks
            .iter()
            .find(|one| !self.networks.borrow().contains_key(&one.network))
        {
            return Err(missing("network", &one.network));
        }
        self.clock.set(self.clock.get() + 1);
        let container = FakeContainer {
            spec: spec.clone(),
            state: ContainerState {
                running: false,
                paused: false,
                status: "created".into(),
                exit_code: 0,
                out_of_memory: false,
                error: String::new(),
                health: None,
                restarts: 0,
                started: None,
                ended: None,
                ports: PublishedPorts::default(),
            },
            networks: spec
                .networks
                .iter()
                .map(|one| (one.network.clone(), id(&one.network)))
                .collect(),
            addresses: spec
                .networks
                .iter()
                .filter_map(|one| Some((one.network.clone(), self.address(one)?)))
                .collect(),
            files: BTreeMap::new(),
            log: Vec::new(),
            created: self.clock.get(),
        };
        self.containers
            .borrow_mut()
            .insert(spec.name.clone(), container);
        Ok(id(&spec.name))
    }

    async fn start(&self, container: &str) -> Result<()> {
        let spec = self.with(container, |found| Ok(found.spec.clone()))?;
        let name = spec.name.as_str();
        self.change(format!("start {name}"))?;
        for port in &spec.ports {
            let published = self.published_ports().await?;
            let host = match port.host.number() {
                0 => self.free_port(),
                host => host,
            };
            if let Some(other) = published.get(&host).filter(|other| *other != name) {
                return Err(EngineError::new(
                    ErrorKind::PortTaken,
                    text!("port {host} is used by container {other}", host, other),
                ));
            }
            self.with(container, |found| {
                found.state.ports.insert(PublishedPort {
                    container: port.container,
                    protocol: port.protocol,
                    host,
                });
                Ok(())
            })?;
        }
        self.with(container, |found| {
            found.state.running = true;
            found.state.paused = false;
            found.state.status = "running".into();
            found.state.started = Some(Duration::ZERO);
            found.state.health = found
                .spec
                .healthcheck
                .as_ref()
                .filter(|check| check.has_test())
                .map(|_| Health::Healthy);
            Ok(())
        })
    }

    async fn stop(&self, container: &str, _grace: Option<Duration>) -> Result<()> {
        let name = self.with(container, |found| Ok(found.spec.name.clone()))?;
        self.change(format!("stop {name}"))?;
        self.with(container, |found| {
            found.state.running = false;
            found.state.paused = false;
            found.state.status = "exited".into();
            found.state.ports = PublishedPorts::default();
            Ok(())
        })
    }

    async fn pause(&self, container: &str) -> Result<()> {
        let name = self.with(container, |found| Ok(found.spec.name.clone()))?;
        self.change(format!("pause {name}"))?;
        self.with(container, |found| {
            running(found)?;
            found.state.paused = true;
            found.state.status = "paused".into();
            Ok(())
        })
    }

    async fn remove_container(&self, container: &str) -> Result<()> {
        let name = container.strip_prefix("id-").unwrap_or(container);
        self.change(format!("remove container {name}"))?;
        self.containers.borrow_mut().remove(name);
        Ok(())
    }
}

impl Networks for Fake {
    async fn create_network(&self, spec: &NetworkSpec) -> Result<String> {
        self.change(format!("create network {}", spec.name))?;
        if self.networks.borrow().contains_key(&spec.name) {
            return Err(taken("network", &spec.name));
        }
        self.networks
            .borrow_mut()
            .insert(spec.name.clone(), spec.clone());
        Ok(id(&spec.name))
    }

    async fn connect_network(&self, container: &str, attachment: &NetworkAttachment) -> Result<()> {
        let network = &attachment.network;
        let name = self.with(container, |found| Ok(found.spec.name.clone()))?;
        self.change(format!("connect {name} to network {network}"))?;
        if !self.networks.borrow().contains_key(network) {
            return Err(missing("network", network));
        }
        let address = self.address(attachment);
        self.with(container, |found| {
            found.networks.insert(network.clone(), id(network));
            let address = address.map(|address| (network.clone(), address));
            found.addresses.extend(address);
            Ok(())
        })
    }

    async fn disconnect_network(&self, container: &str, network: &str) -> Result<()> {
        let name = self.with(container, |found| Ok(found.spec.name.clone()))?;
        self.change(format!("disconnect {name} from network {network}"))?;
        self.with(container, |found| {
            found.networks.remove(network);
            found.addresses.remove(network);
            Ok(())
        })
    }

    async fn remove_network(&self, network: &str) -> Result<Vec<String>> {
        let name = network.strip_prefix("id-").unwrap_or(network);
        self.change(format!("remove network {name}"))?;
        let mut disconnected = Vec::new();
        for container in self.containers.borrow_mut().values_mut() {
            container.addresses.remove(name);
            if container.networks.remove(name).is_some() {
                disconnected.push(container.spec.name.clone());
            }
        }
        self.networks.borrow_mut().remove(name);
        Ok(disconnected)
    }
}

impl Volumes for Fake {
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        self.change(format!("create volume {}", spec.name))?;
        let mut volumes = self.volumes.borrow_mut();
        match *volumes.entry(spec.name.clone()).or_insert(spec.clone()) == *spec {
            true => Ok(()),
            false => Err(taken("volume", &spec.name)),
        }
    }

    async fn remove_volume(&self, volume: &str) -> Result<()> {
        self.change(format!("remove volume {volume}"))?;
        let holds =
            |mount: &MountSpec| matches!(mount, MountSpec::Volume { name, .. } if name == volume);
        let containers = self.containers.borrow();
        if let Some(holder) = containers
            .values()
            .find(|c| c.spec.mounts.iter().any(holds))
        {
            return Err(EngineError::new(
                ErrorKind::Busy,
                text!(
                    "volume {volume} is used by container {container}",
                    volume,
                    container = holder.spec.name
                ),
            ));
        }
        self.volumes.borrow_mut().remove(volume);
        Ok(())
    }
}

impl ContainerExec for Fake {
    async fn exec(&self, container: &str, exec: &Exec, _timeout: Duration) -> Result<ExecOutput> {
        self.with(container, |found| running(found))?;
        let answer = self.answers.borrow().get(&exec.run.join(" ")).cloned();
        Ok(answer.unwrap_or(ExecOutput {
            exit_code: 0,
            stdout: String::new(),
            stderr: String::new(),
        }))
    }
}

impl ContainerFiles for Fake {
    async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>> {
        self.with(container, |found| Ok(found.files.get(path).cloned()))
    }

    async fn write_file(&self, container: &str, path: &str, content: &[u8]) -> Result<()> {
        self.with(container, |found| {
            found.files.insert(path.to_owned(), content.to_vec());
            Ok(())
        })
    }
}

impl ContainerFolders for Fake {
    async fn save_folder(
        &self,
        container: &str,
        path: &str,
        mut file: File,
        limit: u64,
    ) -> Result<u64> {
        let name = self.with(container, |found| Ok(found.spec.name.clone()))?;
        self.change(format!("save {path} of {name}"))?;
        let content = format!("{path} of {name}");
        if content.len() as u64 > limit {
            return Err(EngineError::new(
                ErrorKind::Other,
                Text::quotation("too large".to_owned()),
            ));
        }
        file.write_all(content.as_bytes())
            .expect("a temporary folder can be written");
        Ok(content.len() as u64)
    }

    async fn load_folder(&self, container: &str, path: &str, file: &Path) -> Result<()> {
        let name = self.with(container, |found| Ok(found.spec.name.clone()))?;
        self.change(format!("load {path} of {name}"))?;
        let content = std::fs::read(file).expect("the file is there");
        self.write_file(container, path, &content).await
    }
}

impl Logs for Fake {
    async fn logs(&self, container: &str, tail: u32) -> Result<String> {
        let delay = self.log_delay.get();
        // Not every test has a runtime with timers.
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.with(container, |found| {
            let tail = usize::try_from(tail).unwrap_or(usize::MAX);
            let first = found.log.len().saturating_sub(tail);
            Ok(found.log[first..]
                .iter()
                .map(|line| format!("{line}\n"))
                .collect())
        })
    }

    async fn stream_log(
        &self,
        container: &str,
        options: &LogOptions,
        on_line: &dyn Fn(LogLine),
    ) -> Result<()> {
        let log = self
            .logs(container, options.tail.unwrap_or(u32::MAX))
            .await?;
        // One line each second.
        for (at, text) in log.lines().enumerate() {
            let at = Duration::from_secs(at as u64);
            on_line(LogLine {
                at,
                text: text.to_owned(),
            });
        }
        Ok(())
    }
}

impl Events for Fake {
    async fn events(&self, _: &Scope, _: SystemTime, _: &dyn Fn(ContainerEvent)) -> Result<()> {
        std::future::pending().await
    }
}

impl Stats for Fake {
    async fn received_bytes(&self, container: &str) -> Result<u64> {
        self.with(container, |found| running(found)).map(|()| 0)
    }

    async fn memory_usage(&self, container: &str) -> Result<MemoryUsage> {
        self.with(container, |found| {
            running(found)?;
            Ok(MemoryUsage {
                memory: 32 << 20,
                limit: found.spec.limits.memory.map(|limit| limit as u64),
            })
        })
    }
}
