//! The source code of this repository as the rules read it: files, modules, and the paths that code names. Comments, strings and
//! test code (`#[cfg(test)]`) are not part of what a path is looked for in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

/// A file of `src/`.
pub(crate) struct Source {
    /// The path in the repository: `src/lab/yaml.rs`.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
    /// The module that the file is: `["lab", "yaml"]`.
    pub(crate) module: Vec<String>,
    /// The paths that the file names outside of its tests.
    pub(crate) paths: Vec<Named>,
    /// The code outside of its tests.
    pub(crate) code: TokenStream,
}

/// A path that a file names.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) line: usize,
    /// The segments as written, without `use` groups: `["crate", "lab", "Lab"]`.
    pub(crate) segments: Vec<String>,
    /// The module in which it stands, which may be one inside of the file.
    within: Vec<String>,
    /// The name that a `pub use` gives it.
    exported_as: Option<String>,
}

/// All sources, and what their modules export.
pub(crate) struct Sources {
    pub(crate) files: Vec<Source>,
    modules: BTreeSet<Vec<String>>,
    exports: BTreeMap<(Vec<String>, String), Vec<String>>,
}

impl Sources {
    /// Reads `src/`.
    pub(crate) fn read() -> Self {
        let files = texts("src", "rs").into_iter();
        Self::of(files.map(|(file, text)| Source::of(file, text)).collect())
    }

    pub(crate) fn of(files: Vec<Source>) -> Self {
        let mut modules = BTreeSet::new();
        for file in &files {
            modules.insert(file.module.clone());
            modules.extend(file.paths.iter().map(|named| named.within.clone()));
        }
        let mut sources = Self {
            files,
            modules,
            exports: BTreeMap::new(),
        };
        let mut exports = BTreeMap::new();
        for named in sources.files.iter().flat_map(|file| &file.paths) {
            let target = sources.internal(named);
            if let (Some(name), Some(target)) = (&named.exported_as, target) {
                exports.insert((named.within.clone(), name.clone()), target);
            }
        }
        sources.exports = exports;
        sources
    }

    /// The path from the root of this crate; `None` for one of another crate, or of a name in scope.
    pub(crate) fn internal(&self, named: &Named) -> Option<Vec<String>> {
        let segments = &named.segments;
        let supers = segments.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match segments[0].as_str() {
            "crate" => (Vec::new(), 1),
            "self" => (named.within.clone(), 1),
            "super" => {
                let depth = named.within.len().saturating_sub(supers);
                (named.within[..depth].to_vec(), supers)
            }
            child => {
                let module = [&named.within[..], &[child.to_owned()]].concat();
                self.modules.contains(&module).then_some(())?;
                (named.within.clone(), 0)
            }
        };
        Some([&base[..], &segments[rest..]].concat())
    }

