//! Each case is one change to a small lab, and all its problems as they are printed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::expect::Actual;
use crate::lab::testing::{COMPOSE, GUIDE, InMemoryFs, LAB, files, lab, problems, problems_of};
use crate::lab::{
    Draw, FileSystem, LabId, Lang, ReadError, Service, UnsafeMount, load, load_drawn, load_services,
};
use crate::problem::{Code, Place, Problem};
use crate::text;

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

/// Files that count how often each is read.
struct CountingFs {
    files: InMemoryFs,
    reads: RefCell<BTreeMap<PathBuf, usize>>,
}

impl FileSystem for CountingFs {
    fn read(&self, path: &Path) -> Result<String, ReadError> {
        *self.reads.borrow_mut().entry(path.to_owned()).or_default() += 1;
        self.files.read(path)
    }

    fn file_names(&self, folder: &Path) -> Vec<String> {
        self.files.file_names(folder)
    }

    fn canonical_path(&self, path: &Path) -> Option<PathBuf> {
        self.files.canonical_path(path)
    }

    fn unsafe_to_mount(&self, path: &Path) -> Option<UnsafeMount> {
        self.files.unsafe_to_mount(path)
    }
}

/// Loads the small lab with a draw. Returns how often the draw was requested, and how often lab.yaml and the guide were read.
fn reads_with_draw(lab: &str) -> [usize; 3] {
    let counting = CountingFs {
        files: files(lab, COMPOSE, GUIDE),
        reads: RefCell::default(),
    };
    let folder = Path::new("labs/small");
    let draws = Cell::new(0);
    let draw = |_: &LabId| {
        draws.set(draws.get() + 1);
        Some(Draw::of_test())
    };
    let loaded = load_drawn(folder, &draw, &counting).unwrap();
    assert_eq!(loaded.lab.random.draw.is_some(), draws.get() > 0);
    let reads = counting.reads.into_inner();
    let [lab, guide] = ["lab.yaml", "guide.en.md"].map(|name| reads[&folder.join(name)]);
    [draws.get(), lab, guide]
}

#[test]
fn a_lab_is_read_once_with_its_draw_and_without() {
    let random = with_random("{ token: { hex: 8 } }", "\"${token}\"");
    assert_eq!(reads_with_draw(&random), [1, 1, 1]);
    assert_eq!(reads_with_draw(LAB), [0, 1, 1]);
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
fn a_service_without_limits_gets_the_default_limits() {
    let limits = |compose: &str| {
        let lab = lab(compose);
        let service = lab.services.values().next().unwrap();
        let limits = service.limits;
        (limits.memory, limits.cpus, limits.pids)
    };
    let default = COMPOSE.replace("    mem_limit: 64m\n", "");
    assert_eq!(limits(&default), (Some(1 << 30), Some(2.0), 512));
    let explicit = COMPOSE.replace("mem_limit: 64m", "mem_limit: 64m\n    cpus: '0.5'");
    assert_eq!(limits(&explicit), (Some(64 << 20), Some(0.5), 512));
    let deployed = "deploy: { resources: { limits: { cpus: 4, memory: 8m, pids: 7 } } }";
    let deployed = COMPOSE.replace("mem_limit: 64m", deployed);
    assert_eq!(limits(&deployed), (Some(8 << 20), Some(4.0), 7));
}

#[test]
fn the_first_health_check_has_time_to_run() {
    let with = |service: &str| {
        let compose = COMPOSE.replace("    mem_limit: 64m\n", &format!("    {service}\n"));
        let lab = lab(&compose);
        lab.services.into_values().next().unwrap()
    };
    let check = |interval: &str| {
        with(&format!(
            "healthcheck: {{ test: 'true', interval: {interval}, timeout: 2s }}"
        ))
    };
    let seconds = |service: &Service| service.longest_start().as_secs_f64();
    assert_eq!(seconds(&with("init: true")), 60.0);
    assert_eq!(seconds(&check("5s")), 60.0);
    assert_eq!(seconds(&check("'0'")), 60.0);
    assert_eq!(seconds(&check("1m0.5s")), 62.5);
    assert_eq!(seconds(&check("1000000h")), 3602.0);
    // What roadlab probes itself needs no health check.
    let mut probed = check("1m0.5s");
    assert_eq!(
        probed.first_health_check(),
        Some(Duration::from_millis(60_500))
    );
    probed.interface.ready = vec![lab(COMPOSE).exercises[0].checks()[0].step.clone()];
    assert_eq!(probed.first_health_check(), None);
    assert_eq!(seconds(&probed), 60.0);
}

#[test]
fn a_first_health_check_after_ready_within_is_noted() {
    let compose = COMPOSE.replace(
        "    mem_limit: 64m\n",
        "    healthcheck: { test: 'true', interval: 1m0.5s }\n",
    );
    let loaded = load(Path::new("labs/small"), &files(LAB, &compose, GUIDE)).unwrap();
    let notes: Vec<String> = loaded.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "labs/small/compose.yaml:2:3: the engine runs the first health check of `redis` after 60.5 s, and `up` waits for its result (shorten `interval` of its `healthcheck`, or add `ready` to its `x-roadlab`)"
        ]
    );
}

