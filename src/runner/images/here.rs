//! Images that are here already.

use crate::engine::{Engine, ImageInfo};
use crate::lab::Service;
use crate::plan::ServiceImage;
use crate::runner::{Failure, Runner};

/// The official image, if it is here, or why it is of no use.
pub(super) async fn present<E: Engine>(
    runner: &Runner<'_, E>,
    service: &Service,
) -> Result<(Option<ServiceImage>, Vec<String>), Failure> {
    let mut tried = Vec::new();
    let found = match &service.image {
        Some(name) => find(runner, name.as_str(), &mut tried).await?,
        None => None,
    };
    Ok((found, tried))
}

/// An image of this machine's platform. One of another is no use, and is added to what was tried.
pub(super) async fn find<E: Engine>(
    runner: &Runner<'_, E>,
    name: &str,
    tried: &mut Vec<String>,
) -> Result<Option<ServiceImage>, Failure> {
    let image = runner
        .engine
        .image(name)
        .await
        .map_err(Failure::engine(format!("cannot look for image {name}")))?;
    match image {
        Some(ImageInfo {
            platform,
            incompatible_with: Some(machine),
            ..
        }) => {
            tried.push(format!(
                "{name} is {platform}, this machine is {machine} (`docker rmi {name}` removes it)"
            ));
            Ok(None)
        }
        Some(image) => Ok(Some(ServiceImage {
            id: image.id,
            name: name.to_owned(),
        })),
        None => Ok(None),
    }
}
