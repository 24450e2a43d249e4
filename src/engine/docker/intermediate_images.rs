//! Removal of the images that a build of several stages leaves behind: they have no name and no use, and need the most
//! space.
//!
//! Only images that this build created are ever removed: never a base image, never one from the cache, and never one that
//! existed before, whatever a recipe prints.

use std::collections::{BTreeSet, HashMap};

use bollard::models::ImageSummary;
use bollard::query_parameters::{
    ListImagesOptions, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};

use super::build_output::CreatedImages;
use super::{Docker, READ_TIMEOUT, WRITE_TIMEOUT};
use crate::engine::Result;
use crate::text;

/// The ids of all images at one moment.
pub(super) type ImageIds = BTreeSet<String>;

impl Docker {
    pub(super) async fn image_ids(&self) -> Result<ImageIds> {
        let options = ListImagesOptionsBuilder::default().all(true).build();
        let images = self.list_images(options).await?;
        Ok(images.into_iter().map(|image| image.id).collect())
    }

    /// Removes the unnamed images that a build created, from the end of each stage to its beginning. One that cannot be
    /// removed stays: it only needs space.
    pub(super) async fn remove_intermediate_images(
        &self,
        created: &CreatedImages,
        before: &ImageIds,
    ) {
        // Each pass removes the last image of every chain, so there are at most as many passes as images.
        for _ in 0..created.len() {
            match self.remove_chain_ends(created, before).await {
                Ok(removed) if removed > 0 => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    async fn remove_chain_ends(&self, created: &CreatedImages, before: &ImageIds) -> Result<usize> {
        let filters = HashMap::from([("dangling", vec!["true"])]);
        let options = ListImagesOptionsBuilder::default()
            .filters(&filters)
            .build();
        let unnamed = self.list_images(options).await?;
        let removable = unnamed
            .iter()
            .filter(|image| created.contains(&image.id) && !before.contains(&image.id));
        let mut removed = 0;
        for image in removable {
            let operation = text!("remove image `{id}`", id = image.id);
            // Its parents may be another build's cache: each is judged by itself.
            let options = RemoveImageOptionsBuilder::default().noprune(true).build();
            let result = self
                .call(&operation, WRITE_TIMEOUT, |client| {
                    client.remove_image(&image.id, Some(options), None)
                })
                .await;
            removed += usize::from(result.is_ok());
        }
        Ok(removed)
    }

    async fn list_images(&self, options: ListImagesOptions) -> Result<Vec<ImageSummary>> {
        self.call(&text!("list images"), READ_TIMEOUT, |client| {
            client.list_images(Some(options))
        })
        .await
    }
}
