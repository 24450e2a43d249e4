use std::fs::File;
use std::ops::Deref;

use tempfile::TempDir;

use super::*;
use crate::app::packing::PackReport;
use crate::app::testing::app;
use crate::engine::Fake;
use crate::store::{PackagedImage, PackagedImages, write_package};

/// A folder with the lab `small`, and the application that packs it.
struct Place {
    folder: TempDir,
    app: App,
}

impl Place {
    fn new(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = app(folder.path());
        write_lab(folder.path(), keys, "one");
        Self { folder, app }
    }

    /// A place in which the lab was packed into `a.lab`.
    async fn packed(keys: &str) -> Self {
        let place = Self::new(keys);
        place.pack("a.lab").await.unwrap();
        place
    }

    /// A place in which the lab was packed and added.
    async fn added() -> (Self, AddReport) {
        let place = Self::packed("").await;
        let added = place.add_file(&place.path("a.lab")).await.unwrap();
        (place, added)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write_lab(&self, keys: &str, exercise: &str) -> PathBuf {
        write_lab(self.folder.path(), keys, exercise)
    }

    async fn pack(&self, file: &str) -> Result<PackReport, Failure> {
        let lab = self.path("labs/small").display().to_string();
        let file = self.path(file);
        self.app.pack(None::<&Fake>, &lab, Some(&file)).await
    }
}

impl Deref for Place {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// Writes the lab `small` into the folder of labs below a folder, with these keys of lab.yaml and this id of its exercise.
fn write_lab(folder: &Path, keys: &str, exercise: &str) -> PathBuf {
    let lab = folder.join("labs/small");
    std::fs::create_dir_all(&lab).unwrap();
    let text = format!("{keys}{}", crate::lab::testing::LAB)
        .replace("id: one", &format!("id: {exercise}"));
    std::fs::write(lab.join("lab.yaml"), text).unwrap();
    std::fs::write(lab.join("compose.yaml"), crate::lab::testing::COMPOSE).unwrap();
    let guide = crate::lab::testing::GUIDE.replace("{#one}", &format!("{{#{exercise}}}"));
    std::fs::write(lab.join("guide.en.md"), guide).unwrap();
    lab
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_update_shows_what_changed_and_carries_progress_over() {
    let app = Place::packed("version: '1'\n").await;
    let added = app.add_file(&app.path("a.lab")).await.unwrap();
    assert!(matches!(added.change, LabChange::Added), "{added:?}");
    assert_eq!(app.labs().unwrap().all()["small"], added.folder);
    let again = app.update("small").await.unwrap();
    assert!(matches!(again.change, LabChange::Unchanged), "{again:?}");

    let one = ExerciseId::new("one").unwrap();
    let lab = added.lab.clone();
    app.update_progress(&lab, |progress| progress.solve(&one))
        .unwrap();
    app.write_lab("version: '2'\nrenamed: { one: first }\n", "first");
    app.pack("b.lab").await.unwrap();
    let updated = app.add_file(&app.path("b.lab")).await.unwrap();
    let LabChange::Updated(update) = &updated.change else {
        panic!("{updated:?}");
    };
    let first = ExerciseId::new("first").unwrap();
    let expected = LabUpdate {
        before: Some("1".to_owned()),
        files: ["labs/small/guide.en.md", "labs/small/lab.yaml"]
            .map(str::to_owned)
            .to_vec(),
        images: Vec::new(),
        exercises: ExerciseChanges {
            renamed: vec![(one, first.clone())],
            ..ExerciseChanges::default()
        },
        running: Vec::new(),
    };
    assert_eq!(**update, expected);
    assert!(app.progress(&lab).unwrap().is_solved(&first));

    let (lab, progress) = app.lab_to_remove("small").unwrap();
    assert_eq!(progress.len(), 1);
    app.remove_added(lab).await.unwrap();
    assert_eq!(names(&app.paths.added()), [""; 0]);
    assert!(
        app.progress(&updated.lab).unwrap().is_solved(&first),
        "progress stays"
    );
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_and_what_was_there_stays() {
    let app = Place::packed("").await;
    let mut bytes = std::fs::read(app.path("a.lab")).unwrap();
    let last = bytes.len() - 5000;
    bytes[last] ^= 1;
    std::fs::write(app.path("changed.lab"), bytes).unwrap();
    let refused = app.add_file(&app.path("changed.lab")).await.unwrap_err();
    assert_eq!(refused.code(), "refused");
    assert_eq!(names(&app.paths.added()), [""; 0]);
    app.add_file(&app.path("a.lab")).await.unwrap();
    app.add_file(&app.path("changed.lab")).await.unwrap_err();
    assert_eq!(names(&app.paths.added()), ["small"]);
    assert!(app.labs().unwrap().all().contains_key("small"));
}

#[tokio::test]
async fn a_lab_with_problems_or_links_is_not_packed() {
    let app = Place::new("licens: MIT\n");
    let lab = app.path("labs/small");
    let failed = app.pack("a.lab").await.unwrap_err();
    assert_eq!(failed.code(), "problems");
    app.write_lab("", "one");
    std::os::unix::fs::symlink("/etc/passwd", lab.join("link")).unwrap();
    let failed = app.pack("a.lab").await.unwrap_err().to_string();
    assert!(failed.contains("is a link or a special file"), "{failed}");
    std::fs::remove_file(lab.join("link")).unwrap();
    // An empty folder that the lab needs would not be there after unpacking.
    app.write_lab("workspace: files\n", "one");
    std::fs::create_dir(lab.join("files")).unwrap();
    let failed = app.pack("a.lab").await.unwrap_err().to_string();
    assert!(failed.contains("no such folder in the lab"), "{failed}");
    assert_eq!(
        names(app.folder.path())
            .iter()
            .filter(|name| name.contains("lab"))
            .count(),
        1
    );
}

#[tokio::test]
async fn a_lab_from_elsewhere_does_not_replace_one_of_the_same_name() {
    let (app, _) = Place::added().await;
    let git = LabOrigin::Git {
        address: "https://example.org/labs".to_owned(),
        reference: None,
        commit: "1".to_owned(),
    };
    let file = |path: &str| LabOrigin::File { path: path.into() };
    let other = LabOrigin::Git {
        address: "https://example.org/others".to_owned(),
        reference: None,
        commit: "1".to_owned(),
    };
    assert!(is_successor(&file("/a"), &file("/b")));
    assert!(is_successor(&git, &git));
    assert!(!is_successor(&git, &other));
    assert!(!is_successor(&file("/a"), &git));
    let unknown = app.lab_to_remove("smal").unwrap_err().to_string();
    assert!(unknown.contains("`smal` was not added"), "{unknown}");
}

#[tokio::test]
async fn damaged_files_are_repaired_and_not_called_up_to_date() {
    let (app, added) = Place::added().await;
    let guide = added.folder.join("guide.en.md");
    let text = std::fs::read(&guide).unwrap();
    std::fs::write(&guide, "half of anoth").unwrap();
    let again = app.update("small").await.unwrap();
    let LabChange::Updated(update) = &again.change else {
        panic!("{again:?}");
    };
    assert_eq!(update.files, ["labs/small/guide.en.md"]);
    assert_eq!(std::fs::read(&guide).unwrap(), text);
    let again = app.update("small").await.unwrap();
    assert!(matches!(again.change, LabChange::Unchanged), "{again:?}");
}

#[tokio::test]
async fn a_manifest_with_another_version_than_the_lab_is_refused() {
    let app = Place::new("version: '1'\n");
    let lab = app.path("labs/small");
    let files = RecordingFs::default();
    let lab = load_sound(&lab, &files).unwrap().lab;
    let tree = LabTree::collect(&lab, &files.files()).unwrap();
    let version = Some("2, verified".to_owned());
    let manifest = Manifest::new(lab.id, version, tree.describe().await.unwrap());
    let path = app.path("a.lab");
    let file = File::create(&path).unwrap();
    let written = write_package(file, &path, &manifest, &tree, None, &|_| {}).await;
    written.unwrap();
    let refused = app.add_file(&path).await.unwrap_err();
    assert_eq!(refused.code(), "refused");
    assert_eq!(names(&app.paths.added()), [""; 0]);
    app.write_lab("version: \"1\\n2\"\n", "one");
    let failed = app.pack("b.lab").await.unwrap_err().to_string();
    assert!(failed.contains("control character"), "{failed}");
    assert!(!app.path("b.lab").exists());
}

#[tokio::test]
async fn an_image_of_the_name_of_a_packed_one_is_neither_used_nor_removed() {
    let (app, added) = Place::added().await;
    let lab = load(&added.folder, &OsFs).unwrap().lab;
    let service = lab.services.values().next().unwrap();
    let official = service.image.as_ref().unwrap().to_string();
    let name = format!("roadlab-packed/x:{}", "0a".repeat(16));
    let packed = PackagedImage {
        name: name.clone(),
        original: official.clone(),
    };
    let mut manifest = added.manifest.clone();
    manifest.images = Some(PackagedImages {
        size: 0,
        sha256: String::new(),
        platform: "linux/amd64".to_owned(),
        services: BTreeMap::from([(service.name.clone(), packed)]),
    });
    let labs = app.added_labs();
    let path = labs.manifest_path("small");
    std::fs::write(path, manifest.to_bytes()).unwrap();

    // The engine of the tests gives an image an id that is not the digest in its name.
    let engine = Fake::default();
    let all = [name.clone(), official.clone()];
    engine.images.borrow_mut().extend(all);
    let used = async || {
        let runner = app.runner(&engine, &lab);
        let images = app.get_images(&runner).await.unwrap();
        images.found[&service.name].name.clone()
    };
    assert_eq!(used().await, official);
    assert!(!remove_image(&engine, &name, None).await);
    let id = format!("sha256:{name}");
    let loaded = BTreeMap::from([(name.clone(), id.clone())]);
    labs.record_loaded(&added.lab, loaded).unwrap();
    assert_eq!(used().await, name);
    assert!(remove_image(&engine, &name, Some(&id)).await);
}

#[test]
fn several_labs_of_one_name_in_a_repository_are_named_and_refused() {
    let folders = ["a/x", "b/x"].map(str::to_owned).to_vec();
    let labs = BTreeMap::from([("x".to_owned(), folders)]);
    for named in [None, Some("x")] {
        let refused = choose(&labs, named, "/r").unwrap_err();
        assert_eq!(refused.code(), "usage");
        assert!(refused.to_string().contains("a/x, b/x"), "{refused}");
    }
}
