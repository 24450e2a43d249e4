//! `roadlab measure`, on a real engine.

use crate::support::engine_lab::EngineLab;

const MEASURE: &str = "  - id: when
    measure:
      - id: by-key
        sides:
          - id: get
            redis: { service: redis, command: [GET, kept] }
            touched: { redis: { service: redis, command: [DBSIZE] }, path: $, unit: keys }
          - { id: hash, redis: { service: redis, command: [HGET, all, kept] } }
    quiz:
";

const DESCRIBED: &str = "### Measured {.measure}

- `by-key`: What is kept?
- `get`: a key
- `hash`: a field of a hash

";

/// A lab whose quiz has a measurement of two sides. The second has no value until `HSET all kept 1`.
fn measuring() -> EngineLab {
    let lab = EngineLab::tiny();
    lab.copy
        .change("lab.yaml", "  - id: when\n    quiz:\n", MEASURE);
    for (guide, heading) in [
        ("guide.en.md", "### Choices {.choices}\n"),
        ("guide.ko.md", "### 선택 {.choices}\n"),
    ] {
        let described = format!("{DESCRIBED}{heading}");
        lab.copy.change(guide, heading, &described);
    }
    lab
}

#[apply(engine_test)]
fn times_are_shown_once_all_sides_give_the_same_result() {
    let lab = measuring();
    lab.run("measure LAB", 3);
    lab.run("up LAB", 0);
    let different = lab.run("measure LAB", 1);
    assert_eq!(
        different.stdout,
        "What is kept?\n  not measured: a key and a field of a hash give different results\n    1 ≠ nothing\n\n"
    );
    lab.run("shell LAB -- redis-cli HSET all kept 1", 0);
    let measured = lab.run("measure LAB when --rounds 5 --json", 0).json();
    let sides = measured["measurements"][0]["sides"]
        .as_array()
        .expect("sides");
    assert_eq!((sides[0]["id"].as_str(), sides.len()), (Some("get"), 2));
    assert_eq!(sides[0]["read"], 2, "{measured}");
    for side in sides {
        assert_eq!(side["rounds"], 5);
        assert!(side["median_micros"].as_u64() > Some(0), "{measured}");
        assert!(side["p95_micros"].as_u64() >= side["median_micros"].as_u64());
        assert!(side["ratio"].as_f64() >= Some(1.0));
    }
    let shown = lab.run("measure LAB --rounds 5", 0).stdout;
    assert!(shown.contains("a field of a hash") && shown.contains("2 keys"));
    assert!(shown.contains("5 times each"), "{shown}");
    lab.run("shell LAB -- redis-cli SET all text", 0);
    let failed = lab.run("measure LAB", 1).stdout;
    let reason = "  no answer from a field of a hash: error WRONGTYPE";
    assert!(failed.contains(reason), "{failed}");
    let none = lab.run("measure LAB greet", 2).stderr;
    assert!(none.contains("measures nothing"), "{none}");
    lab.run("down LAB", 0);
}

/// A measurement of which the script takes many times as long as the key, on any machine.
const RATIO: &str = r#"  - id: greet
    measure:
      - id: by-key
        sides:
          - { id: get, redis: { service: redis, command: [GET, kept] } }
          - id: script
            redis:
              service: redis
              command: [EVAL_RO, "local n = 0; for i = 1, 5000000 do n = n + i end; return redis.call('GET', KEYS[1])", "1", kept]
    checks:
"#;

const RATIO_CHECK: &str = "      - id: quicker
        why: it asks for no answer of its own
        measure: { id: by-key, slower: script, faster: get }
        expect: { at_least: 2 }
        hints:
          - { when: { at_most: 2 }, say: spelling }
    solution:
";

/// A lab whose first exercise asks for a ratio.
fn with_ratio() -> EngineLab {
    let lab = EngineLab::tiny();
    let change = |file: &str, from: &str, to: &str| lab.copy.change(file, from, to);
    change("lab.yaml", "  - id: greet\n    checks:\n", RATIO);
    change("lab.yaml", "    solution:\n", RATIO_CHECK);
    for (guide, heading) in [
        ("guide.en.md", "### Checks {.checks}\n\n"),
        ("guide.ko.md", "### 확인 {.checks}\n\n"),
    ] {
        let described = format!(
            "### Measured {{.measure}}\n\n- `by-key`: What is kept?\n- `get`: The key\n- `script`: A script\n\n{heading}- `quicker`: the key is quicker\n"
        );
        change(guide, heading, &described);
    }
    lab
}

#[apply(engine_test)]
fn the_ratio_of_a_check_is_measured_once_everything_else_passes() {
    let lab = with_ratio();
    lab.run("up LAB", 0);
    let check = |code| {
        let checked = lab.run("check LAB greet --json", code).json();
        let checks = checked["exercises"][0]["checks"].as_array().cloned();
        let mut checks = checks.expect("checks");
        checks.pop().expect("the ratio is the last check")
    };
    let before = check(1);
    assert_eq!(before["outcome"], "fail");
    assert_eq!(
        before["actual"],
        "not measured before the other checks pass"
    );
    lab.run("solve LAB greet", 0);
    assert_eq!(check(0)["outcome"], "pass");
    lab.copy
        .change("lab.yaml", "{ at_least: 2 }\n", "{ at_most: 2 }\n");
    assert_eq!(check(1)["outcome"], "fail");
    let shown = lab.run("check LAB greet", 1).stdout;
    assert!(
        shown.contains("A script took ") && shown.contains(" times as long as The key"),
        "{shown}"
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn the_test_of_a_lab_measures_after_the_solution() {
    let lab = with_ratio();
    lab.run("test LAB greet --yes", 0);
    // A result that the sides do not share.
    lab.copy.change(
        "lab.yaml",
        "return redis.call('GET', KEYS[1])",
        "return 'another'",
    );
    lab.copy
        .change("lab.yaml", "{ at_least: 2 }\n", "{ at_most: 2 }\n");
    let different = lab.run("test LAB greet --yes", 1);
    let output = format!("{}{}", different.stdout, different.stderr);
    let reason = "measurement `by-key`: get and script give different results: 1 ≠ another";
    assert!(output.contains(reason), "{output}");
}
