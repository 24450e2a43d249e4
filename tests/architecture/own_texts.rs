//! No decision depends on a text that the program itself writes.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::source::{Source, Sources};
use super::{Finding, assert_kept, found, sources};

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
    assert_kept(own_texts(&Sources::read()));
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
