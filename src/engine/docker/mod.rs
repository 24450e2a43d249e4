//! An engine through the Docker API: Docker, or Podman's compatible service.
//!
//! The only folder that knows bollard. Each file implements a role, or decides something in pure functions (`convert`,
//! `errors`, `names`); every call has a deadline (`client`) and every error a kind (`errors`). Nothing here knows a lab.

mod archive;
mod build;
mod build_context;
mod build_output;
mod classic_build;
mod client;
mod containers;
mod convert;
mod credentials;
mod errors;
mod events;
mod exec;
mod ignore_patterns;
mod images;
mod intermediate_images;
mod inventory;
mod logs;
mod names;
mod networks;
mod output;
mod piped;
mod platform;
mod podman;
mod port_check;
mod process_tag;
mod remote_terminal;
mod save_load;
mod stats;
mod system;
mod terminal;
mod volumes;

#[cfg(test)]
mod fixture;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use bollard::API_DEFAULT_VERSION;
use bollard::errors::Error as ClientError;
use futures_util::Stream;

pub use build_context::context_digest;
pub use process_tag::{ProcessTag, ShellExit};
pub use remote_terminal::{RemoteTerminal, TerminalInput, TerminalSize};

use self::client::{Answer, BoundedStream, Client};
use crate::engine::{Endpoint, EngineError, ErrorKind, Result};
use crate::text;
use crate::text::Text;

/// The deadline of calls that change nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The deadline of calls that change something; a busy machine needs long.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// The client's own timeout, which would cut builds and followed logs short: every call has a deadline here instead.
const CLIENT_SECONDS: u64 = 7 * 24 * 60 * 60;
/// How much is kept of a log, of an output stream and of a file, in bytes.
const MIB: usize = 1 << 20;

/// A Docker engine, or one with the same API.
pub struct Docker {
    client: Client,
    endpoint: Endpoint,
    /// Containers without a usable `timeout` program.
    without_timeout: RefCell<BTreeSet<String>>,
    /// Whether the engine is Podman, once it is known.
    podman: OnceCell<bool>,
}

impl Docker {
    /// Makes a client for an address. Whether an engine answers there is known after [`System::ping`].
    ///
    /// Fails with [`ErrorKind::Unreachable`] if there is no socket.
    ///
    /// [`System::ping`]: crate::engine::System::ping
    pub fn connect(endpoint: &Endpoint) -> Result<Self> {
        let operation = text!("connect to Docker");
        let socket = endpoint.socket.to_str().ok_or_else(|| {
            EngineError::new(
                ErrorKind::Unreachable,
                text!(
                    "the path of the socket is not UTF-8: {path}",
                    path = endpoint.socket.display()
                ),
            )
            .during(&operation)
        })?;
        let client =
            bollard::Docker::connect_with_unix(socket, CLIENT_SECONDS, API_DEFAULT_VERSION)
                .map_err(|error| errors::translate(endpoint, &operation, error))?;
        Ok(Self {
            client: Client::new(client),
            endpoint: endpoint.clone(),
            without_timeout: RefCell::default(),
            podman: OnceCell::new(),
        })
    }

    /// Makes a call and waits at most `limit` for its answer; `operation` completes "cannot …".
    async fn call<'a, T, F>(
        &'a self,
        operation: &Text,
        limit: Duration,
        call: impl FnOnce(&'a bollard::Docker) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Answer<T>>,
    {
        let answer = self.client.call(operation, limit, call).await?;
        answer.map_err(|error| self.translate(operation, error))
    }

    /// Waits at most `idle` for the next item of a stream.
    async fn next<T>(
        &self,
        operation: &Text,
        idle: Duration,
        stream: &mut BoundedStream<impl Stream<Item = Answer<T>>>,
    ) -> Result<Option<T>> {
        let item = stream.next(operation, idle).await?;
        item.transpose()
            .map_err(|error| self.translate(operation, error))
    }

    fn translate(&self, operation: &Text, error: ClientError) -> EngineError {
        errors::translate(&self.endpoint, operation, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::System;
    use std::os::unix::net::UnixListener;

    #[tokio::test]
    async fn engine_that_accepts_a_call_and_never_answers_is_a_timeout() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = fixture::endpoint(folder.path());
        let _silent = UnixListener::bind(&endpoint.socket).unwrap();
        let docker = Docker::connect(&endpoint).unwrap();
        let limit = Duration::from_millis(50);
        let error = docker
            .call(&text!("list images"), limit, |client| client.version())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        assert_eq!(
            error.to_string(),
            "cannot list images: Docker did not answer within 0.05 s; check that `docker ps` works, then try again"
        );
    }

    #[tokio::test]
    async fn missing_socket_differs_from_engine_that_is_not_running() {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = fixture::endpoint(folder.path());
        let missing = Docker::connect(&endpoint).err().unwrap();
        assert_eq!(missing.kind, ErrorKind::Unreachable);
        let message = missing.to_string();
        assert!(message.starts_with("no Docker at unix:///"), "{message}");
        assert!(message.contains("(Docker context `a test`)"), "{message}");

        drop(UnixListener::bind(&endpoint.socket).unwrap());
        let docker = Docker::connect(&endpoint).unwrap();
        let stopped = docker.system_info().await.unwrap_err();
        assert_eq!(stopped.kind, ErrorKind::Unreachable);
        let message = stopped.to_string();
        assert!(message.starts_with("Docker is not running: "), "{message}");
    }
}
