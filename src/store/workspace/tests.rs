//! What a workspace keeps and restores, on disk.

use super::folder::INCOMPLETE;
use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;

use crate::lab::testing::{GUIDE, LAB, files};
use crate::lab::{Task, load};

/// A lab with a workspace of two files in a temporary folder, and where the learner's folder is.
struct Fixture {
    folder: tempfile::TempDir,
    workspace: Workspace,
    solution: Vec<Step>,
}

impl Fixture {
    fn new() -> Self {
        Self::with("")
    }

    /// `compose` are more services.
    fn with(compose: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original");
        std::fs::create_dir_all(original.join("dags")).unwrap();
        std::fs::write(original.join("dags/a.py"), "a").unwrap();
        std::fs::write(original.join("b.py"), "b").unwrap();
        let solution = LAB.replace(
            "solution: [",
            "solution: [ { file: { path: answer.py, write: solved } }, { file: { path: b.py, write: solved } },",
        );
        let lab = format!("workspace: files/workspace\n{solution}");
        let compose = format!(
            "services:\n  redis: {{ image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, volumes: ['${{WORKSPACE:-./files/workspace}}:/w'] }}\n{compose}"
        );
        let mut files = files(&lab, &compose, GUIDE);
        for file in ["dags/a.py", "b.py"] {
            let path = Path::new("labs/small/files/workspace").join(file);
            files.0.insert(path, String::new());
        }
        let loaded = load(Path::new("labs/small"), &files);
        let mut lab = loaded.expect("the lab is sound").lab;
        lab.workspace = Some(original);
        let workspace = Workspace::below(folder.path(), &lab, &Instance::main());
        let Task::Practical { solution, .. } = &lab.exercises[0].task else {
            panic!("the exercise is no quiz");
        };
        Self {
            folder,
            workspace: workspace.unwrap(),
            solution: solution.clone(),
        }
    }

    /// Writes what the solution writes, and records that it was played.
    fn play(&self) {
        self.write("answer.py", "solved");
        self.write("b.py", "solved");
        for step in &self.solution {
            Workspace::record_written(&self.workspace.path, step).unwrap();
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.workspace.path.join(below)
    }

    fn write(&self, below: &str, content: &str) {
        std::fs::write(self.path(below), content).unwrap();
    }

    #[track_caller]
    fn check(&self, below: &str, content: &str) {
        let there = std::fs::read_to_string(self.path(below)).unwrap();
        assert_eq!(there, content, "{below}");
    }
}

#[test]
fn a_workspace_is_created_and_kept() {
    let fixture = Fixture::new();
    assert_eq!(fixture.workspace.make().unwrap(), []);
    fixture.write("dags/a.py", "mine");
    assert_eq!(fixture.workspace.make().unwrap(), []);
    fixture.check("dags/a.py", "mine");
    fixture.check("b.py", "b");
}

#[test]
fn restoring_touches_only_the_files_of_the_lab_and_keeps_what_was_changed() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    fixture.write("dags/a.py", "mine");
    fixture.write("dags/new.py", "new");
    std::fs::create_dir(fixture.path("own")).unwrap();
    fixture.write("own/x", "x");
    let before = std::fs::metadata(fixture.path("b.py")).unwrap().ino();
    let kept = fixture.workspace.restore().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].file, Path::new("dags/a.py"));
    assert_eq!(std::fs::read_to_string(&kept[0].kept).unwrap(), "mine");
    assert!(kept[0].kept.starts_with(fixture.path("dags")));
    fixture.check("dags/a.py", "a");
    fixture.check("dags/new.py", "new");
    fixture.check("own/x", "x");
    let after = std::fs::metadata(fixture.path("b.py")).unwrap().ino();
    assert_eq!(after, before, "an unchanged file is left alone");
    // A second version does not replace the first.
    fixture.write("dags/a.py", "mine too");
    let again = fixture.workspace.restore().unwrap();
    assert_ne!(again[0].kept, kept[0].kept);
    assert_eq!(std::fs::read_to_string(&kept[0].kept).unwrap(), "mine");
    assert_eq!(fixture.workspace.restore().unwrap(), []);
}

#[test]
fn what_a_solution_wrote_is_taken_back_and_the_learners_answer_is_kept() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    fixture.play();
    assert_eq!(fixture.workspace.restore().unwrap(), []);
    assert!(!fixture.path("answer.py").exists());
    fixture.check("b.py", "b");
    fixture.write("answer.py", "my answer");
    let kept = fixture.workspace.restore().unwrap();
    assert!(!fixture.path("answer.py").exists());
    assert_eq!(std::fs::read_to_string(&kept[0].kept).unwrap(), "my answer");
    fixture.workspace.move_back(&kept).unwrap();
    fixture.check("answer.py", "my answer");
    assert!(!kept[0].kept.exists());
}

