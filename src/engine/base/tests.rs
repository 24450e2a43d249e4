use super::*;

#[test]
fn release_is_read_from_the_name_of_the_image() {
    for (image, expected) in [
        ("debian:bookworm-slim", Some(Suite::Bookworm)),
        ("debian:trixie-slim", Some(Suite::Trixie)),
        ("debian:trixie", Some(Suite::Trixie)),
        ("debian:12-slim", Some(Suite::Bookworm)),
        ("docker.io/library/debian:13", Some(Suite::Trixie)),
        ("library/debian:13", Some(Suite::Trixie)),
        ("debian", None),
        ("debian:sid", None),
        ("debian:bookworm-slim-x", None),
        ("debian:bookworm@sha256:00", None),
        ("ubuntu:24.04", None),
        ("other/debian:bookworm", None),
        ("example.org/debian:bookworm", None),
        ("", None),
    ] {
        assert_eq!(suite(image), expected, "{image}");
    }
}

#[test]
fn created_image_has_a_name_that_is_no_release() {
    assert_eq!(local_name(Suite::Trixie), "roadlab/debian:trixie");
    assert_eq!(suite(&local_name(Suite::Trixie)), None);
}

#[test]
fn root_needs_namespaces_and_a_user_does_not() {
    let user = command(Suite::Trixie, Path::new("/w/base.tar"), Privileges::User);
    assert_eq!(user.first().unwrap(), "mmdebstrap");
    assert_eq!(user[user.len() - 2..], ["trixie", "/w/base.tar"]);
    let root = command(Suite::Trixie, Path::new("/w/base.tar"), Privileges::Root);
    assert!(root.ends_with(&user));
    for needed in ["--pdeathsig=KILL", "--mount", "--pid", "--kill-child"] {
        assert!(root.iter().any(|word| word == needed), "{needed}");
    }
    let mirrors = root.iter().filter(|word| word.contains("://"));
    assert_eq!(mirrors.count(), 0);
}

#[test]
fn work_folder_is_removed_with_its_owner_and_a_left_one_by_a_sweep() {
    let parent = tempfile::tempdir().unwrap();
    let count = || std::fs::read_dir(parent.path()).unwrap().count();
    let place = WorkFolder::new(parent.path()).unwrap();
    std::fs::create_dir(place.path.join("root")).unwrap();
    std::fs::create_dir(parent.path().join("another")).unwrap();

    sweep(parent.path());
    assert!(place.path.join("root").exists(), "in use");

    let left = parent.path().join(format!("{PREFIX}left"));
    std::fs::create_dir(&left).unwrap();
    File::create(left.join(LOCK)).unwrap();
    sweep(parent.path());
    assert!(!left.exists());
    assert_eq!(count(), 2);

    drop(place);
    finish_removals();
    assert_eq!(count(), 1);
}

/// Nothing in `/proc` can be removed, so the removal takes all of its attempts.
#[test]
fn removal_that_takes_long_does_not_block_the_owner() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lock = file.reopen().unwrap();
    lock.lock().unwrap();
    drop(WorkFolder {
        path: PathBuf::from("/proc/self/fdinfo"),
        lock: Some(lock),
    });
    assert!(file.as_file().try_lock().is_err(), "still being removed");
}