    /// The module that defines what a path from the root names, through re-exports.
    pub(crate) fn home(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        // No name is exported again and again.
        for _ in 0..8 {
            let ends = (0..=path.len()).rev();
            let mut prefixes = ends.map(|end| path.split_at(end));
            let found = prefixes.find(|(module, _)| self.modules.contains(*module));
            let (module, rest) = found.expect("the root is a module");
            let name = rest.first().map(|name| (module.to_vec(), name.clone()));
            match name.and_then(|name| self.exports.get(&name)) {
                Some(target) => path = [&target[..], &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        path
    }

    /// The file that holds a module.
    pub(crate) fn file(&self, module: &[String]) -> &Source {
        let files = self.files.iter();
        let files = files.filter(|file| module.starts_with(&file.module));
        let longest = files.max_by_key(|file| file.module.len());
        longest.expect("src/lib.rs is the root")
    }
}

impl Source {
    pub(crate) fn of(file: String, text: String) -> Self {
        let parsed = text.parse::<TokenStream>();
        let tokens = parsed.unwrap_or_else(|error| panic!("{file}: {error}"));
        let syntax = syn::parse2(tokens.clone());
        let syntax = syntax.unwrap_or_else(|error| panic!("{file}: {error}"));
        let module = module(&file);
        // The tests of a module in a file of their own.
        let is_tests = module.iter().any(|part| part.ends_with("tests"));
        let code = match is_tests {
            true => TokenStream::new(),
            false => without_tests(tokens),
        };
        let mut paths = Vec::new();
        collect(code.clone(), &module, &mut paths);
        Self {
            file,
            text,
            syntax,
            module,
            paths,
            code,
        }
    }

    /// A file of tests or benchmarks: its names and comments count, its paths do not.
    pub(crate) fn of_tests(file: String, text: String) -> Self {
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Self {
            file,
            text,
            syntax,
            module: Vec::new(),
            paths: Vec::new(),
            code: TokenStream::new(),
        }
    }

    /// The room of the file: `lab` for `src/lab/yaml.rs`, `exit` for `src/exit.rs`, `lib` for the root.
    pub(crate) fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// The files below a folder of the repository whose names end so, with their paths.
pub(crate) fn texts(folder: &str, extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                // Crates of their own may have been built below it.
                folders.extend((!path.ends_with("target")).then_some(path));
            } else if path.extension().is_some_and(|end| end == extension) {
                let name = path.strip_prefix(root).expect("below the root");
                let name = name.to_str().expect("a path in UTF-8").to_owned();
                texts.push((name, fs::read_to_string(&path).expect("text in UTF-8")));
            }
        }
    }
    texts.sort();
    texts
}

fn module(file: &str) -> Vec<String> {
    let path = file.strip_prefix("src/").expect("a file of src/");
    let path = path.strip_suffix(".rs").expect("a file of Rust");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// The code without the items that stand behind `#[cfg(test)]`.
fn without_tests(code: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut tokens = code.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let attribute = match (&token, tokens.peek()) {
            (TokenTree::Punct(punct), Some(TokenTree::Group(group))) => {
                punct.as_char() == '#' && group.stream().to_string().replace(' ', "") == "cfg(test)"
            }
            _ => false,
        };
        if attribute {
            // Other attributes and comments of the item stand before it.
            while matches!(kept.last(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket)
                && kept
                    .iter()
                    .rev()
                    .nth(1)
                    .is_some_and(|token| token.to_string() == "#")
            {
                kept.truncate(kept.len() - 2);
            }
            // The item ends with its braces or with a semicolon.
            tokens.next();
            for token in tokens.by_ref() {
                match token {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                    TokenTree::Punct(punct) if punct.as_char() == ';' => break,
                    _ => {}
                }
            }
        } else {
            kept.push(match token {
                TokenTree::Group(group) => {
                    let within = without_tests(group.stream());
                    let mut kept = proc_macro2::Group::new(group.delimiter(), within);
                    kept.set_span(group.span());
                    kept.into()
                }
                other => other,
            });
        }
    }
    kept.into_iter().collect()
}

/// Collects the paths that code names: in `use`, in expressions and types, and in what is handed to macros.
fn collect(code: TokenStream, within: &[String], paths: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut at = 0;
    let mut exported = false;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) if ident == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(group))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                {
                    let inner = [within, &[name.to_string()]].concat();
                    collect(group.stream(), &inner, paths);
                    at += 2;
                }
            }
            TokenTree::Ident(ident) if ident == "use" => exported = is_public(&tokens[..at]),
            TokenTree::Ident(ident) if starts_path(&tokens, at) => {
                let found = paths.len();
                at = tree(&tokens, at, Vec::new(), within, exported, paths);
                // The tree ends behind its last token.
                at -= 1;
                debug_assert!(paths.len() > found, "{ident} starts a path");
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => exported = false,
            TokenTree::Group(group) => collect(group.stream(), within, paths),
            _ => {}
        }
        at += 1;
    }
}

/// Whether `pub` or `pub(crate)` stands at the end.
fn is_public(before: &[TokenTree]) -> bool {
    let last = before.last();
    let last = match last {
        Some(TokenTree::Group(_)) => before.get(before.len().wrapping_sub(2)),
        last => last,
    };
    matches!(last, Some(TokenTree::Ident(ident)) if ident == "pub")
}

/// Whether `name::` stands here and no path goes on here.
fn starts_path(tokens: &[TokenTree], at: usize) -> bool {
    let goes_on = at >= 2 && is_separator(tokens, at - 2);
    let is_method = matches!(tokens.get(at.wrapping_sub(1)), Some(TokenTree::Punct(dot)) if dot.as_char() == '.')
        // `..` begins a range, not a method.
        && !matches!(tokens.get(at.wrapping_sub(2)), Some(TokenTree::Punct(dot)) if dot.as_char() == '.');
    is_separator(tokens, at + 1) && !goes_on && !is_method
}

/// Whether `::` stands here.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Reads a path, or all those of a `use` with groups; returns the index behind it.
fn tree(
    tokens: &[TokenTree],
    mut at: usize,
    mut segments: Vec<String>,
    within: &[String],
    exported: bool,
    paths: &mut Vec<Named>,
) -> usize {
    let mut line = 0;
    let name = |ident: &Ident| ident.to_string();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(ident)) => {
                line = ident.span().start().line;
                segments.push(name(ident));
                at += 1;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut next = 0;
                while next < inner.len() {
                    let before = next;
                    next = tree(&inner, next, segments.clone(), within, exported, paths);
                    // The comma.
                    next = next.max(before) + 1;
                }
                return at + 1;
            }
            _ => break,
        }
        match is_separator(tokens, at) {
            true => at += 2,
            false => break,
        }
    }
    // `{self}` names what stands before it.
    if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
        segments.pop();
    }
    let alias = match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(alias))) if word == "as" => {
            at += 2;
            Some(name(alias))
        }
        _ => None,
    };
    let exported_as = match exported {
        true => alias.or_else(|| segments.last().cloned()),
        false => None,
    };
    if !segments.is_empty() {
        paths.push(Named {
            line,
            segments,
            within: within.to_vec(),
            exported_as,
        });
    }
    at
}
