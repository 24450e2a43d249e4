//! `roadlab images`: gets the images of labs ahead of time.

use serde_json::json;

use crate::cli::ImagesCommand;
use crate::commands::{Context, images_file};
use crate::engine::Images;
use crate::exit::Exit;
use crate::report::{self, output, t, table};
use crate::runner::{self, Failure, PullPolicy};
use crate::store::UnreachableRegistries;

pub(crate) async fn images(context: &Context, command: ImagesCommand) -> Result<Exit, Failure> {
    let removes = matches!(command, ImagesCommand::Remove { .. });
    let (labs, wish) = match command {
        ImagesCommand::Pull { names } => (
            names,
            if context.global.offline {
                PullPolicy::Offline
            } else {
                PullPolicy::AskAgain
            },
        ),
        ImagesCommand::List { names } if names.is_empty() => (
            context.labs()?.all().keys().cloned().collect(),
            PullPolicy::LocalOnly,
        ),
        ImagesCommand::List { names } | ImagesCommand::Remove { names } => {
            (names, PullPolicy::LocalOnly)
        }
        ImagesCommand::Export { file, names } => {
            return images_file::export(context, &file, &names).await;
        }
        ImagesCommand::Import { file } => return images_file::import(context, &file).await,
    };
    let labs = labs
        .iter()
        .map(|name| context.lab(name))
        .collect::<Result<Vec<_>, _>>()?;
    let engine = context.engine().await?;
    let emit = |event| context.emit(event);
    let mut remembered = UnreachableRegistries::read(&context.paths.state);
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for lab in &labs {
        let runner = context.runner(&engine, lab, &emit);
        let images =
            runner::get_images(&runner, wish, &mut remembered, &context.image_making()).await?;
        for service in lab.services.values() {
            let found = images.found.get(&service.name);
            // Only what a recipe made is ours to remove.
            let ours = found.filter(|image| removes && image.name.starts_with("roadlab/"));
            if let Some(image) = ours {
                let what = format!("cannot remove image {}", image.name);
                engine
                    .remove_image(&image.name)
                    .await
                    .map_err(Failure::engine(what))?;
            }
            let official = service
                .image
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            documents.push(json!({ "lab": lab.id.as_str(), "service": service.name.as_str(), "official": official,
                "image": found.map(|image| &image.name), "id": found.map(|image| &image.id) }));
            let state = match found {
                Some(image) if ours.is_some() => {
                    t!("images.removed", image = image.name).into_owned()
                }
                Some(image) => context.paint.good(&image.name),
                None => context.paint.dim(&t!("images.not_here")),
            };
            rows.push(vec![
                lab.id.to_string(),
                service.name.to_string(),
                official,
                state,
            ]);
        }
    }
    context.reporter.finish();
    match context.global.json {
        true => report::document(&documents),
        false => table(&rows).iter().for_each(|line| output(line)),
    }
    Ok(Exit::Success)
}
