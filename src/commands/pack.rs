//! `roadlab pack`: writes a lab with its images into one file.

use std::path::Path;

use serde_json::json;

use crate::app::OutputKind;
use crate::commands::confirmation::{Confirmation, confirm_replacing};
use crate::commands::{Context, added_output};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, memory, output, sanitize};
use crate::runner::Failure;
use crate::text_plural;

/// Whether the images of the lab are part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Images {
    Included,
    LeftOut,
}

pub(crate) async fn pack(
    context: &Context,
    lab: &str,
    file: Option<&Path>,
    images: Images,
) -> Result<Exit, Failure> {
    let file = context.app.pack_target(lab, file)?;
    if confirm_replacing(context, &file, OutputKind::Package).await? == Confirmation::Declined {
        return Ok(Exit::Success);
    }
    let engine = match images {
        Images::Included => Some(context.app.engine().await?),
        Images::LeftOut => None,
    };
    let packed = context.app.pack(engine.as_ref(), lab, Some(&file)).await?;
    context.reporter.finish();
    let manifest = &packed.manifest;
    if context.global.json {
        report::document(&json!({
            "lab": packed.lab.as_str(),
            "version": manifest.version,
            "file": report::json_path(&packed.file),
            "bytes": packed.bytes,
            "digest": manifest.digest(),
            "files": manifest.files.len(),
            "images": added_output::images_json(manifest),
            "platform": manifest.images.as_ref().map(|images| &images.platform),
        }));
        return Ok(Exit::Success);
    }
    let file = sanitize(&packed.file.display().to_string());
    output(&localized!(
        "packed {lab} into {file} ({size})",
        lab = added_output::name(&packed.lab, manifest),
        file = &file,
        size = memory(packed.bytes)
    ));
    let count = manifest.files.len();
    let files = text_plural!("{count} file", "{count} files", count);
    output(&match &manifest.images {
        Some(images) => {
            let count = images.services.len();
            let number = text_plural!("{count} image", "{count} images", count);
            localized!(
                "  contains {files} and {number} for {platform}",
                files = files.localized(),
                number = number.localized(),
                platform = sanitize(&images.platform)
            )
        }
        None => localized!(
            "  contains {files} and no images",
            files = files.localized()
        ),
    });
    output(&localized!("  digest {digest}", digest = manifest.digest()));
    let next = localized!("on another machine: `roadlab up {file}`", file);
    output(&context.paint.dim(&next));
    Ok(Exit::Success)
}
