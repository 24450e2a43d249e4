//! `roadlab remove`: removes a lab that was added.

use serde_json::json;

use crate::commands::Context;
use crate::commands::confirmation::{Confirmation, confirm};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, output, sanitize_line};
use crate::runner::Failure;
use crate::text;

pub(crate) async fn remove(context: &Context, name: &str) -> Result<Exit, Failure> {
    let (lab, progress) = context.app.lab_to_remove(name)?;
    if !progress.is_empty() {
        let solved = progress.iter().map(|amount| amount.solved).sum::<usize>();
        let lines = [localized!(
            "you have progress in {lab} ({solved} solved); it stays, as do your files, but the exercises are gone",
            lab = name,
            solved
        )];
        let question = localized!("remove {lab}? [y/N]", lab = name);
        let refused = text!(
            "you have progress in {lab}; add `--yes` to remove the lab, which keeps progress and files",
            lab = name
        );
        if confirm(context, &lines, &question, refused).await? == Confirmation::Declined {
            output(&localized!("nothing was removed"));
            return Ok(Exit::Success);
        }
    }
    let origin = lab.origin.to_string();
    let removed = context.app.remove_added(lab).await?;
    if context.global.json {
        report::document(&json!({
            "lab": removed.lab.as_str(),
            "origin": origin,
            "images": removed.images,
        }));
        return Ok(Exit::Success);
    }
    output(&localized!(
        "removed {lab}, which was added from {origin}",
        lab = &removed.lab,
        origin = sanitize_line(&origin)
    ));
    for image in &removed.images {
        output(&localized!("  removed image {image}", image));
    }
    Ok(Exit::Success)
}
