//! Values that differ by learner, and `roadlab report`.

use serde_json::Value;

use crate::support::engine_lab::EngineLab;

/// The tiny lab with a greeting that differs by learner. `expect` is what its check expects.
fn lab(expect: &str) -> EngineLab {
    let lab = EngineLab::tiny();
    let text = format!(
        r#"level: beginner
minutes: 5
random: {{ token: {{ hex: 8 }}, price: {{ from: 10, to: 99 }} }}
start:
  - redis: {{ service: redis, command: [FLUSHALL] }}
  - redis: {{ service: redis, command: [SET, kept, "${{price}}"] }}
exercises:
  - id: greet
    points: 3
    checks:
      - id: greeting
        redis: {{ service: redis, command: [GET, greeting] }}
        expect: {expect}
        hints: [ {{ when: {{ exists: true }}, say: spelling }} ]
        why: a test
      - id: kept
        guard: true
        redis: {{ service: redis, command: [GET, kept] }}
        expect: {{ equals: "${{price}}" }}
        hints: [ {{ when: {{ absent: true }}, say: gone }} ]
        why: a test
    solution:
      - redis: {{ service: redis, command: [SET, greeting, "hello ${{token}}"] }}
    wrong:
      - do: [ {{ redis: {{ service: redis, command: [SET, greeting, hallo] }} }} ]
        hint: spelling
  - id: when
    quiz: {{ choices: [pairs, scans], answer: pairs, hints: {{ scans: slow }} }}
"#
    );
    let path = lab.copy.path("labs").join(&lab.copy.id).join("lab.yaml");
    std::fs::write(path, text).expect("the copy is writable");
    for (guide, from) in [
        ("guide.en.md", "Store `hello` under"),
        ("guide.ko.md", "`hello`를 저장"),
    ] {
        let to = from.replace("hello", "hello {{ token }}");
        lab.copy.change(guide, from, &to);
    }
    lab
}

const EXACT: &str = r#"{ equals: "hello ${token}" }"#;

/// Returns the greeting of the task.
#[track_caller]
fn greeting(lab: &EngineLab, options: &str) -> String {
    let shown = lab.run(&format!("show LAB greet --json {options}"), 0);
    let shown = shown.json();
    let text = shown["markdown"].as_str().expect("a text");
    let (_, rest) = text.split_once("Store `").expect("the task");
    let (greeting, _) = rest.split_once('`').expect("the task");
    greeting.to_owned()
}

fn store(lab: &EngineLab, greeting: &str, options: &str) {
    let word = greeting.split_whitespace().nth(1).unwrap_or_default();
    let command = format!("shell LAB {options} -- redis-cli SET greeting");
    let mut command = lab.command(&command);
    let ended = command.arg(format!("hello {word}")).output();
    assert!(ended.expect("the program starts").status.success());
}

#[apply(engine_test)]
fn random_values_differ_by_run_and_a_reset_keeps_them() {
    let lab = lab(EXACT);
    assert_eq!(greeting(&lab, ""), "hello TOKEN");
    let shown = lab.run("show LAB greet", 0).stdout;
    assert!(shown.contains("differs by learner"), "{shown}");
    lab.run("up LAB", 0);
    lab.run("up LAB --instance other", 0);
    let (mine, others) = (greeting(&lab, ""), greeting(&lab, "--instance other"));
    assert_ne!(mine, others);
    for options in ["", "--instance other"] {
        store(&lab, &mine, options);
    }
    lab.run("check LAB greet", 0);
    lab.run("check LAB greet --instance other", 1);
    lab.run("dispute LAB greet --instance other", 0);
    lab.run("reset LAB", 0);
    lab.run("up LAB", 0);
    assert_eq!(greeting(&lab, ""), mine);
    lab.run("check LAB greet", 1);
    lab.run("down LAB", 0);
    lab.run("up LAB", 0);
    assert_ne!(greeting(&lab, ""), mine);
    lab.run("down LAB", 0);
    lab.run("down LAB --instance other", 0);
    let file = format!("roadlab-dispute-{}-greet.json", lab.copy.id);
    let judged = lab.run(&format!("test LAB --case {file} --json"), 1).json();
    let expected = judged["checks"][0]["expected"].as_str().expect("a text");
    assert!(expected.contains(&others), "{judged}");
    assert_eq!(judged["checks"][1]["outcome"], "pass", "{judged}");
}

#[apply(engine_test)]
fn a_report_has_who_solved_what() {
    let lab = lab(EXACT);
    lab.run("up LAB", 0);
    lab.run("answer LAB when scans", 1);
    lab.run("answer LAB when pairs", 0);
    lab.run("hint LAB greet", 0);
    lab.run("solve LAB greet", 0);
    let report = || lab.run("report LAB --json --name Kim", 0).json();
    let played = report();
    assert_eq!(
        (&played["who"], &played["points"], &played["earned"]),
        (&"Kim".into(), &3.into(), &0.into())
    );
    let exercise = &played["exercises"][0];
    assert_eq!(
        (&exercise["by"], &exercise["hints"]),
        (&"solution".into(), &1.into())
    );
    assert_eq!(exercise["draw"], Value::Null);
    assert_eq!(played["exercises"][1]["attempts"], 2);
    lab.run("reset LAB", 0);
    store(&lab, &greeting(&lab, ""), "");
    lab.run("check LAB greet", 0);
    let solved = report();
    assert_eq!(
        (&solved["earned"], &solved["solved"]),
        (&3.into(), &2.into())
    );
    let exercise = &solved["exercises"][0];
    assert_eq!(exercise["by"], "learner");
    assert!(exercise["draw"].is_string() && exercise["solution_played_at"].is_string());
    let status = lab.run("status LAB --json", 0).json();
    assert_eq!(
        (&status[0]["points"], &status[0]["earned"]),
        (&3.into(), &3.into())
    );
    let csv = lab.run("report LAB --csv --name =1+1", 0).stdout;
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[1].starts_with("\"'=1+1\","), "{csv}");
    assert!(
        lines[1].contains(",greet,A greeting,3,3,learner,20"),
        "{csv}"
    );
    lab.run("report LAB --csv --json", 2);
    lab.run("down LAB", 0);
}

/// Returns the findings about other random values.
fn of_other_draw(event: &Value) -> Vec<&str> {
    let problems = event["problems"].as_array().expect("a list").iter();
    let found = problems.filter(|problem| problem["phase"] == "other_draw");
    found
        .map(|problem| problem["problem"].as_str().expect("a text"))
        .collect()
}

#[apply(engine_test)]
fn the_test_of_a_lab_finds_an_answer_that_could_be_copied() {
    let sound = lab(EXACT);
    let event = sound.run("test LAB --json", 0).json();
    assert_eq!(
        (of_other_draw(&event).len(), &event["other_draw"]),
        (0, &1.into())
    );
    let loose = lab(r#"{ matches: "^hello [a-f]" }"#);
    let event = loose.run("test LAB --json", 1).json();
    assert_eq!(
        of_other_draw(&event),
        [
            "the solution of another learner: every check passes: a check must compare with the random values, or learners can copy each other's answers"
        ]
    );
}
