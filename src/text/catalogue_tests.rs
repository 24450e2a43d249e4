//! The Korean catalogue fits the texts of the program: none is missing, none is left over, placeholders agree, and no English
//! is left in the Korean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::catalogue::messages;

/// An English template and its plural.
type Template = (String, Option<String>);

/// Returns the templates of all `text!`, `localized!` and `text_plural!` in `src/`, with a file that has them.
fn templates_in_source() -> BTreeMap<Template, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<Template, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                walk(&path, found);
            } else if name.ends_with(".rs") && name != "text.rs" && !name.ends_with("tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let tokens = source.parse::<TokenStream>().unwrap();
                collect(tokens, &path.display().to_string(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    walk(&root, &mut found);
    found
}

/// Collects the templates of a file; test modules do not count.
fn collect(tokens: TokenStream, file: &str, found: &mut BTreeMap<Template, String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].to_string());
        if before(2).as_deref() == Some("mod") && before(1).as_deref() == Some("tests") {
            continue;
        }
        let name = before(2).filter(|_| before(1).as_deref() == Some("!"));
        let mut literals = group.stream().into_iter().filter_map(|token| match token {
            TokenTree::Literal(literal) => string(&literal.to_string()),
            _ => None,
        });
        match name.as_deref() {
            Some("text" | "localized") => {
                if let Some(template) = literals.next() {
                    found.insert((template, None), file.to_owned());
                }
            }
            Some("text_plural") => {
                if let (Some(one), Some(many)) = (literals.next(), literals.next()) {
                    found.insert((one, Some(many)), file.to_owned());
                }
            }
            // The tables of `lab/`: a name or key, and its text.
            Some("mappings" | "rows") => {
                let templates = literals.skip(1).step_by(2);
                found.extend(templates.map(|template| ((template, None), file.to_owned())));
            }
            _ => {}
        }
        collect(group.stream(), file, found);
    }
}

/// Returns the value of a string literal.
fn string(literal: &str) -> Option<String> {
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            '\n' => while rest.next_if(|c| c.is_whitespace()).is_some() {},
            other => out.push(other),
        }
    }
    Some(out)
}

/// Returns the texts of the command line: commands, arguments, headings.
fn texts_of_the_command_line() -> BTreeSet<String> {
    fn walk(command: &clap::Command, found: &mut BTreeSet<String>) {
        let about = command.get_about().map(ToString::to_string);
        if let (Some(long), Some(about)) = (command.get_long_about(), &about) {
            let long = long.to_string();
            let description = long.strip_prefix(about.as_str()).unwrap_or(&long);
            found.insert(description.trim_start().to_owned());
        }
        found.extend(about);
        for arg in command.get_arguments() {
            found.extend(arg.get_help().map(ToString::to_string));
            found.extend(arg.get_help_heading().map(str::to_owned));
        }
        for command in command.get_subcommands() {
            walk(command, found);
        }
    }
    let mut found = BTreeSet::new();
    walk(&crate::cli::command(), &mut found);
    found.extend(crate::cli::table_texts());
    let built_in = ["Usage:", "Examples:", "Options", "Arguments", "Commands"];
    found.extend(built_in.map(str::to_owned));
    found
}

/// Returns every template of the program with where it is from.
fn templates() -> BTreeMap<Template, String> {
    let mut templates = templates_in_source();
    for text in texts_of_the_command_line() {
        templates.insert((text, None), "the command line".to_owned());
    }
    templates.retain(|(template, _), _| has_words(template));
    templates
}

/// Whether there is anything to translate: a letter outside placeholders and code.
fn has_words(template: &str) -> bool {
    without_code(template).chars().any(char::is_alphabetic)
}