#[test]
fn what_compose_refuses_is_not_left_out() {
    for (service, expected) in [
        (
            "ulimits: { nofile: { soft: 10 } }",
            "labs/small/compose.yaml:5:16: limit `nofile` needs both `soft` and `hard`",
        ),
        (
            "deploy: { restart_policy: { condition: sometimes } }",
            "labs/small/compose.yaml:5:44: `condition` must be `none`, `on-failure` or `any`, not `sometimes`",
        ),
        (
            "volumes: [{ type: bind, target: /v }]",
            "labs/small/compose.yaml:6:15: an entry of `volumes` needs `source`",
        ),
        (
            "volumes: [{ type: volume, source: v }]",
            "labs/small/compose.yaml:6:15: an entry of `volumes` needs `target`",
        ),
        (
            "volumes: [{ type: volume, source: ./d, target: /v }]",
            "labs/small/compose.yaml:6:15: no such volume: `./d` (write `type: bind` for a file or folder)",
        ),
        (
            "volumes: [{ source: data, target: /v }]",
            "labs/small/compose.yaml:6:15: missing key `type` in a volume of a service",
        ),
        (
            "volumes: [':/v']",
            "labs/small/compose.yaml:6:15: invalid volume `:/v` (write `source:target` or `source:target:ro`)",
        ),
        (
            "volumes: ['data:/v/../w']",
            "labs/small/compose.yaml:6:15: `/v/../w` must be a path in the container without `..`",
        ),
        (
            "ulimits: { nofile: { soft: 10, hrd: 10 } }",
            "labs/small/compose.yaml:5:36: unknown key `hrd` in a ulimit (did you mean `hard`?)",
        ),
        (
            "tmpfs: run",
            "labs/small/compose.yaml:5:12: `run` must be an absolute path in the container",
        ),
        (
            "tmpfs: 5",
            "labs/small/compose.yaml:5:12: `tmpfs` must be a string, not `5` (write it in quotes)",
        ),
        (
            "cap_drop: [5]",
            "labs/small/compose.yaml:5:16: `cap_drop` must be a string, not `5` (write it in quotes)",
        ),
        (
            "restart: [always]",
            "labs/small/compose.yaml:5:14: `restart` must be `no`, `always`, `unless-stopped` or `on-failure`, not a list",
        ),
        (
            "build: { path: . }",
            "labs/small/compose.yaml:5:14: unknown key `path` in a build (available: `additional_contexts`, `args`, `cache_from`, `cache_to`, `context`, `dockerfile`, `dockerfile_inline`, `entitlements`, `extra_hosts`, `isolation`, `labels`, `network`, `no_cache`, `no_cache_filter`, `platforms`, `privileged`, `provenance`, `pull`, `sbom`, `secrets`, `shm_size`, `ssh`, `tags`, `target`, …)",
        ),
        (
            "ulimits: { nofile: { soft: 20, hard: 10 } }",
            "labs/small/compose.yaml:5:16: the `soft` limit `nofile` is higher than the `hard` one",
        ),
        (
            "healthcheck: { test: 'true', retries: -1 }",
            "labs/small/compose.yaml:5:43: `retries` must be 0 or more, not `-1`",
        ),
        (
            "environment: ['=x']",
            "labs/small/compose.yaml:5:19: a variable of `environment` has no name (write `NAME=value`)",
        ),
        (
            "environment: A=1",
            "labs/small/compose.yaml:5:18: `environment` must be a list or a mapping, not `A=1`",
        ),
        (
            "depends_on: redis",
            "labs/small/compose.yaml:5:17: `depends_on` must be a list or a mapping, not `redis`",
        ),
        (
            "command: 10",
            "labs/small/compose.yaml:5:14: `command` must be a string or a list, not `10` (write it in quotes)",
        ),
        (
            "env_file: ''",
            "labs/small/compose.yaml:5:15: `env_file` is empty",
        ),
        (
            "build: { contxt: . }",
            "labs/small/compose.yaml:5:14: unknown key `contxt` in a build (did you mean `context`?)",
        ),
        (
            "extends: { file: b.yaml }",
            "labs/small/compose.yaml:5:14: missing key `service` in an `extends` entry",
        ),
        (
            "extends: [b]",
            "labs/small/compose.yaml:5:14: `extends` must be a string, not a list",
        ),
        (
            "extra_hosts: [bad]",
            "labs/small/compose.yaml:5:18: `extra_hosts` must be `name=address` entries, with one address for each name, not a list",
        ),
    ] {
        let before = match service.starts_with("volumes") {
            true => "    volumes: ['data:/data']\n",
            false => "    mem_limit: 64m\n",
        };
        in_compose(before, &format!("    {service}\n"), &[expected]);
    }
}

#[test]
fn other_files_in_env_and_two_definitions_are_refused() {
    let with = |path: &str, text: &str, compose: &str| {
        let mut files = files(LAB, compose, GUIDE);
        files
            .0
            .insert(Path::new("labs/small").join(path), text.to_owned());
        problems(&files)
    };
    let env = "# All files.\nexport COMPOSE_FILE=compose.yaml:other.yaml\n";
    assert_eq!(
        with(".env", env, COMPOSE),
        [
            "labs/small/.env:2:1: `COMPOSE_FILE` names other files: `compose.yaml:other.yaml` (remove it, and name the files in `include` of compose.yaml)"
        ]
    );
    let same = "COMPOSE_FILE=compose.yaml\n";
    assert_eq!(with(".env", same, COMPOSE), [""; 0]);
    let own = format!("include: [b.yaml]\n{COMPOSE}networks: {{ n: {{ internal: true }} }}\n");
    assert_eq!(
        with("b.yaml", "networks: { n: {} }\n", &own),
        [
            "labs/small/compose.yaml:9:13: `n` of `networks` is defined twice (it is also defined in labs/small/b.yaml, and not in the same way; remove one of the two)"
        ]
    );
    let same = format!("include: [b.yaml]\n{COMPOSE}networks: {{ n: {{}} }}\n");
    assert_eq!(with("b.yaml", "networks: { n: }\n", &same), [""; 0]);
}

