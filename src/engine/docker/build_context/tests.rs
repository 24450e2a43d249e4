//! Tests of what a context contains, what it refuses, and when its digest changes.

use std::os::unix::fs::symlink;

use super::*;
use crate::engine::docker::fixture;

fn folder() -> (tempfile::TempDir, Build) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    fs::create_dir(dir.path().join("bin")).unwrap();
    fs::write(dir.path().join("bin/run"), "#!/bin/sh\n").unwrap();
    let build = fixture::build(dir.path());
    (dir, build)
}

fn listing(build: &Build) -> Vec<String> {
    let mut file = pack_all(build).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    let mut archive = tar::Archive::new(file);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (0, 0));
        let link = entry
            .link_name()
            .unwrap()
            .map(|to| format!(" -> {}", to.display()));
        format!(
            "{:o} {}{}",
            header.mode().unwrap(),
            entry.path().unwrap().display(),
            link.unwrap_or_default()
        )
    });
    entries.collect()
}

#[test]
fn context_is_packed_in_order_with_links_and_execute_bits() {
    let (dir, mut build) = folder();
    let run = dir.path().join("bin/run");
    fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).unwrap();
    symlink("../Dockerfile", dir.path().join("bin/back")).unwrap();
    symlink("not-there-yet", dir.path().join("dangling")).unwrap();
    build.extra.insert("certs/ca.crt".into(), b"CA".to_vec());
    assert_eq!(
        listing(&build),
        [
            "644 Dockerfile",
            "755 bin",
            "777 bin/back -> ../Dockerfile",
            "755 bin/run",
            "777 dangling -> not-there-yet",
            "644 certs/ca.crt",
        ]
    );
}

#[test]
fn paths_in_dockerignore_are_left_out_except_the_dockerfile() {
    let (dir, build) = folder();
    fs::write(dir.path().join("notes.md"), "x").unwrap();
    fs::write(
        dir.path().join(".dockerignore"),
        "# c\n\nbin/\n./notes.md\nDockerfile\n",
    )
    .unwrap();
    assert_eq!(listing(&build), ["644 .dockerignore", "644 Dockerfile"]);
    fs::write(dir.path().join("bin/keep"), "x").unwrap();
    let patterns = "bin\n*.md\n.dockerignore\n!bin/keep\n";
    fs::write(dir.path().join(".dockerignore"), patterns).unwrap();
    assert_eq!(listing(&build), ["644 Dockerfile", "644 bin/keep"]);
    fs::write(dir.path().join(".dockerignore"), "bin\n[z-a]\n").unwrap();
    let error = pack_all(&build).unwrap_err().to_string();
    assert!(
        error.ends_with(".dockerignore:2: invalid pattern `[z-a]`"),
        "{error}"
    );
}

#[test]
fn links_out_of_the_folder_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "x").unwrap();
    let secret = outside.path().join("secret");
    let up = Path::new("../../other");
    for target in [Path::new("/"), Path::new("/etc/passwd"), up, &secret] {
        let (dir, build) = folder();
        symlink(target, dir.path().join("bin/out")).unwrap();
        let error = pack_all(&build).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("bin/out leads out of the folder"),
            "{error}"
        );
        assert!(digest(&build).is_err());
    }
}

#[test]
fn sockets_and_missing_dockerfiles_are_refused() {
    let (dir, build) = folder();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
    let error = pack_all(&build).unwrap_err().to_string();
    assert!(error.contains("neither a file"), "{error}");
    let (_dir, mut build) = folder();
    build.dockerfile = "Other".into();
    let error = pack_all(&build).unwrap_err().to_string();
    assert!(error.starts_with("no file `Other` in "), "{error}");
}

#[test]
fn context_that_is_too_large_is_refused_before_it_is_read() {
    let (dir, build) = folder();
    let big = File::create(dir.path().join("big")).unwrap();
    big.set_len(MAX_SIZE + 1).unwrap();
    let error = pack_all(&build).unwrap_err().to_string();
    assert!(error.contains("at most 256 MiB"), "{error}");
}

#[test]
fn added_files_cannot_leave_the_context() {
    let (_dir, mut build) = folder();
    build.extra.insert("../x".into(), Vec::new());
    assert!(pack_all(&build).is_err());
}

#[test]
fn digest_is_the_same_for_the_same_contents() {
    let ((_a, one), (_b, mut two)) = (folder(), folder());
    two.tag = "y".into();
    two.extra.insert("ca.crt".into(), b"CA".to_vec());
    let expected = digest(&one).unwrap();
    assert_eq!(expected.len(), 12);
    assert_eq!(digest(&two).unwrap(), expected);
}

#[test]
fn digest_changes_with_everything_that_is_built() {
    type Change = fn(&Path, &mut Build);
    let changes: [Change; 8] = [
        |dir, _| fs::write(dir.join("bin/run"), "#!/bin/bash\n").unwrap(),
        |dir, _| {
            fs::set_permissions(dir.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap()
        },
        |dir, _| fs::rename(dir.join("bin/run"), dir.join("bin/go")).unwrap(),
        |dir, _| fs::create_dir(dir.join("empty")).unwrap(),
        |dir, _| symlink("run", dir.join("bin/link")).unwrap(),
        |_, build| drop(build.args.insert("A".into(), "1".into())),
        |_, build| build.target = Some("base".into()),
        |dir, build| {
            fs::write(dir.join("Other"), "FROM scratch\n").unwrap();
            build.dockerfile = "Other".into();
        },
    ];
    let (_dir, plain) = folder();
    let mut seen = std::collections::BTreeSet::from([digest(&plain).unwrap()]);
    for (at, change) in changes.iter().enumerate() {
        let (dir, mut build) = folder();
        change(dir.path(), &mut build);
        assert!(
            seen.insert(digest(&build).unwrap()),
            "change {at} does not change the digest"
        );
    }
}
