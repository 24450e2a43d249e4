//! One mutation of a small lab is one case: all that is wrong with it, as people read it.

use std::path::Path;

use crate::lab::load;
use crate::lab::testing::{COMPOSE, GUIDE, LAB, files, lab, problems, problems_of};

#[track_caller]
fn in_lab(from: &str, to: &str, expected: &[&str]) {
    assert!(LAB.contains(from), "{from}");
    assert_eq!(
        problems(&files(&LAB.replace(from, to), COMPOSE, GUIDE)),
        expected
    );
}

#[track_caller]
fn in_compose(from: &str, to: &str, expected: &[&str]) {
    assert!(COMPOSE.contains(from), "{from}");
    assert_eq!(
        problems(&files(LAB, &COMPOSE.replace(from, to), GUIDE)),
        expected
    );
}

#[track_caller]
fn in_guide(from: &str, to: &str, expected: &[&str]) {
    assert!(GUIDE.contains(from), "{from}");
    assert_eq!(
        problems(&files(LAB, COMPOSE, &GUIDE.replace(from, to))),
        expected
    );
}

#[test]
fn the_small_lab_is_sound() {
    let lab = lab(COMPOSE);
    assert_eq!(
        (lab.id.as_str(), lab.exercises.len(), lab.memory()),
        ("small", 1, 64 << 20)
    );
}

#[test]
fn a_service_that_does_not_say_what_it_may_use_is_limited_all_the_same() {
    let limits = |compose: &str| {
        let lab = lab(compose);
        let service = lab.services.values().next().unwrap();
        let limits = service.limits;
        (limits.memory, limits.cpus, limits.pids)
    };
    let silent = COMPOSE.replace("    mem_limit: 64m\n", "");
    assert_eq!(limits(&silent), (Some(1 << 30), Some(2.0), 512));
    let said = COMPOSE.replace("mem_limit: 64m", "mem_limit: 64m\n    cpus: '0.5'");
    assert_eq!(limits(&said), (Some(64 << 20), Some(0.5), 512));
    let deployed = "deploy: { resources: { limits: { cpus: 4, memory: 1m, pids: 7 } } }";
    let deployed = COMPOSE.replace("mem_limit: 64m", deployed);
    assert_eq!(limits(&deployed), (Some(1 << 20), Some(4.0), 7));
}

#[test]
fn mistakes_in_lab_yaml_have_their_line_and_help() {
    in_lab(
        "minutes: 5",
        "minuts: 5",
        &[
            "labs/small/lab.yaml:1:1: a lab needs `minutes`",
            "labs/small/lab.yaml:2:1: unknown key `minuts` in a lab (did you mean `minutes`?)",
        ],
    );
    in_lab(
        "level: beginner",
        "level: beginer",
        &["labs/small/lab.yaml:1:8: unknown level `beginer` (did you mean `beginner`?)"],
    );
    in_lab(
        "redis: { service: redis, command: [GET, a] }",
        "redis: { service: rediss, command: [GET, a] }",
        &["labs/small/lab.yaml:7:27: there is no service `rediss` (did you mean `redis`?)"],
    );
    in_lab(
        "redis: { service: redis, command: [GET, a] }",
        "redis: { service: redis, command: [GET, a], dbb: 1 }",
        &["labs/small/lab.yaml:7:53: unknown key `dbb` in a redis probe (did you mean `db`?)"],
    );
    in_lab(
        "expect: { equals: b }",
        "expect: {}",
        &[
            "labs/small/lab.yaml:8:17: this matcher says nothing, so it would always hold (for example `equals: PONG` or `exists: true`)",
        ],
    );
    in_lab(
        "    wrong: [ { do: [ { redis: { service: redis, command: [SET, a, c] } } ] } ]\n",
        "",
        &[
            "labs/small/lab.yaml:4:5: an exercise needs at least one wrong answer (`roadlab test` proves an exercise by all three)",
        ],
    );
    in_lab(
        "command: [GET, a]",
        "command: [GET, '${key}']",
        &["labs/small/lab.yaml:7:49: `${key}` is not a variable of this lab (there are none)"],
    );
}

