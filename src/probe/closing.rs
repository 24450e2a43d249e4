//! Connections that are being closed in the background, so that servers see an orderly end.

use std::cell::RefCell;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::engine::clock;

/// How long the end of the program waits for servers to confirm.
const TIMEOUT: Duration = Duration::from_secs(1);

thread_local! {
    static CLOSING: RefCell<JoinSet<()>> = RefCell::default();
}

/// Closes a connection in the background. Without a runtime the operating system closes its socket.
pub(super) fn spawn(closing: impl Future<Output = ()> + Send + 'static) {
    if Handle::try_current().is_ok() {
        CLOSING.with_borrow_mut(|tasks| {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(closing);
        });
    }
}

/// Waits for the connections that are being closed, at most a second.
pub async fn finish_closing() {
    let mut tasks = CLOSING.take();
    // After that the operating system closes the sockets.
    let _ = clock::timeout(TIMEOUT, async {
        while tasks.join_next().await.is_some() {}
    })
    .await;
}
