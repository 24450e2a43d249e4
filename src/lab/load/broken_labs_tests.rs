//! Broken labs, each with one mistake: each problem stands once, at its line, without consequences.
//!
//! `broken_labs.txt` has what is reported; it is written again with `UPDATE_BROKEN_LABS=1`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::lab::load;
use crate::lab::testing::{InMemoryFs, problems_of};

const LAB: &str = "\
level: beginner
minutes: 5
vars: { user: kim }
exercises:
  - id: one
    checks:
      - id: holds
        redis: { service: redis, command: [GET, a] }
        expect: { equals: b }
        hints: [ { when: { equals: c }, say: wrong-letter } ]
    solution: [ { redis: { service: redis, command: [SET, a, b] } } ]
    wrong:
      - do: [ { redis: { service: redis, command: [SET, a, c] } } ]
        hint: wrong-letter
  - id: two
    needs: [one]
    quiz: { choices: [by-key, by-value], answer: by-key, hints: { by-value: values } }
";

const COMPOSE: &str = "\
x-common: &common
  mem_limit: 64m
services:
  redis:
    <<: *common
    image: redis:8.0
    ports: ['6379']
    volumes: ['data:/data']
    x-roadlab:
      ready: [ { redis: { command: [PING] } } ]
      url: 'redis://{{ host }}:{{ port }}'
      web: [ { title: Page, port: 6379 } ]
  app:
    <<: *common
    image: app:1
    depends_on: { redis: { condition: service_healthy } }
volumes: { data: {} }
";

const GUIDE: &str = "\
# A lab

Words for {{ user }}.

## One {#one}

Do it at {{ redis.url }}.

### Checks {.checks}

- `holds`: it holds

### Hint {.hint}

One.

### Hint {.hint}

Two.

### The letter {.hint #wrong-letter}

Another letter.

## Two {#two}

Which?

### Choices {.choices}

- `by-key`: by key
- `by-value`: by value

### Values {.hint #values}

No.

### After {.after}

Because.
";