#[test]
fn a_file_of_the_learner_that_equals_a_solution_is_kept() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    let write = || {
        fixture.write("answer.py", "solved");
        fixture.write("b.py", "solved");
    };
    let check = |kept: Vec<KeptFile>| {
        let mut files: Vec<&Path> = kept.iter().map(|kept| kept.file.as_path()).collect();
        files.sort();
        assert_eq!(files, [Path::new("answer.py"), Path::new("b.py")]);
        for kept in &kept {
            assert_eq!(std::fs::read_to_string(&kept.kept).unwrap(), "solved");
        }
    };
    write();
    check(fixture.workspace.restore().unwrap());
    fixture.check("b.py", "b");
    // Also before a solution writes the same.
    write();
    check(fixture.workspace.keep_before(&fixture.solution).unwrap());
    fixture.play();
    // Saved again after a solution wrote it, it is the learner's. The clock of a file system ticks slowly.
    write();
    for file in ["answer.py", "b.py"] {
        let file = std::fs::File::options()
            .write(true)
            .open(fixture.path(file));
        file.unwrap().set_modified(UNIX_EPOCH).unwrap();
    }
    check(fixture.workspace.restore().unwrap());
}

#[test]
fn what_came_into_the_place_of_a_file_that_is_moved_back_is_kept() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    fixture.write("b.py", "mine");
    let kept = fixture.workspace.restore().unwrap();
    fixture.write("b.py", "mine too");
    fixture.workspace.move_back(&kept).unwrap();
    fixture.check("b.py", "mine");
    let names = std::fs::read_dir(&fixture.workspace.path).unwrap();
    let names: Vec<PathBuf> = names.map(|entry| entry.unwrap().path()).collect();
    let copy = names.iter().find(|path| is_dated(path)).unwrap();
    assert_eq!(std::fs::read_to_string(copy).unwrap(), "mine too");
}

#[test]
fn own_files_are_set_aside_and_come_back() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    std::fs::create_dir(fixture.path("own")).unwrap();
    for file in ["dags/new.py", "own/x.yml", ".hidden"] {
        fixture.write(file, file);
    }
    fixture.write("b.py", "mine");
    fixture.workspace.restore().unwrap();
    let mut kept = fixture.workspace.set_own_aside().unwrap();
    kept.sort_by(|a, b| a.file.cmp(&b.file));
    let files: Vec<&Path> = kept.iter().map(|kept| kept.file.as_path()).collect();
    assert_eq!(files, [Path::new("dags/new.py"), Path::new("own/x.yml")]);
    assert!(!fixture.path("own/x.yml").exists());
    let text = std::fs::read_to_string(&kept[0].kept).unwrap();
    assert_eq!(text, "dags/new.py");
    for file in ["dags/a.py", "b.py", ".hidden"] {
        assert!(fixture.path(file).exists(), "{file}");
    }
    assert_eq!(fixture.workspace.set_own_aside().unwrap(), []);
    fixture.workspace.move_back(&kept).unwrap();
    fixture.check("dags/new.py", "dags/new.py");
    fixture.check("own/x.yml", "own/x.yml");
}

#[test]
fn a_copy_is_made_before_a_solution_writes() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    let lab = fixture.workspace.clone();
    let steps: Vec<Step> = Vec::new();
    assert_eq!(lab.keep_before(&steps).unwrap(), []);
    fixture.write("answer.py", "my answer");
    let folder = lab.open().unwrap();
    let kept = folder.keep_copy(Path::new("answer.py"), b"my answer");
    let kept = kept.unwrap();
    fixture.check("answer.py", "my answer");
    assert_eq!(std::fs::read_to_string(&kept.kept).unwrap(), "my answer");
}

#[test]
fn no_file_or_folder_is_writable_for_all() {
    let fixture = Fixture::new();
    let mode = |path: &Path| {
        std::fs::symlink_metadata(path)
            .unwrap()
            .permissions()
            .mode()
    };
    let check = |fixture: &Fixture| {
        for below in ["", "dags", "dags/a.py", "b.py", MARKER] {
            let path = fixture.path(below);
            assert_eq!(mode(&path) & 0o022, 0, "{}", path.display());
            assert_eq!(mode(&path) & 0o044, 0o044, "services can read it");
        }
    };
    fixture.workspace.make().unwrap();
    check(&fixture);
    // As earlier versions made them.
    for below in ["", "dags", "dags/a.py", "b.py"] {
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(fixture.path(below), open).unwrap();
    }
    fixture.workspace.make().unwrap();
    check(&fixture);
}

