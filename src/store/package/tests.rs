use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::lab::load;
use crate::store::RecordingFs;

const LAB: &str = "labs/x/lab.yaml";

/// A tar file that is written entry by entry.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn file(self, path: &str, content: &str) -> Self {
        let header = header(path, content.len() as u64, false).unwrap();
        self.entry(&header, content)
    }

    fn entry(mut self, header: &tar::Header, content: &str) -> Self {
        self.0.extend(header.as_bytes());
        self.0.extend(content.as_bytes());
        let pad = padding(content.len() as u64);
        self.0.extend(std::iter::repeat_n(0, pad));
        self
    }

    /// Ends it as a package.
    fn package(mut self) -> Vec<u8> {
        let end = trailer(&digest(&self.0));
        self.0.extend(end);
        self.0
    }
}

fn manifest_of(files: &[(&str, &str)]) -> Value {
    let files = files.iter().map(|(path, content)| {
        let about = json!({ "size": content.len(), "sha256": digest(content.as_bytes()) });
        ((*path).to_owned(), about)
    });
    json!({
        "format": 1, "written_by": "a test", "lab": "x", "version": null,
        "files": files.collect::<serde_json::Map<_, _>>(),
    })
}

/// A package that begins with a manifest and goes on as given.
fn with(manifest: &Value, more: impl FnOnce(Bytes) -> Bytes) -> Vec<u8> {
    more(Bytes::default().file(MANIFEST, &manifest.to_string())).package()
}

async fn open(bytes: &[u8]) -> Result<Package> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.lab");
    std::fs::write(&path, bytes).unwrap();
    Package::open(&path, &|_| {}).await
}

#[track_caller]
fn assert_refused(result: Result<Package>, expected: &str) {
    match result.unwrap_err() {
        PackageError::Refused { reason, .. } => assert_eq!(reason.localized(), expected),
        error => panic!("{error}"),
    }
}

/// The tiny lab of the tests with its part of the catalogue.
fn tiny(folder: &Path) -> PathBuf {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => copy(&entry.path(), &target),
                false => drop(std::fs::copy(entry.path(), target).unwrap()),
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&root.join("tests/labs/tiny"), &folder.join("labs/tiny"));
    copy(&root.join("compose/redis"), &folder.join("compose/redis"));
    folder.join("labs/tiny")
}

async fn packed(folder: &Path) -> Vec<u8> {
    let files = RecordingFs::default();
    let lab = load(&tiny(folder), &files).unwrap().lab;
    let tree = LabTree::collect(&lab, &files.files()).unwrap();
    let manifest = Manifest::new(lab.id, None, tree.describe().await.unwrap());
    let path = folder.join("tiny.lab");
    let file = std::fs::File::create(&path).unwrap();
    let written = write_package(file, &path, &manifest, &tree, None, &|_| {}).await;
    written.unwrap();
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn a_lab_is_unpacked_as_it_was_with_its_part_of_the_catalogue() {
    let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes = packed(folder.path()).await;
    assert_eq!(
        packed(folder.path()).await,
        bytes,
        "the same lab, the same file"
    );
    let package = open(&bytes).await.unwrap();
    package.unpack(target.path()).await.unwrap();
    for path in ["labs/tiny/lab.yaml", "compose/redis/entrypoint.sh"] {
        let content = |folder: &Path| std::fs::read(folder.join(path)).unwrap();
        assert_eq!(content(target.path()), content(folder.path()), "{path}");
    }
    let mode = |path: &str| {
        let about = std::fs::metadata(target.path().join(path)).unwrap();
        std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o777
    };
    assert_eq!(mode("compose/redis/entrypoint.sh"), 0o755);
    assert_eq!(mode("labs/tiny/lab.yaml"), 0o644);
    assert_eq!(mode("labs/tiny"), 0o755);
    assert!(load(&target.path().join("labs/tiny"), &RecordingFs::default()).is_ok());
}

#[tokio::test]
async fn a_changed_missing_or_further_byte_is_refused_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = packed(folder.path()).await;
    let changed = "it was changed, or is damaged or incomplete; get it again";
    // Not in the first block, which says that it is a package at all; and not every byte, which would take minutes.
    for at in (BLOCK..bytes.len()).step_by(211) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert_refused(open(&bytes).await, changed);
    }
    for length in [bytes.len() - 1, bytes.len() - BLOCK, bytes.len() / 2] {
        assert_refused(open(&bytes[..length]).await, changed);
    }
    let more = [bytes.as_slice(), &[0; BLOCK]].concat();
    assert_refused(open(&more).await, changed);
}