#[test]
fn a_folder_without_a_dot_and_a_missing_file_of_an_include_have_their_line() {
    let with = |path: &str, text: &str, compose: &str| {
        let mut files = files(LAB, compose, GUIDE);
        let path = Path::new("labs/small").join(path);
        files.0.insert(path, text.to_owned());
        problems(&files)
    };
    assert_eq!(
        with("files/a", "", &COMPOSE.replace("data:/data", "files:/data")),
        [
            "labs/small/compose.yaml:6:15: no such volume: `files` (write `./files` for the file or folder)"
        ]
    );
    let include = "include:\n  - path: part.yaml\n    env_file: [part.env]\n";
    assert_eq!(
        with(
            "part.yaml",
            "services: {}\n",
            &format!("{include}{COMPOSE}")
        ),
        ["labs/small/compose.yaml:3:16: cannot read labs/small/part.env: no such file"]
    );
}

#[test]
fn two_services_do_not_have_one_container_name() {
    let app = "  app: { image: 'app:1', mem_limit: 64m, container_name: store }\n";
    let compose = COMPOSE.replace("volumes: { data", &format!("{app}volumes: {{ data"));
    let compose = compose.replace("8.0\n", "8.0\n    container_name: store\n");
    assert_eq!(
        problems(&files(LAB, &compose, GUIDE)),
        [
            "labs/small/compose.yaml:8:42: services `redis` and `app` have the same `container_name`: `store` (give one of the two another name)"
        ]
    );
}

/// Compose takes an empty name as none.
#[test]
fn a_service_needs_an_image_that_has_a_name() {
    for image in ["''", ""] {
        in_compose(
            "image: redis:8.0",
            &format!("image: {image}"),
            &["labs/small/compose.yaml:2:3: service `redis` needs `image` or `build`"],
        );
    }
    in_compose(
        "image: redis:8.0",
        "image: 8",
        &["labs/small/compose.yaml:3:12: `image` must be a string, not `8` (write it in quotes)"],
    );
    let compose = COMPOSE.replace("image: redis:8.0", "image: ''\n    build: .");
    let mut files = files(LAB, &compose, GUIDE);
    let dockerfile = Path::new("/labs/small/Dockerfile");
    files.0.insert(dockerfile.into(), "FROM debian\n".into());
    assert_eq!(problems(&files), [""; 0]);
}

/// With `pull_policy: build`, the image is built, also for another service that has it.
#[test]
fn an_image_that_is_always_built_is_not_pulled() {
    let services = "services:\n  a: { image: 'app:1', build: ., pull_policy: build }\n  b: { image: 'app:1' }\n  c: { image: 'db:1', build: ., pull_policy: always }\n";
    let folder = Path::new("/lab");
    let in_folder = |name: &str, text: &str| (folder.join(name), text.to_owned());
    let files = [
        in_folder("compose.yaml", services),
        in_folder("Dockerfile", "FROM debian\n"),
    ];
    let loaded = load_services(folder, &BTreeMap::new(), &InMemoryFs(files.into()));
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let images = loaded.services.iter().map(|service| {
        let image = service.image.as_ref().map(ToString::to_string);
        (image, service.recipe.is_some())
    });
    let pulled = Some("db:1".to_owned());
    assert_eq!(
        images.collect::<Vec<_>>(),
        [(None, true), (None, true), (pulled, true)]
    );
    let notes: Vec<String> = loaded.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "/lab/compose.yaml:4:33: `pull_policy: always` of service `c` has no effect: roadlab uses local images first"
        ]
    );
}

#[test]
fn problems_in_lab_yaml_have_their_line_and_help() {
    in_lab(
        "minutes: 5",
        "minuts: 5",
        &["labs/small/lab.yaml:2:1: unknown key `minuts` in a lab (did you mean `minutes`?)"],
    );
    in_lab(
        "level: beginner",
        "level: beginer",
        &["labs/small/lab.yaml:1:8: unknown level `beginer` (did you mean `beginner`?)"],
    );
    in_lab(
        "redis: { service: redis, command: [GET, a] }",
        "redis: { service: rediss, command: [GET, a] }",
        &["labs/small/lab.yaml:7:27: no such service: `rediss` (did you mean `redis`?)"],
    );
    in_lab(
        "redis: { service: redis, command: [GET, a] }",
        "redis: { service: redis, command: [GET, a], dbb: 1 }",
        &["labs/small/lab.yaml:7:53: unknown key `dbb` in a `redis` probe (did you mean `db`?)"],
    );
    in_lab(
        "expect: { equals: b }",
        "expect: {}",
        &[
            "labs/small/lab.yaml:8:17: this matcher is empty and would match anything (add an expectation, such as `equals: PONG` or `exists: true`)",
        ],
    );
    in_lab(
        "    wrong: [ { do: [ { redis: { service: redis, command: [SET, a, c] } } ] } ]\n",
        "",
        &[
            "labs/small/lab.yaml:4:5: an exercise needs at least one wrong answer (`roadlab test` uses checks, solution and wrong answers to test a lab)",
        ],
    );
    in_lab(
        "command: [GET, a]",
        "command: [GET, '${key}']",
        &[
            "labs/small/lab.yaml:7:49: undefined variable `${key}` (add `key` to `vars` in lab.yaml, or write `$${` for the characters themselves)",
        ],
    );
}