#[test]
fn mistakes_in_compose_have_their_line_and_help() {
    in_compose(
        "mem_limit: 64m",
        "mem_limt: 64m",
        &[
            "labs/small/compose.yaml:5:5: unknown key `mem_limt` in a service (did you mean `mem_limit`?)",
        ],
    );
    in_compose(
        "mem_limit: 64m",
        "privileged: true",
        &[
            "labs/small/compose.yaml:5:5: service `redis` asks for `privileged`: it would give the lab root on this machine (no flag allows this: remove the line)",
        ],
    );
    in_compose(
        "'data:/data'",
        "'/etc:/data'",
        &[
            "labs/small/compose.yaml:6:15: `/etc` is outside the lab's folder (no flag allows this: remove the line)",
        ],
    );
    in_compose(
        "{ data: {} }",
        "{ data: { driver_opts: { device: /etc } } }",
        &[
            "labs/small/compose.yaml:7:20: a volume asks for `driver_opts`: it would reach into this machine (no flag allows this: remove the line)",
        ],
    );
    in_compose(
        "mem_limit: 64m",
        "environment: { KEY: '${HOME}' }",
        &[
            "labs/small/compose.yaml:5:25: `${HOME}` is not a variable of this lab (known: `WORKSPACE`)",
        ],
    );
    in_compose(
        "mem_limit: 64m",
        "depends_on: [redis]",
        &[
            "labs/small/compose.yaml:3:5: services depend on one another in a circle: redis → redis (remove one of the `depends_on`)",
        ],
    );
    in_compose(
        "ports: ['6379']",
        "ports: ['0.0.0.0:80:6379']",
        &[
            "labs/small/compose.yaml:4:13: a port on 0.0.0.0 would be open to other machines (remove the line, or run with `--trust` if you trust who wrote this lab)",
            "labs/small/compose.yaml:4:13: host port 80 belongs to this machine's own services (remove the line, or run with `--trust` if you trust who wrote this lab)",
        ],
    );
}

#[test]
fn a_guide_owes_sections_checks_and_hints() {
    in_guide(
        "## One {#one}",
        "## One {#on}",
        &[
            "labs/small/guide.en.md: this guide has no section for exercise `one` (add `## Title {#one}`)",
            "labs/small/guide.en.md:5:1: lab.yaml has no exercise `on` (did you mean `one`?)",
        ],
    );
    in_guide(
        "### Hint {.hint}\n\nTwo.\n",
        "",
        &["labs/small/guide.en.md:5:1: `one` has 1 of 2 ordered hints (add `### Hint {.hint}`)"],
    );
    in_guide(
        "- `holds`: it holds",
        "",
        &[
            "labs/small/guide.en.md:5:1: `one` does not say what check `holds` looks for (add ``- `holds`: …`` below `{.checks}`)",
        ],
    );
    in_guide(
        "Do it.",
        "At {{ redsi.url }}.",
        &["labs/small/guide.en.md:7:1: a `{{ … }}`: undefined value (names here: lab, redis.url)"],
    );
}

#[test]
fn a_translation_has_what_english_has() {
    let mut files = files(LAB, COMPOSE, GUIDE);
    let korean = GUIDE.replace(
        "### Hint {.hint}\n\nTwo.\n",
        "### 힌트 {.hint}\n\n둘.\n\n### 힌트 {.hint}\n\n셋.\n",
    );
    files.0.insert("labs/small/guide.ko.md".into(), korean);
    assert_eq!(
        problems(&files),
        ["labs/small/guide.ko.md:5:1: `one` has 3 ordered hints here and 2 in English"]
    );
}

#[test]
fn a_hint_that_a_translation_lacks_is_told_once_and_with_its_line() {
    let mut files = files(LAB, COMPOSE, GUIDE);
    let korean = GUIDE.replace("### Hint {.hint}\n\nTwo.\n", "");
    files
        .0
        .insert("labs/small/guide.ko.md".into(), korean.clone());
    let problems = problems_of(load(Path::new("labs/small"), &files));
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected =
        "labs/small/guide.ko.md:5:1: `one` has 1 of 2 ordered hints (add `### Hint {.hint}`)";
    assert_eq!(told, [expected]);
    let shown = problems[0].place.as_ref().map(|place| place.text.as_str());
    assert_eq!(shown, korean.lines().nth(4));
}

