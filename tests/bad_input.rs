//! Problems in the files of a lab: each is reported with its place and a documented exit code, and nothing is created. No engine
//! is needed. Each case is the tiny lab with one change.

use serde_json::json;

use crate::support::offline::{assert_fails, tiny};
use crate::support::{LabCopy, ProgramOutput};

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

/// Asserts that `up` refuses the tiny lab with one text replaced.
#[track_caller]
fn refused(file: &str, from: &str, to: &str, code: i32, stderr: &str) {
    let copy = tiny();
    copy.change(file, from, to);
    assert_fails(&copy, "up LAB", code, stderr);
}

/// Asserts that `up` refuses the tiny lab with one more line in its service.
#[track_caller]
fn service_refused(line: &str, code: i32, stderr: &str) {
    let to = format!("{EXTENDS}    {line}\n");
    refused("compose.yaml", EXTENDS, &to, code, stderr);
}

#[apply(test)]
fn keys_and_values_of_lab_yaml_are_checked() {
    refused(
        "lab.yaml",
        "roadmap:",
        "roadmapp:",
        2,
        "\
error: unknown key `roadmapp` in a lab
  --> labs/tiny/lab.yaml:3:1
 3 | roadmapp: [redis]
   | ^
  = did you mean `roadmap`?
  = roadlab explain unknown-key
",
    );
    refused(
        "lab.yaml",
        "minutes: 5",
        "minutes: five",
        2,
        "\
error: `minutes` must be an integer, not `five`
  --> labs/tiny/lab.yaml:2:10
 2 | minutes: five
   |          ^
  = roadlab explain wrong-type
",
    );
    refused(
        "lab.yaml",
        "{ equals: hello }",
        "{ eqals: hello }",
        2,
        "\
error: unknown key `eqals` in a matcher
  --> labs/tiny/lab.yaml:18:19
 18 |         expect: { eqals: hello }
    |                   ^
  = did you mean `equals`?
  = roadlab explain unknown-key
",
    );
    refused(
        "lab.yaml",
        "{ equals: hello }",
        "{ matches: \"hel(\" }",
        2,
        "\
error: invalid regular expression `hel(`: unclosed group
  --> labs/tiny/lab.yaml:18:28
 18 |         expect: { matches: \"hel(\" }
    |                            ^
  = roadlab explain invalid-lab
",
    );
    refused(
        "lab.yaml",
        "{ equals: hello }",
        "{ path: \"$.[\", equals: hello }",
        2,
        "\
error: invalid JSONPath `$.[`: at position 2, in dot member name, must start with lowercase alpha or '_'
  --> labs/tiny/lab.yaml:18:25
 18 |         expect: { path: \"$.[\", equals: hello }
    |                         ^
  = roadlab explain invalid-lab
",
    );
}

#[apply(test)]
fn a_duplicate_key_is_reported_at_the_second() {
    let copy = tiny();
    copy.change("lab.yaml", "minutes: 5", "minutes: 5\nminutes: 6");
    let output = ProgramOutput::of(&mut copy.roadlab("up LAB")).expect_code(2);
    let mut lines = output.stderr.lines();
    let what = lines.next().unwrap();
    assert!(what.starts_with("error: duplicate"), "{what}");
    assert!(what.contains("minutes"), "{what}");
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "  --> labs/tiny/lab.yaml:3:1",
            " 3 | minutes: 6",
            "   | ^",
            "  = remove one of the two",
            "  = roadlab explain duplicate-name",
        ]
    );
}

#[apply(test)]
fn the_service_of_a_check_must_exist() {
    let copy = tiny();
    copy.change(
        "lab.yaml",
        "service: redis, command: [GET, greeting]",
        "service: rediss, command: [GET, greeting]",
    );
    let output = ProgramOutput::of(&mut copy.roadlab("up LAB")).expect_code(2);
    assert!(
        output
            .stderr
            .starts_with("error: no such service: `rediss`\n  --> labs/tiny/lab.yaml:1"),
        "{output:?}"
    );
    assert!(
        output
            .stderr
            .ends_with("  = did you mean `redis`?\n  = roadlab explain unknown-name\n"),
        "{output:?}"
    );
}

