//! A lab with control characters in all of its texts: the program escapes them.

use std::path::Path;

use crate::support::offline::NO_ENGINE;
use crate::support::offline::tiny;
use crate::support::{LabCopy, ProgramOutput};

/// An escape sequence that writes to the clipboard, an 8-bit control character, and one that reverses text.
const YAML: &str = "\\e]52;c;aGk=\\a\\u009b31m\\u202e\\u200b";
const RAW: &str = "\u{1b}]52;c;aGk=\u{7}\u{9b}31m\u{202e}\u{200b}";

fn hostile() -> LabCopy {
    let copy = tiny();
    let write = |file: &str, text: String| {
        std::fs::write(copy.path("labs/tiny").join(file), text).expect("the copy is writable");
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
    std::fs::create_dir(&other).expect("the copy is writable");
    std::fs::copy(copy.path("labs/tiny/lab.yaml"), other.join("lab.yaml"))
        .expect("the copy is writable");
    copy
}

/// What the output may not contain.
fn steers(c: char) -> bool {
    let control = c.is_control() && c != '\n' && c != '\t';
    control
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn is_shown(copy: &LabCopy, words: &str) {
    let mut command = copy.roadlab(words);
    let output = ProgramOutput::of(command.env("DOCKER_HOST", NO_ENGINE));
    let printed = format!("{}{}", output.stdout, output.stderr);
    assert_ne!(printed, "", "{words}");
    assert_eq!(
        printed.chars().find(|c| steers(*c)),
        None,
        "{words}: {printed:?}"
    );
}

#[apply(test)]
fn no_text_of_a_lab_controls_the_terminal() {
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

/// The colours of the program are the only escape sequences.
#[apply(test)]
fn only_the_program_sets_colours() {
    let copy = hostile();
    let output = ProgramOutput::of(&mut copy.roadlab("show LAB --color always"));
    let text = output.stdout;
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

#[apply(test)]
fn arguments_and_paths_are_escaped_too() {
    let copy = hostile();
    let folder = format!("labs/y{RAW}");
    assert!(Path::new(&copy.path(&folder)).is_dir());
    for words in [vec!["show", "nope"], vec!["validate"], vec!["logs", "tiny"]] {
        let mut command = copy.roadlab(words[0]);
        let typed = words
            .get(1)
            .map_or(folder.clone(), |word| format!("{word}{RAW}"));
        command.arg(typed).env("DOCKER_HOST", NO_ENGINE);
        let output = ProgramOutput::of(&mut command);
        let printed = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(
            printed.chars().find(|c| steers(*c)),
            None,
            "{words:?}: {printed:?}"
        );
    }
    let sound = ProgramOutput::of(&mut copy.roadlab("validate labs/tiny"));
    assert_eq!(sound.stdout, "1 folder: no problems\n");
    let document = ProgramOutput::of(&mut copy.roadlab("show LAB --json"))
        .expect_code(0)
        .json();
    assert!(
        document.to_string().contains('\u{202e}'),
        "the data itself is whole"
    );
}
