//! `--trust` covers a lab until one of its files changes, and nothing that the policy refuses.

use crate::support::offline::{assert_fails, tiny};
use crate::support::{LabCopy, ProgramOutput};

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

/// The tiny lab with a capability that needs trust.
fn with_capability() -> LabCopy {
    let copy = tiny();
    let to = format!("{EXTENDS}    cap_add: [NET_ADMIN]\n");
    copy.change("compose.yaml", EXTENDS, &to);
    copy
}

#[track_caller]
fn stderr(copy: &LabCopy, words: &str, code: i32) -> String {
    ProgramOutput::of(&mut copy.roadlab(words))
        .expect_code(code)
        .stderr
}

#[apply(test)]
fn trust_lasts_until_a_file_of_the_lab_changes() {
    let copy = with_capability();
    let output = stderr(&copy, "show LAB", 4);
    assert!(
        output.starts_with("needs --trust: capability `NET_ADMIN`"),
        "{output}"
    );
    assert_eq!(
        stderr(&copy, "show LAB --trust", 0),
        "granted until one of the lab's files changes:\n  \
         capability `NET_ADMIN` grants more rights than a service needs: it could change the addresses, routes and firewall rules of its container\n"
    );
    assert_eq!(stderr(&copy, "show LAB", 0), "");
    assert_eq!(stderr(&copy, "show LAB --trust", 0), "", "granted already");

    let catalogue = copy.path("compose/redis/Dockerfile");
    let before = std::fs::read(&catalogue).expect("the copy is writable");
    std::fs::write(&catalogue, "FROM scratch\n").expect("the copy is writable");
    let output = stderr(&copy, "show LAB", 4);
    assert!(
        output.contains("you trusted this lab before; these files have changed since: "),
        "{output}"
    );
    assert!(
        output.contains("compose/redis/Dockerfile\n  = review them, then run again with `--trust`"),
        "{output}"
    );
    std::fs::write(&catalogue, before).expect("the copy is writable");
    assert_eq!(
        stderr(&copy, "show LAB", 0),
        "",
        "the trusted content again"
    );

    copy.change("guide.en.md", "One command is enough.", "Two are.");
    let output = stderr(&copy, "show LAB", 4);
    assert!(output.contains("labs/tiny/guide.en.md"), "{output}");
    stderr(&copy, "show LAB --trust", 0);
    assert_eq!(stderr(&copy, "show LAB", 0), "");
}

#[apply(test)]
fn trust_does_not_allow_what_is_refused() {
    let copy = with_capability();
    copy.change(
        "compose.yaml",
        "    cap_add",
        "    privileged: true\n    cap_add",
    );
    assert_fails(
        &copy,
        "show LAB --trust",
        4,
        "\
refused: `privileged` is not allowed: it would give the lab root access to this machine
  --> labs/tiny/compose.yaml:4:5
 4 |     privileged: true
   |     ^
  = remove this line; no flag allows it
",
    );
    copy.change("compose.yaml", "    privileged: true\n", "");
    let output = stderr(&copy, "show LAB", 4);
    assert!(!output.contains("trusted"), "nothing was granted: {output}");
}

#[apply(test)]
fn trust_does_not_extend_to_a_copy() {
    let copy = with_capability();
    stderr(&copy, "show LAB --trust", 0);
    let from = copy.path("labs/tiny");
    let to = copy.path("labs/other");
    std::fs::create_dir(&to).expect("the copy is writable");
    for file in ["lab.yaml", "compose.yaml", "guide.en.md", "guide.ko.md"] {
        std::fs::copy(from.join(file), to.join(file)).expect("the copy is writable");
    }
    stderr(&copy, "show other", 4);
}