#[test]
fn a_file_that_a_service_mounts_stays_the_same_file() {
    let fixture = Fixture::with(
        "  one: { image: 'a:1', mem_limit: 64m, volumes: ['${WORKSPACE:-./files/workspace}/b.py:/b.py:ro'] }\n",
    );
    fixture.workspace.make().unwrap();
    let inode = |below: &str| std::fs::metadata(fixture.path(below)).unwrap().ino();
    let before = inode("b.py");
    fixture.write("b.py", "a longer version of mine");
    let kept = fixture.workspace.restore().unwrap();
    fixture.check("b.py", "b");
    assert_eq!(inode("b.py"), before);
    let text = std::fs::read_to_string(&kept[0].kept).unwrap();
    assert_eq!(text, "a longer version of mine");
    let mounted = fixture.workspace.mounted();
    assert_eq!(mounted.keys().collect::<Vec<_>>(), ["one:b.py", "redis:"]);
    // An editor replaced the file: the container has the old one.
    fixture.write("other", "b");
    std::fs::rename(fixture.path("other"), fixture.path("b.py")).unwrap();
    let changed = fixture.workspace.mounted();
    assert_ne!(changed["one:b.py"], mounted["one:b.py"]);
    assert_eq!(changed["redis:"], mounted["redis:"]);
}

#[test]
fn a_process_that_ended_in_the_middle_leaves_a_workspace_that_is_finished() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    fixture.write(MARKER, UNFINISHED);
    fixture.write(INCOMPLETE, "half");
    std::fs::remove_file(fixture.path("b.py")).unwrap();
    fixture.write("own.py", "own");
    fixture.workspace.make().unwrap();
    fixture.check("b.py", "b");
    fixture.check("own.py", "own");
    fixture.check(MARKER, FINISHED);
    assert!(!fixture.path(INCOMPLETE).exists());
}

#[test]
fn a_process_that_ended_at_its_first_file_leaves_a_folder_that_is_filled() {
    let fixture = Fixture::new();
    std::fs::create_dir_all(&fixture.workspace.path).unwrap();
    fixture.write(INCOMPLETE, "unfini");
    fixture.workspace.make().unwrap();
    fixture.check("b.py", "b");
    fixture.check(MARKER, FINISHED);
    assert!(!fixture.path(INCOMPLETE).exists());
}

#[test]
fn writers_of_one_folder_do_not_take_each_others_files() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    let write = |name: &str| {
        let mounts = BTreeMap::new();
        let folder = WorkspaceFolder::open(&fixture.workspace.path, &mounts).unwrap();
        let content = name.repeat(10_000);
        for _ in 0..50 {
            let written = folder.write(Path::new(name), content.as_bytes(), 0o644);
            written.unwrap();
            let there = folder.read(Path::new(name)).unwrap().unwrap();
            assert!(there == content.as_bytes(), "{name}");
        }
    };
    std::thread::scope(|scope| {
        let writers = ["one", "two", "three"].map(|name| scope.spawn(|| write(name)));
        for writer in writers {
            writer.join().unwrap();
        }
    });
    assert!(!fixture.path(INCOMPLETE).exists());
}

#[test]
fn what_is_saved_while_a_file_is_put_back_is_kept() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    fixture.write("b.py", "mine");
    let mut editor = std::fs::OpenOptions::new();
    let mut editor = editor.append(true).open(fixture.path("b.py")).unwrap();
    let kept = fixture.workspace.restore().unwrap();
    fixture.check("b.py", "b");
    // An editor that still has the file open writes into what was kept.
    std::io::Write::write_all(&mut editor, b" and more").unwrap();
    let text = std::fs::read_to_string(&kept[0].kept).unwrap();
    assert_eq!(text, "mine and more");
}

/// What is at a path of the lab is moved aside, and nothing outside the workspace changes.
#[track_caller]
fn check_moved_aside(below: &str, target: &str) {
    let fixture = Fixture::new();
    let outside = fixture.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("b.py"), "precious").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions();
    let before = (mode(&outside), mode(&outside.join("b.py")));
    fixture.workspace.make().unwrap();
    let path = fixture.path(below);
    match path.is_dir() {
        true => std::fs::remove_dir_all(&path).unwrap(),
        false => std::fs::remove_file(&path).unwrap(),
    }
    symlink(target, &path).unwrap();
    let kept = fixture.workspace.restore().unwrap();
    assert_eq!(kept.len(), 1, "{below} to {target}");
    assert!(kept[0].kept.is_symlink());
    fixture.check("dags/a.py", "a");
    fixture.check("b.py", "b");
    let text = std::fs::read_to_string(outside.join("b.py")).unwrap();
    assert_eq!(text, "precious");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!((mode(&outside), mode(&outside.join("b.py"))), before);
}