#[test]
fn problems_in_compose_yaml_have_their_line_and_help() {
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
            "labs/small/compose.yaml:5:5: `privileged` is not allowed: it would give the lab root access to this machine (remove this line; no flag allows it)",
        ],
    );
    in_compose(
        "'data:/data'",
        "'/etc:/data'",
        &[
            "labs/small/compose.yaml:6:15: `/etc` is outside the lab's folder (remove this line; no flag allows it)",
        ],
    );
    in_compose(
        "{ data: {} }",
        "{ data: { driver_opts: { device: /etc } } }",
        &[
            "labs/small/compose.yaml:7:20: `driver_opts` is not allowed: it would give the lab access to this machine (remove this line; no flag allows it)",
        ],
    );
    in_compose(
        "mem_limit: 64m",
        "environment: { KEY: '${HOME}' }",
        &[
            "labs/small/compose.yaml:5:25: undefined variable `${HOME}` (give it a value under `vars` in lab.yaml or in the file `.env`, or write `$$` for a dollar sign)",
        ],
    );
    in_compose(
        "mem_limit: 64m",
        "depends_on: [redis]",
        &[
            "labs/small/compose.yaml:2:3: cycle in `depends_on`: redis → redis (remove one of these dependencies)",
        ],
    );
    in_compose(
        "ports: ['6379']",
        "ports: ['0.0.0.0:80:6379']",
        &[
            "labs/small/compose.yaml:4:13: a port on 0.0.0.0 would be reachable from other machines (remove this line, or run with `--trust` if you trust the author of this lab)",
        ],
    );
}

#[test]
fn what_an_optional_service_requests_is_no_problem_of_the_lab() {
    let required = COMPOSE.replace(
        "    mem_limit: 64m\n",
        "    cap_add: [NET_RAW, NET_ADMIN]\n",
    );
    let loaded = load(Path::new("labs/small"), &files(LAB, &required, GUIDE)).unwrap();
    assert_eq!(loaded.needs_trust.len(), 2);
    assert!(loaded.lab.withheld_services().next().is_none());
    let lab = LAB.replace("    checks:", "    needs_service: [redis]\n    checks:");
    let compose = COMPOSE.replace(
        "    mem_limit: 64m\n",
        "    cap_add: [NET_RAW, NET_ADMIN]\n    x-roadlab: { optional: true }\n",
    );
    let loaded = load(Path::new("labs/small"), &files(&lab, &compose, GUIDE)).unwrap();
    let mut lab = loaded.lab;
    assert!(loaded.needs_trust.is_empty());
    assert_eq!(lab.withheld().len(), 2);
    let withheld = lab.withheld_services().map(|one| one.name.as_str());
    assert_eq!(withheld.collect::<Vec<_>>(), ["redis"]);
    assert_eq!(lab.take_withheld().len(), 2);
    assert!(lab.withheld_services().next().is_none());
    // What is always refused stays a problem.
    let refused = compose.replace("NET_RAW", "SYS_ADMIN");
    assert!(load(Path::new("labs/small"), &files(LAB, &refused, GUIDE)).is_err());
}

#[test]
fn a_lab_does_not_build_on_itself() {
    in_lab(
        "minutes: 5",
        "minutes: 5\nafter: [other, small]",
        &[
            "labs/small/lab.yaml:3:16: `after` of lab `small` names the lab itself (remove `small` from `after`)",
        ],
    );
    in_lab("minutes: 5", "minutes: 5\nafter: [other]", &[]);
}

#[test]
fn a_guide_needs_sections_descriptions_and_hints() {
    in_guide(
        "## One {#one}",
        "## One {#on}",
        &["labs/small/guide.en.md:5:1: no such exercise in lab.yaml: `on` (did you mean `one`?)"],
    );
    in_guide(
        "### Hint {.hint}\n\nTwo.\n",
        "",
        &[
            "labs/small/guide.en.md:5:1: exercise `one` has 1 of at least 2 ordered hints (add `### Hint {.hint}`)",
        ],
    );
    in_guide(
        "- `holds`: it holds",
        "",
        &[
            "labs/small/guide.en.md:9:1: missing description of check `holds` of exercise `one` (add ``- `holds`: …`` below the heading with `{.checks}`)",
        ],
    );
    in_guide(
        "Do it.",
        "At {{ redsi.url }}.",
        &["labs/small/guide.en.md:7:1: unknown name `redsi.url` (did you mean `redis.url`?)"],
    );
}

/// Returns the problems of the small lab with a guide in each of two languages.
fn in_two_guides(lab: &str, english: &str, korean: &str) -> Vec<String> {
    let mut files = files(lab, COMPOSE, english);
    files
        .0
        .insert("labs/small/guide.ko.md".into(), korean.to_owned());
    problems(&files)
}

#[test]
fn a_missing_section_is_reported_where_it_belongs() {
    let lab = format!("{LAB}  - id: two\n    quiz: {{ choices: [a, b], answer: a }}\n");
    assert_eq!(
        problems(&files(&lab, COMPOSE, GUIDE)),
        [
            "labs/small/guide.en.md:5:1: missing section for exercise `two` (add a heading such as `## Title {#two}`)"
        ]
    );
    let empty = "# A lab\n\nWords.\n";
    assert_eq!(
        problems(&files(LAB, COMPOSE, empty)),
        [
            "labs/small/guide.en.md:1:1: missing section for exercise `one` (add a heading such as `## Title {#one}`)"
        ]
    );
    assert_eq!(
        problems(&files(&lab, COMPOSE, "")),
        ["labs/small/guide.en.md: this file is empty"]
    );
}

