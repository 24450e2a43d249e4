//! `roadlab images`: pulls, lists and removes the images of labs.

use std::collections::BTreeMap;

use serde_json::json;

use crate::app::BuiltImages;
use crate::cli::ImagesCommand;
use crate::commands::{Context, images_file};
use crate::engine::ListedImage;
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, memory, output, table};
use crate::runner::{Failure, PullPolicy};
use crate::text_plural;

pub(crate) async fn images(context: &Context, command: ImagesCommand) -> Result<Exit, Failure> {
    let (names, policy, built) = match command {
        ImagesCommand::Pull { names } => {
            let policy = match context.app.options.pull_policy {
                PullPolicy::Offline => PullPolicy::Offline,
                _ => PullPolicy::MissingRetryingRegistries,
            };
            (names, policy, BuiltImages::Keep)
        }
        ImagesCommand::List { names } if names.is_empty() => {
            let all = context.app.labs()?.all().keys().cloned().collect();
            (all, PullPolicy::LocalOnly, BuiltImages::Keep)
        }
        ImagesCommand::List { names } => (names, PullPolicy::LocalOnly, BuiltImages::Keep),
        ImagesCommand::Remove { names } => (names, PullPolicy::LocalOnly, BuiltImages::Remove),
        ImagesCommand::Export { file, names } => {
            return images_file::export(context, &file, &names).await;
        }
        ImagesCommand::Import { file } => return images_file::import(context, &file).await,
    };
    let labs = context.open_all(&names)?;
    let engine = match policy {
        PullPolicy::LocalOnly => context.app.existing_engine().await?,
        _ => context.app.engine().await?,
    };
    let mut sizes = context.app.images_by_id(&engine).await?;
    let mut images = Vec::new();
    for lab in &labs {
        let of_lab = context.app.images(&engine, lab, policy, built).await?;
        images.push((lab, of_lab));
    }
    // Those that were pulled or built are there only now; those that were removed are there no longer.
    if !matches!(policy, PullPolicy::LocalOnly) {
        sizes.extend(context.app.images_by_id(&engine).await?);
    }
    let mut copies: BTreeMap<String, u64> = BTreeMap::new();
    for copy in context.app.volume_copies.all() {
        *copies.entry(copy.lab.clone()).or_default() += copy.bytes();
    }
    let mut listed = BTreeMap::new();
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (lab, images) in images {
        for image in images {
            let found = image.found.as_ref();
            let on_disk = found.and_then(|image| sizes.get(&image.id));
            listed.extend(on_disk.map(|image| (image.id.as_str(), image.size)));
            documents.push(json!({
                "lab": lab.id.as_str(),
                "service": image.service.as_str(),
                "official": image.official,
                "image": found.map(|image| &image.name),
                "id": found.map(|image| &image.id),
                "size": on_disk.map(|image| image.size),
                "shared": on_disk.and_then(|image| image.shared),
                "copy": copies.get(lab.id.as_str()),
            }));
            let state = match found {
                Some(found) if image.removed => {
                    localized!("removed {image}", image = found.name)
                }
                Some(found) if image.in_use => context.paint.warn(&localized!(
                    "{image} stays: a container uses it",
                    image = found.name
                )),
                Some(found) => context.paint.good(&found.name),
                None => context.paint.dim(&localized!("missing")),
            };
            let (lab, service) = (lab.id.to_string(), image.service.to_string());
            rows.push(vec![
                lab,
                service,
                image.official,
                state,
                on_disk.map(size).unwrap_or_default(),
            ]);
        }
        if let Some(bytes) = copies.get(lab.id.as_str()) {
            let what = localized!("copy of the data that a start begins with");
            let row = [lab.id.as_str(), "", "", &what, &memory(*bytes)];
            rows.push(row.map(str::to_owned).to_vec());
        }
    }
    context.reporter.finish();
    match context.global.json {
        true => report::document(&documents),
        false => {
            table(&rows).iter().for_each(|line| output(line));
            if built == BuiltImages::Keep && !listed.is_empty() {
                output(&context.paint.dim(&total(&listed)));
            }
        }
    }
    Ok(Exit::Success)
}

/// Returns the size of an image for people, and how much of it other images use as well.
fn size(image: &ListedImage) -> String {
    let size = memory(image.size);
    match image.shared {
        Some(shared @ 1..) => localized!(
            "{size}, {shared} of it shared",
            size,
            shared = memory(shared)
        ),
        Some(0) | None => size,
    }
}

/// Returns what images take together; they are given by id, with their size in bytes.
fn total(images: &BTreeMap<&str, u64>) -> String {
    let images_text = text_plural!("{count} image", "{count} images", count = images.len());
    localized!(
        "{images}, at most {size} on disk: layers that images share are stored once",
        images = images_text.localized(),
        size = memory(images.values().sum())
    )
}
