//! Sets `ROADLAB_VERSION`: the version of the package and, in a release build from its own Git repository, the commit and its
//! date. Other builds leave them out: a change of the commit alone would compile the crate again.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = variable("CARGO_PKG_VERSION");
    let commit = match variable("PROFILE").as_str() {
        "release" => commit(),
        _ => None,
    };
    let version = commit.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo:rustc-env=ROADLAB_VERSION={version}");
    println!("cargo:rerun-if-changed=build.rs");
}

/// Returns the commit and its date; `None` without Git, or if the sources are a part of another repository.
fn commit() -> Option<String> {
    let root = git(&["rev-parse", "--show-toplevel"])?;
    let package = variable("CARGO_MANIFEST_DIR");
    if Path::new(&root).canonicalize().ok()? != Path::new(&package).canonicalize().ok()? {
        return None;
    }
    // Each commit and each checkout writes to the log of HEAD.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["log", "-1", "--format=%h %cs"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

/// Returns a variable that Cargo sets for every build script.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
