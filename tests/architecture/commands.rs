//! No command uses the code of another.

use std::collections::BTreeSet;

use syn::visit::Visit;

use super::source::Sources;
use super::{Finding, assert_kept, found, sources};

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
    assert_kept(commands_apart(&sources));
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
