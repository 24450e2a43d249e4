//! The one way to the engine. The client is private here and what it is asked cannot be awaited elsewhere, so that no call and no
//! stream is without a deadline.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bollard::errors::Error as ClientError;
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;

use super::{errors, podman};
use crate::engine::{Result, clock};

/// The Docker client.
pub(super) struct Client(bollard::Docker);

/// A call that nobody has waited for yet.
#[must_use = "nothing is asked before it is waited for"]
pub(super) struct PendingCall<F>(F);

/// A stream of which each item is waited for only so long.
pub(super) struct BoundedStream<S>(Pin<Box<S>>);

impl Client {
    pub(super) fn new(client: bollard::Docker) -> Self {
        Self(client)
    }

    /// Prepares a call.
    pub(super) fn ask<'a, F>(
        &'a self,
        ask: impl FnOnce(&'a bollard::Docker) -> F,
    ) -> PendingCall<F> {
        PendingCall(ask(&self.0))
    }

    /// Opens a stream.
    pub(super) fn listen<'a, S>(
        &'a self,
        ask: impl FnOnce(&'a bollard::Docker) -> S,
    ) -> BoundedStream<S> {
        BoundedStream(Box::pin(ask(&self.0)))
    }
}

impl<F, T> PendingCall<F>
where
    F: Future<Output = std::result::Result<T, ClientError>>,
{
    /// Waits for the answer for at most `limit`; `what` completes "cannot …".
    pub(super) async fn within(
        self,
        what: &str,
        limit: Duration,
    ) -> Result<std::result::Result<T, ClientError>> {
        bounded(what, limit, self.0).await
    }

    /// For answers with a container's state, which may be one that only Podman knows.
    pub(super) fn of_any_state(
        self,
    ) -> PendingCall<impl Future<Output = std::result::Result<T, ClientError>>>
    where
        T: DeserializeOwned,
    {
        PendingCall(async move { self.0.await.or_else(podman::reread) })
    }
}

impl<S, T> BoundedStream<S>
where
    S: Stream<Item = std::result::Result<T, ClientError>>,
{
    /// Waits for the next item for at most `idle`.
    pub(super) async fn next_within(
        &mut self,
        what: &str,
        idle: Duration,
    ) -> Result<Option<std::result::Result<T, ClientError>>> {
        bounded(what, idle, self.0.next()).await
    }
}

/// Waits for `future` for at most `limit`.
pub(super) async fn bounded<T>(
    what: &str,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Result<T> {
    clock::timeout(limit, future)
        .await
        .map_err(|_| errors::too_slow(what, limit))
}