#[test]
fn a_link_that_a_service_creates_is_not_followed_out_of_the_workspace() {
    for (below, target) in [
        ("dags", "../outside"),
        ("b.py", "../outside/b.py"),
        ("b.py", "../outside/new.py"),
        ("b.py", "dags/a.py"),
    ] {
        check_moved_aside(below, target);
    }
}

#[test]
fn a_pipe_or_folder_in_place_of_a_file_is_moved_aside() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    std::fs::remove_file(fixture.path("b.py")).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(fixture.path("b.py"))
        .status();
    assert!(pipe.unwrap().success());
    assert_eq!(fixture.workspace.restore().unwrap().len(), 1);
    fixture.check("b.py", "b");
    std::fs::remove_file(fixture.path("b.py")).unwrap();
    std::fs::create_dir(fixture.path("b.py")).unwrap();
    assert_eq!(fixture.workspace.restore().unwrap().len(), 1);
    fixture.check("b.py", "b");
}

#[test]
fn a_moved_removed_or_emptied_workspace_is_created_again() {
    let fixture = Fixture::new();
    fixture.workspace.make().unwrap();
    let before = fixture.workspace.mounted();
    let elsewhere = fixture.folder.path().join("elsewhere");
    std::fs::rename(&fixture.workspace.path, &elsewhere).unwrap();
    assert_ne!(fixture.workspace.mounted(), before);
    assert_eq!(fixture.workspace.restore().unwrap(), []);
    fixture.check("b.py", "b");
    assert_ne!(fixture.workspace.mounted(), before);
    assert!(elsewhere.join("b.py").exists());
    std::fs::remove_dir_all(&fixture.workspace.path).unwrap();
    std::fs::create_dir(&fixture.workspace.path).unwrap();
    assert_eq!(fixture.workspace.make().unwrap(), []);
    fixture.check("b.py", "b");
}

#[test]
fn a_link_in_place_of_the_workspace_is_left_alone_with_the_way_out() {
    let fixture = Fixture::new();
    let elsewhere = fixture.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &fixture.workspace.path).unwrap();
    for error in [
        fixture.workspace.make().unwrap_err(),
        fixture.workspace.restore().unwrap_err(),
        Workspace::remove(&fixture.workspace.path).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("symbolic link"), "{text}");
    }
    assert!(!Workspace::is_workspace(&fixture.workspace.path));
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_no_workspace_is_left_alone() {
    let fixture = Fixture::new();
    std::fs::create_dir(&fixture.workspace.path).unwrap();
    fixture.write("precious", "x");
    assert!(fixture.workspace.make().is_err());
    assert!(fixture.workspace.restore().is_err());
    assert!(Workspace::remove(&fixture.workspace.path).is_err());
    fixture.check("precious", "x");
}

#[test]
fn a_test_keeps_nothing_and_a_removal_removes_everything() {
    let fixture = Fixture::new();
    let workspace = fixture.workspace.clone().of_a_test();
    workspace.make().unwrap();
    fixture.write("b.py", "mine");
    fixture.write("other", "x");
    assert_eq!(workspace.restore().unwrap(), []);
    let names = std::fs::read_dir(&workspace.path).unwrap();
    assert_eq!(names.count(), 3, "the marker, `dags` and `b.py`");
    assert!(Workspace::remove(&workspace.path).unwrap());
    assert!(!workspace.path.exists());
    assert!(!Workspace::remove(&workspace.path).unwrap());
}

#[test]
fn a_creation_that_fails_leaves_nothing_in_the_way() {
    let fixture = Fixture::new();
    let original = fixture.folder.path().join("original");
    let moved = fixture.folder.path().join("moved");
    std::fs::rename(&original, &moved).unwrap();
    assert!(fixture.workspace.make().is_err());
    std::fs::rename(&moved, &original).unwrap();
    fixture.workspace.make().unwrap();
    fixture.check("b.py", "b");
}

#[test]
fn what_another_user_owns_is_named_with_the_command_that_changes_it() {
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = WorkspaceError::failed(PathBuf::from("/home/kim/x"), denied);
    assert!(matches!(error, WorkspaceError::Denied { .. }));
    let text = error.to_string();
    assert!(text.contains("sudo chown"), "{text}");
}
