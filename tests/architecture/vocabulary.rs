//! The words that were retired, and the rule that keeps them out of identifiers, comments and texts.
//!
//! Identifiers count where they are defined, so that names of other crates are no concern. A type is retired as a whole name; a
//! word in lower case is retired wherever it stands between underscores.

use super::source::{Source, Sources, texts};
use super::{Finding, assert_kept, found, sources};
use syn::visit::{self, Visit};

/// Names of types, traits and variants, and what is written instead.
const TYPES: &[(&str, &str)] = &[
    ("Act", "StepKind"),
    ("Asked", "PendingCall"),
    ("Claim", "ClaimResult"),
    ("Course", "ShutdownState"),
    ("Deed", "Practical"),
    ("Eyes", "StatusCollector"),
    ("Fate", "Disposition"),
    ("Happened", "SessionEvent"),
    ("Happening", "ContainerEvent"),
    ("Heard", "BoundedStream"),
    ("Held", "JournalLock"),
    ("ImageWish", "PullPolicy"),
    ("Judged", "ExerciseResult"),
    ("JudgedCheck", "CheckResult"),
    ("Kept", "ConnectionPool or CachedSummary"),
    ("Life", "Lifetime"),
    ("LogWish", "LogOptions"),
    ("Lookout", "ChangeWatcher"),
    ("Mark", "RunLabels or ProcessTag"),
    ("News", "ShutdownEvent"),
    ("Of", "Picker"),
    ("Pace", "PollBackoff"),
    ("Recorded", "RecordingFs"),
    ("Said", "Message or BuildLog"),
    ("Seen", "Changed"),
    ("Sign", "ChangeSignal"),
    ("Talk", "ServiceInterface"),
    ("Unfinished", "Cleanup"),
    ("Unseen", "ProbeError"),
    ("Wire", "Client"),
    ("Wish", "Command or Goal"),
    ("Wrong", "WrongAnswer"),
];

/// Words of functions, fields, modules and constants, and what is written instead.
const WORDS: &[(&str, &str)] = &[
    ("anew", "again"),
    ("ask", "call, request or prompt"),
    ("asked", "called or requested"),
    ("asks", "calls or requests"),
    ("beneath", "below, or what is there"),
    ("bring", "get or create"),
    ("brings", "gets or creates"),
    ("course", "state"),
    ("deed", "action"),
    ("deeds", "actions"),
    ("eyes", "collector"),
    ("foreign", "other or unowned"),
    ("happening", "event"),
    ("hear", "receive or listen"),
    ("heard", "received"),
    ("hears", "receives or listens"),
    ("look", "inspect, probe or list"),
    ("looks", "inspects, probes or lists"),
    ("lookout", "watcher"),
    ("mark", "label or tag"),
    ("marks", "labels or tags"),
    ("meant", "suggestion"),
    ("news", "event"),
    ("said", "output or message"),
    ("say", "report or print"),
    ("says", "reports or prints"),
    ("somebody", "user or owner"),
    ("stirred", "changed"),
    ("talk", "interface"),
    ("tell", "report or emit"),
    ("tells", "reports or emits"),
    ("tidy", "normalize"),
    ("told", "reported"),
    ("unseen", "error"),
    ("whoever", "owner or caller"),
    ("wish", "options or goal"),
    ("wishes", "options or goals"),
];

/// Phrases of comments and of texts for users. A phrase is looked for as whole words, whatever the case.
const PHRASES: &[&str] = &[
    "anew",
    "anybody",
    "anybody's",
    "beneath",
    "came of it",
    "comes of it",
    "heed",
    "heeds",
    "is told",
    "are told",
    "nobody",
    "of ours",
    "somebody",
    "somebody's",
    "somebody else's",
    "what came of",
    "whoever",
    "whosever",
];

/// Defined names that keep a retired word, because it comes from the lab format or from another program.
const ALLOWED: &[&str] = &[
    // The key `say` of a check's hints in lab.yaml.
    "say", // GNU tar and Redis have this word.
    "bookmark",
];

fn retired_name(name: &str) -> Option<String> {
    if ALLOWED.contains(&name) {
        return None;
    }
    if let Some((_, better)) = TYPES.iter().find(|(word, _)| *word == name) {
        return Some(format!("`{name}` is retired: {better}"));
    }
    let name = name.trim_start_matches("r#");
    // Parts of a type's name count for the type as a whole only.
    let mut parts = name
        .split('_')
        .filter(|_| !name.starts_with(char::is_uppercase) || name.contains('_'));
    let retired =
        parts.find_map(|part| WORDS.iter().find(|(word, _)| *word == part.to_lowercase()));
    retired.map(|(word, better)| format!("`{word}` in `{name}` is retired: {better}"))
}

