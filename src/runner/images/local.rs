//! Images that are on this machine.

use crate::engine::{Engine, ImageInfo};
use crate::lab::Service;
use crate::plan::ServiceImage;
use crate::runner::images::CameWith;
use crate::runner::images::attempts::Attempts;
use crate::runner::{Failure, Runner};
use crate::store::is_packed_image;
use crate::text;

/// Returns the image that came with the lab for a service, or else the official one, if it is on this machine, with the reasons
/// why it cannot be used.
pub(super) async fn present<E: Engine>(
    runner: &Runner<'_, E>,
    service: &Service,
    packed: Option<&CameWith>,
) -> Result<(Option<ServiceImage>, Attempts), Failure> {
    let mut attempts = Attempts::default();
    if let Some(CameWith { name, loaded_id }) = packed {
        let found = find(runner, name, &mut attempts).await?;
        let is_that = |image: &ServiceImage| is_packed_image(name, &image.id, loaded_id.as_deref());
        attempts.add(match found {
            Some(image) if is_that(&image) => return Ok((Some(image), attempts)),
            Some(_) => text!(
                "image `{name}` on this machine is not the one that came with the lab; `roadlab up FILE` loads that",
                name
            ),
            None => text!(
                "the image that came with the lab is not on this machine; `roadlab up FILE` loads it from the lab's file"
            ),
        });
    }
    let found = match &service.image {
        Some(name) => find(runner, name.as_str(), &mut attempts).await?,
        None => None,
    };
    Ok((found, attempts))
}

/// Returns an image that runs on this machine's platform. One for another platform is added to the attempts.
pub(super) async fn find<E: Engine>(
    runner: &Runner<'_, E>,
    name: &str,
    attempts: &mut Attempts,
) -> Result<Option<ServiceImage>, Failure> {
    let image = runner.engine.image(name).await;
    let image = image.map_err(Failure::engine(text!(
        "cannot inspect image `{name}`",
        name
    )))?;
    match image {
        Some(ImageInfo {
            platform,
            incompatible_with: Some(machine),
            ..
        }) => {
            let why = text!(
                "image `{name}` is for {platform}, but this machine is {machine}; `docker rmi {name}` removes it",
                name,
                platform,
                machine
            );
            attempts.add_incompatible(name, why);
            Ok(None)
        }
        Some(image) => Ok(Some(ServiceImage {
            id: image.id,
            name: name.to_owned(),
        })),
        None => Ok(None),
    }
}
