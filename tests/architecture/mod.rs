//! The rules of the code base, checked on the source itself: layers, no imports between commands, no cycles within a room, one
//! home for each crate, no retired words, no decisions by own texts, and printing in `report` only.
//!
//! The rules are functions from sources to findings. Each rule has a test that runs it on `src/`, and one that breaks it.

mod source;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use self::source::{Source, Sources, texts};

/// Where each crate may be named: files and folders, by how their paths begin.
const HOMES: &[(&str, &[&str])] = &[
    ("bollard", &["src/engine/docker/"]),
    (
        "cap_std",
        &["src/store/workspace.rs", "src/probe/folder.rs"],
    ),
    (
        "clap",
        &["src/cli", "src/commands/complete.rs", "src/commands/man.rs"],
    ),
    ("clap_complete", &["src/cli.rs", "src/commands/complet"]),
    ("clap_mangen", &["src/commands/man.rs"]),
    ("etcetera", &["src/store/paths.rs"]),
    ("indicatif", &["src/report/terminal.rs"]),
    ("lapin", &["src/probe/amqp"]),
    ("mongodb", &["src/probe/mongo"]),
    ("open", &["src/commands/browser.rs"]),
    ("polib", &["src/text/catalogue.rs"]),
    (
        "pulldown_cmark",
        &["src/lab/guide.rs", "src/report/markdown.rs"],
    ),
    ("quick_junit", &["src/report/junit.rs"]),
    ("redis", &["src/probe/"]),
    ("reqwest", &["src/machine/clock_skew.rs", "src/probe/http"]),
    ("rust_embed", &["src/store/embedded.rs"]),
    ("schemars", &["src/event.rs", "src/event/"]),
    ("serde_yaml", &["src/lab/yaml/"]),
    ("tar", &["src/engine/docker/"]),
    (
        "time",
        &[
            "src/machine/clock_skew.rs",
            "src/engine/docker/convert.rs",
            "src/store/dated_name.rs",
            "src/expect/value_type.rs",
        ],
    ),
    ("tokio_postgres", &["src/probe/sql"]),
    ("ulid", &["src/runner/up.rs"]),
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

/// Who may print besides `report`: what hands on the bytes of a program in a service.
const PRINTERS: &[&str] = &[
    "src/report/",
    "src/engine/docker/output.rs",
    "src/engine/docker/terminal.rs",
    "src/commands/shell.rs",
];

/// What does not keep a rule yet, one a line: the rule, the file, and a part of the finding. The file may only shrink.
const EXCEPTIONS: &str = include_str!("exceptions.txt");

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(source: &Source, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: source.file.clone(),
            line,
            what: what.into(),
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Fails with all findings of a rule but the known exceptions, and with each exception that is no exception any more.
#[track_caller]
fn assert_kept(rule: &str, findings: impl IntoIterator<Item = Finding>) {
    let lines = EXCEPTIONS
        .lines()
        .map(|line| line.splitn(3, ' ').collect::<Vec<_>>());
    let exceptions: Vec<_> = lines.filter(|exception| exception[0] == rule).collect();
    let mut unused: BTreeSet<_> = exceptions.iter().collect();
    let mut wrong = Vec::new();
    for finding in findings {
        let mut known = exceptions.iter();
        let part = |exception: &[&str]| exception.get(2).copied().unwrap_or_default().to_owned();
        match known.find(|known| finding.file == known[1] && finding.what.contains(&part(known))) {
            Some(known) => drop(unused.remove(known)),
            None => wrong.push(finding.to_string()),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} findings:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(unused.is_empty(), "remove these exceptions: {unused:?}");
}

/// Sources made up by a test, by file and text.
fn sources(files: &[(&str, &str)]) -> Sources {
    let root = [("src/lib.rs", "")];
    let files = root.iter().chain(files);
    let files = files.map(|(file, text)| Source::of((*file).to_owned(), (*text).to_owned()));
    Sources::of(files.collect())
}

/// The findings of a rule, without the paths and lines.
fn found(findings: Vec<Finding>) -> Vec<String> {
    findings.into_iter().map(|finding| finding.what).collect()
}

/// The rooms by layer, as the table in `src/lib.rs` has them: lowest first.
fn layers() -> Vec<BTreeSet<String>> {
    let (_, text) = texts("src", "rs")
        .into_iter()
        .find(|(file, _)| file == "src/lib.rs")
        .expect("the root");
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let rooms = cells.filter(|cells| cells[0].parse::<usize>().is_ok());
    rooms
        .map(|cells| {
            cells[1]
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

/// Imports point to lower layers only. The rooms of the highest layer are the program itself and know each other.
fn layering(sources: &Sources, layers: &[BTreeSet<String>]) -> Vec<Finding> {
    let layer = |room: &str| match room {
        "lib" | "main" => Some(layers.len() - 1),
        room => layers.iter().position(|rooms| rooms.contains(room)),
    };
    let mut findings = Vec::new();
    for source in &sources.files {
        let here = source.room();
        let Some(own) = layer(here) else {
            findings.push(Finding::new(
                source,
                1,
                format!("room `{here}` is not in the table of src/lib.rs"),
            ));
            continue;
        };
        for named in &source.paths {
            let Some(there) = sources
                .internal(named)
                .and_then(|path| path.first().cloned())
            else {
                continue;
            };
            // A name of the root itself, such as a macro.
            let Some(other) = layer(&there) else { continue };
            if there != here && other >= own && own != layers.len() - 1 {
                findings.push(Finding::new(
                    source,
                    named.line,
                    format!("`{here}` must not use `{there}`"),
                ));
            }
        }
    }
    findings
}

#[apply(test)]
fn imports_point_to_lower_layers() {
    assert_kept("layering", layering(&Sources::read(), &layers()));
}

#[apply(test)]
fn an_import_from_a_higher_layer_is_found() {
    let layers = [["lab"], ["plan"], ["cli"]].map(|rooms| rooms.map(str::to_owned).into());
    let broken = sources(&[
        ("src/plan/mod.rs", ""),
        ("src/lab/mod.rs", "use crate::{plan::{self, Plan}};"),
        (
            "src/lab/yaml.rs",
            "fn f() { println!(\"{}\", super::super::plan::x()) }\n// use crate::plan;",
        ),
        (
            "src/cli.rs",
            "use crate::lab::Lab; #[cfg(test)] mod tests { use crate::nowhere::X; }",
        ),
        ("src/other.rs", ""),
    ]);
    let rule = "`lab` must not use `plan`";
    assert_eq!(
        found(layering(&broken, &layers)),
        [
            rule,
            rule,
            rule,
            "room `other` is not in the table of src/lib.rs"
        ]
    );
}

/// The verbs of the program: the modules of `commands` that a variant of `Command` in `src/cli.rs` names.
fn verbs(sources: &Sources) -> BTreeSet<String> {
    struct Variants(BTreeSet<String>);
    impl Visit<'_> for Variants {
        fn visit_item_enum(&mut self, item: &syn::ItemEnum) {
            if item.ident == "Command" {
                self.0.extend(
                    item.variants
                        .iter()
                        .map(|variant| variant.ident.to_string().to_lowercase()),
                );
            }
        }
    }
    let mut variants = Variants(BTreeSet::new());
    for source in sources.files.iter().filter(|source| source.room() == "cli") {
        variants.visit_file(&source.syntax);
    }
    variants.0
}

/// No command uses the code of another; what two of them need lies below them.
fn commands_apart(sources: &Sources) -> Vec<Finding> {
    let verbs = verbs(sources);
    let verb = |module: &[String]| match module {
        [room, verb, ..] if room == "commands" && verbs.contains(verb) => Some(verb.clone()),
        _ => None,
    };
    let mut findings = Vec::new();
    for source in &sources.files {
        let Some(here) = verb(&source.module) else {
            continue;
        };
        for named in &source.paths {
            let path = sources.internal(named).map(|path| sources.home(&path));
            match path.and_then(|path| verb(&path)) {
                Some(there) if there != here => {
                    findings.push(Finding::new(
                        source,
                        named.line,
                        format!("`{here}` must not use `{there}`"),
                    ));
                }
                _ => {}
            }
        }
    }
    findings
}

#[apply(test)]
fn no_command_uses_another() {
    let sources = Sources::read();
    assert!(verbs(&sources).len() > 15, "the verbs are in src/cli.rs");
    assert_kept("commands_apart", commands_apart(&sources));
}

#[apply(test)]
fn a_command_that_uses_another_is_found() {
    let broken = sources(&[
        ("src/cli.rs", "enum Command { Up, Run { lab: String } }"),
        (
            "src/commands/mod.rs",
            "pub(crate) use up::images; use run::run;",
        ),
        ("src/commands/up.rs", "use crate::lab::Lab;"),
        ("src/commands/run/mod.rs", "use super::images;"),
        (
            "src/commands/run/menu.rs",
            "use crate::commands::up::start;",
        ),
    ]);
    let rule = "`run` must not use `up`";
    assert_eq!(found(commands_apart(&broken)), [rule, rule]);
}

/// The files that a file uses, directly or through others.
fn reachable<'a>(uses: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        let others = uses.get(file).into_iter().flatten().copied();
        next.extend(others.filter(|file| reached.insert(*file)));
    }
    reached
}

/// The files of a room form no cycle. A module and the modules inside of it count as one here: they may know each other.
fn cycles(sources: &Sources) -> Vec<Finding> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in &sources.files {
        for named in &source.paths {
            let Some(path) = sources.internal(named) else {
                continue;
            };
            let other = sources.file(&sources.home(&path));
            let nested = other.module.starts_with(&source.module)
                || source.module.starts_with(&other.module);
            if other.room() == source.room() && !nested {
                uses.entry(&source.file).or_default().insert(&other.file);
            }
        }
    }
    let all: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|file| (*file, reachable(&uses, file)))
        .collect();
    let mut findings = Vec::new();
    for source in &sources.files {
        let Some(reached) = all.get(source.file.as_str()) else {
            continue;
        };
        let back = |file: &&&str| {
            all.get(**file)
                .is_some_and(|reached| reached.contains(source.file.as_str()))
        };
        let cycle: Vec<&str> = reached.iter().filter(back).copied().collect();
        // Each cycle is reported once, at its first file.
        if cycle.len() > 1 && cycle.first() == Some(&source.file.as_str()) {
            findings.push(Finding::new(
                source,
                1,
                format!("a cycle of {}", cycle.join(", ")),
            ));
        }
    }
    findings
}

#[apply(test)]
fn the_files_of_a_room_form_no_cycle() {
    assert_kept("cycles", cycles(&Sources::read()));
}

#[apply(test)]
fn a_cycle_is_found() {
    let broken = sources(&[
        (
            "src/lab/mod.rs",
            "mod one; mod two; mod three; mod four; pub(crate) use one::One; pub(crate) use four::Four;",
        ),
        (
            "src/lab/one.rs",
            "use super::two::Two; pub(crate) struct One;",
        ),
        ("src/lab/two.rs", "fn f() { crate::lab::three::three() }"),
        ("src/lab/three.rs", "use crate::lab::One;"),
        ("src/lab/four.rs", "use super::One; use super::Four;"),
    ]);
    assert_eq!(
        found(cycles(&broken)),
        ["a cycle of src/lab/one.rs, src/lab/three.rs, src/lab/two.rs"]
    );
}

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
    assert_kept("homes", homes(&Sources::read(), HOMES));
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
    assert_kept("deadlines", deadlines(&Sources::read(), ENGINE_CALLERS));
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

/// Only `report` prints.
fn printing(sources: &Sources, printers: &[&str]) -> Vec<Finding> {
    fn walk(code: TokenStream, found: &mut Vec<(usize, String)>) {
        let tokens: Vec<TokenTree> = code.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            if let TokenTree::Group(group) = token {
                walk(group.stream(), found);
            }
            let TokenTree::Ident(ident) = token else {
                continue;
            };
            let name = ident.to_string();
            let next = tokens
                .get(at + 1)
                .map(ToString::to_string)
                .unwrap_or_default();
            // `Term::stdout()` only measures.
            let term = at >= 3 && tokens[at - 3].to_string() == "Term";
            let prints = match name.as_str() {
                "print" | "println" | "eprint" | "eprintln" | "dbg" => next == "!",
                "stdout" | "stderr" => next == "()" && !term && !tokens[..at].ends_with_dot(),
                _ => false,
            };
            if prints {
                found.push((
                    ident.span().start().line,
                    format!("`{name}` is for src/report/"),
                ));
            }
        }
    }
    trait EndsWithDot {
        fn ends_with_dot(&self) -> bool;
    }
    impl EndsWithDot for [TokenTree] {
        /// A method of that name belongs to something else.
        fn ends_with_dot(&self) -> bool {
            matches!(self.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '.')
        }
    }
    let mut findings = Vec::new();
    for source in &sources.files {
        if !printers
            .iter()
            .any(|printer| source.file.starts_with(printer))
        {
            let mut found = Vec::new();
            walk(source.code.clone(), &mut found);
            findings.extend(
                found
                    .into_iter()
                    .map(|(line, what)| Finding::new(source, line, what)),
            );
        }
    }
    findings
}