#[test]
fn a_list_without_the_heading_of_its_class_is_one_problem() {
    let checks = "### Checks {.checks}\n\n";
    let item = "- `holds`: it holds\n\n";
    let what = "no heading of exercise `one` has the class `.checks`";
    let help = "(add `### Title {.checks}`, and below it ``- `ID`: …`` for each of `holds`)";
    let at_exercise = format!("labs/small/guide.en.md:5:1: {what} {help}");
    in_guide(&format!("{checks}{item}"), "", &[&at_exercise]);
    in_guide(checks, "", &[&at_exercise]);
    let at_heading =
        format!("labs/small/guide.en.md:9:1: {what} (add `{{.checks}}` to this heading)");
    in_guide("### Checks {.checks}", "### Checks", &[&at_heading]);
    // It may also stand below another part.
    let last = format!(
        "{}\n### Checks\n\n{item}",
        GUIDE.replace(&format!("{checks}{item}"), "")
    );
    assert_eq!(
        problems(&files(LAB, COMPOSE, &last)),
        [
            "labs/small/guide.en.md:17:1: this heading has no class, so its text is not shown (add a class such as `{.hint}`, or move it to the text of the exercise)"
        ]
    );
}

#[test]
fn an_exercise_with_checks_has_no_choices() {
    let guide = format!("{GUIDE}\n### Choices {{.choices}}\n\n- `a`: b\n");
    assert_eq!(
        problems(&files(LAB, COMPOSE, &guide)),
        [
            "labs/small/guide.en.md:23:1: no such choice in exercise `one`: `a` (remove its description, or add it to lab.yaml)"
        ]
    );
}

#[test]
fn an_exercise_that_all_guides_name_otherwise_is_misspelt_in_the_lab() {
    let lab = LAB.replace("id: one", "id: oen");
    assert_eq!(
        in_two_guides(&lab, GUIDE, GUIDE),
        ["labs/small/lab.yaml:4:9: no such exercise in the guides: `oen` (did you mean `one`?)"]
    );
    // One guide may be wrong itself, and so may two that differ.
    assert_eq!(
        problems(&files(&lab, COMPOSE, GUIDE)),
        ["labs/small/guide.en.md:5:1: no such exercise in lab.yaml: `one` (did you mean `oen`?)"]
    );
    let korean = GUIDE.replace("{#one}", "{#onee}");
    assert_eq!(
        in_two_guides(LAB, GUIDE, &korean),
        ["labs/small/guide.ko.md:5:1: no such exercise in lab.yaml: `onee` (did you mean `one`?)"]
    );
    // The section is checked under the id that it has.
    let without = GUIDE.replace("### Hint {.hint}\n\nTwo.\n", "");
    assert_eq!(
        in_two_guides(&lab, &without, &without),
        [
            "labs/small/lab.yaml:4:9: no such exercise in the guides: `oen` (did you mean `one`?)",
            "labs/small/guide.en.md:5:1: exercise `oen` has 1 of at least 2 ordered hints (add `### Hint {.hint}`)",
            "labs/small/guide.ko.md:5:1: exercise `oen` has 1 of at least 2 ordered hints (add `### Hint {.hint}`)",
        ]
    );
}

#[test]
fn a_check_or_choice_that_all_guides_name_otherwise_is_misspelt_in_the_lab() {
    let lab = LAB.replace("id: holds", "id: hold");
    assert_eq!(
        in_two_guides(&lab, GUIDE, GUIDE),
        ["labs/small/lab.yaml:6:13: no such check in the guides: `hold` (did you mean `holds`?)"]
    );
    // One guide may be wrong itself, and so may two that differ.
    let in_guide = |language: &str| {
        format!(
            "labs/small/guide.{language}.md:11:1: no such check in exercise `one`: `holds` (did you mean `hold`?)"
        )
    };
    assert_eq!(problems(&files(&lab, COMPOSE, GUIDE)), [in_guide("en")]);
    let right = GUIDE.replace("`holds`", "`hold`");
    assert_eq!(in_two_guides(&lab, &right, GUIDE), [in_guide("ko")]);
    let quiz = "  - id: two\n    quiz: { choices: [a, valeu], answer: a }\n";
    let section = "\n## Two {#two}\n\n### Choices {.choices}\n\n- `a`: 1\n- `value`: 2\n";
    let guide = format!("{GUIDE}{section}");
    assert_eq!(
        in_two_guides(&format!("{LAB}{quiz}"), &guide, &guide),
        [
            "labs/small/lab.yaml:12:26: no such choice in the guides: `valeu` (did you mean `value`?)"
        ]
    );
}

#[test]
fn a_hint_is_misspelt_where_fewer_have_its_name() {
    let expect = "        expect: { equals: b }\n";
    let hint = "        hints: [ { when: { equals: c }, say: wrong-letter } ]\n";
    let once = LAB.replace(expect, &format!("{expect}{hint}"));
    let answer = "    wrong: [ { do:";
    let twice = once.replace(answer, "    wrong: [ { hint: wrong-letter, do:");
    assert_ne!(once, twice);
    let right = format!("{GUIDE}\n### The letter {{.hint #wrong-letter}}\n\nAnother.\n");
    let wrong = right.replace("#wrong-letter", "#wrong-lettre");
    let in_lab = "labs/small/lab.yaml:9:46: no such hint in the guides: `wrong-letter` (did you mean `wrong-lettre`?)";
    let in_guide = |language: &str| {
        format!(
            "labs/small/guide.{language}.md:21:1: unused hint `wrong-lettre` (did you mean `wrong-letter`?)"
        )
    };
    assert_eq!(in_two_guides(&once, &right, &right), [""; 0]);
    assert_eq!(in_two_guides(&once, &right, &wrong), [in_guide("ko")]);
    assert_eq!(in_two_guides(&once, &wrong, &right), [in_guide("en")]);
    assert_eq!(in_two_guides(&twice, &wrong, &wrong), [in_lab]);
    assert_eq!(problems(&files(&once, COMPOSE, &wrong)), [in_lab]);
    assert_eq!(problems(&files(&twice, COMPOSE, &wrong)), [in_guide("en")]);
    // A name that is close to none is missing in the guide, and the other one is not used.
    let other = right.replace("#wrong-letter", "#something-else");
    assert_eq!(
        problems(&files(&once, COMPOSE, &other)),
        [
            "labs/small/guide.en.md:5:1: missing hint `wrong-letter` (add `### Title {.hint #wrong-letter}`)",
            "labs/small/guide.en.md:21:1: unused hint `something-else` (refer to it in `hints` of a check in lab.yaml, or remove it)",
        ]
    );
}

