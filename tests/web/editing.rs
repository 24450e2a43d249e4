//! The files and the logs beside the text: nothing that was typed or shown is lost.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::chromium::Browser;
use super::http::WebServer;
use crate::harness::is_root;
use crate::support::engine_lab::EngineLab;
use crate::support::{LabCopy, offline};
use crate::usage_errors::as_other_user;

/// The text in the editor.
const TEXT: &str = "document.querySelector('#editor textarea').value";

/// The name in the editor.
const NAME: &str = "document.querySelector('#editor input').value";

/// A lab with a folder in which there is one file of the lab, `note.txt`.
struct Folder {
    copy: LabCopy,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let copy = LabCopy::of("tests/labs/probes", |_| "probes".to_owned());
        let path = copy.path("roadlab-probes");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join(".roadlab-workspace"), "complete\n").unwrap();
        let folder = Self { copy, path };
        folder.write("a note\n");
        folder
    }

    /// Writes the note as another program does.
    fn write(&self, text: &str) {
        std::fs::write(self.path.join("note.txt"), text).unwrap();
    }

    fn note(&self) -> String {
        std::fs::read_to_string(self.path.join("note.txt")).unwrap()
    }

    /// The texts that were kept under a name with the date.
    fn kept(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).unwrap().flatten();
        let kept = entries.filter(|entry| entry.file_name().display().to_string().contains("txt."));
        kept.map(|entry| std::fs::read_to_string(entry.path()).unwrap())
            .collect()
    }

    fn served(&self) -> (WebServer, Browser) {
        let server = WebServer::without_engine(&self.copy, "LAB");
        let mut page = Browser::on(&server);
        page.wait_for("no container engine");
        (server, page)
    }
}

/// Opens the note, with the cursor in its text.
#[track_caller]
fn open_note(page: &mut Browser, text: &str) {
    page.click("#files > summary");
    page.click("#file-list [data-path='note.txt']");
    let text = Value::from(text);
    page.wait_until("its text", &format!("{TEXT} === {text}"));
    page.click("#editor textarea");
}

/// Waits until the note below the editor is exactly this.
#[track_caller]
fn wait_for_note(page: &mut Browser, text: &str) {
    let text = Value::from(text);
    let shown = format!("document.querySelector('#file-note').textContent === {text}");
    page.wait_until("the note", &shown);
}

