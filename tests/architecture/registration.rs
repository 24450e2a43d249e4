//! Every test is registered, and every file of tests is a module.

use super::source::texts;

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