#[apply(test)]
fn only_reports_print() {
    assert_kept("printing", printing(&Sources::read(), PRINTERS));
}

#[apply(test)]
fn printing_elsewhere_is_found() {
    let text = "fn f() { if x { println!(\"a\") }; let out = std::io::stdout(); Term::stdout(); output.stderr(); }";
    let broken = sources(&[("src/lab/mod.rs", text), ("src/report/mod.rs", text)]);
    assert_eq!(
        found(printing(&broken, &["src/report/"])),
        [
            "`println` is for src/report/",
            "`stdout` is for src/report/"
        ]
    );
}

/// The methods that look into a text.
const COMPARISONS: &[&str] = &[
    "contains",
    "starts_with",
    "ends_with",
    "strip_prefix",
    "strip_suffix",
    "find",
    "matches",
    "split_once",
];

/// The names of variables and fields that are errors.
const ERROR_NAMES: &[&str] = &["error", "failure", "problem", "cause", "err", "e"];

/// The fields in which problems and errors have their texts.
const TEXT_FIELDS: &[&str] = &["message", "reason", "help", "what"];

/// Where texts of engines and services are read, which the program does not write.
const OTHER_TEXTS: &[&str] = &["src/engine/docker/errors.rs", "src/expect/"];

/// No decision depends on a text that the program itself writes.
fn own_texts(sources: &Sources) -> Vec<Finding> {
    struct Texts<'a> {
        source: &'a Source,
        findings: Vec<Finding>,
    }
    impl Texts<'_> {
        fn found(&mut self, at: &impl Spanned, what: &str) {
            let line = at.span().start().line;
            self.findings.push(Finding::new(self.source, line, what));
        }
    }
    /// Whether an expression is a text of the program: of an error, or made on the spot.
    fn is_own_text(expression: &syn::Expr) -> bool {
        match expression {
            syn::Expr::Field(field) => match &field.member {
                syn::Member::Named(name) => TEXT_FIELDS.contains(&name.to_string().as_str()),
                syn::Member::Unnamed(_) => false,
            },
            syn::Expr::MethodCall(call) => match call.method.to_string().as_str() {
                "to_string" => is_error(&call.receiver),
                "as_str" | "as_ref" | "as_deref" => is_own_text(&call.receiver),
                _ => false,
            },
            syn::Expr::Reference(inner) => is_own_text(&inner.expr),
            syn::Expr::Paren(inner) => is_own_text(&inner.expr),
            _ => false,
        }
    }
    /// `Reason::Gone`: then the other side is no text.
    fn is_variant(expression: &syn::Expr) -> bool {
        matches!(expression, syn::Expr::Path(path) if path.path.segments.len() > 1)
    }
    fn is_error(expression: &syn::Expr) -> bool {
        match expression {
            syn::Expr::Path(path) => ERROR_NAMES.iter().any(|name| path.path.is_ident(name)),
            syn::Expr::Field(field) => match &field.member {
                syn::Member::Named(name) => ERROR_NAMES.iter().any(|error| name == error),
                syn::Member::Unnamed(_) => false,
            },
            _ => false,
        }
    }
    impl Visit<'_> for Texts<'_> {
        fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
            if COMPARISONS.contains(&call.method.to_string().as_str())
                && is_own_text(&call.receiver)
            {
                self.found(
                    call,
                    "looks into a text of the program: compare a kind instead",
                );
            }
            visit::visit_expr_method_call(self, call);
        }

        fn visit_expr_binary(&mut self, binary: &syn::ExprBinary) {
            let compares = matches!(binary.op, syn::BinOp::Eq(_) | syn::BinOp::Ne(_));
            let variant = is_variant(&binary.left) || is_variant(&binary.right);
            let own = is_own_text(&binary.left) || is_own_text(&binary.right);
            if compares && own && !variant {
                self.found(
                    binary,
                    "compares a text of the program: compare a kind instead",
                );
            }
            visit::visit_expr_binary(self, binary);
        }

        fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
            let of_text = self.source.file == "src/text.rs"
                && matches!(&*item.self_ty, syn::Type::Path(path) if path.path.is_ident("Text"));
            if let Some((path, _)) = item.trait_.as_ref().filter(|_| of_text) {
                let name = path.segments.last().map(|last| last.ident.to_string());
                if name.is_some_and(|name| COMPARABLE.contains(&name.as_str())) {
                    self.found(item, "makes `Text` comparable");
                }
            }
            visit::visit_item_impl(self, item);
        }

        fn visit_item_struct(&mut self, item: &syn::ItemStruct) {
            if item.ident == "Text" && self.source.file == "src/text.rs" {
                let attributes = item
                    .attrs
                    .iter()
                    .filter(|attribute| attribute.path().is_ident("derive"));
                let derives = attributes.map(|attribute| match &attribute.meta {
                    syn::Meta::List(list) => list.tokens.to_string(),
                    _ => String::new(),
                });
                let derives: String = derives.collect();
                let mut words = derives.split(|c: char| !c.is_alphanumeric());
                if words.any(|word| COMPARABLE.contains(&word)) {
                    self.found(item, "makes `Text` comparable");
                }
            }
        }
    }
    const COMPARABLE: &[&str] = &[
        "PartialEq",
        "Eq",
        "PartialOrd",
        "Ord",
        "Hash",
        "Deref",
        "AsRef",
        "Borrow",
    ];
    let mut findings = Vec::new();
    for source in &sources.files {
        if OTHER_TEXTS.iter().any(|file| source.file.starts_with(file)) {
            continue;
        }
        let mut texts = Texts {
            source,
            findings: Vec::new(),
        };
        let syntax = syn::parse2(source.code.clone());
        texts.visit_file(&syntax.expect("code without tests is code"));
        findings.append(&mut texts.findings);
    }
    findings
}

