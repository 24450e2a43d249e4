//! What the tests of this folder share.

use std::collections::BTreeMap;
use std::path::Path;

use crate::engine::{Build, Endpoint};

/// Returns the address of a socket in a folder. There is no engine until a test listens there.
pub(super) fn endpoint(folder: &Path) -> Endpoint {
    Endpoint {
        socket: folder.join("docker.sock"),
        source: crate::engine::EndpointSource::Context("a test".to_owned()),
    }
}

/// Returns a build of the recipe in a folder, with the name `x`.
pub(super) fn build(context: impl AsRef<Path>) -> Build {
    Build {
        context: context.as_ref().to_owned(),
        dockerfile: "Dockerfile".into(),
        args: BTreeMap::new(),
        target: None,
        extra: BTreeMap::new(),
        tag: "x".into(),
    }
}
