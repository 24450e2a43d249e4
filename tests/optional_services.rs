//! Services that are optional because they request what needs `--trust`.

use crate::support::engine_lab::EngineLab;
use crate::support::{LabCopy, ProgramOutput, offline};

const GRANTED: &str = "  capability `NET_ADMIN` grants more rights than a service needs: it could change the addresses, routes and \
     firewall rules of its container\n";

/// Adds a service `router` that requests NET_ADMIN, and an exercise that needs it.
fn add_router(copy: &LabCopy) {
    let service = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";
    let router = format!(
        "{service}\n  router:\n{service}    cap_add: [NET_ADMIN]\n    volumes: !override []\n    x-roadlab: {{ optional: true }}\n"
    );
    copy.change("compose.yaml", service, &router);
    copy.change(
        "lab.yaml",
        "health:\n",
        "  - redis: { service: router, command: [SET, asked, \"0\"] }\n\nhealth:\n",
    );
    copy.change(
        "lab.yaml",
        "  - id: when\n",
        "  - id: route
    needs_service: [router]
    checks:
      - id: routed
        redis: { service: router, command: [GET, route] }
        expect: { equals: there }
      - id: asked
        unchanged: true
        redis: { service: router, command: [GET, asked] }
    solution:
      - redis: { service: router, command: [SET, route, there] }
    wrong:
      - do: [ { redis: { service: router, command: [SET, route, back] } } ]
      - do:
          - redis: { service: router, command: [MSET, route, there, asked, \"1\"] }
        check: asked

  - id: when\n",
    );
    for guide in ["guide.en.md", "guide.ko.md"] {
        let path = copy.path("labs").join(lab_folder(copy)).join(guide);
        let text = std::fs::read_to_string(&path).expect("a guide");
        let (before, after) = text.split_at(text.rfind("\n## ").expect("the last section"));
        let section = "\n## A route {#route}\n\nSet it.\n\n### Checks {.checks}\n\n- `routed`: there is a route\n- `asked`: nobody asked\n\n\
                       ### Hint {.hint}\n\nOne.\n\n### Hint {.hint}\n\nTwo.\n";
        std::fs::write(&path, format!("{before}{section}{after}")).expect("the copy is writable");
    }
}

/// The name of the only lab's folder.
fn lab_folder(copy: &LabCopy) -> std::ffi::OsString {
    let mut entries = std::fs::read_dir(copy.path("labs")).expect("the labs");
    entries
        .next()
        .expect("a lab")
        .expect("an entry")
        .file_name()
}

#[apply(test)]
fn a_lab_with_an_optional_service_that_needs_trust_opens_without_it() {
    let copy = offline::tiny();
    add_router(&copy);
    let stderr = |words: &str| {
        let output = ProgramOutput::of(&mut copy.roadlab(words));
        output.expect_code(0).stderr
    };
    assert_eq!(stderr("validate labs/tiny"), "");
    assert_eq!(stderr("show LAB"), "");
    assert_eq!(
        stderr("show LAB --trust"),
        format!("granted until one of the lab's files changes:\n{GRANTED}")
    );
    copy.change("guide.en.md", "One command is enough.", "Two are.");
    assert_eq!(stderr("show LAB"), "", "left out again, and no problem");
}

#[apply(engine_test)]
fn an_optional_service_that_needs_trust_is_left_out_until_that_is_granted() {
    let lab = EngineLab::tiny();
    add_router(&lab.copy);
    let up = lab.run("up LAB", 0).stderr;
    let lines = [
        "left out, because they need `--trust`: router; the rest of the lab works\n",
        GRANTED,
        "`roadlab up ",
    ];
    assert!(up.contains(&lines.concat()), "{up}");
    assert!(
        up.contains(" --trust` grants this and starts them\n"),
        "{up}"
    );
    lab.run("solve LAB greet", 0);

    let check = lab.run("check LAB", 1).stdout;
    let unavailable =
        "– route  not available: it needs router, and that needs `--trust`: `roadlab up ";
    assert!(check.contains(unavailable), "{check}");
    let solve = lab.run("solve LAB route", 3).stderr;
    assert!(solve.contains(" --trust`"), "{solve}");

    // The lab stays as it is; the service that joins gets its steps of `start`, and its exercise begins.
    let up = lab.run("up LAB --trust", 0).stderr;
    assert!(up.contains(GRANTED), "{up}");
    assert!(!up.contains("left out"), "{up}");
    let redis = |service: &str, words: &str| {
        let output = lab.run(&format!("shell LAB {service} -- redis-cli {words}"), 0);
        output.stdout.trim().to_owned()
    };
    assert_eq!(redis("redis", "GET greeting"), "hello");
    assert_eq!(redis("router", "GET asked"), "0");
    redis("router", "MSET route there asked 1");
    let check = lab.run("check LAB route", 1).stdout;
    assert!(check.contains("✗ asked"), "it has begun before: {check}");
    lab.run("reset LAB", 0);
    lab.run("solve LAB route", 0);

    // A changed file ends the trust, and `up` removes what it does not cover any more.
    lab.copy
        .change("guide.en.md", "One command is enough.", "Two are.");
    let check = lab.run("check LAB route", 1).stdout;
    assert!(check.contains(unavailable), "{check}");
    let up = lab.run("up LAB", 0).stderr;
    assert!(
        up.contains("you trusted this lab before; these files have changed since: "),
        "{up}"
    );
    let containers = lab.containers();
    assert_eq!(containers.as_array().map(Vec::len), Some(1), "{containers}");
    lab.run("down LAB", 0);
}