#[apply(test)]
fn keys_and_values_of_compose_yaml_are_checked() {
    service_refused(
        "mem_limt: 1g",
        2,
        "\
error: unknown key `mem_limt` in a service
  --> labs/tiny/compose.yaml:4:5
 4 |     mem_limt: 1g
   |     ^
  = did you mean `mem_limit`?
  = roadlab explain unknown-key
",
    );
    service_refused(
        "mem_limit: lots",
        2,
        "\
error: `mem_limit` must be a size such as `256m` or `1g`, not `lots`
  --> labs/tiny/compose.yaml:4:16
 4 |     mem_limit: lots
   |                ^
  = roadlab explain wrong-type
",
    );
    service_refused(
        "environment: { SECRET: \"${HOME}\" }",
        2,
        "\
error: undefined variable `${HOME}`
  --> labs/tiny/compose.yaml:4:28
 4 |     environment: { SECRET: \"${HOME}\" }
   |                            ^
  = give it a value under `vars` in lab.yaml or in the file `.env`, or write `$$` for a dollar sign
  = roadlab explain undefined-variable
",
    );
    let two = format!("depends_on: [other]\n  other:\n{EXTENDS}    depends_on: [redis]");
    service_refused(
        &two,
        2,
        "\
error: cycle in `depends_on`: other → redis → other
  --> labs/tiny/compose.yaml:5:3
 5 |   other:
   |   ^
  = remove one of these dependencies
  = roadlab explain order
",
    );
}

#[apply(test)]
fn what_the_policy_forbids_is_refused() {
    service_refused(
        "privileged: true",
        4,
        "\
refused: `privileged` is not allowed: it would give the lab root access to this machine
  --> labs/tiny/compose.yaml:4:5
 4 |     privileged: true
   |     ^
  = remove this line; no flag allows it
",
    );
    service_refused(
        "pid: host",
        4,
        "\
refused: `pid` is not allowed: it would share the processes of this machine
  --> labs/tiny/compose.yaml:4:5
 4 |     pid: host
   |     ^
  = remove this line; no flag allows it
",
    );
    service_refused(
        "volumes: [\"/etc:/data/etc:ro\"]",
        4,
        "\
refused: `/etc` is outside the lab's folder
  --> labs/tiny/compose.yaml:4:15
 4 |     volumes: [\"/etc:/data/etc:ro\"]
   |               ^
  = remove this line; no flag allows it
",
    );
    service_refused(
        "volumes: [\"../../..:/data/up:ro\"]",
        4,
        "\
refused: `../../..` is outside the lab's folder
  --> labs/tiny/compose.yaml:4:15
 4 |     volumes: [\"../../..:/data/up:ro\"]
   |               ^
  = remove this line; no flag allows it
",
    );
    let copy = tiny();
    let to = format!("{EXTENDS}    privileged: true\n");
    copy.change("compose.yaml", EXTENDS, &to);
    ProgramOutput::of(&mut copy.roadlab("validate labs/tiny --trust")).expect_code(4);
}

/// Asserts that a line is refused with 4, and allowed with `--trust`.
#[track_caller]
fn assert_needs_trust(line: &str, stderr: &str) {
    service_refused(line, 4, stderr);
    let copy = tiny();
    copy.change("compose.yaml", EXTENDS, &format!("{EXTENDS}    {line}\n"));
    let trusted = ProgramOutput::of(&mut copy.roadlab("validate labs/tiny --trust")).expect_code(0);
    assert_eq!(trusted.stdout, "1 folder: no problems\n");
}

#[apply(test)]
fn what_needs_trust_is_allowed_only_with_it() {
    assert_needs_trust(
        "cap_add: [NET_ADMIN]",
        "\
needs --trust: capability `NET_ADMIN` grants more rights than a service needs: it could change the addresses, routes and firewall rules of its container
  --> labs/tiny/compose.yaml:4:15
 4 |     cap_add: [NET_ADMIN]
   |               ^
  = remove this line, or run with `--trust` if you trust the author of this lab
",
    );
    assert_needs_trust(
        "ports: [\"0.0.0.0:8080:6379\"]",
        "\
needs --trust: a port on 0.0.0.0 would be reachable from other machines
  --> labs/tiny/compose.yaml:4:13
 4 |     ports: [\"0.0.0.0:8080:6379\"]
   |             ^
  = remove this line, or run with `--trust` if you trust the author of this lab
",
    );
}

#[apply(test)]
fn guides_must_match_the_lab() {
    refused(
        "guide.en.md",
        "{#greet}",
        "{#welcome}",
        2,
        "\
error: missing section for exercise `greet`
  --> labs/tiny/guide.en.md:1:1
 1 | # Tiny: one key
   | ^
  = add a heading such as `## Title {#greet}`
  = roadlab explain guide-mismatch
error: no such exercise in lab.yaml: `welcome`
  --> labs/tiny/guide.en.md:5:1
 5 | ## A greeting {#welcome}
   | ^
  = available: `greet`, `when`
  = roadlab explain unknown-name
",
    );
    refused(
        "guide.en.md",
        "{.hint #spelling}",
        "{.hint #letters}",
        2,
        "\
error: missing hint `spelling`
  --> labs/tiny/guide.en.md:5:1
 5 | ## A greeting {#greet}
   | ^
  = add `### Title {.hint #spelling}`
  = roadlab explain guide-mismatch
error: unused hint `letters`
  --> labs/tiny/guide.en.md:22:1
 22 | ### A letter is wrong {.hint #letters}
    | ^
  = refer to it in `hints` of a check in lab.yaml, or remove it
  = roadlab explain guide-mismatch
",
    );
}

#[apply(test)]
fn a_hint_missing_in_one_language_is_reported_there() {
    let hint = |title: &str| format!("### {title} {{.hint}}\n\n`SET greeting …`\n\n");
    for (file, title, heading) in [
        ("guide.en.md", "Hint", "A greeting"),
        ("guide.ko.md", "힌트", "인사"),
    ] {
        let copy = tiny();
        copy.change(file, &hint(title), "");
        let output = ProgramOutput::of(&mut copy.roadlab("up LAB")).expect_code(2);
        let place = format!("  --> labs/tiny/{file}:5:1\n 5 | ## {heading} {{#greet}}\n   | ^\n");
        let what = "error: exercise `greet` has 1 of at least 2 ordered hints\n";
        let message = format!(
            "{what}{place}  = add `### Hint {{.hint}}`\n  = roadlab explain guide-mismatch\n"
        );
        assert_eq!(output.stderr, message);
    }
}

/// One problem in each of three files.
fn with_three_problems() -> LabCopy {
    let copy = tiny();
    copy.change("lab.yaml", "minutes: 5", "minutes: five");
    copy.change(
        "compose.yaml",
        EXTENDS,
        &format!("{EXTENDS}    privileged: true\n    mem_limt: 1g\n"),
    );
    copy
}

#[apply(test)]
fn all_problems_are_reported_at_once_in_order() {
    let stdout = ProgramOutput::of(&mut with_three_problems().roadlab("validate labs/tiny"))
        .expect_code(4)
        .stdout;
    assert_eq!(
        stdout,
        "\
error: labs/tiny/lab.yaml:2:10: `minutes` must be an integer, not `five` [wrong-type]
refused: labs/tiny/compose.yaml:4:5: `privileged` is not allowed: it would give the lab root access to this machine (remove this line; no flag allows it)
error: labs/tiny/compose.yaml:5:5: unknown key `mem_limt` in a service (did you mean `mem_limit`?) [unknown-key]
3 problems in 1 folder
"
    );
    let verbose = with_three_problems();
    let verbose = ProgramOutput::of(&mut verbose.roadlab("validate labs/tiny -v")).expect_code(4);
    let places = verbose.stdout.lines();
    let places = places.filter_map(|line| line.strip_prefix("  --> "));
    assert_eq!(places.count(), 3, "{verbose:?}");
}

#[apply(test)]
fn validate_names_what_it_checked() {
    let output = ProgramOutput::of(&mut tiny().roadlab("validate labs")).expect_code(0);
    assert_eq!(output.stdout, "checked: labs/tiny\n1 folder: no problems\n");
}

#[apply(test)]
fn problems_are_available_as_json() {
    let copy = with_three_problems();
    let problem = |kind: &str,
                   code: &str,
                   what: &str,
                   help: Option<&str>,
                   file: &str,
                   place: (u32, u32)| json!({ "kind": kind, "code": code, "what": what, "help": help, "file": format!("labs/tiny/{file}"), "line": place.0, "column": place.1 });
    let problems = json!([
        problem(
            "error",
            "wrong-type",
            "`minutes` must be an integer, not `five`",
            None,
            "lab.yaml",
            (2, 10)
        ),
        problem(
            "refused",
            "refused",
            "`privileged` is not allowed: it would give the lab root access to this machine",
            Some("remove this line; no flag allows it"),
            "compose.yaml",
            (4, 5)
        ),
        problem(
            "error",
            "unknown-key",
            "unknown key `mem_limt` in a service",
            Some("did you mean `mem_limit`?"),
            "compose.yaml",
            (5, 5)
        ),
    ]);
    let validated =
        ProgramOutput::of(&mut copy.roadlab("validate labs/tiny --json")).expect_code(4);
    assert_eq!(
        validated.json(),
        json!({ "checked": ["labs/tiny"], "problems": problems, "notes": [] })
    );
    let up = ProgramOutput::of(&mut copy.roadlab("up LAB --json")).expect_code(4);
    assert_eq!(up.json()["error"]["exit"], 4);
    assert_eq!(up.json()["error"]["code"], "refused");
    assert_eq!(up.json()["error"]["problems"], problems);
}
