//! `roadlab doctor`: checks whether labs can run on this machine. Changes nothing.

use std::path::Path;

use serde_json::{Value, json};

use crate::commands::{Context, orphans};
use crate::diagnosis::{Finding, Message, Severity};
use crate::exit::Exit;
use crate::report::{self, finding_lines, output};
use crate::runner::Failure;
use crate::{localized, text_plural};

pub(crate) async fn doctor(context: &Context, names: &[String]) -> Result<Exit, Failure> {
    let report = context.app.check_machine(names).await?;
    context.reporter.finish();
    for lab in &report.labs {
        context.report_granted(lab);
    }
    let (problems, found) = (report.problems(), &report.findings);
    if context.global.json {
        let labs: Vec<&str> = report.labs.iter().map(|lab| lab.lab.id.as_str()).collect();
        report::document(&json!({
            "fine": problems == 0,
            "labs": labs,
            "checks": found.iter().map(as_json).collect::<Vec<_>>(),
        }));
    } else {
        finding_lines(found, context.paint)
            .iter()
            .for_each(|line| output(line));
        output(&match problems {
            0 => localized!("ready: all checked labs can run on this machine"),
            count => text_plural!(
                "not ready: {count} problem to solve first",
                "not ready: {count} problems to solve first",
                count
            )
            .localized(),
        });
    }
    Ok(match problems {
        0 => Exit::Success,
        _ => Exit::Environment,
    })
}

fn as_json(finding: &Finding) -> Value {
    let Message { what, fix } = finding.message();
    let state = match finding.severity() {
        Severity::Ok => "ok",
        Severity::Note => "note",
        Severity::Problem => "problem",
    };
    json!({ "check": finding.name(), "state": state, "what": what.localized(),
        "fix": fix.map(|fix| fix.localized()), "seen": facts(finding) })
}

/// Returns the facts of a finding as data.
fn facts(finding: &Finding) -> Value {
    let path = |path: &Path| path.display().to_string();
    match finding {
        Finding::NoEngine(_) => Value::Null,
        Finding::Engine { engine, .. } => {
            json!({ "product": engine.product, "version": engine.version, "api": engine.api, "address": engine.address,
                "source": engine.source })
        }
        Finding::System(system) => {
            json!({ "system": system.name(), "experience": system.experience().name() })
        }
        Finding::Limits {
            cgroup,
            unlimited,
            warnings,
        } => json!({ "cgroup": cgroup, "unlimited": unlimited, "warnings": warnings }),
        Finding::Memory {
            memory,
            lab,
            needed,
        } => {
            json!({ "total": memory.total, "available": memory.available, "lab": lab.as_str(), "needed": needed })
        }
        Finding::Disk {
            disk,
            missing,
            least,
            ..
        } => {
            json!({
                "path": path(&disk.path), "free": disk.free, "missing_images": missing.count,
                "missing_bytes": missing.bytes, "least": least
            })
        }
        Finding::PortInUse {
            port,
            services,
            process,
            container,
            needed_by,
        } => {
            json!({ "port": port, "services": services, "pid": process.as_ref().map(|process| process.pid),
                "program": process.as_ref().map(|process| &process.program), "container": container,
                "needed_by": needed_by.as_ref().map(|lab| lab.as_str()) })
        }
        Finding::PortsFree { ports } => json!({ "ports": ports }),
        Finding::Proxies { proxies, .. } => {
            json!({ "shell": proxies.shell, "engine": proxies.engine })
        }
        Finding::Clock {
            clock, compared, ..
        } => {
            let compared: Vec<String> = compared.iter().map(ToString::to_string).collect();
            json!({ "other": clock.source.to_string(), "ahead_seconds": clock.ahead, "compared": compared })
        }
        Finding::Folder(folder) => {
            json!({ "path": path(&folder.path), "problem": folder.problem })
        }
        Finding::OrphanRuns(orphans) => {
            json!({ "runs": orphans.iter().map(orphans::to_json).collect::<Vec<_>>() })
        }
        Finding::UnreadableJournals(files) => {
            json!({ "files": files.iter().map(|file| path(file)).collect::<Vec<_>>() })
        }
        Finding::BrokenLab { folder, problems } => {
            json!({ "path": path(folder), "problems": problems })
        }
    }
}
