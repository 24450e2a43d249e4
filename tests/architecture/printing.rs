//! Only `report` prints.

use proc_macro2::{TokenStream, TokenTree};

use super::source::Sources;
use super::{Finding, assert_kept, found, sources};

/// Who may print besides `report`: what hands on the bytes of a program in a service.
const PRINTERS: &[&str] = &[
    "src/report/",
    "src/engine/docker/output.rs",
    "src/engine/docker/terminal.rs",
    "src/commands/shell.rs",
];

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
    assert_kept(printing(&Sources::read(), PRINTERS));
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
