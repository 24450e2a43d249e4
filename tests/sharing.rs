//! Labs are packed into a file, added from files and repositories, updated and removed.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::offline::{NO_ENGINE, files, tiny};
use crate::support::private_daemon::PrivateDaemon;
use crate::support::{LabCopy, ProgramOutput};

/// The program as on another machine: with folders of its own and no labs but those that it adds.
struct OtherMachine<'a> {
    copy: &'a LabCopy,
}

impl OtherMachine<'_> {
    fn command(&self, arguments: &str) -> Command {
        let known = self.copy.roadlab(arguments);
        let mut command = Command::new(known.get_program());
        command.args(known.get_args().skip(2));
        crate::support::run_like(&mut command, &known);
        let folder = self.copy.path("other");
        std::fs::create_dir_all(&folder).expect("the copy is writable");
        command
            .current_dir(folder)
            .env("XDG_STATE_HOME", self.copy.path("other/state"))
            .env("XDG_CACHE_HOME", self.copy.path("other/cache"))
            .env("XDG_DATA_HOME", self.copy.path("other/data"))
            .env("DOCKER_HOST", NO_ENGINE);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &str, code: i32) -> ProgramOutput {
        ProgramOutput::of(&mut self.command(arguments)).expect_code(code)
    }
}

#[track_caller]
fn pack(copy: &LabCopy, file: &str) -> Value {
    let words = format!("pack LAB -o {file} --no-images --json");
    ProgramOutput::of(&mut copy.roadlab(&words))
        .expect_code(0)
        .json()
}

/// A repository with the copy's lab and catalogue. Returns its folder.
fn repository(copy: &LabCopy) -> PathBuf {
    let folder = copy.path(".");
    git(&folder, &["init", "--quiet", "--initial-branch=main"]);
    commit(&folder, "v1");
    folder
}

fn commit(folder: &Path, tag: &str) {
    git(folder, &["add", "labs", "compose"]);
    git(folder, &["commit", "--quiet", "--message", tag]);
    git(folder, &["tag", tag]);
}

