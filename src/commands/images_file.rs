//! `roadlab images export` and `import`: images in a file, for a machine without a network.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::commands::Context;
use crate::commands::up::get_images;
use crate::engine::{ImageTransfer, Images};
use crate::event::Event;
use crate::exit::Exit;
use crate::report::{self, memory, output, t};
use crate::runner::Failure;

/// Writes the images of labs into a file, under the names by which `up` looks for them.
pub(crate) async fn export(
    context: &Context,
    file: &Path,
    labs: &[String],
) -> Result<Exit, Failure> {
    let labs = labs
        .iter()
        .map(|name| context.lab(name))
        .collect::<Result<Vec<_>, _>>()?;
    let cannot = |error: &std::io::Error| {
        Failure::Usage(format!("cannot write {}: {error}", file.display()))
    };
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // The file appears when it is whole, and as others may read what we write.
    let whole = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|error| cannot(&error))?;
    let engine = context.engine().await?;
    let emit = |event| context.emit(event);
    // By name: labs share images.
    let mut images = BTreeMap::new();
    for lab in &labs {
        let runner = context.runner(&engine, lab, &emit);
        for image in get_images(context, &runner).await?.found.into_values() {
            images.insert(image.name, image.id);
        }
    }
    let mut total = 0;
    for name in images.keys() {
        let what = format!("cannot look for image {name}");
        let image = engine.image(name).await.map_err(Failure::engine(what))?;
        total += image.map_or(0, |image| image.size);
    }
    let names: Vec<&str> = images.keys().map(String::as_str).collect();
    let open = whole.reopen().map_err(|error| cannot(&error))?;
    let progress = emit_progress(context, file, total);
    let saved = engine.save(&names, open, &progress).await;
    saved.map_err(Failure::engine(format!("cannot write {}", file.display())))?;
    let size = whole.as_file().metadata().map_err(|error| cannot(&error))?;
    whole.persist(file).map_err(|error| cannot(&error.error))?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({ "file": file, "bytes": size.len(), "images": names }));
        return Ok(Exit::Success);
    }
    names.iter().for_each(|name| output(name));
    let path = file.display();
    output(&t!(
        "author.exported",
        file = path,
        size = memory(size.len())
    ));
    output(&context.paint.dim(&t!("author.there", file = path)));
    Ok(Exit::Success)
}

/// Takes the images out of such a file.
pub(crate) async fn import(context: &Context, file: &Path) -> Result<Exit, Failure> {
    let about = std::fs::metadata(file)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", file.display())))?;
    let engine = context.engine().await?;
    let progress = emit_progress(context, file, about.len());
    let loaded = engine.load(file, &progress).await;
    let images = loaded.map_err(Failure::engine("no image came of it"))?;
    context.reporter.finish();
    if context.global.json {
        report::document(&json!({ "file": file, "images": images }));
        return Ok(Exit::Success);
    }
    images
        .iter()
        .for_each(|name| output(&report::sanitize(name)));
    output(&context.paint.dim(&t!("author.imported")));
    Ok(Exit::Success)
}

fn emit_progress(context: &Context, file: &Path, total: u64) -> impl Fn(u64) {
    let file = file.file_name().unwrap_or(file.as_os_str());
    let file = file.to_string_lossy().into_owned();
    move |current| {
        context.emit(Event::FileProgress {
            file: file.clone(),
            current,
            total: total.max(current),
        });
    }
}
