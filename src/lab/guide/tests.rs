//! Guides from their source: their parts, and the problems of each line.

use super::*;
use crate::lab::id::LabId;
use crate::lab::template::render_without_addresses;
use crate::lab::variables::Variables;

const GUIDE: &str = "# Redis: fast\n\nPairs that\nforget.\n\nMore.\n\n## Sessions {#sessions}\n\nDo `SET`.\n\n### A detail\n\nstays.\n\n\
    ### Checks {.checks}\n\n- `ttl`: it ends\n  by itself\n- `value`: it is there\n\n### Hint {.hint}\n\nOne.\n\n### 힌트 {.hint}\n\nTwo.\n\n\
    ### Forever {.hint #forever}\n\nIt stays.\n\n### Why {.after}\n\nBecause.\n\n## When {#quiz}\n\nWhen?\n\n### Choices {.choices}\n\n- `a`: yes\n- `b`: no\n";

fn render(text: &str) -> Result<String, TemplateError> {
    let variables = Variables::from([("user".to_owned(), "kim".to_owned())]);
    render_without_addresses(text, &LabId::new("redis").unwrap(), &variables)
}

#[test]
fn a_plain_line_keeps_its_words_and_code() {
    for (text, expected) in [
        (
            "메시지 두 개가 *Ready* 상태입니다",
            "메시지 두 개가 Ready 상태입니다",
        ),
        (
            "`a * b` and **c** in `session:42`",
            "a * b and c in session:42",
        ),
        ("5 * 3 is a_b_c", "5 * 3 is a_b_c"),
        ("a < b <i>c", "a < b <i>c"),
    ] {
        assert_eq!(plain_line(text), expected);
    }
}

#[test]
fn a_guide_is_divided_by_its_headings() {
    let mut problems = Vec::new();
    let guide = Guide::parse(Path::new("guide.en.md"), GUIDE, &render, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        (guide.title.as_str(), guide.summary.as_str()),
        ("Redis: fast", "Pairs that forget.")
    );
    assert_eq!(guide.intro.markdown, "Pairs that\nforget.\n\nMore.");
    let section = &guide.sections[&ExerciseId::new("sessions").unwrap()];
    assert_eq!(section.title, "Sessions");
    assert_eq!(section.body.markdown, "Do `SET`.\n\n### A detail\n\nstays.");
    assert_eq!(section.body.line, 10);
    assert_eq!(section.checks["ttl"], "it ends by itself");
    assert_eq!(
        section
            .hints
            .iter()
            .map(|h| h.markdown.as_str())
            .collect::<Vec<_>>(),
        ["One.", "Two."]
    );
    assert_eq!(section.named_hints["forever"].markdown, "It stays.");
    assert_eq!(
        section.after.as_ref().map(|a| a.markdown.as_str()),
        Some("Because.")
    );
    let quiz = &guide.sections[&ExerciseId::new("quiz").unwrap()];
    assert_eq!(quiz.choices.keys().collect::<Vec<_>>(), ["a", "b"]);
}

/// A guide with `name` in every text.
fn guide_with(name: &str) -> String {
    format!(
        "# Title {name}\n\nSummary {name}.\n\n## A {name} {{#a}}\n\nBody {name}.\n\n### Checks {{.checks}}\n\n- `c`: check {name}\n\n\
         ### Hint {{.hint}}\n\nHint {name}.\n\n### Named {{.hint #n}}\n\nNamed {name}.\n\n### After {name} {{.after}}\n\nAfter {name}.\n\n\
         ### Solution {{.solution}}\n\nSolution {name}.\n\n## Q {{#q}}\n\nWhat?\n\n### Choices {{.choices}}\n\n- `x`: choice {name}\n"
    )
}

#[test]
fn names_are_replaced_in_every_text_of_a_guide() {
    let mut problems = Vec::new();
    let source = guide_with("{{ user }}");
    let guide = Guide::parse(Path::new("g.md"), &source, &render, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let section = &guide.sections[&ExerciseId::new("a").unwrap()];
    let quiz = &guide.sections[&ExerciseId::new("q").unwrap()];
    let rendered = [
        &guide.title,
        &guide.summary,
        &section.title,
        &section.after_title,
        &section.checks["c"],
        &quiz.choices["x"],
    ];
    assert_eq!(
        rendered,
        [
            "Title kim",
            "Summary kim.",
            "A kim",
            "After kim",
            "check kim",
            "choice kim"
        ]
    );
    let later: Vec<&str> = guide
        .templates()
        .map(|template| template.markdown.as_str())
        .filter(|text| text.contains("{{ user }}"))
        .collect();
    assert_eq!(later.len(), 6, "shown with their addresses: {later:?}");
}

#[test]
fn unknown_names_are_found_in_every_text_that_has_no_addresses() {
    let mut problems = Vec::new();
    let source = guide_with("{{ usr }}");
    Guide::parse(Path::new("g.md"), &source, &render, &mut problems);
    let lines: Vec<usize> = problems
        .iter()
        .filter_map(|problem| Some(problem.place.as_ref()?.line))
        .collect();
    let source: Vec<&str> = source.lines().collect();
    let mut found: Vec<&str> = lines.iter().map(|line| source[line - 1]).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "# Title {{ usr }}",
            "## A {{ usr }} {#a}",
            "### After {{ usr }} {.after}",
            "- `c`: check {{ usr }}",
            "- `x`: choice {{ usr }}",
            "Summary {{ usr }}.",
        ]
    );
}

