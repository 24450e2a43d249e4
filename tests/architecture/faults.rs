//! The fault catalogue in `tests/FAULTS.md` names tests that exist and run.

use std::collections::BTreeSet;

use syn::visit::Visit;

use super::source::{Sources, texts};

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
