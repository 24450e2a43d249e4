//! The Docker client, wrapped so that no call and no stream can be awaited without a deadline. Nothing else may hold a
//! `bollard::Docker`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bollard::errors::Error as ClientError;
use futures_util::{Stream, StreamExt};

use super::errors;
use crate::engine::{Result, clock};
use crate::text::Text;

/// What the client returns for a call or an item of a stream.
pub(super) type Answer<T> = std::result::Result<T, ClientError>;

/// The Docker client.
pub(super) struct Client(bollard::Docker);

/// A stream whose items are each awaited within a deadline.
pub(super) struct BoundedStream<S>(Pin<Box<S>>);

impl Client {
    pub(super) fn new(client: bollard::Docker) -> Self {
        Self(client)
    }

    /// Makes a call and waits at most `limit` for its answer; `operation` completes "cannot …".
    pub(super) async fn call<'a, T, F>(
        &'a self,
        operation: &Text,
        limit: Duration,
        call: impl FnOnce(&'a bollard::Docker) -> F,
    ) -> Result<Answer<T>>
    where
        F: Future<Output = Answer<T>>,
    {
        within(operation, limit, call(&self.0)).await
    }

    /// Opens a stream.
    pub(super) fn stream<'a, S>(
        &'a self,
        open: impl FnOnce(&'a bollard::Docker) -> S,
    ) -> BoundedStream<S> {
        BoundedStream(Box::pin(open(&self.0)))
    }
}

impl<S, T> BoundedStream<S>
where
    S: Stream<Item = Answer<T>>,
{
    /// Waits at most `idle` for the next item.
    pub(super) async fn next(
        &mut self,
        operation: &Text,
        idle: Duration,
    ) -> Result<Option<Answer<T>>> {
        within(operation, idle, self.0.next()).await
    }
}

/// Waits for `future` at most `limit`.
pub(super) async fn within<T>(
    operation: &Text,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Result<T> {
    clock::timeout(limit, future)
        .await
        .map_err(|_| errors::no_answer(operation, limit))
}
