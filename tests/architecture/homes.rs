//! Each crate is named in one place only, and calls of the engine have a deadline.

use std::collections::BTreeSet;

use super::source::Sources;
use super::{Finding, assert_kept, found, sources};

/// Where each crate may be named: files and folders, by how their paths begin.
const HOMES: &[(&str, &[&str])] = &[
    ("bollard", &["src/engine/docker/"]),
    ("cap_std", &["src/store/workspace/", "src/probe/folder.rs"]),
    (
        "clap",
        &["src/cli", "src/commands/complete.rs", "src/commands/man.rs"],
    ),
    ("clap_complete", &["src/cli.rs", "src/commands/complet"]),
    ("clap_mangen", &["src/commands/man.rs"]),
    ("docker_credential", &["src/engine/docker/credentials.rs"]),
    ("etcetera", &["src/store/paths.rs"]),
    (
        "form_urlencoded",
        &["src/web/leave.rs", "src/web/server.rs"],
    ),
    ("getrandom", &["src/web/access.rs"]),
    ("http_body_util", &["src/web/"]),
    ("hyper", &["src/web/"]),
    ("hyper_util", &["src/web/"]),
    ("indicatif", &["src/report/terminal.rs"]),
    ("lapin", &["src/probe/amqp"]),
    ("maud", &["src/web/"]),
    ("mongodb", &["src/probe/mongo"]),
    ("open", &["src/commands/browser.rs"]),
    ("polib", &["src/text/catalogue.rs"]),
    (
        "pulldown_cmark",
        &[
            "src/lab/guide.rs",
            "src/lab/guide/heading.rs",
            "src/report/markdown.rs",
            "src/web/markdown.rs",
        ],
    ),
    ("quick_junit", &["src/report/junit.rs"]),
    ("redis", &["src/probe/"]),
    (
        "reqwest",
        &[
            "src/machine/clock_skew.rs",
            "src/probe/http",
            "src/web/leave.rs",
        ],
    ),
    ("rust_embed", &["src/store/embedded.rs"]),
    ("schemars", &["src/event.rs", "src/event/"]),
    ("serde_yaml", &["src/lab/yaml/"]),
    ("tar", &["src/engine/docker/", "src/store/package"]),
    (
        "time",
        &[
            "src/machine/clock_skew.rs",
            "src/engine/docker/convert.rs",
            "src/store/dated_name.rs",
            "src/app/lab_report.rs",
            "src/expect/value_type.rs",
            "src/lab/compose/numbers.rs",
        ],
    ),
    ("vt100", &["src/web/screen.rs"]),
    ("mysql_async", &["src/probe/mysql"]),
    (
        "tokio_postgres",
        &["src/probe/postgres", "src/probe/open_transaction"],
    ),
    ("tokio_rustls", &["src/web/place.rs", "src/web/server.rs"]),
    ("tokio_tungstenite", &["src/web/socket.rs"]),
    ("ulid", &["src/runner/up.rs", "src/store/paths.rs"]),
    ("webpki", &["src/web/place.rs"]),
];

/// Which files below `src/engine/docker/` may hold the engine's client, and which may read a stream item by item. Everywhere
/// else each call of the engine has a deadline, because `client.rs` gives it one.
const ENGINE_CALLERS: &[(&str, &[&str])] = &[
    ("Docker", &["client.rs", "mod.rs"]),
    (
        "StreamExt",
        &["client.rs", "exec.rs", "output.rs", "save_load.rs"],
    ),
];

/// Each crate is named in its home only, and each home names it.
fn homes(sources: &Sources, homes: &[(&str, &[&str])]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut empty: BTreeSet<(&str, &str)> = homes
        .iter()
        .flat_map(|(name, homes)| homes.iter().map(|home| (*name, *home)))
        .collect();
    for source in &sources.files {
        let external = source
            .paths
            .iter()
            .filter(|named| sources.internal(named).is_none());
        for named in external {
            let Some((name, homes)) = homes.iter().find(|(name, _)| *name == named.segments[0])
            else {
                continue;
            };
            match homes.iter().find(|home| source.file.starts_with(**home)) {
                Some(home) => drop(empty.remove(&(*name, *home))),
                None => findings.push(Finding::new(
                    source,
                    named.line,
                    format!("`{name}` lives in {}", homes.join(", ")),
                )),
            }
        }
    }
    let root = &sources.files[0];
    findings.extend(
        empty
            .into_iter()
            .map(|(name, home)| Finding::new(root, 1, format!("{home} does not use `{name}`"))),
    );
    findings
}

#[apply(test)]
fn every_crate_has_one_home() {
    assert_kept(homes(&Sources::read(), HOMES));
}

#[apply(test)]
fn a_crate_outside_of_its_home_is_found() {
    let broken = sources(&[
        (
            "src/lab/mod.rs",
            "use clap::Parser; fn f() { vec![time::now()] } // redis::cmd()",
        ),
        (
            "src/cli.rs",
            "mod open; use open::x; use clap::{Parser, builder::Str};",
        ),
        ("src/cli/open.rs", ""),
    ]);
    let table: &[(&str, &[&str])] = &[
        ("clap", &["src/cli"]),
        ("time", &["src/clock.rs"]),
        ("open", &[]),
    ];
    let wrong = [
        "`clap` lives in src/cli",
        "`time` lives in src/clock.rs",
        "src/clock.rs does not use `time`",
    ];
    assert_eq!(found(homes(&broken, table)), wrong);
}

/// Only a few files below `src/engine/docker/` may hold what makes calls without a deadline possible.
fn deadlines(sources: &Sources, callers: &[(&str, &[&str])]) -> Vec<Finding> {
    let folder = "src/engine/docker/";
    let mut findings = Vec::new();
    for source in sources
        .files
        .iter()
        .filter(|source| source.file.starts_with(folder))
    {
        for named in &source.paths {
            let last = named.segments.last().map_or("", String::as_str);
            let Some((name, files)) = callers.iter().find(|(name, _)| *name == last) else {
                continue;
            };
            let own = *name == "Docker" && named.segments[0] != "bollard";
            if !own
                && !files
                    .iter()
                    .any(|file| source.file == format!("{folder}{file}"))
            {
                findings.push(Finding::new(
                    source,
                    named.line,
                    format!("`{name}` is for {}", files.join(", ")),
                ));
            }
        }
    }
    findings
}

#[apply(test)]
fn every_engine_call_has_a_deadline() {
    assert_kept(deadlines(&Sources::read(), ENGINE_CALLERS));
}

#[apply(test)]
fn an_engine_call_without_a_deadline_is_found() {
    let broken = sources(&[
        (
            "src/engine/docker/client.rs",
            "use bollard::{API_DEFAULT_VERSION, Docker}; use futures_util::StreamExt;",
        ),
        (
            "src/engine/docker/pull.rs",
            "use bollard::{Docker, X}; use futures_util::StreamExt; use super::Docker;",
        ),
    ]);
    let table: &[(&str, &[&str])] = &[("Docker", &["client.rs"]), ("StreamExt", &["client.rs"])];
    assert_eq!(
        found(deadlines(&broken, table)),
        ["`Docker` is for client.rs", "`StreamExt` is for client.rs"]
    );
}
