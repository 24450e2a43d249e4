//! `roadlab images`: pulls, lists and removes the images of labs.

use serde_json::json;

use crate::app::BuiltImages;
use crate::cli::ImagesCommand;
use crate::commands::{Context, images_file};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, output, table};
use crate::runner::{Failure, PullPolicy};

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
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for lab in &labs {
        for image in context.app.images(&engine, lab, policy, built).await? {
            let found = image.found.as_ref();
            documents.push(json!({
                "lab": lab.id.as_str(),
                "service": image.service.as_str(),
                "official": image.official,
                "image": found.map(|image| &image.name),
                "id": found.map(|image| &image.id),
            }));
            let state = match found {
                Some(found) if image.removed => {
                    localized!("removed {image}", image = found.name)
                }
                Some(found) => context.paint.good(&found.name),
                None => context.paint.dim(&localized!("missing")),
            };
            let (lab, service) = (lab.id.to_string(), image.service.to_string());
            rows.push(vec![lab, service, image.official, state]);
        }
    }
    context.reporter.finish();
    match context.global.json {
        true => report::document(&documents),
        false => table(&rows).iter().for_each(|line| output(line)),
    }
    Ok(Exit::Success)
}
