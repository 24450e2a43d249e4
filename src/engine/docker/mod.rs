//! The engine through the Docker API: every call is checked, bounded and told in our own words.
//!
//! The only folder that knows bollard. What is decided is decided in pure functions (`convert`, `errors`,
//! `names`); what is left here and in the other files asks, waits and hands on.

mod archive;
mod build;
mod classic_build;
mod client;
mod context;
mod convert;
mod create;
mod errors;
mod exec;
mod logs;
mod look;
mod names;
mod piped;
mod platform;
mod podman;
mod port_check;
mod process_tag;
mod pull;
mod remove;
mod save_load;
mod shell;
mod stages;
mod watch;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error as ClientError;
use futures_util::Stream;

pub use context::context_digest;
pub use process_tag::ShellExit;

use self::client::{BoundedStream, Client, PendingCall, bounded};

use crate::engine::{
    Build, BuildProgress, ContainerEvent, ContainerState, Endpoint, Engine, EngineError, ErrorKind,
    Exec, ExecOutput, ImageInfo, LogLine, LogOptions, MemoryUsage, PullProgress, Result,
    SystemInfo,
};
use crate::lab::ImageName;
use crate::plan::{ContainerSpec, NetworkSpec, Observed, Scope, Subnet, VolumeSpec};

/// For calls that only look.
const LOOK: Duration = Duration::from_secs(30);
/// For calls that change something; a loaded machine takes its time.
const CHANGE: Duration = Duration::from_secs(60);
/// The client's own timeout would cut builds and followed logs short: every call has ours instead.
const CLIENT_SECONDS: u64 = 7 * 24 * 60 * 60;
/// What is kept of a log, of an output stream and of a file.
const MIB: usize = 1 << 20;

/// A Docker engine, or one that speaks its API.
pub struct Docker {
    client: Client,
    endpoint: Endpoint,
    /// Containers known to have no `timeout` program.
    untimed: RefCell<BTreeSet<String>>,
    /// Whether it is Podman, once somebody had to know.
    podman: OnceCell<bool>,
}

impl Docker {
    /// Takes an address; whether anybody answers there is known after [`Engine::about`].
    pub fn connect(endpoint: &Endpoint) -> Result<Self> {
        let socket = endpoint.socket.to_str().ok_or_else(|| {
            EngineError::new(
                ErrorKind::Unreachable,
                format!("the socket's path {:?} is not UTF-8", endpoint.socket),
            )
        })?;
        let client =
            bollard::Docker::connect_with_unix(socket, CLIENT_SECONDS, API_DEFAULT_VERSION)
                .map_err(|error| errors::translate(endpoint, "connect", error))?;
        Ok(Self {
            client: Client::new(client),
            endpoint: endpoint.clone(),
            untimed: RefCell::default(),
            podman: OnceCell::new(),
        })
    }

    /// Makes one call; `what` completes "cannot …".
    async fn call<T>(
        &self,
        what: &str,
        limit: Duration,
        call: PendingCall<impl Future<Output = std::result::Result<T, ClientError>>>,
    ) -> Result<T> {
        call.within(what, limit)
            .await?
            .map_err(|error| self.translate(what, error))
    }

    /// The next item of a stream; `idle` is the longest silence.
    async fn next<T>(
        &self,
        what: &str,
        idle: Duration,
        stream: &mut BoundedStream<impl Stream<Item = std::result::Result<T, ClientError>>>,
    ) -> Result<Option<T>> {
        let item = stream.next_within(what, idle).await?;
        item.transpose()
            .map_err(|error| self.translate(what, error))
    }

    fn translate(&self, what: &str, error: ClientError) -> EngineError {
        errors::translate(&self.endpoint, what, error)
    }
}

impl Engine for Docker {
    async fn ping(&self) -> Result<()> {
        self.ask_ping().await
    }