#[apply(test)]
fn no_decision_depends_on_a_text_of_the_program() {
    assert_kept("own_texts", own_texts(&Sources::read()));
}

#[apply(test)]
fn a_decision_by_a_text_of_the_program_is_found() {
    let broken = sources(&[
        (
            "src/text.rs",
            "#[derive(Clone, PartialEq)] struct Text(String); impl AsRef<str> for Text { fn as_ref(&self) -> &str { &self.0 } }",
        ),
        (
            "src/lab/mod.rs",
            "fn f() { if error.to_string().contains(\"cut\") || (error.message) == CUT {} error.reason.as_str().starts_with(\"x\"); name.contains(\"y\"); }",
        ),
        (
            "src/engine/docker/errors.rs",
            "fn f() { error.message.contains(\"no such container\") }",
        ),
    ]);
    let (look, compare) = (
        "looks into a text of the program: compare a kind instead",
        "compares a text of the program: compare a kind instead",
    );
    assert_eq!(
        found(own_texts(&broken)),
        [
            "makes `Text` comparable",
            "makes `Text` comparable",
            look,
            compare,
            look
        ]
    );
}

/// A test that `cargo test` does not see, because this binary has a harness of its own.
#[apply(test)]
fn every_test_of_this_binary_is_registered() {
    let attributes = ["#[test]", "#[tokio::test]"].map(|attribute| format!("\n{attribute}\n"));
    let files = texts("tests", "rs")
        .into_iter()
        .filter(|(file, _)| !file.starts_with("tests/fuzz/"));
    let wrong =
        files.filter(|(_, text)| attributes.iter().any(|attribute| text.contains(attribute)));
    let wrong: Vec<String> = wrong.map(|(file, _)| file).collect();
    assert_eq!(
        wrong, [""; 0],
        "write #[apply(test)] or #[apply(engine_test)]"
    );
}

