//! A lab whose every text could steer a terminal: it is shown, never sent.

use std::path::Path;

use crate::nothing::tiny;
use crate::support::{Copy, Ended};

/// An escape sequence that writes into the clipboard, a control character of eight bits, and one that turns text around.
const YAML: &str = "\\e]52;c;aGk=\\a\\u009b31m\\u202e\\u200b";
const RAW: &str = "\u{1b}]52;c;aGk=\u{7}\u{9b}31m\u{202e}\u{200b}";

fn hostile() -> Copy {
    let copy = tiny();
    let write = |file: &str, text: String| {
        std::fs::write(copy.path("labs/tiny").join(file), text).expect("a file of ours");
    };
    let lab = format!(
        "\
level: beginner
minutes: 5
roadmap: [redis]
vars: {{ user: \"x{YAML}\" }}
start: [ {{ redis: {{ service: redis, command: [SET, \"x{YAML}\", \"${{user}}\"] }} }} ]
health: [ {{ redis: {{ service: redis, command: [PING] }}, expect: {{ equals: \"x{YAML}\" }} }} ]
exercises:
  - id: greet
    checks:
      - id: greeting
        exec: {{ service: redis, run: [\"x{YAML}\"], user: \"x{YAML}\" }}
        expect: {{ any: [ {{ equals: \"x{YAML}\" }}, {{ contains: \"x{YAML}\" }}, {{ matches: \"x{YAML}\" }} ] }}
        hints: [ {{ when: {{ equals: \"x{YAML}\" }}, say: h }} ]
    solution: [ {{ redis: {{ service: redis, command: [SET, \"x{YAML}\", a] }} }} ]
    wrong: [ {{ do: [ {{ redis: {{ service: redis, command: [GET, \"x{YAML}\"] }} }} ] }} ]
  - id: when
    quiz: {{ choices: [\"x{YAML}\", b], answer: \"x{YAML}\" }}
"
    );
    write("lab.yaml", lab);
    let compose = format!(
        "\
services:
  redis:
    image: redis:8
    command: [\"x{YAML}\"]
    environment: {{ A: \"x{YAML}\" }}
    labels: {{ \"x{YAML}\": \"x{YAML}\" }}
    hostname: \"x{YAML}\"
    user: \"x{YAML}\"
    ports: ['6379']
    x-roadlab:
      url: \"redis://x{YAML}\"
      shell: [\"x{YAML}\"]
      web: {{ title: \"x{YAML}\", port: 6379, path: \"/x{YAML}\", login: \"x{YAML}\" }}
"
    );
    write("compose.yaml", compose);
    let guide = format!(
        "\
# Title {RAW}

Words {RAW} {{{{ user }}}}.

## A greeting {RAW} {{#greet}}

Text {RAW}.

### Checks {{.checks}}

- `greeting`: it says {RAW}

### Hint {{.hint}}

One {RAW}.

### Hint {{.hint}}

Two {RAW}.

### Named {{.hint #h}}

Three {RAW}.

## When {RAW} {{#when}}

Which {RAW}?

### Choices {{.choices}}

- `x{RAW}`: this {RAW}
- `b`: that
"
    );
    write("guide.en.md", guide.clone());
    write("guide.ko.md", guide);
    let other = copy.path("labs").join(format!("y{RAW}"));
    std::fs::create_dir(&other).expect("a folder of ours");
    std::fs::copy(copy.path("labs/tiny/lab.yaml"), other.join("lab.yaml")).expect("a file of ours");
    copy
}

/// What no terminal may get.
fn steers(c: char) -> bool {
    let control = c.is_control() && c != '\n' && c != '\t';
    control
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn is_shown(copy: &Copy, words: &str) {
    let mut command = copy.roadlab(words);
    let ended = Ended::of(command.env("DOCKER_HOST", "unix:///nowhere/engine.sock"));
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_ne!(said, "", "{words}");
    assert_eq!(said.chars().find(|c| steers(*c)), None, "{words}: {said:?}");
}

#[test]
fn no_text_of_a_lab_steers_a_terminal() {
    let copy = hostile();
    for words in [
        "list",
        "list --json",
        "list --lang ko",
        "show LAB",
        "show LAB --json",
        "show LAB greet",
        "show LAB when",
        "show LAB when --json",
        "validate labs",
        "validate labs --json",
        "check LAB",
        "check LAB --json",
        "hint LAB greet",
        "hint LAB greet --json",
        "answer LAB when b",
        "solve LAB greet",
        "up LAB --dry-run",
        "logs LAB",
        "status LAB",
    ] {
        is_shown(&copy, words);
    }
}

/// With colours, colours are all that comes: the text itself cannot add its own.
#[test]
fn colours_are_ours_alone() {
    let copy = hostile();
    let ended = Ended::of(&mut copy.roadlab("show LAB --color always"));
    let text = ended.stdout;
    for at in text.match_indices('\u{1b}').map(|(at, _)| at) {
        let rest = &text[at + 1..];
        let end = rest.find('m').unwrap_or(rest.len());
        let inside = rest[..end].trim_start_matches('[');
        assert!(
            inside.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{rest:?}"
        );
    }
    assert!(
        text.contains("\\u{1b}]52"),
        "what was written is shown: {text}"
    );
}

#[test]
fn what_is_typed_and_where_a_lab_lies_are_shown_too() {
    let copy = hostile();
    let folder = format!("labs/y{RAW}");
    assert!(Path::new(&copy.path(&folder)).is_dir());
    for words in [vec!["show", "nope"], vec!["validate"], vec!["logs", "tiny"]] {
        let mut command = copy.roadlab(words[0]);
        let typed = words
            .get(1)
            .map_or(folder.clone(), |word| format!("{word}{RAW}"));
        command
            .arg(typed)
            .env("DOCKER_HOST", "unix:///nowhere/engine.sock");
        let ended = Ended::of(&mut command);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!(
            said.chars().find(|c| steers(*c)),
            None,
            "{words:?}: {said:?}"
        );
    }
    let sound = Ended::of(&mut copy.roadlab("validate labs/tiny"));
    assert_eq!(sound.stdout, "1 folder: no problems\n");
    let document = Ended::of(&mut copy.roadlab("show LAB --json"))
        .with(0)
        .json();
    assert!(
        document.to_string().contains('\u{202e}'),
        "the data itself is whole"
    );
}