/// The first phrase that stands in a text as whole words.
fn retired_phrase(text: &str) -> Option<&'static str> {
    // What stands in back-ticks is code.
    let prose: Vec<&str> = text.split('`').step_by(2).collect();
    let words: Vec<String> = prose
        .join(" ` ")
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
        .collect();
    let words = format!(" {} ", words.join(" "));
    PHRASES
        .iter()
        .copied()
        .find(|phrase| words.contains(&format!(" {phrase} ")))
}

/// The names that a file defines.
struct Definitions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Definitions<'_> {
    fn name(&mut self, ident: &syn::Ident) {
        if let Some(what) = retired_name(&ident.to_string()) {
            let line = ident.span().start().line;
            self.findings.push(Finding::new(self.source, line, what));
        }
    }
}

impl Visit<'_> for Definitions<'_> {
    fn visit_signature(&mut self, signature: &syn::Signature) {
        self.name(&signature.ident);
        visit::visit_signature(self, signature);
    }

    fn visit_item_struct(&mut self, item: &syn::ItemStruct) {
        self.name(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &syn::ItemEnum) {
        self.name(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &syn::ItemTrait) {
        self.name(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &syn::ItemType) {
        self.name(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        self.name(&item.ident);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_const(&mut self, item: &syn::ItemConst) {
        self.name(&item.ident);
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &syn::ItemStatic) {
        self.name(&item.ident);
        visit::visit_item_static(self, item);
    }

    fn visit_variant(&mut self, variant: &syn::Variant) {
        self.name(&variant.ident);
        visit::visit_variant(self, variant);
    }

    fn visit_field(&mut self, field: &syn::Field) {
        field.ident.iter().for_each(|ident| self.name(ident));
        visit::visit_field(self, field);
    }

    fn visit_macro(&mut self, found: &syn::Macro) {
        // A text for users: `text!("no such lab: `{name}`")`.
        if found.path.is_ident("text")
            && let Some(proc_macro2::TokenTree::Literal(literal)) =
                found.tokens.clone().into_iter().next()
            && let Some(phrase) = retired_phrase(&literal.to_string())
        {
            let line = literal.span().start().line;
            self.findings.push(Finding::new(
                self.source,
                line,
                format!("the phrase `{phrase}` is retired"),
            ));
        }
    }
}

/// The phrases in lines that are comments.
fn comments(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().zip(1..);
    let comments =
        lines.filter_map(|(line, number)| Some((line.trim_start().strip_prefix("//")?, number)));
    let retired = comments.filter_map(|(line, number)| Some((retired_phrase(line)?, number)));
    retired
        .map(|(phrase, line)| {
            Finding::new(source, line, format!("the phrase `{phrase}` is retired"))
        })
        .collect()
}

fn vocabulary(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in files {
        let mut definitions = Definitions {
            source,
            findings: Vec::new(),
        };
        definitions.visit_file(&source.syntax);
        findings.append(&mut definitions.findings);
        findings.append(&mut comments(source));
    }
    findings
}

#[apply(test)]
fn no_retired_word_is_used() {
    let mut files = Sources::read().files;
    for folder in ["tests", "benches"] {
        let own = texts(folder, "rs")
            .into_iter()
            .filter(|(file, _)| !file.starts_with("tests/architecture/"));
        files.extend(own.map(|(file, text)| Source::of_tests(file, text)));
    }
    assert_kept(vocabulary(&files));
}

#[apply(test)]
fn a_retired_word_is_found() {
    let text = "\
//! What came of it, and somebody’s\n\
enum News { Deed, Look }\n\
struct Plan { look_at: u8, say: u8, looking_glass: u8 }\n\
const LOOK_AT: u8 = 0;\n\
fn tell_log() { let looks = text!(\"`{name}` is told\", name); str.find(\"somebody\") }\n\
// A body, and user `nobody`.\n";
    let broken = sources(&[("src/lab/mod.rs", text)]);
    let wrong = [
        "`News` is retired: ShutdownEvent",
        "`Deed` is retired: Practical",
        "`look` in `look_at` is retired: inspect, probe or list",
        "`look` in `LOOK_AT` is retired: inspect, probe or list",
        "`tell` in `tell_log` is retired: report or emit",
        "the phrase `is told` is retired",
        "the phrase `came of it` is retired",
    ];
    assert_eq!(found(vocabulary(&broken.files)), wrong);
}