/// Removes placeholders and code in back-ticks.
fn without_code(text: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    let mut depth = 0usize;
    for c in text.chars() {
        match c {
            '`' => code = !code,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if !code && depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Returns the names of a template's placeholders.
fn placeholders(template: &str) -> BTreeSet<String> {
    let template = template.replace("{{", "").replace("}}", "");
    let parts = template.split('{').skip(1);
    parts
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}

#[test]
fn every_text_has_a_translation() {
    let known: BTreeSet<Template> = messages()
        .into_iter()
        .filter(|(_, _, korean)| !korean.trim().is_empty())
        .map(|(english, plural, _)| (english, plural))
        .collect();
    let mut missing = String::new();
    for ((english, plural), file) in templates() {
        if known.contains(&(english.clone(), plural.clone())) {
            continue;
        }
        let file = file
            .rsplit_once("/src/")
            .map_or(file.as_str(), |(_, file)| file);
        missing += &format!("\n#: {file}\nmsgid {}\n", quoted(&english));
        missing += &match plural {
            None => "msgstr \"\"\n".to_owned(),
            Some(plural) => format!("msgid_plural {}\nmsgstr[0] \"\"\n", quoted(&plural)),
        };
    }
    assert!(
        missing.is_empty(),
        "add these to src/translations/ko.po and translate them:\n{missing}"
    );
}

#[test]
fn no_translation_is_left_over() {
    let used = templates();
    let stale: Vec<String> = messages()
        .into_iter()
        .filter(|(english, plural, _)| !used.contains_key(&(english.clone(), plural.clone())))
        .map(|(english, _, _)| english)
        .collect();
    assert!(
        stale.is_empty(),
        "remove these from src/translations/ko.po: {stale:#?}"
    );
}

#[test]
fn translations_fill_in_the_same_values() {
    for (english, plural, korean) in messages() {
        let expected = placeholders(&english);
        assert_eq!(placeholders(&korean), expected, "{english}");
        if let Some(plural) = plural {
            assert_eq!(placeholders(&plural), expected, "{english}");
        }
    }
}

#[test]
fn no_english_is_left_in_korean() {
    /// Names, units and words of files and commands that are the same in Korean.
    const NAMES: &[&str] = &[
        "API",
        "CPU",
        "COMMAND",
        "CHOICE",
        "Compose",
        "Ctrl",
        "Docker",
        "EXERCISE",
        "Engine",
        "Enter",
        "GPU",
        "GiB",
        "JSON",
        "JUnit",
        "LAB",
        "MiB",
        "OPTIONS",
        "Redis",
        "SERVICE",
        "SSH",
        "TLS",
        "URL",
        "UTF",
        "XML",
        "cgroup",
        "compinit",
        "compose",
        "doctor",
        "help",
        "id",
        "if",
        "images",
        "json",
        "lab",
        "list",
        "mongosh",
        "ms",
        "man",
        "psql",
        "redis",
        "cli",
        "roadlab",
        "run",
        "s",
        "h",
        "n",
        "q",
        "C",
        "AMQP",
        "BuildKit",
        "Desktop",
        "Linux",
        "WSL",
        "Windows",
        "amd",
        "arm",
        "macOS",
        "ssh",
        "systemd",
        "Debian",
        "HOME",
        "Git",
        "HTTP",
        "ID",
        "JSONPath",
        "LABS",
        "MongoDB",
        "MySQL",
        "N",
        "Podman",
        "PostgreSQL",
        "ROADLAB",
        "SQL",
        "STATE",
        "Ubuntu",
        "Unix",
        "XDG",
        "com",
        "docker",
        "dockerd",
        "docs",
        "engine",
        "https",
        "IP",
        "PEM",
        "install",
        "mmdebstrap",
        "pid",
        "root",
        "tmpfs",
        "ulimit",
        "y",
        "sudo",
        "reboot",
        "tar",
        "unix",
        "up",
        "v",
        "x",
        "yaml",
        "en",
        "ko",
        "m",
        "labs",
        "my",
        "secrets",
        "F",
        "S",
        "Escape",
        "Tab",
    ];
    let mut left = Vec::new();
    for (english, _, korean) in messages() {
        let words = without_code(&korean);
        let words = words.split(|c: char| !c.is_ascii_alphabetic());
        // A duration in an example, such as `90m`, leaves its unit.
        let foreign: Vec<&str> = words
            .filter(|word| !word.is_empty() && !NAMES.contains(word))
            .filter(|word| !english.contains(&format!("--{word}")))
            .collect();
        if !foreign.is_empty() {
            left.push(format!("{foreign:?} in {korean}"));
        }
    }
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn particles_are_written_in_one_form() {
    for (english, _, korean) in messages() {
        for wrong in [
            "를(을)",
            "가(이)",
            "는(은)",
            "과(와)",
            "으로(로)",
            "로(으로)",
        ] {
            assert!(!korean.contains(wrong), "{wrong} of {english}");
        }
    }
}