#[test]
fn a_service_is_adapted_with_extends_and_included_unchanged() {
    let mut files = files(
        LAB,
        "services:\n  redis:\n    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n    mem_limit: 32m\n    environment: { B: '2' }\n",
        GUIDE,
    );
    let catalogue = "services:\n  redis:\n    image: redis:8.0\n    ports: ['6379']\n    mem_limit: 64m\n    environment: { A: '1' }\n    volumes: ['data:/data']\nvolumes: { data: {} }\n";
    files
        .0
        .insert("compose/redis/compose.yaml".into(), catalogue.to_owned());
    let lab = load(Path::new("labs/small"), &files).unwrap().lab;
    let service = lab.services.values().next().unwrap();
    assert_eq!(service.limits.memory, Some(32 << 20));
    assert_eq!(service.environment.keys().collect::<Vec<_>>(), ["A", "B"]);
    files.0.insert(
        "labs/small/compose.yaml".into(),
        "include: [../../compose/redis/compose.yaml]\n".to_owned(),
    );
    assert_eq!(self::problems(&files), Vec::<String>::new());
}

/// The engine refuses a mount whose path is relative, and it would mean another folder there.
#[test]
fn what_is_mounted_is_absolute_even_where_the_lab_was_found_by_a_relative_path() {
    let compose = COMPOSE.replace("'data:/data'", "'data:/data', './compose.yaml:/c:ro'");
    let files = files(LAB, &compose, GUIDE);
    let lab = load(Path::new("labs/small"), &files).unwrap().lab;
    let service = lab.services.values().next().unwrap();
    let sources = service.mounts.iter().filter_map(|mount| match mount {
        crate::lab::Mount::Bind { source, .. } => source.to_str(),
        _ => None,
    });
    assert_eq!(sources.collect::<Vec<_>>(), ["/labs/small/compose.yaml"]);
}

#[test]
fn files_are_taken_from_the_lab_and_from_the_catalogue_beside_it_only() {
    let extends = "services:\n  redis:\n    extends: { file: FILE, service: redis }\n";
    let mut files = files(LAB, COMPOSE, GUIDE);
    for place in ["labs/small/own", "labs/other", "compose/redis", "elsewhere"] {
        let path = std::path::Path::new(place).join("compose.yaml");
        files.0.insert(path, COMPOSE.to_owned());
    }
    let mut told = |file: &str| {
        let text = extends.replace("FILE", file);
        files.0.insert("labs/small/compose.yaml".into(), text);
        problems(&files).join("\n")
    };
    assert_eq!(told("own/compose.yaml"), "");
    assert_eq!(told("../../compose/redis/compose.yaml"), "");
    for outside in ["../other/compose.yaml", "../../elsewhere/compose.yaml"] {
        let told = told(outside);
        assert!(
            told.contains("lies neither in the lab's folder nor in the catalogue"),
            "{told}"
        );
    }
    for remote in [
        "https://x.test/c.yaml",
        "git@x.test:a/b",
        "oci://x.test/c",
        "/etc/c.yaml",
    ] {
        let told = told(remote);
        assert!(told.contains("is not a file beside this one"), "{told}");
    }
}

/// The path would leave the folder on the host, writable.
#[test]
fn a_workspace_path_stays_in_the_workspace() {
    for outside in [
        "'${WORKSPACE}/../..:/x'",
        "'${WORKSPACE}/a/../../../etc:/x'",
        "'${WORKSPACE}x:/x'",
        "'//workspace/..:/x:ro'",
        "{ type: bind, source: '${WORKSPACE}/..', target: /x }",
    ] {
        let compose = COMPOSE.replace("'data:/data'", outside);
        let told = problems(&files(LAB, &compose, GUIDE));
        assert_eq!(
            told,
            [
                "labs/small/compose.yaml:6:15: a path that begins with `${WORKSPACE}` must stay in it (no flag allows this: remove the line)"
            ],
            "{outside}"
        );
    }
}

#[test]
fn a_file_with_a_hundred_thousand_mistakes_is_told_in_short() {
    let many: String = (0..3000)
        .map(|at| format!("  - {{ id: {at}, x{at}: 1 }}\n"))
        .collect();
    let told = problems(&files(
        &LAB.replace("exercises:\n", &format!("exercises:\n{many}")),
        COMPOSE,
        GUIDE,
    ));
    assert_eq!(told.len(), 101);
    assert!(
        told[100].starts_with("and ") && told[100].ends_with(" problems more"),
        "{}",
        told[100]
    );
}
