//! `roadlab gc`: removes what runs left behind whose process was killed. Live and kept runs are left alone.

use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::report::{self, output, t};
use crate::runner::Failure;
use crate::store::Journal;

pub(crate) async fn gc(context: &Context) -> Result<Exit, Failure> {
    let runs = context.paths.runs();
    let before = Journal::all(&runs);
    let orphans = before
        .iter()
        .filter(|journal| journal.is_orphan(&runs))
        .count();
    // Every command collects when it finds the engine; this one does nothing else.
    context.engine().await?;
    context.reporter.finish();
    let left = Journal::all(&runs);
    if context.global.json {
        report::document(
            &json!({ "orphans": orphans, "left": left.iter().map(|j| j.run.as_str()).collect::<Vec<_>>() }),
        );
    } else if orphans == 0 {
        output(&t!("gc.nothing"));
    }
    Ok(Exit::Fine)
}