#[test]
fn a_hint_of_a_quiz_that_all_guides_name_otherwise_is_misspelt_in_the_lab() {
    let quiz = "  - id: two\n    quiz: { choices: [a, b], answer: a, hints: { b: valeus } }\n";
    let section = "\n## Two {#two}\n\n### Choices {.choices}\n\n- `a`: 1\n- `b`: 2\n\n### No {.hint #values}\n\nNo.\n";
    let guide = format!("{GUIDE}{section}");
    assert_eq!(
        in_two_guides(&format!("{LAB}{quiz}"), &guide, &guide),
        [
            "labs/small/lab.yaml:12:53: no such hint in the guides: `valeus` (did you mean `values`?)"
        ]
    );
}

#[test]
fn a_hint_whose_heading_is_broken_is_not_missed_in_the_lab() {
    let expect = "        expect: { equals: b }\n";
    let hints = "        hints: [ { when: { equals: c }, say: letter-1 }, { when: { equals: d }, say: letter-2 } ]\n";
    let lab = LAB.replace(expect, &format!("{expect}{hints}"));
    let guide = format!(
        "{GUIDE}\n### One {{.hint #letter-1}}\n\nOne.\n\n### Two {{hint #letter-2}}\n\nTwo.\n"
    );
    assert_eq!(
        problems(&files(&lab, COMPOSE, &guide)),
        [
            "labs/small/guide.en.md:25:1: `hint` in the braces of this heading is neither a class nor an id (write `{.hint}` for a class or `{#hint}` for an id)"
        ]
    );
}

#[test]
fn a_file_that_seems_to_be_a_guide_is_noted() {
    let notes = |name: &str| {
        let mut files = files(LAB, COMPOSE, GUIDE);
        let path = Path::new("labs/small").join(name);
        files.0.insert(path, GUIDE.to_owned());
        let notes = load(Path::new("labs/small"), &files).unwrap().notes;
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        notes
    };
    for name in ["guide_ko.md", "guide.md", "guide.korean.md"] {
        let what =
            "this file is not read as a guide (name guides `guide.en.md`, `guide.ko.md` and so on)";
        assert_eq!(notes(name), [format!("labs/small/{name}: {what}")]);
    }
    for name in ["guide.ko.md", "README.md", "guide.txt"] {
        assert_eq!(notes(name), [""; 0]);
    }
}

#[test]
fn a_guide_names_values_that_the_checks_compare_with() {
    let named = |list: &str| {
        let guide = format!("{GUIDE}\n### Values {{.values}}\n\n{list}");
        files(LAB, COMPOSE, &guide)
    };
    assert_eq!(problems(&named("- `b`: 값\n- `a`: 키\n")), [""; 0]);
    assert_eq!(
        problems(&named("- `bb`: 값\n")),
        [
            "labs/small/guide.en.md:23:1: no check of exercise `one` compares with the value `bb` (did you mean `b`?)"
        ]
    );
    // A list for the whole guide; that of an exercise comes first.
    let all =
        "\n### Own {.values}\n\n- `b`: own\n\n## Values {.values}\n\n- `b`: all\n- `c`: other\n";
    assert_eq!(
        problems(&files(LAB, COMPOSE, &format!("{GUIDE}{all}"))),
        ["labs/small/guide.en.md:28:1: no check compares with the value `c` (did you mean `b`?)"]
    );
    let all = all.replace("- `c`: other\n", "- `a`: key\n");
    let files = files(LAB, COMPOSE, &format!("{GUIDE}{all}"));
    let loaded = load(Path::new("labs/small"), &files).expect("the lab is sound");
    let section = loaded
        .lab
        .section(&loaded.lab.exercises[0].id, &Lang::english());
    let names = [("a", "key"), ("b", "own")];
    let names = names.map(|(value, name)| (value.to_owned(), name.to_owned()));
    assert_eq!(
        section.values,
        std::collections::BTreeMap::from(names).into()
    );
}

#[test]
fn a_value_has_one_name_that_no_other_has() {
    let named = |list: &str| {
        let guide = format!("{GUIDE}\n### Values {{.values}}\n\n{list}");
        problems(&files(LAB, COMPOSE, &guide))
    };
    let help = "(write ``- `VALUE`: the name that learners read`` once for each value)";
    let line =
        |line: usize, what: &str| [format!("labs/small/guide.en.md:{line}:1: {what} {help}")];
    assert_eq!(named("- `b`:\n"), line(23, "the value `b` has no name"));
    assert_eq!(
        named("- ``: 값\n"),
        line(23, "a value in this list is empty")
    );
    let again = "the value `b` has a name already";
    assert_eq!(named("- `b`: 값\n- `b`: 키\n"), line(24, again));
    let same = "the values `a` and `b` have the same name, so that learners cannot tell them apart";
    assert_eq!(named("- `a`: 값\n- `b`: 값\n"), line(24, same));
    // Two lists for the whole guide are one.
    let lists = "\n## Values {.values}\n\n- `b`: 값\n\n## More {.values}\n\n- `b`: 키\n";
    let twice = problems(&files(LAB, COMPOSE, &format!("{GUIDE}{lists}")));
    assert_eq!(twice, line(27, again));
}

