//! `roadlab gc`: removes what runs left behind whose process was killed. Live and kept runs are left alone.

use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::report::{self, output, t};
use crate::runner::Failure;
use crate::store::{Disposition, Journal, now};

pub(crate) async fn gc(context: &Context) -> Result<Exit, Failure> {
    let runs = || Journal::all(context.watch.folder());
    let ending = || {
        let due = |journal: &Journal| journal.disposition(now()) == Disposition::Remove;
        runs().into_iter().filter(due).count()
    };
    let before = ending();
    // Every command collects when it finds the engine; this one does nothing else.
    context.existing_engine().await?;
    context.reporter.finish();
    let live = ending();
    let gone = before.saturating_sub(live);
    if context.global.json {
        let left: Vec<_> = runs().iter().map(|j| j.run.to_string()).collect();
        report::document(&json!({ "orphans": gone, "left": left }));
        return Ok(Exit::Success);
    }
    if live > 0 {
        output(&t!("teardown.live", count = live));
    } else if gone == 0 {
        output(&t!("teardown.nothing_left"));
    }
    Ok(Exit::Success)
}