#[apply(test)]
fn labs_and_recipes_name_no_mirror() {
    let mirrors = [
        "deb.debian.org",
        "pypi.org",
        "registry.npmjs.org",
        "files.pythonhosted.org",
        "artifactory",
    ];
    let mut wrong = Vec::new();
    for path in ["compose", "labs"].iter().flat_map(|folder| files(folder)) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let named = mirrors.iter().filter(|mirror| text.contains(**mirror));
        wrong.extend(named.map(|mirror| format!("{}: {mirror}", path.display())));
    }
    assert_eq!(wrong, [""; 0]);
}

/// All files below a folder of the repository.
fn files(folder: &str) -> Vec<std::path::PathBuf> {
    let mut found = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(path) = found.pop() {
        match path.is_dir() {
            true => {
                let entries = std::fs::read_dir(&path).expect("a folder of the repository");
                found.extend(entries.map(|entry| entry.expect("an entry of the folder").path()));
            }
            false => files.push(path),
        }
    }
    files
}

/// Labs of other people may be in one language only; these are in both.
#[apply(test)]
fn every_lab_is_in_english_and_korean() {
    let labs: Vec<_> = files("labs")
        .into_iter()
        .filter(|path| path.ends_with("lab.yaml"))
        .collect();
    assert!(labs.len() >= 5, "{labs:?}");
    for guide in labs
        .iter()
        .flat_map(|lab| ["guide.en.md", "guide.ko.md"].map(|guide| lab.with_file_name(guide)))
    {
        assert!(guide.exists(), "{} is missing", guide.display());
    }
}