#[tokio::test]
async fn what_is_no_package_is_not_taken_for_one() {
    let plain = Bytes::default().file("a.txt", "a").0;
    for bytes in [&b""[..], b"words", &plain, &[0; 4096]] {
        let opened = open(bytes).await;
        assert!(
            matches!(opened, Err(PackageError::NotAPackage { .. })),
            "{opened:?}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let opened = Package::open(folder.path(), &|_| {}).await;
    assert!(matches!(opened, Err(PackageError::NotAPackage { .. })));
    let mut newer = manifest_of(&[(LAB, "a")]);
    newer["format"] = json!(2);
    let opened = open(&with(&newer, |bytes| bytes.file(LAB, "a"))).await;
    assert!(matches!(opened, Err(PackageError::Newer { format: 2, .. })));
}

#[tokio::test]
async fn a_sound_package_is_opened() {
    let manifest = manifest_of(&[(LAB, "a")]);
    let opened = open(&with(&manifest, |bytes| bytes.file(LAB, "a"))).await;
    assert_eq!(opened.unwrap().manifest.lab.as_str(), "x");
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused() {
    for path in [
        "labs/x/../../etc/cron.d/x",
        "/etc/passwd",
        "labs/y/lab.yaml",
        "labs/x/./a",
        "labs/x//a",
        "compose/../labs/x/a",
        "home/a",
    ] {
        let manifest = manifest_of(&[(LAB, "a"), (path, "b")]);
        let opened = open(&with(&manifest, |bytes| bytes.file(LAB, "a"))).await;
        assert_refused(opened, &format!("`{path}` leads out of the lab"));
    }
    let manifest = manifest_of(&[(LAB, "a"), ("labs/x/lab.yaml/b", "b")]);
    let opened = open(&with(&manifest, |bytes| bytes.file(LAB, "a"))).await;
    assert_refused(opened, "`labs/x/lab.yaml` is a file and a folder");
    // The entry leads elsewhere, and not the manifest.
    let manifest = manifest_of(&[(LAB, "a")]);
    let mut other = header("labs/x/aaaaaaaa", 1, false).unwrap();
    other.as_mut_bytes()[..15].copy_from_slice(b"../../etc/crons");
    other.set_cksum();
    let opened = open(&with(&manifest, |bytes| bytes.entry(&other, "a"))).await;
    assert_refused(opened, "`../../etc/crons` leads out of the lab");
}

#[tokio::test]
async fn links_and_devices_are_refused() {
    let manifest = manifest_of(&[(LAB, "")]);
    for (kind, expected) in [
        (
            tar::EntryType::Symlink,
            "`labs/x/lab.yaml` is a link, and it may contain files only",
        ),
        (
            tar::EntryType::Link,
            "`labs/x/lab.yaml` is a link, and it may contain files only",
        ),
        (
            tar::EntryType::Char,
            "`labs/x/lab.yaml` is not a regular file, and it may contain nothing else",
        ),
        (
            tar::EntryType::Fifo,
            "`labs/x/lab.yaml` is not a regular file, and it may contain nothing else",
        ),
        (
            tar::EntryType::GNULongName,
            "`labs/x/lab.yaml` is not a regular file, and it may contain nothing else",
        ),
        (
            tar::EntryType::Directory,
            "`labs/x/lab.yaml` is not a regular file, and it may contain nothing else",
        ),
    ] {
        let mut header = header(LAB, 0, false).unwrap();
        header.set_entry_type(kind);
        header.set_link_name("/etc/passwd").unwrap();
        header.set_cksum();
        let opened = open(&with(&manifest, |bytes| bytes.entry(&header, ""))).await;
        assert_refused(opened, expected);
    }
}

#[tokio::test]
async fn entries_are_those_of_the_manifest_each_once() {
    let manifest = manifest_of(&[(LAB, "a")]);
    let twice = |bytes: Bytes| bytes.file(LAB, "a").file(LAB, "b");
    let opened = open(&with(&manifest, twice)).await;
    assert_refused(
        opened,
        "`labs/x/lab.yaml` is in it twice, or not at its place",
    );
    let more = |bytes: Bytes| bytes.file(LAB, "a").file("labs/x/b", "b");
    assert_refused(
        open(&with(&manifest, more)).await,
        "`labs/x/b` is not in its manifest",
    );
    assert_refused(
        open(&with(&manifest, |bytes| bytes)).await,
        "`labs/x/lab.yaml` is missing",
    );
    let other = |bytes: Bytes| bytes.file(LAB, "b");
    let opened = open(&with(&manifest, other)).await;
    assert_refused(opened, "`labs/x/lab.yaml` is not what the manifest lists");
    let bare = |mut bytes: Bytes| {
        bytes = bytes.file(LAB, "a");
        bytes.0.extend([7; BLOCK]);
        bytes
    };
    let opened = open(&with(&manifest, bare)).await;
    assert_refused(opened, "it has bytes that belong to no file");
    let none = manifest_of(&[("labs/x/a", "a")]);
    let opened = open(&with(&none, |bytes| bytes.file("labs/x/a", "a"))).await;
    assert_refused(opened, "it contains no lab");
}

#[tokio::test]
async fn huge_sizes_are_refused_before_memory_is_used() {
    let too_large = "it is too large: a lab has at most 10000 files and 256 MiB beside its images";
    for size in [u64::MAX, 1 << 40, MAX_BYTES] {
        let mut manifest = manifest_of(&[(LAB, "a"), ("labs/x/b", "b")]);
        manifest["files"]["labs/x/b"]["size"] = json!(size);
        let opened = open(&with(&manifest, |bytes| bytes.file(LAB, "a"))).await;
        assert_refused(opened, too_large);
    }
    let names: Vec<String> = (0..=MAX_FILES).map(|at| format!("labs/x/{at}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_refused(
        open(&with(&manifest_of(&many), |bytes| bytes)).await,
        too_large,
    );
    // The header promises more than there is.
    let manifest = manifest_of(&[(LAB, "a")]);
    let mut huge = header(LAB, 1, false).unwrap();
    huge.set_size(1 << 62);
    huge.set_cksum();
    let opened = open(&with(&manifest, |bytes| bytes.entry(&huge, "a"))).await;
    assert_refused(
        opened,
        "the size of `labs/x/lab.yaml` differs from the manifest",
    );
    let mut first = header(MANIFEST, 1, false).unwrap();
    first.set_size(1 << 62);
    first.set_cksum();
    let opened = open(&Bytes::default().entry(&first, "{").package()).await;
    assert_refused(opened, "its manifest is not a file of a few MiB");
}

/// Saved images with the layers of an engine of the first kind: a folder for each layer, of which the second is a link.
fn saved() -> Vec<u8> {
    let mut link = header("two/layer.tar", 0, false).unwrap();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_link_name("../one/layer.tar").unwrap();
    link.set_cksum();
    let list = json!([
        { "Config": "a.json", "RepoTags": ["redis:8.0"], "Layers": ["one/layer.tar"] },
        { "Config": "b.json", "RepoTags": ["docker.io/library/app:1"], "Layers": ["two/layer.tar", "three/layer.tar"] },
    ]);
    Bytes::default()
        .file("one/layer.tar", "first layer")
        .entry(&link, "")
        .file("three/layer.tar", "third layer")
        .file("a.json", "{\"a\": 1}")
        .file("b.json", "{\"b\": 1}")
        .file("repositories", "{}")
        .file("manifest.json", &list.to_string())
        .0
}

/// Packs saved images, changes the result and checks it.
async fn repacked(change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Result<BTreeMap<String, String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.tar");
    std::fs::write(&path, saved()).unwrap();
    let wanted = BTreeMap::from([
        (
            "redis:8.0".to_owned(),
            format!("sha256:{}", digest(b"{\"a\": 1}")),
        ),
        ("app:1".to_owned(), "sha256:of-another-kind".to_owned()),
    ]);
    let target = folder.path().join("packed.tar");
    let mut output = std::fs::File::create_new(&target).unwrap();
    let names = pack_images(&path, &wanted, &mut output).await?;
    let bytes = change(std::fs::read(&target).unwrap());
    std::fs::write(&target, bytes).unwrap();
    let file = std::fs::File::open(&target).unwrap();
    check_images(&target, &file, 0, names.values().map(String::as_str))?;
    Ok(names)
}

#[tokio::test]
async fn images_get_names_that_contain_their_digest_and_shared_layers_are_there_once() {
    let names = repacked(|bytes| {
        let mut entries = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            entries.push(entry.unwrap().path().unwrap().display().to_string());
        }
        let config = |content: &str| format!("{}.json", digest(content.as_bytes()));
        let mut configs = [config("{\"a\": 1}"), config("{\"b\": 1}")];
        configs.sort();
        let [one, two] = configs;
        let expected = [
            "manifest.json",
            &one,
            &two,
            "layer-0001.tar",
            "layer-0002.tar",
        ];
        assert_eq!(entries.len(), expected.len(), "{entries:?}");
        assert!(
            expected
                .iter()
                .all(|path| entries.iter().any(|it| it == path)),
            "{entries:?}"
        );
        bytes
    });
    let names = names.await.unwrap();
    let redis = format!("{PACKED}redis:{}", &digest(b"{\"a\": 1}")[..32]);
    assert_eq!(names["redis:8.0"], redis);
    assert!(names["app:1"].starts_with("roadlab-packed/app:"));
}

#[tokio::test]
async fn images_under_other_names_and_surplus_files_are_refused() {
    async fn check(change: impl FnOnce(Vec<u8>) -> Vec<u8>, expected: &str) {
        match repacked(change).await.unwrap_err() {
            PackageError::Refused { reason, .. } => assert_eq!(reason.localized(), expected),
            error => panic!("{error}"),
        }
    }
    // The name of an image that another lab uses, with the same length.
    let rename = |bytes: Vec<u8>| {
        let from = format!("{PACKED}redis:{}", &digest(b"{\"a\": 1}")[..32]);
        let to = format!("redis:8.0{}", "x".repeat(from.len() - 9));
        let at = bytes
            .windows(from.len())
            .position(|part| part == from.as_bytes());
        let mut bytes = bytes;
        bytes[at.unwrap()..][..to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let name = format!("redis:8.0{}", "x".repeat(PACKED.len() + 6 + 32 - 9));
    check(rename, &format!("image `{name}` is not what its name says")).await;
    let append = |path: &'static str| {
        move |bytes: Vec<u8>| {
            let body = bytes[..bytes.len() - 2 * BLOCK].to_vec();
            // Written into the header itself, which does not take `..`.
            let mut header = header("x", 2, false).unwrap();
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            Bytes(body).entry(&header, "[]").0
        }
    };
    check(
        append("index.json"),
        "its images have files that belong to no image",
    )
    .await;
    check(
        append("./manifest.json"),
        "its images have `manifest.json` twice",
    )
    .await;
    check(
        append("x/../manifest.json"),
        "its images have `manifest.json` twice",
    )
    .await;
}

/// A package with these images, which begin with this list.
fn with_images(name: &str, images: &str) -> Vec<u8> {
    let mut manifest = manifest_of(&[(LAB, "a")]);
    manifest["images"] = json!({
        "size": images.len(), "sha256": digest(images.as_bytes()), "platform": "linux/amd64",
        "services": { "db": { "name": name, "original": "redis:8" } },
    });
    with(&manifest, |bytes| bytes.file(LAB, "a").file(IMAGES, images))
}

#[tokio::test]
async fn images_of_other_names_or_other_contents_are_refused() {
    let config = "{\"a\": 1}";
    let hash = digest(config.as_bytes());
    let short = &hash[..32];
    let right = format!("{PACKED}redis:{short}");
    for name in [
        "redis:8",
        "roadlab/redis:0a1b",
        &hash,
        &format!("{PACKED}redis"),
        &format!("{PACKED}redis:8"),
        &format!("{PACKED}redis:{hash}"),
        &format!("{PACKED}redis:{}", short.to_uppercase()),
        &format!("{PACKED}x/redis:{short}"),
        &format!("{PACKED}:{short}"),
        &format!("x/{right}"),
        &format!("{right}\n"),
    ] {
        let expected = format!(
            "unexpected image name `{}` in a lab file",
            name.escape_debug()
        );
        assert_refused(open(&with_images(name, "x")).await, &expected);
    }
    let archive = |config: &str| {
        let list = json!([{ "Config": format!("{hash}.json"), "RepoTags": [right], "Layers": [] }]);
        let bytes = Bytes::default().file(MANIFEST, &list.to_string());
        let mut bytes = bytes.file(&format!("{hash}.json"), config).0;
        bytes.extend([0; 2 * BLOCK]);
        String::from_utf8(bytes).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    for (images, expected) in [
        (archive(config), None),
        (
            archive("{\"a\": 2}"),
            Some(format!("image `{right}` is not what its name says")),
        ),
        (
            archive(config).replace(&right, &right.replace("redis", "mysql")),
            Some("its images are not those that the manifest lists".to_owned()),
        ),
    ] {
        let path = folder.path().join("x.lab");
        std::fs::write(&path, with_images(&right, &images)).unwrap();
        let package = Package::open(&path, &|_| {}).await.unwrap();
        assert!(Package::is_at(&path));
        let reason = match package.check_images().await {
            Ok(()) => None,
            Err(PackageError::Refused { reason, .. }) => Some(reason.localized()),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(reason, expected);
    }
    assert!(is_packed_image(&right, &format!("sha256:{hash}"), None));
    assert!(is_packed_image(&right, "sha256:f00", Some("sha256:f00")));
    assert!(!is_packed_image(&right, "sha256:f00", None));
    assert!(!is_packed_image(
        "redis:8",
        "sha256:f00",
        Some("sha256:f00")
    ));
}

#[tokio::test]
async fn control_characters_and_format_0_are_refused() {
    for key in ["version", "written_by"] {
        let mut manifest = manifest_of(&[(LAB, "a")]);
        manifest[key] = json!("1.2 from https://example.org\n  digest 0a1b");
        let opened = open(&with(&manifest, |bytes| bytes.file(LAB, "a"))).await;
        assert_refused(opened, &format!("`{key}` contains a control character"));
    }
    let mut manifest = manifest_of(&[(LAB, "a")]);
    manifest["format"] = json!(0);
    let opened = open(&with(&manifest, |bytes| bytes.file(LAB, "a"))).await;
    assert_refused(opened, "its manifest is invalid: format 0");
}