#[test]
fn problems_of_a_guide_have_their_line() {
    let mut problems = Vec::new();
    Guide::parse(
        Path::new("g.md"),
        "text\n\n## A {#a}\n\n### X {.hnt}\n\n## B {#a}\n\n### C {.checks}\n\n- `c`: {{ user }}\n- `d`: {{ usr }}\n",
        &render,
        &mut problems,
    );
    let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        printed,
        [
            "g.md:1:1: missing title (begin with a heading such as `# Title`)",
            "g.md:5:1: unknown heading class `.hnt` (use `.hint`, `.after`, `.solution`, `.checks`, `.choices`, `.measure` or `.values`)",
            "g.md:7:1: duplicate section for exercise `a` (remove one of the two, or give it another id)",
            "g.md:12:1: unknown name `usr` (did you mean `user`?)",
        ]
    );
}

/// Parses a guide. Returns it with its problems as they are printed.
fn parse(source: &str) -> (Guide, Vec<String>) {
    let mut problems = Vec::new();
    let guide = Guide::parse(Path::new("g.md"), source, &render, &mut problems);
    (guide, problems.iter().map(ToString::to_string).collect())
}

/// Returns the ids of the sections of a guide, with `?` after those that are broken.
fn sections(guide: &Guide) -> Vec<String> {
    let sections = guide.sections.iter();
    let text = |(id, section): (&ExerciseId, &Section)| match section.broken {
        true => format!("{id}?"),
        false => id.to_string(),
    };
    sections.map(text).collect()
}

/// Replaces a part of the guide. Checks its problems without their help, its sections, and whether others may be missing.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str], remaining: &[&str], unread: bool) {
    assert!(GUIDE.contains(from), "{from}");
    let (guide, problems) = parse(&GUIDE.replacen(from, to, 1));
    let problems: Vec<&str> = problems
        .iter()
        .map(|problem| problem.split(" (").next().unwrap_or_default())
        .collect();
    assert_eq!(problems, expected);
    assert_eq!(sections(&guide), remaining);
    assert_eq!(guide.unread, unread);
}

#[test]
fn a_guide_may_begin_with_a_bom() {
    let (guide, problems) = parse(&format!("\u{feff}{GUIDE}"));
    assert_eq!(problems, [""; 0]);
    assert_eq!(guide.title, "Redis: fast");
    assert_eq!(guide.place(1).text, "# Redis: fast");
}

#[test]
fn an_empty_guide_is_one_problem() {
    for source in ["", "\u{feff}", " \n\n"] {
        let (guide, problems) = parse(source);
        assert_eq!(problems, ["g.md: this file is empty"]);
        assert!(guide.unread);
    }
}

#[test]
fn a_guide_with_too_many_headings_is_one_problem() {
    let (guide, problems) = parse(&"# A\n\n".repeat(1001));
    assert_eq!(
        problems,
        ["g.md: too many headings: 1001, the limit is 1000"]
    );
    assert!(guide.unread);
}

#[test]
fn what_follows_a_broken_heading_of_an_exercise_belongs_to_no_other() {
    let quiz = "## When {#quiz}";
    for (to, problem) in [
        ("# When {#quiz}", "this guide has a title already"),
        (
            "##When {#quiz}",
            "no space follows `##`, so this line is not a heading",
        ),
        (
            "## When {#Quiz}",
            "invalid name `Quiz`: use 1 to 40 lowercase letters, digits, `-` and `_`, beginning with a letter or digit",
        ),
        (
            "## When {#sessions}",
            "duplicate section for exercise `sessions`",
        ),
    ] {
        let expected = format!("g.md:38:1: {problem}");
        check(quiz, to, &[&expected], &["sessions"], true);
    }
}

