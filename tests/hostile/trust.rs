//! `--trust` is given to a lab as it is now, and to nothing that the policy refuses.

use crate::nothing::{says, tiny};
use crate::support::{Copy, Ended};

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

/// The tiny lab, which asks for a capability.
fn asking() -> Copy {
    let copy = tiny();
    let to = format!("{EXTENDS}    cap_add: [NET_ADMIN]\n");
    copy.change("compose.yaml", EXTENDS, &to);
    copy
}

#[track_caller]
fn shows(copy: &Copy, words: &str, code: i32) -> String {
    Ended::of(&mut copy.roadlab(words)).with(code).stderr
}

#[test]
fn trust_lasts_until_a_file_of_the_lab_changes() {
    let copy = asking();
    let asked = shows(&copy, "show LAB", 4);
    assert!(
        asked.starts_with("needs --trust: capability `NET_ADMIN`"),
        "{asked}"
    );
    assert_eq!(
        shows(&copy, "show LAB --trust", 0),
        "trusted, until one of the lab's files changes:\n  \
         capability `NET_ADMIN` grants more rights than a service needs\n"
    );
    assert_eq!(shows(&copy, "show LAB", 0), "");
    assert_eq!(shows(&copy, "show LAB --trust", 0), "", "granted already");

    let catalogue = copy.path("compose/redis/Dockerfile");
    let before = std::fs::read(&catalogue).expect("a file of ours");
    std::fs::write(&catalogue, "FROM scratch\n").expect("a file of ours");
    let asked = shows(&copy, "show LAB", 4);
    assert!(
        asked.contains("you trusted this lab before; since then these files changed: "),
        "{asked}"
    );
    assert!(
        asked.contains("compose/redis/Dockerfile\n  = read them, then run with `--trust` again"),
        "{asked}"
    );
    std::fs::write(&catalogue, before).expect("a file of ours");
    assert_eq!(
        shows(&copy, "show LAB", 0),
        "",
        "as it was when it was trusted"
    );

    copy.change("guide.en.md", "One command is enough.", "Two are.");
    let asked = shows(&copy, "show LAB", 4);
    assert!(asked.contains("labs/tiny/guide.en.md"), "{asked}");
    shows(&copy, "show LAB --trust", 0);
    assert_eq!(shows(&copy, "show LAB", 0), "");
}

#[test]
fn trust_never_covers_what_is_refused() {
    let copy = asking();
    copy.change(
        "compose.yaml",
        "    cap_add",
        "    privileged: true\n    cap_add",
    );
    says(
        &copy,
        "show LAB --trust",
        4,
        "\
refused: service `redis` requests `privileged`: it would give the lab root access to this machine
  --> labs/tiny/compose.yaml:4:5
 4 |     privileged: true
   |     ^
  = remove this line; no flag allows it
",
    );
    copy.change("compose.yaml", "    privileged: true\n", "");
    let asked = shows(&copy, "show LAB", 4);
    assert!(!asked.contains("trusted"), "nothing was granted: {asked}");
}

#[test]
fn trust_in_one_lab_is_not_trust_in_its_copy() {
    let copy = asking();
    shows(&copy, "show LAB --trust", 0);
    let from = copy.path("labs/tiny");
    let to = copy.path("labs/other");
    std::fs::create_dir(&to).expect("a folder of ours");
    for file in ["lab.yaml", "compose.yaml", "guide.en.md", "guide.ko.md"] {
        std::fs::copy(from.join(file), to.join(file)).expect("a file of ours");
    }
    shows(&copy, "show other", 4);
}