#[test]
fn code_that_a_small_terminal_breaks_is_a_note_with_its_line() {
    let notes = |code: &str| {
        let guide = GUIDE.replace("Do it.", &format!("Do it.\n\n```\n{code}\n```"));
        let files = files(LAB, COMPOSE, &guide);
        let notes = load(Path::new("labs/small"), &files).unwrap().notes;
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        notes
    };
    let fits = "x".repeat(76);
    assert_eq!(notes(&fits), [""; 0]);
    let wide = format!("{fits}\n{fits}x\n{fits}xx");
    let note = |width: usize| {
        [format!(
            "labs/small/guide.en.md:11:1: a line of code is {width} columns wide: a terminal of 80 columns breaks it in the middle (keep code within 76 columns)"
        )]
    };
    assert_eq!(notes(&wide), note(77));
    // Wide characters count twice, and a name counts as what it stands for.
    assert_eq!(notes(&format!("a\n{}", "값".repeat(39))), note(78));
    let named = format!("{}{{{{ lab }}}}", "x".repeat(70));
    assert_eq!(notes(&named), [""; 0]);
}

#[test]
fn a_translation_has_the_same_parts_as_the_english_guide() {
    let mut files = files(LAB, COMPOSE, GUIDE);
    let korean = GUIDE.replace(
        "### Hint {.hint}\n\nTwo.\n",
        "### 힌트 {.hint}\n\n둘.\n\n### 힌트 {.hint}\n\n셋.\n",
    );
    files.0.insert("labs/small/guide.ko.md".into(), korean);
    assert_eq!(
        problems(&files),
        ["labs/small/guide.ko.md:5:1: exercise `one` has 3 ordered hints here, but 2 in English"]
    );
}

#[test]
fn a_hint_that_a_translation_lacks_is_reported_once_with_its_line() {
    let mut files = files(LAB, COMPOSE, GUIDE);
    let korean = GUIDE.replace("### Hint {.hint}\n\nTwo.\n", "");
    files
        .0
        .insert("labs/small/guide.ko.md".into(), korean.clone());
    let problems = problems_of(load(Path::new("labs/small"), &files));
    let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected = "labs/small/guide.ko.md:5:1: exercise `one` has 1 of at least 2 ordered hints (add `### Hint {.hint}`)";
    assert_eq!(printed, [expected]);
    let shown = problems[0].place.as_ref().map(|place| place.text.as_str());
    assert_eq!(shown, korean.lines().nth(4));
}

#[test]
fn extends_changes_a_service_and_include_does_not() {
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

/// The engine resolves a relative path against another folder.
#[test]
fn the_sources_of_mounts_are_absolute() {
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
fn included_files_are_in_the_lab_or_the_catalogue() {
    let extends = "services:\n  redis:\n    extends: { file: FILE, service: redis }\n";
    let mut files = files(LAB, COMPOSE, GUIDE);
    for place in ["labs/small/own", "labs/other", "compose/redis", "elsewhere"] {
        let path = std::path::Path::new(place).join("compose.yaml");
        files.0.insert(path, COMPOSE.to_owned());
    }
    let mut printed = |file: &str| {
        let text = extends.replace("FILE", file);
        files.0.insert("labs/small/compose.yaml".into(), text);
        problems(&files).join("\n")
    };
    assert_eq!(printed("own/compose.yaml"), "");
    assert_eq!(printed("../../compose/redis/compose.yaml"), "");
    for outside in ["../other/compose.yaml", "../../elsewhere/compose.yaml"] {
        let printed = printed(outside);
        assert!(
            printed.contains("is outside the lab's folder and the catalogue"),
            "{printed}"
        );
    }
    for remote in [
        "https://x.test/c.yaml",
        "git@x.test:a/b",
        "oci://x.test/c",
        "/etc/c.yaml",
    ] {
        let printed = printed(remote);
        assert!(printed.contains("is not a relative path"), "{printed}");
    }
}

/// The mount would be a writable folder of the host.
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
        let printed = problems(&files(LAB, &compose, GUIDE));
        assert_eq!(
            printed,
            [
                "labs/small/compose.yaml:6:15: a path that begins with `${WORKSPACE}` must stay in the workspace (remove this line; no flag allows it)"
            ],
            "{outside}"
        );
    }
}

#[test]
fn the_number_of_reported_problems_is_limited() {
    let many: String = (0..3000)
        .map(|at| format!("  - {{ id: {at}, x{at}: 1 }}\n"))
        .collect();
    let printed = problems(&files(
        &LAB.replace("exercises:\n", &format!("exercises:\n{many}")),
        COMPOSE,
        GUIDE,
    ));
    assert_eq!(printed.len(), 101);
    assert!(printed[100].ends_with(" more problems"), "{}", printed[100]);
}

#[test]
fn the_cause_is_shown_however_many_problems_follow_from_it() {
    let missing = |number: usize| {
        Problem::new(text!("no such service"))
            .code(Code::UnknownName)
            .at(Place {
                line: number,
                ..Place::file(Path::new("lab.yaml"))
            })
    };
    let cause = Problem::new(text!("unknown key"))
        .code(Code::UnknownKey)
        .at(Place::file(Path::new("compose.yaml")));
    let all = (1..=200).map(missing).chain([cause]);
    let printed: Vec<String> = super::finish(all.collect())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(printed.len(), 101);
    assert_eq!(printed[99], "compose.yaml: unknown key");
    assert_eq!(printed[100], "101 more problems");
}

