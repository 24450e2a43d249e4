//! Images are exported to a file and imported from it.

use crate::support::engine_lab::EngineLab;

/// The tiny lab with an image of its own that is built from scratch.
fn with_own_image() -> EngineLab {
    let lab = EngineLab::tiny();
    let own = lab.copy.id.clone();
    let compose = lab.copy.path("compose/redis/compose.yaml");
    let text = std::fs::read_to_string(&compose).expect("the catalogue's file");
    let text = text.replace("redis:8.0", &format!("roadlab.test/{own}:1"));
    std::fs::write(&compose, text).expect("the copy is writable");
    let dockerfile = format!("FROM scratch\nLABEL own={own}\nCOPY entrypoint.sh /\n");
    std::fs::write(lab.copy.path("compose/redis/Dockerfile"), dockerfile)
        .expect("the copy is writable");
    lab
}

#[apply(engine_test)]
fn an_exported_image_can_be_imported_unchanged() {
    let lab = with_own_image();
    let exported = lab.run("images export images.tar LAB --json", 0).json();
    let name = exported["images"][0]
        .as_str()
        .expect("one image")
        .to_owned();
    assert!(name.starts_with("roadlab/"), "{name}");
    let file = lab.copy.path("images.tar");
    let size = std::fs::metadata(&file).expect("the file is there").len();
    assert_eq!(exported["bytes"], size);
    let before = lab.run("images list LAB --json", 0).json()[0].take();
    assert_eq!(before["image"], name.as_str());

    lab.run("images remove LAB", 0);
    let gone = lab.run("images list LAB --json", 0).json();
    assert!(gone[0]["id"].is_null(), "{gone}");

    let imported = lab.run("images import images.tar --json", 0).json();
    assert_eq!(imported["images"], serde_json::json!([name]));
    let after = lab.run("images list LAB --json", 0).json()[0].take();
    // What other images share with it changes while other tests build images.
    for field in ["service", "official", "image", "id", "size"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert!(before["size"].as_u64() > Some(0), "{before}");
    lab.run("images remove LAB", 0);
}

#[apply(engine_test)]
fn an_invalid_archive_is_refused_and_a_failed_export_leaves_no_file() {
    let lab = EngineLab::tiny();
    std::fs::write(lab.copy.path("words.tar"), "no tar at all").expect("the copy is writable");
    let refused = lab.run("images import words.tar", 6);
    assert!(refused.stderr.contains("words.tar"), "{refused:?}");
    let missing = lab.run("images import nowhere.tar", 2);
    assert!(
        missing.stderr.contains("cannot read nowhere.tar"),
        "{missing:?}"
    );

    lab.copy.change("lab.yaml", "minutes: 5", "minutes: five");
    let wrong = lab.run("images export out.tar LAB", 2);
    assert!(wrong.stderr.contains("`minutes`"), "{wrong:?}");
    assert!(!lab.copy.path("out.tar").exists());

    let broken = with_own_image();
    std::fs::write(
        broken.copy.path("compose/redis/Dockerfile"),
        "FROM scratch\nNOPE\n",
    )
    .expect("a file");
    let failed = broken.run("images export out.tar LAB", 2);
    assert!(failed.stderr.contains("NOPE"), "{failed:?}");
    let left = std::fs::read_dir(broken.copy.path(".")).expect("the copy is writable");
    let left: Vec<_> = left
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().contains("tar")),
        "{left:?}"
    );
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".tmp")),
        "{left:?}"
    );
}
