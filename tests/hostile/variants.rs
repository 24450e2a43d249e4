//! Hostile labs: those of the files in this folder, and variants of the tiny lab.

use std::path::Path;

use super::Case;

const EXTENDS: &str = "    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(path);
    std::fs::read_to_string(path).expect("a file of the repository")
}

fn tiny(file: &str) -> String {
    read(&format!("labs/tiny/{file}"))
}

/// The cases of a file: `### code name`, and the text below it.
fn cases(file: &str) -> Vec<(i32, String, String)> {
    let text = read(&format!("hostile/{file}"));
    let mut parts = text.split("### ");
    parts.next();
    let case = |part: &str| {
        let (head, body) = part.split_once('\n').expect("a case has a head");
        let (code, name) = head.split_once(' ').expect("a code and a name");
        let code = code.parse().expect("an exit code");
        (code, format!("{file}: {name}"), body.to_owned())
    };
    parts.map(case).collect()
}

/// The cases of the files in this folder.
pub(crate) fn by_hand() -> Vec<Case> {
    let mut found = Vec::new();
    for (code, name, line) in cases("service.txt") {
        let text = tiny("compose.yaml").replace(EXTENDS, &format!("{EXTENDS}{line}"));
        found.push(case(name, Some(code), "compose.yaml", text));
    }
    for (code, name, text) in cases("compose.txt") {
        found.push(case(name, Some(code), "compose.yaml", text));
    }
    let lab = tiny("lab.yaml");
    for (code, name, lines) in cases("lab.txt") {
        let (from, to) = lines.trim_end().split_once('\n').expect("two lines");
        assert!(lab.contains(from), "{name}: {from}");
        let text = lab.replacen(from, &to.replace("\\n", "\n"), 1);
        found.push(case(name, Some(code), "lab.yaml", text));
    }
    found
}

fn case(name: String, code: Option<i32>, file: &'static str, text: impl Into<Vec<u8>>) -> Case {
    Case {
        name,
        code,
        file,
        text: text.into(),
    }
}

/// The replacements of a value.
const VALUES: [&str; 16] = [
    "[",
    "{",
    "]",
    "\"",
    "~",
    "[[[[[[[[]]]]]]]]",
    "{ a: { a: { a: { a: 1 } } } }",
    "*none",
    "&a [*a]",
    "!!binary x",
    "!x y",
    "-9223372036854775808",
    "1e999",
    "\"${a:-${a:-${a}}}\"",
    "\"\\e]0;x\\a\\u202e\\u009b2J\"",
    "|\n\t x",
];

/// Replacements of the beginning of a line.
const BEGINNINGS: [&[u8]; 8] = [
    b"\t",
    b"- ",
    b"? ",
    b"--- ",
    b"\xff\xfe",
    b"\0",
    b"%YAML 9.9\n",
    b"<<: ",
];

/// The tiny lab with one value, one beginning of a line, or its end replaced. The choice differs from line to line.
pub(crate) fn generated() -> Vec<Case> {
    let mut found = Vec::new();
    for file in ["lab.yaml", "compose.yaml", "guide.en.md"] {
        let text = tiny(file);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.len() > 1) {
            let with = |new: &[u8]| {
                let before = lines[..at].concat().into_bytes();
                [before, new.to_vec(), lines[at + 1..].concat().into_bytes()].concat()
            };
            let name = |what: &str| format!("{file}, line {}: {what}", at + 1);
            if let Some((key, _)) = line.split_once(": ") {
                let value = VALUES[at * 7 % VALUES.len()];
                let new = format!("{key}: {value}\n");
                found.push(case(
                    name("another value"),
                    None,
                    file,
                    with(new.as_bytes()),
                ));
            }
            let beginning = BEGINNINGS[at * 3 % BEGINNINGS.len()];
            let new = [beginning, line.as_bytes()].concat();
            found.push(case(name("another beginning"), None, file, with(&new)));
            if at % 3 == 0 {
                let end = lines[..at].concat().into_bytes();
                let end = [end, line.as_bytes()[..line.len() / 2].to_vec()].concat();
                found.push(case(name("cut"), None, file, end));
            }
        }
    }
    found
}

