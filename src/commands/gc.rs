//! `roadlab gc`: removes the runs whose process was killed. Runs that are in use or kept are left alone.

use serde_json::json;

use crate::app::GarbageReport;
use crate::commands::{Context, orphans};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, output, sanitize};
use crate::runner::Failure;

pub(crate) async fn gc(context: &Context) -> Result<Exit, Failure> {
    // Every command cleans up when it connects to the engine; this one does nothing else.
    let report = context.app.report_garbage().await?;
    context.reporter.finish();
    let GarbageReport {
        removed,
        left,
        journals,
        orphans,
    } = report;
    if context.global.json {
        let runs = journals
            .readable
            .iter()
            .map(|journal| journal.run.to_string());
        let unreadable = journals.unreadable.iter().map(|journal| {
            json!({ "run": journal.run, "file": journal.path, "problem": journal.text().localized() })
        });
        report::document(&json!({
            "orphans": removed,
            "left": runs.collect::<Vec<_>>(),
            "unreadable": unreadable.collect::<Vec<_>>(),
            "orphan_runs": orphans.iter().map(orphans::to_json).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Success);
    }
    if left > 0 {
        output(&localized!(
            "runs that are in use or being removed, left untouched: {count}",
            count = left
        ));
    } else if removed == 0 {
        output(&localized!("no leftovers"));
    }
    for journal in &journals.unreadable {
        output(&sanitize(&journal.text().localized()));
    }
    orphans::lines(&orphans)
        .iter()
        .for_each(|line| output(line));
    Ok(Exit::Success)
}