#[test]
fn a_misspelt_key_is_a_problem_however_many_extensions_stand_before_it() {
    let extensions: String = (0..30).map(|at| format!("    x-{at}: 1\n")).collect();
    in_compose(
        "    mem_limit: 64m\n",
        &format!("{extensions}    mem_limt: 64m\n"),
        &[
            "labs/small/compose.yaml:35:5: unknown key `mem_limt` in a service (did you mean `mem_limit`?)",
        ],
    );
}

#[test]
fn names_in_titles_and_descriptions_are_checked_and_replaced() {
    in_guide(
        "it holds",
        "it is {{ lba }}",
        &["labs/small/guide.en.md:11:1: unknown name `lba` (did you mean `lab`?)"],
    );
    let guide = GUIDE
        .replace("it holds", "it is {{ lab }}")
        .replace("## One {", "## One of {{ lab }} {")
        .replace("Words.", "Words of {{ lab }}.");
    let loaded = load(Path::new("labs/small"), &files(LAB, COMPOSE, &guide)).unwrap();
    let english = Lang::english();
    let section = loaded.lab.section(&loaded.lab.exercises[0].id, &english);
    assert_eq!(section.title, "One of small");
    assert_eq!(section.checks["holds"], "it is small");
    assert_eq!(loaded.lab.guide(&english).summary, "Words of small.");
}

/// The small lab with random values; `used` is what its check expects.
fn with_random(random: &str, used: &str) -> String {
    let lab = LAB.replace("exercises:", &format!("random: {random}\nexercises:"));
    lab.replacen("equals: b", &format!("equals: {used}"), 1)
}

#[track_caller]
fn random_problems(random: &str, used: &str, compose: &str, expected: &[&str]) {
    let lab = with_random(random, used);
    assert_eq!(problems(&files(&lab, compose, GUIDE)), expected);
}

#[test]
fn random_values_are_known_in_steps_and_not_in_compose_files() {
    let sound = "{ token: { hex: 8 } }";
    random_problems(sound, "\"${token}\"", COMPOSE, &[]);
    random_problems(
        sound,
        "\"${tokn}\"",
        COMPOSE,
        &["labs/small/lab.yaml:9:27: undefined variable `${tokn}` (did you mean `token`?)"],
    );
    let compose = COMPOSE.replace("64m\n", "64m\n    environment: { TOKEN: $token }\n");
    random_problems(
        sound,
        "\"${token}\"",
        &compose,
        &[
            "labs/small/compose.yaml:6:27: `token` differs by learner, and containers are the same for all (give the service its value in `start` of lab.yaml, or use one of `vars`)",
        ],
    );
    random_problems(
        "{ redis: { hex: 8 } }",
        "\"${redis}\"",
        COMPOSE,
        &[
            "labs/small/lab.yaml:3:11: `redis` is the name of a service too (give the random value another name)",
        ],
    );
    random_problems(
        "{ price: { from: 9, to: 1 } }",
        "\"${price}\"",
        COMPOSE,
        &["labs/small/lab.yaml:3:18: the range from 9 to 1 is empty (swap `from` and `to`)"],
    );
}

#[test]
fn an_unused_random_value_is_a_note_unless_a_guide_has_it() {
    let random = with_random("{ token: { hex: 8 } }", "b");
    let load =
        |guide: &str| load(Path::new("labs/small"), &files(&random, COMPOSE, guide)).unwrap();
    let notes = load(GUIDE).notes;
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "labs/small/lab.yaml:3:11: the random value `token` is not used (use it as `${token}` in a step or `{{ token }}` in the guides, or remove it)"
        ]
    );
    let used = GUIDE.replace("Do it.", "Store {{ token }}.");
    assert!(load(&used).notes.is_empty());
}

#[test]
fn a_drawn_lab_has_its_values_in_steps_and_guides() {
    let lab = with_random("{ price: { from: 10, to: 99 } }", "\"${price}\"");
    let guide = GUIDE.replace("`holds`: it holds", "`holds`: it is {{ price }}");
    let files = files(&lab, COMPOSE, &guide);
    let folder = Path::new("labs/small");
    let lab = load_drawn(folder, &|_| Some(Draw::of_test()), &files)
        .unwrap()
        .lab;
    let (_, price) = lab.random.texts().next().unwrap();
    let exercise = &lab.exercises[0];
    assert_eq!(exercise.random, ["price".to_owned()].into());
    // A number, which equals one.
    let actual = Actual::value(price.parse::<i64>().unwrap());
    assert!(exercise.checks()[0].step.expect.holds(&actual));
    let section = lab.section(&exercise.id, &Lang::english());
    assert_eq!(section.checks["holds"], format!("it is {price}"));
    let undrawn = load(folder, &files).unwrap().lab;
    let section = undrawn.section(&exercise.id, &Lang::english());
    assert_eq!(section.checks["holds"], "it is PRICE");
}

#[test]
fn points_have_a_range() {
    let points = |points: &str| {
        LAB.replace(
            "  - id: one\n",
            &format!("  - id: one\n    points: {points}\n"),
        )
    };
    let found = |value: &str| problems(&files(&points(value), COMPOSE, GUIDE));
    assert_eq!(found("5"), [""; 0]);
    for wrong in ["0", "-1", "1001"] {
        let expected = format!(
            "labs/small/lab.yaml:5:13: `points` must be from 1 to 1000, not {wrong} (leave it out for an exercise without points)"
        );
        assert_eq!(found(wrong), [expected]);
    }
    assert_eq!(found("many").len(), 1);
}
