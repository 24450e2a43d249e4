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
