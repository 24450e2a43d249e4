//! `roadlab images export` and `import`: images in a file, for a machine without a network.

use std::path::Path;

use serde_json::json;

use crate::app::{OutputKind, file_size};
use crate::commands::Context;
use crate::commands::confirmation::{Confirmation, confirm_replacing};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, memory, output, sanitize};
use crate::runner::Failure;

pub(super) async fn export(
    context: &Context,
    file: &Path,
    names: &[String],
) -> Result<Exit, Failure> {
    let labs = context.open_all(names)?;
    if confirm_replacing(context, file, OutputKind::Images).await? == Confirmation::Declined {
        return Ok(Exit::Success);
    }
    let engine = context.app.existing_engine().await?;
    let exported = context.app.export_images(&engine, &labs, file).await?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({
            "file": report::json_path(file),
            "bytes": exported.bytes,
            "images": exported.names,
        }));
        return Ok(Exit::Success);
    }
    exported.names.iter().for_each(|name| output(name));
    output(&localized!(
        "exported all images to {file} ({size})",
        file = file.display(),
        size = memory(exported.bytes)
    ));
    output(&context.paint.dim(&localized!(
        "on the other machine: `roadlab images import {file}`, then `roadlab up LAB --offline`",
        file = file.display()
    )));
    Ok(Exit::Success)
}

pub(super) async fn import(context: &Context, file: &Path) -> Result<Exit, Failure> {
    file_size(file)?;
    let engine = context.app.engine().await?;
    let images = context.app.import_images(&engine, file).await?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({ "file": report::json_path(file), "images": images }));
        return Ok(Exit::Success);
    }
    images.iter().for_each(|name| output(&sanitize(name)));
    let next = localized!("next: `roadlab up LAB --offline`");
    output(&context.paint.dim(&next));
    Ok(Exit::Success)
}