#[apply(test)]
fn the_fault_catalogue_names_every_row_and_existing_tests() {
    let (_, page) = texts("tests", "md")
        .into_iter()
        .find(|(file, _)| file == "tests/FAULTS.md")
        .expect("the catalogue");
    let registered = crate::harness::tests();
    let mut tests: BTreeSet<String> = registered
        .iter()
        .filter_map(|test| test.name().rsplit("::").next())
        .map(str::to_owned)
        .collect();
    for source in &Sources::read().files {
        tests.extend(unit_tests(&source.syntax));
    }
    assert_eq!(faults(&page, &tests, 77), [""; 0]);
}

/// What is wrong with the fault catalogue: rows that are missing or have no test, and tests that do not exist or never run.
fn faults(page: &str, tests: &BTreeSet<String>, rows: usize) -> Vec<String> {
    let (mut numbers, mut wrong) = (BTreeSet::new(), Vec::new());
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [row, _, named, _] = cells[..] else {
            continue;
        };
        let names: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        if let Ok(number) = row.parse::<usize>() {
            numbers.insert(number);
            if names.is_empty() {
                wrong.push(format!("row {number} has no test"));
            }
        }
        let unknown = names.into_iter().filter(|name| !tests.contains(*name));
        wrong.extend(unknown.map(|name| format!("there is no test `{name}` that CI runs")));
    }
    wrong.extend(
        (1..=rows)
            .filter(|row| !numbers.contains(row))
            .map(|row| format!("row {row} is missing")),
    );
    wrong
}

