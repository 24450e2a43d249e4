use super::*;

#[test]
fn the_release_is_read_from_the_image_s_name() {
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
        ("somebody/debian:bookworm", None),
        ("example.org/debian:bookworm", None),
        ("", None),
    ] {
        assert_eq!(suite(image), expected, "{image}");
    }
}

#[test]
fn what_is_made_has_a_name_of_our_own_that_is_no_release() {
    assert_eq!(local_name(Suite::Trixie), "roadlab/debian:trixie");
    assert_eq!(suite(&local_name(Suite::Trixie)), None);
}

#[test]
fn root_works_in_namespaces_of_its_own_and_a_user_needs_none() {
    let user = command(Suite::Trixie, Path::new("/w/base.tar"), Rights::User);
    assert_eq!(user.first().unwrap(), "mmdebstrap");
    assert_eq!(user[user.len() - 2..], ["trixie", "/w/base.tar"]);
    let root = command(Suite::Trixie, Path::new("/w/base.tar"), Rights::Root);
    assert!(root.ends_with(&user));
    for needed in ["--pdeathsig=KILL", "--mount", "--pid", "--kill-child"] {
        assert!(root.iter().any(|word| word == needed), "{needed}");
    }
    let mirrors = root.iter().filter(|word| word.contains("://"));
    assert_eq!(mirrors.count(), 0);
}

#[test]
fn a_workplace_goes_with_its_owner_and_one_left_behind_is_swept() {
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
    assert_eq!(count(), 1);
}

/// Really makes both; prints time and size. Wants root, `mmdebstrap` and a mirror.
#[tokio::test]
#[ignore = "downloads Debian twice; run as root with --ignored"]
async fn real_bases_are_made_and_a_dropped_one_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let entries = || std::fs::read_dir(parent.path()).unwrap().count();
    let soon = Duration::from_secs(6);
    let dropped = timeout(soon, make(Suite::Trixie, parent.path(), &mut |_| {})).await;
    assert!(dropped.is_err(), "still at work after {soon:?}");
    assert_eq!(entries(), 0);
    let here = parent.path().to_string_lossy().into_owned();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(&here));

    for (suite, most) in [(Suite::Bookworm, 95_000_000), (Suite::Trixie, 95_000_000)] {
        let mut lines = 0;
        let tar = make(suite, parent.path(), &mut |_| lines += 1)
            .await
            .unwrap();
        let size = std::fs::metadata(tar.path()).unwrap().len();
        assert!(size > 50_000_000 && size < most, "{suite:?}: {size} bytes");
        assert!(lines > 5);

        let mut modes = std::collections::BTreeMap::new();
        let mut archive = tar::Archive::new(File::open(tar.path()).unwrap());
        for entry in archive.entries().unwrap().map(|entry| entry.unwrap()) {
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            modes.insert(name, entry.header().mode().unwrap());
        }
        let mode = |name: &str| modes.get(name).copied();
        assert_eq!(mode("./usr/sbin/policy-rc.d"), Some(0o755));
        assert_eq!(mode("./usr/bin/tini"), Some(0o755));
        assert_eq!(mode("./etc/hostname"), None, "the machine's own name");
        assert_eq!(mode("./etc/resolv.conf"), None);
    }
    assert_eq!(entries(), 0);
}
