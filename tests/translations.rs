//! Every text of the program exists in every language, with the same placeholders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LANGUAGES: [&str; 2] = ["en", "ko"];

/// Texts by key and language.
type Words = BTreeMap<String, BTreeMap<String, String>>;

fn words() -> Words {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/words");
    let mut words = Words::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let text = fs::read_to_string(entry.expect("readable").path()).expect("readable");
        let tree: serde_json::Value = serde_yaml::from_str(&text).expect("YAML");
        collect(&tree, "", &mut words);
    }
    words
}

fn collect(tree: &serde_json::Value, key: &str, words: &mut Words) {
    let Some(map) = tree.as_object() else { return };
    for (name, below) in map {
        match below.as_str() {
            Some(text) => {
                let texts = words.entry(key.to_owned()).or_default();
                let twice = texts.insert(name.clone(), text.to_owned());
                assert_eq!(twice, None, "{key} is defined twice in {name}");
            }
            None if key.is_empty() => collect(below, name, words),
            None => collect(below, &format!("{key}.{name}"), words),
        }
    }
}

/// The names of the placeholders: `%{name}`.
fn filled(text: &str) -> BTreeSet<&str> {
    let parts = text.split("%{").skip(1);
    parts
        .filter_map(|part| part.split_once('}').map(|(name, _)| name))
        .collect()
}

/// The keys that the source uses: `t!("a.b"`.
fn used() -> BTreeSet<String> {
    fn walk(folder: &Path, keys: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, keys);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("readable");
                for (at, _) in text.match_indices("t!(") {
                    // `format!(` and its like end in `t!(` too.
                    let before = text[..at].chars().next_back();
                    let rest = text[at + 3..].trim_start();
                    if let Some(rest) = rest.strip_prefix('"')
                        && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                    {
                        keys.extend(rest.split_once('"').map(|(key, _)| key.to_owned()));
                    }
                }
            }
        }
    }
    let mut keys = BTreeSet::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut keys,
    );
    keys
}

#[apply(test)]
fn every_text_is_translated_with_the_same_placeholders() {
    let mut wrong = Vec::new();
    for (key, texts) in words() {
        for language in LANGUAGES {
            match texts.get(language) {
                None => wrong.push(format!("{key} has no {language}")),
                Some(text) if text.trim().is_empty() => {
                    wrong.push(format!("{key} is empty in {language}"))
                }
                Some(text) if filled(text) != filled(&texts["en"]) => {
                    wrong.push(format!("{key} fills in other values in {language}"));
                }
                Some(_) => {}
            }
        }
        if texts.len() != LANGUAGES.len() {
            wrong.push(format!("{key}: {:?}", texts.keys()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[apply(test)]
fn the_catalogue_has_exactly_the_texts_that_are_used() {
    let there: BTreeSet<String> = words()
        .into_keys()
        .filter(|key| key != "_version")
        .collect();
    assert_eq!(there, used());
}