/// The file, what is replaced, and by what.
const MISTAKES: [(&str, &str, &str); 96] = [
    ("lab.yaml", "minutes: 5", "minuts: 5"),
    ("lab.yaml", "minutes: 5", "minutes: ninety"),
    ("lab.yaml", "minutes: 5", "minutes: -5"),
    (
        "lab.yaml",
        "minutes: 5",
        "minutes: 5\nformat: 2\nlater: { x: 1 }",
    ),
    (
        "lab.yaml",
        "minutes: 5",
        "minutes: 5\nrenamed: { uno: oen }",
    ),
    (
        "lab.yaml",
        "minutes: 5",
        "minutes: 5\nrenamed: { one: two }",
    ),
    ("lab.yaml", "minutes: 5", "minutes: 5\nlicense: MIT"),
    ("lab.yaml", "level: beginner", "level: begginer"),
    (
        "lab.yaml",
        "level: beginner\n",
        "level: beginner\nlevel: advanced\n",
    ),
    ("lab.yaml", "expect: { equals: b }", "expcet: { equals: b }"),
    ("lab.yaml", "expect: { equals: b }", "expect: { equal: b }"),
    ("lab.yaml", "expect: { equals: b }", "expect: 8"),
    (
        "lab.yaml",
        "expect: { equals: b }",
        "expect: { matches: '(' }",
    ),
    ("lab.yaml", "command: [GET, a]", "command: GET"),
    (
        "lab.yaml",
        "service: redis, command: [GET",
        "service: rediss, command: [GET",
    ),
    ("lab.yaml", "command: [GET, a]", "command: [GET, '${usr}']"),
    ("lab.yaml", "say: wrong-letter", "say: wrong-lettre"),
    ("lab.yaml", "hint: wrong-letter", "hint: wrong-leter"),
    ("lab.yaml", "  - id: two", "  - id: one"),
    ("lab.yaml", "needs: [one]", "needs: [oen]"),
    (
        "lab.yaml",
        "needs: [one]",
        "needs: [one]\n    needs_service: [rediss]",
    ),
    ("lab.yaml", "answer: by-key", "answer: by-kye"),
    ("lab.yaml", "choices: [by-key, by-value]", "choices: by-key"),
    (
        "lab.yaml",
        "hints: { by-value: values }",
        "hints: { by-key: values }",
    ),
    (
        "lab.yaml",
        "hints: { by-value: values }",
        "hints: { by-value: valeus }",
    ),
    ("lab.yaml", "id: holds", "id: Holds!"),
    ("lab.yaml", "    solution: [ {", "\tsolution: [ {"),
    ("lab.yaml", "  - id: two\n", "  - id: two\n   needs: []\n"),
    ("compose.yaml", "image: redis:8.0", "imge: redis:8.0"),
    (
        "compose.yaml",
        "image: redis:8.0",
        "image: redis:8.0\n    privileged: true",
    ),
    (
        "compose.yaml",
        "  mem_limit: 64m",
        "  mem_limit: 64m\n  privileged: true",
    ),
    ("compose.yaml", "  mem_limit: 64m", "  mem_limit: much"),
    ("compose.yaml", "  mem_limit: 64m", "  mem_limit: 4k"),
    ("compose.yaml", "image: redis:8.0", "image: 'redis:${TAG}'"),
    (
        "compose.yaml",
        "image: redis:8.0",
        "image: 'redis:${TAG:?which}'",
    ),
    ("compose.yaml", "image: redis:8.0", "image: 'Redis!'"),
    ("compose.yaml", "ports: ['6379']", "ports: ['70000']"),
    (
        "compose.yaml",
        "ports: ['6379']",
        "ports: ['0.0.0.0:16379:6379']",
    ),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    ports: ['18080:80', '18080:81']",
    ),
    ("compose.yaml", "'data:/data'", "'date:/data'"),
    ("compose.yaml", "'data:/data'", "'/etc:/data'"),
    ("compose.yaml", "'data:/data'", "'./nothing:/data:ro'"),
    ("compose.yaml", "x-roadlab:", "x-roadlabs:"),
    (
        "compose.yaml",
        "title: Page, port: 6379",
        "title: Page, port: 80",
    ),
    (
        "compose.yaml",
        "title: Page, port: 6379",
        "title: Page, port: 99999",
    ),
    (
        "compose.yaml",
        "port: 6379 }",
        "port: 6379, path: '@example.org/' }",
    ),
    (
        "compose.yaml",
        "port: 6379 }",
        "port: 6379, path: //example.org/ }",
    ),
    ("compose.yaml", "{{ port }}", "{{ prot }}"),
    (
        "compose.yaml",
        "depends_on: { redis:",
        "depends_on: { rediss:",
    ),
    ("compose.yaml", "service_healthy", "service_helthy"),
    ("compose.yaml", "  app:", "  App:"),
    ("compose.yaml", "image: app:1", "image: app:1\n    scale: 3"),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    env_file: app.env",
    ),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    extends: bass",
    ),
    (
        "compose.yaml",
        "image: redis:8.0",
        "image: redis:8.0\n    profiles: [debug]",
    ),
    ("compose.yaml", "'data:/data'", "'${WORKSPACE}/x'"),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    environment:\n      - NAME: value",
    ),
    (
        "compose.yaml",
        "    <<: *common\n    image: app:1",
        "    <<: *comon\n    image: app:1",
    ),
    (
        "compose.yaml",
        "  redis:\n    <<: *common\n",
        "  redis:\n    <<: *common\n    <<: *common\n",
    ),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    container_name: -app",
    ),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    pull_policy: build",
    ),
    (
        "compose.yaml",
        "image: app:1",
        "image: app:1\n    pull_policy: sometimes",
    ),
    ("guide.en.md", "## One {#one}", "## One {#oen}"),
    ("guide.en.md", "{{ redis.url }}", "{{ redis.ulr }}"),
    ("guide.en.md", "### Checks {.checks}", "## Checks {.checks}"),
    (
        "guide.en.md",
        "### The letter {.hint #wrong-letter}",
        "### The letter {hint #wrong-letter}",
    ),
    ("guide.en.md", "- `holds`", "- `hold`"),
    (
        "guide.en.md",
        "- `by-value`: by value",
        "- `by-value`: by value\n- `by-luck`: none",
    ),
    (
        "guide.en.md",
        "### Values {.hint #values}",
        "### Values {.hint #values}\n\nNo.\n\n### Values {.hint #values}",
    ),
    ("guide.en.md", "### Hint {.hint}\n\nTwo.\n\n", ""),
    ("guide.en.md", "{.after}", "{.afer}"),
    ("guide.en.md", "## Two {#two}", "# Two {#two}"),
    ("guide.en.md", "## Two {#two}", "##Two {#two}"),
    ("guide.en.md", "## Two {#two}", "### Two {#two}"),
    ("guide.en.md", "## Two {#two}", "## Two {two}"),
    ("guide.en.md", "## Two {#two}", "## Two {# two}"),
    ("guide.en.md", "## Two {#two}", "## Two (#two)"),
    ("guide.en.md", "## Two {#two}", "## Two {#Two}"),
    ("guide.en.md", "## Two {#two}", "## Two {#one}"),
    ("guide.en.md", "## Two {#two}", "## Two {#two .hint}"),
    ("guide.en.md", "## One {#one}", "## One"),
    (
        "guide.en.md",
        "### The letter {.hint #wrong-letter}",
        "## The letter {.hint #wrong-letter}",
    ),
    (
        "guide.en.md",
        "### The letter {.hint #wrong-letter}",
        "###The letter {.hint #wrong-letter}",
    ),
    (
        "guide.en.md",
        "### The letter {.hint #wrong-letter}",
        "### The letter {.hint #wrong-letter",
    ),
    (
        "guide.en.md",
        "### The letter {.hint #wrong-letter}",
        "### The letter {.hint #wrong-lettre}",
    ),
    (
        "guide.en.md",
        "### The letter {.hint #wrong-letter}",
        "### The letter {#wrong-letter}",
    ),
    (
        "guide.en.md",
        "### Values {.hint #values}",
        "### Values {.hint #values .after}",
    ),
    ("guide.en.md", "### Checks {.checks}", "### Checks"),
    ("guide.en.md", "### Choices {.choices}", "### Choices"),
    (
        "guide.en.md",
        "### Hint {.hint}\n\nTwo.",
        "### Hint\n\nTwo.",
    ),
    (
        "guide.en.md",
        "### After {.after}",
        "### After {.after #why}",
    ),
    ("guide.en.md", "- `holds`: it holds", "- holds: it holds"),
    ("guide.en.md", "- `holds`: it holds", "1. `holds`: it holds"),
    ("guide.en.md", "- `holds`: it holds", "- `holds`:"),
    ("guide.en.md", "# A lab", "# A lab\n\n# Another"),
    ("guide.en.md", "Do it at {{ redis.url }}.", "```sh\nSET a b"),
];