#[test]
fn a_heading_that_may_be_a_part_leaves_the_section_above_broken() {
    let quiz = "## When {#quiz}";
    for (to, problem) in [
        ("### When {#quiz}", "the heading `#quiz` has no class"),
        (
            "## When (#quiz)",
            "this heading begins no exercise, so its text is not shown",
        ),
        (
            "## When {quiz}",
            "`quiz` in the braces of this heading is neither a class nor an id",
        ),
        (
            "## When {#quiz .hint}",
            "`.hint` is for headings within an exercise",
        ),
    ] {
        let expected = format!("g.md:38:1: {problem}");
        check(quiz, to, &[&expected], &["sessions?"], true);
    }
    let both = &["quiz", "sessions?"];
    for (from, to, problem, unread) in [
        (
            "### Forever {.hint #forever}",
            "### Forever {.hint #forever",
            "30:1: the braces of this heading are not closed at its end",
            false,
        ),
        (
            "### Forever {.hint #forever}",
            "###Forever {.hint #forever}",
            "30:1: no space follows `###`, so this line is not a heading",
            false,
        ),
        (
            "### Forever {.hint #forever}",
            "## Forever {.hint #forever}",
            "30:1: `.hint` is for headings within an exercise",
            true,
        ),
        (
            "### 힌트 {.hint}",
            "### 힌트",
            "26:1: this heading has no class, so its text is not shown",
            false,
        ),
        (
            "### Why {.after}",
            "### Why {.solution}\n\n### Why {.solution}",
            "36:1: `.solution` stands twice in this exercise",
            false,
        ),
    ] {
        let problem = format!("g.md:{problem}");
        check(from, to, &[&problem], both, unread);
    }
}

#[test]
fn parts_below_a_broken_heading_are_read_for_their_own_problems() {
    check(
        "## When {#quiz}\n\nWhen?\n\n### Choices {.choices}\n\n- `a`: yes",
        "# When {#quiz}\n\nWhen?\n\n### A detail\n\nWords.\n\n### Choices {.choices}\n\n- a: yes",
        &[
            "g.md:38:1: this guide has a title already",
            "g.md:48:1: this line is not an item of the list",
        ],
        &["sessions"],
        true,
    );
}

#[test]
fn a_mistake_in_the_introduction_is_one_problem() {
    let both = &["quiz", "sessions"];
    check(
        "More.",
        "# Again\n\n## What\n\nMore.",
        &["g.md:6:1: this guide has a title already"],
        both,
        true,
    );
    check(
        "More.",
        "```sh\na\n\nMore.\n\n```sh\nb\n```\n\n## What",
        &["g.md:6:1: this code block is not closed"],
        both,
        true,
    );
    check("More.", "## What\n\n### Detail\n\nMore.", &[], both, false);
}

#[test]
fn the_first_exercise_has_a_heading_with_its_id() {
    let first = "## Sessions {#sessions}";
    let what = "this heading begins no exercise, so its text is not shown";
    let at = |line: usize, what: &str| format!("g.md:{line}:1: {what}");
    check(first, "## Sessions", &[&at(8, what)], &["quiz"], true);
    let part = "`.checks` is for headings within an exercise";
    check(first, "Sessions", &[&at(16, part)], &["quiz"], true);
    check(first, "#### Sessions", &[&at(16, part)], &["quiz"], true);
}

#[test]
fn a_section_that_is_in_an_open_code_block_may_be_there() {
    check(
        "- `value`: it is there\n",
        "- `value`: it is there\n\n```\na\n",
        &["g.md:22:1: this code block is not closed"],
        &["sessions?"],
        true,
    );
}

#[test]
fn each_line_of_a_list_is_an_item_with_a_description() {
    let list = "- `ttl`: it ends\n  by itself\n- `value`: it is there\n";
    let both = &["quiz", "sessions?"];
    let line = "this line is not an item of the list";
    let at = |line: usize, what: &str| format!("g.md:{line}:1: {what}");
    for item in ["- ttl: it ends", "1. `ttl`: it ends", "+ `ttl`: it ends"] {
        let items = format!("- `value`: it is there\n{item}\n");
        check(list, &items, &[&at(19, line)], both, false);
    }
    let words = format!("Some words,\nand more.\n\n{list}");
    check(list, &words, &[&at(18, line)], both, false);
    let empty = "the description of `ttl` is empty";
    let both = &["quiz", "sessions"];
    let items = "- `ttl`:\n- `value`: it is there\n";
    check(list, items, &[&at(18, empty)], both, false);
    let items = "- `ttl`:\n  it ends - by itself\n  - soon\n- `value`: 2. there\n";
    check(list, items, &[], both, false);
}