    async fn about(&self) -> Result<SystemInfo> {
        self.ask_about().await
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed> {
        self.look_at(scope).await
    }

    async fn subnets(&self) -> Result<Vec<Subnet>> {
        self.list_subnets().await
    }

    async fn published_ports(&self) -> Result<BTreeMap<u16, String>> {
        self.list_published_ports().await
    }

    async fn image(&self, name: &str) -> Result<Option<ImageInfo>> {
        self.look_at_image(name).await
    }

    async fn pull(&self, image: &ImageName, progress: &dyn Fn(PullProgress)) -> Result<()> {
        self.pull_patiently(image, pull::IDLE, progress).await
    }

    async fn build(&self, build: &Build, progress: &dyn Fn(BuildProgress<'_>)) -> Result<()> {
        self.build_recipe(build, progress).await
    }

    async fn import(&self, root: &Path, name: &str) -> Result<()> {
        self.import_root(root, name).await
    }

    async fn save(&self, images: &[&str], file: File, progress: &dyn Fn(u64)) -> Result<()> {
        self.save_images(images, file, progress).await
    }

    async fn load(&self, file: &Path, progress: &dyn Fn(u64)) -> Result<Vec<String>> {
        self.load_images(file, progress).await
    }

    async fn remove_image(&self, name: &str) -> Result<()> {
        self.delete_image(name).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String> {
        self.make_network(spec).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<()> {
        self.make_volume(spec).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String> {
        self.make_container(spec).await
    }

    async fn start(&self, container: &str) -> Result<()> {
        self.start_here(container).await
    }

    async fn stop(&self, container: &str, grace: Option<Duration>) -> Result<()> {
        self.stop_container(container, grace).await
    }

    async fn inspect(&self, container: &str) -> Result<ContainerState> {
        self.look_at_container(container).await
    }

    async fn remove_container(&self, container: &str) -> Result<()> {
        self.delete_container(container).await
    }

    async fn remove_network(&self, network: &str) -> Result<Vec<String>> {
        self.delete_network(network).await
    }

    async fn remove_volume(&self, volume: &str) -> Result<()> {
        self.delete_volume(volume).await
    }

    async fn logs(&self, container: &str, tail: u32) -> Result<String> {
        self.read_log(container, tail).await
    }

    async fn stream_log(
        &self,
        container: &str,
        wish: &LogOptions,
        tell: &dyn Fn(LogLine),
    ) -> Result<()> {
        self.tell_lines(container, wish, tell).await
    }

    async fn exec(&self, container: &str, exec: &Exec, timeout: Duration) -> Result<ExecOutput> {
        self.run(container, exec, timeout).await
    }

    async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>> {
        self.download_file(container, path).await
    }

    async fn write_file(&self, container: &str, path: &str, content: &[u8]) -> Result<()> {
        self.upload_file(container, path, content).await
    }

    async fn events(
        &self,
        scope: &Scope,
        since: SystemTime,
        tell: &dyn Fn(ContainerEvent),
    ) -> Result<()> {
        self.follow_events(scope, since, tell).await
    }

    async fn received_bytes(&self, container: &str) -> Result<u64> {
        self.count_received(container).await
    }

    async fn memory_usage(&self, container: &str) -> Result<MemoryUsage> {
        self.look_at_usage(container).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn endpoint(folder: &Path) -> Endpoint {
        Endpoint {
            socket: folder.join("docker.sock"),
            source: crate::engine::EndpointSource::Context("a test".to_owned()),
        }
    }

    #[tokio::test]
    async fn an_engine_that_takes_the_call_and_says_nothing_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let _silent = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let docker = Docker::connect(&endpoint(folder.path())).unwrap();
        let limit = Duration::from_millis(50);
        let error = docker
            .call("ask", limit, docker.client.ask(|client| client.version()))
            .await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert!(
            error
                .message
                .starts_with("Docker does not answer: cannot ask within 0.05 s")
        );
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_told_from_one_that_is_not_running() {
        let folder = tempfile::tempdir().unwrap();
        let absent = Docker::connect(&endpoint(folder.path())).err().unwrap();
        assert_eq!(absent.kind, ErrorKind::Unreachable);
        assert!(
            absent.message.starts_with("no Docker at unix:///"),
            "{absent}"
        );
        assert!(absent.message.contains("`a test`"), "{absent}");

        drop(UnixListener::bind(folder.path().join("docker.sock")).unwrap());
        let docker = Docker::connect(&endpoint(folder.path())).unwrap();
        let stopped = docker.about().await.unwrap_err();
        assert_eq!(stopped.kind, ErrorKind::Unreachable);
        assert!(
            stopped.message.starts_with("Docker is not running: "),
            "{stopped}"
        );
    }
}
