//! A build and its tests use the same dependencies with the same features, so that nothing is compiled twice: `cargo test` after
//! `cargo run` compiles only what tests need in addition.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The sets of features of each package and version that a kind of build uses, by `cargo tree`.
type Features = BTreeMap<String, BTreeSet<String>>;

fn features(edges: &str) -> Features {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--format", "{p} [{f}]", "--edges", edges])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs the tests");
    assert!(output.status.success(), "{output:?}");
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// Reads lines such as `libc v0.2.191 [default,std]`; a package that was shown before ends in ` (*)`.
fn parse(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines() {
        let line = line.trim_end_matches(" (*)");
        if let Some((package, set)) = line.rsplit_once(" [") {
            let set = set.trim_end_matches(']').to_owned();
            features.entry(package.to_owned()).or_default().insert(set);
        }
    }
    features
}

/// The packages that a build uses with features that they do not have in its tests.
fn compiled_twice(build: &Features, tests: &Features) -> Vec<String> {
    let differs = |(package, sets): (&String, &BTreeSet<String>)| {
        let same = tests.get(package).is_some_and(|all| sets.is_subset(all));
        (!same).then(|| format!("{package}: {sets:?}, in tests {:?}", tests.get(package)))
    };
    build.iter().filter_map(differs).collect()
}

#[apply(test)]
fn nothing_is_compiled_a_second_time_for_tests() {
    let build = features("normal,build");
    let tests = features("normal,build,dev");
    assert!(build.len() > 100 && tests.len() > build.len());
    assert_eq!(compiled_twice(&build, &tests), [""; 0]);
}

#[apply(test)]
fn a_feature_that_only_tests_need_is_found() {
    let build = parse("libc v0.2.1 [std]\nserde v1.0.0 [std]\nserde v1.0.0 [std] (*)");
    let tests = parse("libc v0.2.1 [extra_traits,std]\nserde v1.0.0 [std]\nsyn v3.0.0 [full]");
    let found = compiled_twice(&build, &tests);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("libc v0.2.1"), "{found:?}");
}