#[apply(offline_browser_test)]
fn what_is_typed_under_another_name_is_kept() {
    let folder = Folder::new();
    let (_server, mut page) = folder.served();
    open_note(&mut page, "a note\n");
    page.click("#editor input");
    page.value("document.querySelector('#editor input').select()");
    page.type_text("other.txt");
    wait_for_note(&mut page, "not saved yet");
    page.click("#editor textarea");
    page.type_text("mine ");
    page.call("Page.reload", json!({}));
    page.wait_until("the name", &format!("{NAME} === 'other.txt'"));
    page.wait_until("the text", &format!("{TEXT}.includes('mine ')"));
    wait_for_note(&mut page, "not saved yet");
    // Under this name, the note would be deleted.
    assert_eq!(
        page.value("document.querySelector('[data-delete]').hidden"),
        true
    );
    page.wait_for("no container engine");
    page.click("#editor button[type='submit']");
    wait_for_note(&mut page, "saved: other.txt");
    let other = std::fs::read_to_string(folder.path.join("other.txt")).unwrap();
    assert!(other.contains("mine "), "{other}");
    // Nothing of it is left for the note.
    page.click("#file-list [data-path='note.txt']");
    page.wait_until("the note", &format!("{NAME} === 'note.txt'"));
    assert_eq!(page.value(TEXT), "a note\n");
    assert_eq!(folder.note(), "a note\n");
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn a_change_made_elsewhere_is_replaced_only_by_its_button_and_kept() {
    let folder = Folder::new();
    let (_server, mut page) = folder.served();
    open_note(&mut page, "a note\n");
    page.type_text("mine ");
    folder.write("of a program\n");
    page.press("s", 2);
    page.press("s", 2);
    for _ in 0..5 {
        let held = json!({ "type": "keyDown", "key": "s", "windowsVirtualKeyCode": 83, "modifiers": 2, "autoRepeat": true });
        page.call("Input.dispatchKeyEvent", held);
    }
    page.wait_for("was changed elsewhere meanwhile");
    page.wait_until(
        "what would be replaced",
        "[...document.querySelectorAll('#file-changes .removed')].some((line) => line.innerText.includes('of a program'))",
    );
    assert_eq!(folder.note(), "of a program\n");
    page.press("s", 2);
    page.click("[data-replace]");
    page.wait_for("what was there is now in note.txt.");
    assert!(folder.note().contains("mine "), "{}", folder.note());
    assert_eq!(folder.kept(), ["of a program\n"]);
    // It is one save: the next change made elsewhere stays as well.
    assert_eq!(
        page.value("document.querySelector('[data-replace]').hidden"),
        true
    );
    page.click("#editor textarea");
    page.type_text("again ");
    folder.write("of another program\n");
    page.press("s", 2);
    page.wait_for("was changed elsewhere meanwhile");
    assert_eq!(folder.note(), "of another program\n");
    assert_eq!(page.errors, [""; 0]);
}

/// What another tab would have: its draft, and the lock by which it is known to be open.
#[apply(offline_browser_test)]
fn tabs_keep_their_own_drafts_until_they_are_closed() {
    const OTHER: &str = "localStorage.getItem('roadlab-draft:/labs/probes:other:note.txt')";
    let folder = Folder::new();
    let (_server, mut page) = folder.served();
    page.value(
        "new Promise((held) => void navigator.locks.request('roadlab-tab:other', () => { \
           held(true); return new Promise((end) => (window.closeOther = end)) }))",
    );
    let draft = r#"{"version":"","path":"note.txt","text":"of the other tab","at":1}"#;
    page.value(&format!(
        "localStorage.setItem('roadlab-draft:/labs/probes:other:note.txt', {})",
        Value::from(draft)
    ));
    open_note(&mut page, "a note\n");
    page.type_text("mine ");
    wait_for_note(&mut page, "not saved yet");
    assert_eq!(page.value(OTHER), draft);
    page.press("s", 2);
    wait_for_note(&mut page, "saved: note.txt");
    assert_eq!(page.value(OTHER), draft);
    // It is closed.
    page.value(
        "(async () => { \
           window.closeOther(); \
           const isHeld = async () => (await navigator.locks.query()).held.some(({ name }) => name === 'roadlab-tab:other'); \
           while (await isHeld()) await new Promise((next) => setTimeout(next, 20)); \
         })()",
    );
    page.click("#file-list [data-path='note.txt']");
    page.wait_until("its draft", &format!("{TEXT} === 'of the other tab'"));
    assert_eq!(page.value(OTHER), Value::Null);
    // It is this tab's now.
    page.call("Page.reload", json!({}));
    page.wait_until("the draft", &format!("{TEXT} === 'of the other tab'"));
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn what_is_typed_during_a_save_is_no_change_made_elsewhere() {
    let folder = Folder::new();
    let (_server, mut page) = folder.served();
    open_note(&mut page, "a note\n");
    page.value(
        "void (window.realFetch = window.fetch, window.fetch = async (address, options) => { \
           const answer = await window.realFetch(address, options); \
           if (options.method === 'POST') await new Promise((go) => (window.release = go)); \
           return answer })",
    );
    page.type_text("one ");
    page.press("s", 2);
    page.wait_until("the save", "window.release");
    page.type_text("two ");
    page.value("window.fetch = window.realFetch, window.release(), true");
    wait_for_note(&mut page, "saved: note.txt; not saved yet");
    assert!(!folder.note().contains("two "), "{}", folder.note());
    page.call("Page.reload", json!({}));
    page.wait_until("the draft", &format!("{TEXT}.includes('one two ')"));
    page.wait_for("no container engine");
    page.click("#editor button[type='submit']");
    wait_for_note(&mut page, "saved: note.txt");
    assert!(folder.note().contains("one two "), "{}", folder.note());
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn what_a_browser_has_no_room_for_is_not_left_unnoticed() {
    const STAYS: &str = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))";
    let folder = Folder::new();
    std::fs::write(folder.path.join("own.txt"), "own\n").unwrap();
    let (_server, mut page) = folder.served();
    open_note(&mut page, "a note\n");
    page.type_text("kept ");
    wait_for_note(&mut page, "not saved yet");
    assert_eq!(page.value(STAYS), false, "it is there after a reload");
    page.value(
        "void (window.setItem = Storage.prototype.setItem, Storage.prototype.setItem = function (...item) { \
           if (this === localStorage) throw new DOMException('full', 'QuotaExceededError'); \
           return window.setItem.apply(this, item) })",
    );
    page.type_text("mine ");
    page.wait_for("this browser has no room to keep it");
    assert_eq!(page.value(STAYS), true);
    // No other file takes its place.
    page.click("#file-list [data-path='own.txt']");
    page.click("#new-file");
    assert_eq!(page.value(NAME), "note.txt");
    page.click("#editor button[type='submit']");
    wait_for_note(&mut page, "saved: note.txt");
    assert!(folder.note().contains("mine "), "{}", folder.note());
    assert_eq!(page.value(STAYS), false);
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn a_deleted_file_leaves_no_draft_for_a_new_one() {
    let folder = Folder::new();
    folder.write("mine\n");
    let (_server, mut page) = folder.served();
    open_note(&mut page, "mine\n");
    page.type_text("draft ");
    wait_for_note(&mut page, "not saved yet");
    page.click("[data-delete]");
    page.click("dialog button[value='yes']");
    page.wait_for("your version is now note.txt.");
    page.click("#new-file");
    page.type_text("note.txt");
    page.click("#editor textarea");
    page.type_text("new");
    page.click("#editor button[type='submit']");
    wait_for_note(&mut page, "saved: note.txt");
    assert_eq!(page.value(TEXT), "new");
    page.call("Page.reload", json!({}));
    page.wait_until("the file", &format!("{TEXT} === 'new'"));
    wait_for_note(&mut page, "");
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn the_differences_are_those_of_what_is_typed() {
    let folder = Folder::new();
    let (_server, mut page) = folder.served();
    open_note(&mut page, "a note\n");
    page.click("[data-diff]");
    page.wait_until(
        "none",
        "document.querySelector('#file-changes').innerText === 'no differences'",
    );
    page.click("#editor textarea");
    page.type_text("typed ");
    // Against the file, and against the lab's version.
    page.wait_until(
        "what is typed",
        "[...document.querySelectorAll('#file-changes .added')].filter((line) => line.innerText.includes('typed ')).length === 2",
    );
    page.press("s", 2);
    page.wait_until(
        "the lab's version",
        "[...document.querySelectorAll('#file-changes .state')].map((line) => line.innerText).join() === \"Against the lab's version\"",
    );
    assert_eq!(page.errors, [""; 0]);
}

#[apply(offline_browser_test)]
fn a_large_folder_is_closed_and_listed_in_part() {
    let folder = Folder::new();
    for below in ["dags", "data"] {
        std::fs::create_dir(folder.path.join(below)).unwrap();
    }
    std::fs::write(folder.path.join("dags/night.py"), "").unwrap();
    for number in 0..250 {
        std::fs::write(folder.path.join(format!("data/{number}.csv")), "").unwrap();
    }
    let is_open = |name: &str| {
        format!(
            "document.querySelector('#file-list summary[data-path=\"{name}\"]').parentElement.open"
        )
    };
    let (_server, mut page) = folder.served();
    page.click("#files > summary");
    page.wait_for("night.py");
    assert_eq!(page.value(&is_open("dags")), true);
    assert_eq!(page.value(&is_open("data")), false);
    // By the keyboard alone.
    page.value("document.querySelector('#file-list summary[data-path=\"data\"]').focus()");
    page.press("Enter", 0);
    page.wait_for("50 more");
    // It stays open when something is created elsewhere, and the focus stays on it.
    std::fs::write(folder.path.join("dags/day.py"), "").unwrap();
    page.value("dispatchEvent(new Event('focus'))");
    page.wait_for("day.py");
    assert_eq!(page.value(&is_open("data")), true);
    assert_eq!(page.value("document.activeElement.dataset.path"), "data");
    assert_eq!(page.errors, [""; 0]);
}

#[apply(other_user_test)]
fn a_folder_that_only_a_container_may_read_hides_no_other() {
    let folder = Folder::new();
    let closed = folder.path.join("closed");
    std::fs::create_dir(&closed).unwrap();
    let set = |mode| std::fs::set_permissions(&closed, Permissions::from_mode(mode)).unwrap();
    set(0o000);
    let mut command = folder.copy.roadlab("web LAB --json");
    command.env("DOCKER_HOST", offline::NO_ENGINE);
    let mut command = as_other_user(&folder.copy, &command);
    if is_root() {
        own_by_other_user(&folder.copy.path("."));
    }
    let mut server = WebServer::start(&mut command);
    server.enter();
    let list = server.get("/labs/probes/files").json();
    let files = list["files"].as_array().expect("a list");
    let files: Vec<_> = files
        .iter()
        .map(|file| (&file["path"], &file["unreadable"]))
        .collect();
    let expected = [
        (&json!("closed"), &json!(true)),
        (&json!("note.txt"), &json!(false)),
    ];
    assert_eq!(files, expected);
    set(0o700);
}

/// Gives a folder with everything in it to the user as whom root runs the program.
fn own_by_other_user(folder: &Path) {
    let mut command = Command::new("chown");
    let changed = command.args(["-R", "65534:65534"]).arg(folder).status();
    assert!(changed.expect("chown can be run").success());
}

#[apply(browser_test)]
fn the_lines_of_a_log_stay_when_the_services_end() {
    const LINES: &str = "[...document.querySelectorAll('#log-lines div')]";
    let count = |text: &str| {
        format!("{LINES}.filter((line) => line.textContent.includes('{text}')).length")
    };
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = WebServer::start(&mut lab.command("web LAB --json"));
    let mut page = Browser::on(&server);
    page.wait_for("the lab is running");
    page.click("#logs > summary");
    let ready = count("Ready to accept");
    page.wait_until("the log", &format!("{ready} === 1"));
    page.click("#logs input[name='follow']");
    page.click("#logs input[name='filter']");
    page.type_text("redis");
    page.value(&format!(
        "window.first = {LINES}[0], document.querySelector('#log-lines').style.height = '3rem', \
         document.querySelector('#log-lines').scrollTop = 10"
    ));
    // The service is stopped and started by hand: its log goes on, and no line comes twice.
    let container = format!("/containers/{}", lab.container());
    lab.request("POST", &format!("{container}/stop"), &Value::Null);
    page.wait_for("the services have ended");
    lab.request("POST", &format!("{container}/start"), &Value::Null);
    page.wait_until("the new lines", &format!("{ready} === 2"));
    lab.run("down LAB", 0);
    let ended = count("the services have ended");
    page.wait_until("the end", &format!("{ended} === 2"));
    // What is not running is read again every two seconds.
    page.value("new Promise((next) => setTimeout(next, 5000))");
    assert_eq!(page.value(&ready), 2);
    assert_eq!(page.value(&ended), 2);
    assert_eq!(page.value("window.first.isConnected"), true);
    let state = "[document.querySelector('#log-lines').scrollTop, document.querySelector('#logs input[name=\"filter\"]').value]";
    assert_eq!(page.value(state), json!([10, "redis"]));
    assert_eq!(page.errors, [""; 0]);
}