/// The unit tests of a file that are not ignored.
fn unit_tests(file: &syn::File) -> Vec<String> {
    struct Tests(Vec<String>);
    impl Visit<'_> for Tests {
        fn visit_item_fn(&mut self, item: &syn::ItemFn) {
            let is = |name: &str| {
                let mut last = item
                    .attrs
                    .iter()
                    .filter_map(|attribute| attribute.path().segments.last());
                last.any(|last| last.ident == name)
            };
            if is("test") && !is("ignore") {
                self.0.push(item.sig.ident.to_string());
            }
        }
        fn visit_macro(&mut self, found: &syn::Macro) {
            // `proptest! { #[test] fn … }`.
            if let Ok(within) = syn::parse2::<syn::File>(found.tokens.clone()) {
                self.visit_file(&within);
            }
        }
    }
    let mut tests = Tests(Vec::new());
    tests.visit_file(file);
    tests.0
}

#[apply(test)]
fn a_fault_without_a_test_that_runs_is_found() {
    let text = "#[test] fn runs() {} #[tokio::test] async fn runs_too() {} #[test] #[ignore] fn never_runs() {} fn no_test() {}";
    let tests = unit_tests(&syn::parse_str(text).expect("code"))
        .into_iter()
        .collect();
    let page = "| row | fault | tests | what holds |\n|---|---|---|---|\n| 1 | a | `runs`, `runs_too` | x |\n| 2 | b | | x |\n| 4 | c | `never_runs`, `no_test` | x |\n";
    let wrong = faults(page, &tests, 4);
    let expected = [
        "row 2 has no test",
        "there is no test `never_runs` that CI runs",
        "there is no test `no_test` that CI runs",
        "row 3 is missing",
    ];
    assert_eq!(wrong, expected);
}

