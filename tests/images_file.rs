//! Images travel in a file: what is exported, removed and imported again is the same image under the same name.

mod support;

#[path = "support/engine.rs"]
mod engine;

use crate::engine::EngineLab;

/// An image that nobody else has and that needs nothing from elsewhere.
fn with_own_image() -> EngineLab {
    let real = EngineLab::copy_of("tests/labs/tiny");
    let own = real.copy.id.clone();
    let compose = real.copy.path("compose/redis/compose.yaml");
    let text = std::fs::read_to_string(&compose).expect("the catalogue's file");
    let text = text.replace("redis:8.0", &format!("roadlab.test/{own}:1"));
    std::fs::write(&compose, text).expect("a file of ours");
    let dockerfile = format!("FROM scratch\nLABEL own={own}\nCOPY entrypoint.sh /\n");
    std::fs::write(real.copy.path("compose/redis/Dockerfile"), dockerfile).expect("a file of ours");
    real
}

#[test]
fn an_exported_image_comes_back_as_it_was() {
    let real = with_own_image();
    let exported = real.run("images export images.tar LAB --json", 0).json();
    let name = exported["images"][0]
        .as_str()
        .expect("one image")
        .to_owned();
    assert!(name.starts_with("roadlab/"), "{name}");
    let file = real.copy.path("images.tar");
    let size = std::fs::metadata(&file).expect("the file is there").len();
    assert_eq!(exported["bytes"], size);
    let before = real.run("images list LAB --json", 0).json()[0].take();
    assert_eq!(before["image"], name.as_str());

    real.run("images remove LAB", 0);
    let gone = real.run("images list LAB --json", 0).json();
    assert!(gone[0]["id"].is_null(), "{gone}");

    let imported = real.run("images import images.tar --json", 0).json();
    assert_eq!(imported["images"], serde_json::json!([name]));
    let after = real.run("images list LAB --json", 0).json()[0].take();
    assert_eq!(after, before);
    real.run("images remove LAB", 0);
}

#[test]
fn a_file_that_has_no_images_is_refused_and_a_failed_export_leaves_no_file() {
    let real = EngineLab::copy_of("tests/labs/tiny");
    std::fs::write(real.copy.path("words.tar"), "no tar at all").expect("a file of ours");
    let refused = real.run("images import words.tar", 6);
    assert!(refused.stderr.contains("words.tar"), "{refused:?}");
    let missing = real.run("images import nowhere.tar", 2);
    assert!(
        missing.stderr.contains("cannot read nowhere.tar"),
        "{missing:?}"
    );

    real.copy.change("lab.yaml", "minutes: 5", "minutes: five");
    let wrong = real.run("images export out.tar LAB", 2);
    assert!(wrong.stderr.contains("`minutes`"), "{wrong:?}");
    assert!(!real.copy.path("out.tar").exists());

    let broken = with_own_image();
    std::fs::write(
        broken.copy.path("compose/redis/Dockerfile"),
        "FROM scratch\nNOPE\n",
    )
    .expect("a file");
    let failed = broken.run("images export out.tar LAB", 2);
    assert!(failed.stderr.contains("NOPE"), "{failed:?}");
    let left = std::fs::read_dir(broken.copy.path(".")).expect("a folder of ours");
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
