//! The base images that roadlab creates with `mmdebstrap` where none can be pulled.

use std::collections::BTreeMap;
use std::fs::File;

use roadlab::engine::base::{Suite, finish_removals, make};
use tokio::sync::Notify;

#[apply(mmdebstrap_test)]
async fn base_images_are_created_and_a_cancelled_one_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let entries = || std::fs::read_dir(parent.path()).unwrap().count();
    // Cancelled in the middle: a whole image prints more lines than this.
    let (middle, mut lines) = (Notify::new(), 0);
    let mut on_line = |_: &str| {
        lines += 1;
        if lines == 5 {
            middle.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = middle.notified() => {}
        made = make(Suite::Trixie, parent.path(), &mut on_line) => panic!("not cancelled: {made:?}"),
    }
    finish_removals();
    assert_eq!(entries(), 0);
    let path = parent.path().to_string_lossy().into_owned();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(&path));

    for suite in [Suite::Bookworm, Suite::Trixie] {
        let mut lines = 0;
        let tar = make(suite, parent.path(), &mut |_| lines += 1)
            .await
            .unwrap();
        let size = std::fs::metadata(tar.path()).unwrap().len();
        assert!(
            (50_000_000..95_000_000).contains(&size),
            "{suite:?}: {size} bytes"
        );
        assert!(lines > 5);

        let mut modes = BTreeMap::new();
        let mut archive = tar::Archive::new(File::open(tar.path()).unwrap());
        for entry in archive.entries().unwrap().map(|entry| entry.unwrap()) {
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            modes.insert(name, entry.header().mode().unwrap());
        }
        let mode = |name: &str| modes.get(name).copied();
        assert_eq!(mode("./usr/sbin/policy-rc.d"), Some(0o755));
        assert_eq!(mode("./usr/bin/tini"), Some(0o755));
        assert_eq!(mode("./etc/hostname"), None, "the name of this machine");
        assert_eq!(mode("./etc/resolv.conf"), None);
    }
    finish_removals();
    assert_eq!(entries(), 0);
}