/// Files that are small to write and large to read.
pub(crate) fn large() -> Vec<Case> {
    const MIB: usize = 1 << 20;
    let lab = tiny("lab.yaml");
    let exercises = |text: &str| lab.replace("exercises:\n", &format!("exercises:\n{text}"));
    let many =
        |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<String>();
    let compose = |text: String| format!("services:\n{text}");
    let bomb = many(9, &|at| match at {
        0 => "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(),
        at => format!(
            "a{at}: &a{at} [{}]\n",
            vec![format!("*a{}", at - 1); 10].join(", ")
        ),
    });
    let headings = many(40_000, &|at| format!("## x {{#x{at}}}\n"));
    let of_lab = [
        ("aliases that multiply", bomb),
        ("brackets", "[".repeat(100_000)),
        (
            "brackets in pairs",
            format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
        ("braces", "{a: ".repeat(50_000)),
        ("a sequence that goes in", "- ".repeat(50_000)),
        ("one long value", format!("level: {}", "x".repeat(MIB / 2))),
        ("too many bytes", "# x\n".repeat(MIB)),
        ("unknown keys", many(9_000, &|at| format!("x{at}: 1\n"))),
        (
            "unknown keys on one line",
            format!("{{ {} }}", many(9_000, &|at| format!("x{at}: 1, "))),
        ),
        ("one long key", format!("? {}\n: 1\n", "x".repeat(MIB / 2))),
        (
            "exercises without anything",
            exercises(&many(6_000, &|_| "  - {}\n".to_owned())),
        ),
        (
            "expressions",
            exercises(&many(1_000, &|at| {
                format!(
                    "  - {{ id: e{at}, checks: [{{ expect: {{ matches: '(\\w{{9}}){{{}}}' }} }}] }}\n",
                    at % 90
                )
            })),
        ),
        (
            "values that multiply",
            format!(
                "{}vars: {{ a: {} }}\nroadmap2: [{}]\n",
                lab,
                "x".repeat(MIB / 4),
                "\"${a}${a}${a}\", ".repeat(5_000)
            ),
        ),
        (
            "steps",
            lab.replace(
                "start:\n",
                &format!(
                    "start:\n{}",
                    many(4_000, &|_| "  - { exec: { run: [x] } }\n".to_owned())
                ),
            ),
        ),
    ];
    let of_compose = [
        (
            "services",
            compose(many(4_000, &|at| format!("  s{at}: {{ image: x }}\n"))),
        ),
        (
            "services that extend a file each",
            compose(many(3_000, &|at| {
                format!(
                    "  s{at}: {{ extends: {{ file: ../../compose/redis/compose.yaml, service: redis }} }}\n"
                )
            })),
        ),
        (
            "files that are included again and again",
            format!(
                "include: [{}]\n",
                "../../compose/redis/compose.yaml, ".repeat(5_000)
            ),
        ),
        (
            "ports",
            compose(format!(
                "  redis: {{ image: x, ports: [{}] }}\n",
                "'1-65535:1-65535', ".repeat(2_000)
            )),
        ),
        (
            "waits for many",
            compose(format!(
                "  redis: {{ image: x, depends_on: [{}] }}\n",
                many(9_000, &|at| format!("s{at}, "))
            )),
        ),
    ];
    let of_guide = [
        ("headings", format!("# x\n{headings}")),
        ("brackets", format!("# x\n{}", "[".repeat(200_000))),
        ("quotes", format!("# x\n{}", "> ".repeat(100_000))),
        ("stars", format!("# x\n{}", "*a **a ".repeat(30_000))),
        ("links", format!("# x\n{}", "[a](<b".repeat(40_000))),
        ("names", format!("# x\n{}", "{{ lab }}".repeat(20_000))),
        (
            "sums",
            format!("# x\n{}", "{{ 'x' * 9999999 }}".repeat(9_000)),
        ),
        (
            "loops",
            format!(
                "# x\n{}{}",
                "{% for a in 'xxxxxxxxxx' %}".repeat(30),
                "{% endfor %}".repeat(30)
            ),
        ),
    ];
    let mut found = Vec::new();
    for (file, code, group) in [
        ("lab.yaml", Some(2), &of_lab[..]),
        ("compose.yaml", Some(2), &of_compose[..]),
        ("guide.en.md", None, &of_guide[..]),
    ] {
        let texts = group.iter();
        found.extend(
            texts.map(|(name, text)| case(format!("{file}: {name}"), code, file, text.as_str())),
        );
    }
    found
}