fn files() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("lab.yaml", LAB),
        ("compose.yaml", COMPOSE),
        ("guide.en.md", GUIDE),
    ])
}

fn problems(change: Option<(&str, &str, &str)>) -> Vec<String> {
    let mut files: BTreeMap<&str, String> = files()
        .into_iter()
        .map(|(name, text)| (name, text.to_owned()))
        .collect();
    if let Some((file, from, to)) = change {
        let text = files.get_mut(file).expect("the file");
        assert!(text.contains(from), "{from}");
        *text = text.replacen(from, to, 1);
    }
    let in_folder = |(name, text): (&str, String)| (Path::new("labs/small").join(name), text);
    let files = InMemoryFs(files.into_iter().map(in_folder).collect());
    let found = problems_of(load(Path::new("labs/small"), &files));
    found
        .iter()
        .map(|problem| format!("{} [{}]", problem, problem.code.name()).replace("labs/small/", ""))
        .collect()
}

#[test]
fn the_lab_without_a_mistake_is_sound() {
    assert_eq!(problems(None), Vec::<String>::new());
}

#[test]
fn each_mistake_is_one_problem_with_its_line() {
    let mut report = String::new();
    let mut repeated = Vec::new();
    for (file, from, to) in MISTAKES {
        let found = problems(Some((file, from, to)));
        let line = to
            .lines()
            .find(|line| !from.contains(*line))
            .unwrap_or("(removed)");
        report.push_str(&format!("{file}: {}\n", line.trim()));
        for problem in &found {
            report.push_str(&format!("  {problem}\n"));
        }
        let has_line = |problem: &String| {
            problem
                .split(": ")
                .next()
                .is_some_and(|place| place.contains(':'))
        };
        if found.len() != 1 || !found.iter().all(has_line) {
            repeated.push(format!("{file}: {to}: {found:#?}"));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lab/broken_labs.txt");
    if std::env::var_os("UPDATE_BROKEN_LABS").is_some() {
        std::fs::write(&path, &report).unwrap();
    }
    assert_eq!(repeated, Vec::<String>::new(), "{}", repeated.join("\n"));
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), report);
}