#[track_caller]
fn git(folder: &Path, words: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Kim", "-c", "user.email=kim@example.org"])
        .args(["-c", "core.hooksPath=/dev/null"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git can be run");
    assert!(output.status.success(), "{output:?}");
}

#[apply(test)]
fn a_lab_from_a_file_is_found_by_its_name_and_shown_with_its_origin() {
    let copy = tiny();
    copy.change(
        "lab.yaml",
        "level: beginner",
        "version: '1.2'\nauthors: [Kim]\nlicence: MIT\nlevel: beginner",
    );
    let packed = pack(&copy, "tiny.lab");
    let other = OtherMachine { copy: &copy };
    let added = other.run("add ../tiny.lab --json", 0).json();
    assert_eq!(added["change"], "added");
    assert_eq!(added["digest"], packed["digest"]);
    assert_eq!(added["origin"]["kind"], "file");
    let shown = other.run("show tiny --json", 0).json();
    assert_eq!(shown["version"], "1.2");
    assert_eq!(shown["authors"], json!(["Kim"]));
    assert_eq!(shown["licence"], "MIT");
    assert_eq!(shown["digest"], packed["digest"]);
    let listed = other.run("list", 0).stdout;
    assert!(listed.contains("tiny 1.2 was added from "), "{listed}");
    other.run("validate", 0);
    other.run("answer tiny when pairs", 0);

    let removed = other.run("remove tiny", 2);
    assert!(
        removed.stderr.contains("you have progress in tiny"),
        "{removed:?}"
    );
    other.run("remove tiny --yes", 0);
    let gone = other.run("show tiny", 2);
    assert!(gone.stderr.contains("no such lab: `tiny`"), "{gone:?}");
    other.run("add ../tiny.lab", 0);
    let shown = other.run("show tiny --json", 0).json();
    let done: Vec<&Value> = shown["exercises"]
        .as_array()
        .expect("exercises")
        .iter()
        .collect();
    assert!(
        done.iter().any(|exercise| exercise["done"] == true),
        "progress stays: {done:?}"
    );
}

#[apply(test)]
fn a_file_that_was_changed_is_refused_and_leaves_nothing() {
    let copy = tiny();
    pack(&copy, "tiny.lab");
    let other = OtherMachine { copy: &copy };
    let mut bytes = std::fs::read(copy.path("tiny.lab")).expect("the file is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(copy.path("changed.lab"), bytes).expect("the copy is writable");
    other.run("list", 0);
    let before = files(&copy.path("other"));
    for words in [
        "add ../changed.lab",
        "up ../changed.lab",
        "run ../changed.lab --auto",
    ] {
        let refused = other.run(words, 4);
        assert_eq!(
            refused.stderr,
            "refused: ../changed.lab: it was changed, or is damaged or incomplete; get it again\n"
        );
        assert_eq!(files(&copy.path("other")), before, "{words}");
    }
    let missing = other.run("add ../nothing.lab", 2);
    assert!(
        missing.stderr.contains("is neither a file nor"),
        "{missing:?}"
    );
}

/// Writes a package like another one, with a changed manifest and with these bytes as images.
fn forge(from: &Path, to: &Path, change: impl FnOnce(&mut Value), images: &[u8]) {
    let bytes = std::fs::read(from).expect("the package is there");
    let mut entries = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().expect("tar") {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("its content");
        entries.push((name, content));
    }
    entries.pop();
    entries.push(("images.tar".to_owned(), images.to_vec()));
    let mut manifest = serde_json::from_slice(&entries[0].1).expect("the manifest");
    change(&mut manifest);
    entries[0].1 = manifest.to_string().into_bytes();
    let mut forged = Vec::new();
    for (name, content) in &entries {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).expect("a short path");
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        forged.extend(header.as_bytes());
        forged.extend(content);
        forged.resize(forged.len().next_multiple_of(512), 0);
    }
    let sum = sha256(&forged);
    let end = &bytes[bytes.len() - 2048..];
    forged.extend(&end[..512]);
    forged.extend(sum.as_bytes());
    forged.extend(&end[512 + sum.len()..]);
    std::fs::write(to, forged).expect("the copy is writable");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[apply(test)]
fn images_that_are_not_those_of_the_file_are_refused_and_leave_nothing() {
    let copy = tiny();
    pack(&copy, "tiny.lab");
    let other = OtherMachine { copy: &copy };
    other.run("list", 0);
    let before = files(&copy.path("other"));
    let packed = format!("roadlab-packed/redis:{}", "0".repeat(32));
    for (name, reason) in [
        ("victim:1", "unexpected image name `victim:1` in a lab file"),
        (packed.as_str(), "its images lack `manifest.json`"),
    ] {
        let change = |manifest: &mut Value| {
            manifest["images"] = json!({
                "size": 1024, "sha256": sha256(&[0; 1024]), "platform": "linux/amd64",
                "services": { "redis": { "name": name, "original": "redis:8" } },
            });
        };
        forge(
            &copy.path("tiny.lab"),
            &copy.path("forged.lab"),
            change,
            &[0; 1024],
        );
        for words in [
            "add ../forged.lab",
            "up ../forged.lab",
            "run ../forged.lab --auto",
        ] {
            let refused = other.run(words, 4);
            assert_eq!(
                refused.stderr,
                format!("refused: ../forged.lab: {reason}\n")
            );
            assert!(
                files(&copy.path("other"))
                    .difference(&before)
                    .next()
                    .is_none(),
                "{words}"
            );
        }
    }
}

#[apply(test)]
fn what_is_no_package_is_not_overwritten_without_consent() {
    let copy = tiny();
    let target = copy.path("notes.txt");
    std::fs::write(&target, "my thesis").expect("the copy is writable");
    std::os::unix::fs::symlink(&target, copy.path("link")).expect("the copy is writable");
    let fails = |words: &str, expected: &str| {
        let failed = ProgramOutput::of(&mut copy.roadlab(words)).expect_code(2);
        assert!(failed.stderr.contains(expected), "{words}: {failed:?}");
        assert_eq!(std::fs::read(&target).expect("it stays"), b"my thesis");
    };
    for command in ["pack LAB --no-images -o", "images export"] {
        let lab = if command.starts_with("pack") {
            ""
        } else {
            "LAB"
        };
        fails(
            &format!("{command} notes.txt {lab}"),
            "notes.txt exists and is a file of another kind; add `--yes`",
        );
        fails(
            &format!("{command} link {lab}"),
            "link is not a regular file",
        );
        fails(&format!("{command} - {lab}"), "name a file");
    }
    assert!(copy.path("link").is_symlink());
    let missing = "pack LAB --no-images -o none/x.lab";
    let failed = ProgramOutput::of(&mut copy.roadlab(missing)).expect_code(2);
    assert!(
        failed.stderr.contains("cannot write none/x.lab: No such")
            && !failed.stderr.contains(".tmp"),
        "{failed:?}"
    );
    let words = "pack LAB --no-images -o notes.txt --yes";
    ProgramOutput::of(&mut copy.roadlab(words)).expect_code(0);
    pack(&copy, "notes.txt");
    let named = "report LAB --name";
    for name in ["", "a\nb"] {
        let mut command = copy.roadlab(named);
        let failed = ProgramOutput::of(command.arg(name)).expect_code(2);
        assert!(failed.stderr.contains("in one line"), "{failed:?}");
    }
}

#[apply(test)]
fn trust_ends_when_an_update_changes_the_lab() {
    const EXTENDS: &str =
        "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";
    let copy = tiny();
    copy.change(
        "compose.yaml",
        EXTENDS,
        &format!("{EXTENDS}    cap_add: [NET_ADMIN]\n"),
    );
    pack(&copy, "tiny.lab");
    let other = OtherMachine { copy: &copy };
    let added = other.run("add ../tiny.lab --json", 0).json();
    assert_eq!(added["needs_trust"], true);
    other.run("show tiny", 4);
    other.run("show tiny --trust", 0);
    other.run("show tiny", 0);
    other.run("update", 0);
    other.run("show tiny", 0);
    copy.change("guide.en.md", "One command is enough.", "Two are.");
    pack(&copy, "tiny.lab");
    let updated = other.run("update tiny --json", 0).json();
    assert_eq!(updated[0]["change"], "updated");
    let refused = other.run("show tiny", 4);
    assert!(
        refused.stderr.contains("you trusted this lab before"),
        "{refused:?}"
    );
}

#[apply(test)]
fn a_lab_is_added_from_a_repository_and_follows_its_branch() {
    let copy = tiny();
    let repository = repository(&copy);
    let other = OtherMachine { copy: &copy };
    let tagged = other.run("add ..@v1 --json", 0).json();
    assert_eq!(tagged["origin"]["reference"], "v1");
    assert_eq!(tagged["origin"]["commit"].as_str().map(str::len), Some(40));
    copy.change(
        "lab.yaml",
        "level: beginner",
        "version: '2'\nlevel: beginner",
    );
    commit(&repository, "v2");
    let same = other.run("update --json", 0).json();
    assert_eq!(same[0]["change"], "unchanged", "a tag stays where it is");
    let updated = other.run("add .. --json", 0).json();
    assert_eq!(updated["change"], "updated");
    assert_eq!(updated["version"], "2");
    assert_eq!(updated["update"]["files"], json!(["labs/tiny/lab.yaml"]));
    let unknown = other.run("add ..@v3", 3);
    assert!(unknown.stderr.contains("v3"), "{unknown:?}");
    let file = pack(&copy, "tiny.lab");
    assert_eq!(file["version"], "2");
    let replaced = other.run("add ../tiny.lab", 2);
    assert!(replaced.stderr.contains("remove it first"), "{replaced:?}");
    let offline = other.run("add https://example.org/labs.git --offline", 3);
    assert!(
        offline.stderr.contains("--offline does not contact"),
        "{offline:?}"
    );
    let forbidden = other.run("add ext::sh%20-c%20true", 3);
    assert!(
        forbidden.stderr.contains("'ext' not allowed"),
        "{forbidden:?}"
    );
}

#[apply(test)]
fn links_and_hooks_of_a_repository_have_no_effect() {
    let copy = tiny();
    let repository = repository(&copy);
    let hook = copy.path("hook-ran");
    for name in ["post-checkout", "post-merge", "reference-transaction"] {
        let path = repository.join(".git/hooks").join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is writable");
        std::fs::write(&path, format!("#!/bin/sh\ntouch {}\n", hook.display())).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).expect("it can be changed");
    }
    let other = OtherMachine { copy: &copy };
    other.run("add ..", 0);
    other.run("remove tiny", 0);
    assert!(!hook.exists());
    std::os::unix::fs::symlink("/etc/passwd", copy.path("labs/tiny/link")).expect("it is writable");
    commit(&repository, "linked");
    let refused = other.run("add ..", 4);
    assert_eq!(
        refused.stderr,
        "refused: `labs/tiny/link` is a link, and a lab may contain files only\n"
    );
    let left = std::fs::read_dir(copy.path("other/data/roadlab/added")).expect("it exists");
    assert_eq!(left.count(), 0);
}

#[apply(private_daemon_test)]
fn a_packed_lab_comes_up_on_an_engine_without_images_and_without_a_network() {
    let daemon = PrivateDaemon::start();
    let lab = &daemon.lab;
    let packed = lab.run("pack LAB -o packed.lab --json", 0).json();
    let image = packed["images"][0]["image"].as_str().expect("an image");
    assert!(image.starts_with("roadlab-packed/"), "{image}");
    let images = || lab.request("GET", "/images/json", &Value::Null);
    for image in images().as_array().expect("a list") {
        let path = format!("/images/{}?force=1", image["Id"].as_str().expect("an id"));
        lab.request("DELETE", &path, &Value::Null);
    }
    assert_eq!(images(), json!([]), "the engine has no images");
    for folder in ["labs", "compose", "cache"] {
        std::fs::remove_dir_all(lab.copy.path(folder)).expect("the copy is writable");
    }
    std::fs::create_dir(lab.copy.path("labs")).expect("the copy is writable");

    let up = lab.run("up packed.lab --json", 0);
    let events: Vec<Value> = up
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let added = events.iter().find(|event| event["event"] == "lab_added");
    assert_eq!(added.expect("it was added")["digest"], packed["digest"]);
    let all = images();
    assert_eq!(
        all[0]["RepoTags"],
        json!([image]),
        "only the image of the file: {all}"
    );
    lab.run("check LAB greet", 1);
    lab.run("solve LAB greet", 0);
    lab.run("check LAB greet", 0);
    let again = lab.run("up packed.lab --json", 0).json();
    assert_eq!(again["changed"], false, "the second time changes nothing");
    let running = lab.run("remove LAB", 2);
    assert!(running.stderr.contains("is running"), "{running:?}");
    lab.run("down LAB", 0);
    let removed = lab.run("remove LAB --yes --json", 0).json();
    assert_eq!(removed["images"], json!([image]));
    assert_eq!(images(), json!([]));
}