/// The files below `tests/` that no module declares, so that their tests never run.
fn undeclared(files: &[(String, String)]) -> Vec<String> {
    let declares = |parent: &str, name: &str| {
        let mut parents = files.iter().filter(|(file, _)| file == parent);
        parents.any(|(_, text)| {
            text.lines()
                .any(|line| line.ends_with(&format!("mod {name};")))
        })
    };
    let names = files.iter().map(|(file, _)| file.as_str());
    let modules = names.filter(|file| *file != "tests/main.rs");
    let undeclared = modules.filter(|file| {
        let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let (folder, name) = path.rsplit_once('/').expect("below tests/");
        let parents = match folder {
            "tests" => ["tests/main.rs".to_owned(), String::new()],
            folder => [format!("{folder}/mod.rs"), format!("{folder}.rs")],
        };
        !parents.iter().any(|parent| declares(parent, name))
    });
    undeclared.map(str::to_owned).collect()
}

#[apply(test)]
fn every_test_file_is_a_module() {
    let files = texts("tests", "rs").into_iter();
    let files: Vec<_> = files
        .filter(|(file, _)| !file.starts_with("tests/fuzz/"))
        .collect();
    assert_eq!(undeclared(&files), [""; 0], "declare them in tests/main.rs");
}

#[apply(test)]
fn a_test_file_that_is_no_module_is_found() {
    let files = [
        ("tests/main.rs", "mod one;\nmod two;\n"),
        ("tests/one.rs", ""),
        ("tests/two/mod.rs", "pub(crate) mod part;\n"),
        ("tests/two/part.rs", ""),
        ("tests/two/other.rs", ""),
        ("tests/three.rs", ""),
    ];
    let files = files.map(|(file, text)| (file.to_owned(), text.to_owned()));
    assert_eq!(undeclared(&files), ["tests/two/other.rs", "tests/three.rs"]);
}
