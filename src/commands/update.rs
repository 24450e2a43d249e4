//! `roadlab update`: gets labs again from where they were added from.

use serde_json::json;

use crate::commands::{Context, added_output};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, output};
use crate::runner::Failure;

pub(crate) async fn update(context: &Context, names: &[String]) -> Result<Exit, Failure> {
    let names = context.app.labs_to_update(names)?;
    let mut documents = Vec::new();
    let mut failed = None;
    for name in &names {
        match context.app.update(name).await {
            Ok(updated) => {
                context.reporter.finish();
                match context.global.json {
                    true => documents.push(added_output::as_json(&updated)),
                    false => added_output::show(context, &updated),
                }
            }
            // The others are updated before the first failure is reported.
            Err(failure) => {
                documents.push(json!({ "lab": name, "error": failure.to_string() }));
                match &failed {
                    None => failed = Some(failure),
                    Some(_) => report::error(&localized!(
                        "{lab} is not updated: {reason}",
                        lab = name,
                        reason = failure
                    )),
                }
            }
        }
    }
    if context.global.json && failed.is_none() {
        report::document(&documents);
    } else if names.is_empty() {
        output(&localized!("no lab was added; `roadlab add FILE` adds one"));
    }
    match failed {
        None => Ok(Exit::Success),
        Some(failure) => Err(failure),
    }
}
