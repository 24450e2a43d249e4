//! Starts that begin with a copy of the volumes of an earlier start.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::engine_lab::EngineLab;

/// A Redis that needs three seconds to create its data, which no two creations have in common.
const SERVICE: &str = r#"    command:
      - sh
      - -c
      - >-
        test -s /data/made || { sleep 3; cat /proc/sys/kernel/random/uuid > /data/part && mv /data/part /data/made; };
        exec redis-server --dir /data --save '' --appendonly no --protected-mode no
    x-roadlab: { warm_start: true }
"#;

struct SlowLab(EngineLab);

impl SlowLab {
    fn new() -> Self {
        Self(EngineLab::tiny_with(SERVICE))
    }

    /// Starts the lab and returns the parts of the start, what was noted, and what identifies the data.
    #[track_caller]
    fn up(&self, options: &str) -> (Vec<String>, Vec<String>, String) {
        let output = self.0.run(&format!("up LAB --timings --json {options}"), 0);
        let lines = output.stdout.lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let texts = |event: &str, key: &str| {
            let found = lines.iter().filter(|line| line["event"] == event);
            found
                .filter_map(|line| line[key].as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let parts = texts("part_ended", "part");
        let notes = texts("note", "code");
        (parts, notes, self.data())
    }

    #[track_caller]
    fn data(&self) -> String {
        self.0.run("shell LAB redis -- cat /data/made", 0).stdout
    }

    fn down(&self) {
        self.0.run("down LAB", 0);
    }

    /// The folders of the copies, finished or not.
    fn copies(&self) -> Vec<PathBuf> {
        let folder = self.0.copy.path("cache/roadlab/volumes");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn has(parts: &[String], part: &str) -> bool {
    parts.iter().any(|one| one == part)
}

#[apply(engine_test)]
fn the_second_start_begins_with_the_data_of_the_first() {
    let lab = SlowLab::new();
    let (parts, notes, first) = lab.up("");
    assert!(has(&parts, "copy") && !has(&parts, "fill"), "{parts:?}");
    assert_eq!((notes, first.len()), (Vec::new(), 37));
    assert_eq!(lab.copies().len(), 1);
    lab.down();

    let (parts, _, second) = lab.up("");
    assert!(has(&parts, "fill") && !has(&parts, "copy"), "{parts:?}");
    assert_eq!(second, first);
    // What is done then stays in the run.
    lab.0
        .run("shell LAB redis -- cp /etc/hostname /data/made", 0);
    lab.0.run("up LAB", 0);
    assert_eq!(lab.data(), "redis\n");
    lab.0.run("reset LAB --hard --yes", 0);
    assert_eq!(lab.data(), first);
    lab.down();

    let listed = lab.0.run("images list LAB --json", 0).json();
    assert!(listed[0]["copy"].as_u64() > Some(500), "{listed}");
    let listed = lab.0.run("images list LAB", 0).stdout;
    assert!(listed.contains("copy of the data"), "{listed}");

    let (parts, _, fresh) = lab.up("--fresh");
    assert!(!has(&parts, "fill") && !has(&parts, "copy"), "{parts:?}");
    assert_ne!(fresh, first);
    lab.down();
}

#[apply(engine_test)]
fn another_definition_of_a_service_has_another_copy() {
    let lab = SlowLab::new();
    let (_, _, first) = lab.up("");
    lab.down();
    let line = "    x-roadlab: { warm_start: true }\n";
    let more = format!("    environment: {{ WHAT: other }}\n{line}");
    lab.0.copy.change("compose.yaml", line, &more);
    let (parts, _, other) = lab.up("");
    assert!(has(&parts, "copy") && !has(&parts, "fill"), "{parts:?}");
    assert_ne!(other, first);
    assert_eq!(lab.copies().len(), 2);
    lab.down();
}

#[apply(engine_test)]
fn a_copy_that_is_not_whole_is_not_used() {
    let lab = SlowLab::new();
    let (_, _, first) = lab.up("");
    lab.down();
    let copy = lab.copies().remove(0);
    let file = copy.join("redis-data.tar");
    let whole = fs::read(&file).unwrap();

    // The disk was full, or a crash tore the file.
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (parts, notes, second) = lab.up("");
    assert!(has(&parts, "copy") && !has(&parts, "fill"), "{parts:?}");
    assert_eq!(notes, [""; 0]);
    assert_ne!(second, first);
    lab.down();

    // A file of the same size that no engine unpacks: the services create their data again.
    let damaged: Vec<u8> = whole.iter().map(|byte| byte ^ 0x55).collect();
    let size = fs::metadata(&file).unwrap().len() as usize;
    fs::write(&file, &damaged.repeat(2)[..size]).unwrap();
    let (parts, notes, third) = lab.up("");
    assert!(!has(&parts, "fill"), "{parts:?}");
    assert_eq!(notes, ["copy_not_used"]);
    assert!(third != first && third != second && third.len() == 37);
    assert_eq!(lab.copies(), [""; 0].map(PathBuf::from));
    lab.down();
    let (parts, _, _) = lab.up("");
    assert!(has(&parts, "copy"), "{parts:?}");
    lab.down();
}

#[apply(engine_test)]
fn a_copy_that_a_killed_process_left_half_made_is_removed() {
    let lab = SlowLab::new();
    let folder = lab.0.copy.path("cache/roadlab/volumes");
    // No process has this id.
    let left = folder.join("unfinished-4294967295-key");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("redis-data.tar"), "half").unwrap();
    let (parts, _, _) = lab.up("");
    assert!(has(&parts, "copy"), "{parts:?}");
    assert!(!left.exists() && lab.copies().len() == 1);
    lab.down();
}

#[apply(engine_test)]
fn volumes_that_are_there_already_keep_what_they_hold() {
    let lab = SlowLab::new();
    let (_, _, first) = lab.up("");
    lab.0
        .run("shell LAB redis -- cp /etc/hostname /data/made", 0);
    // Only the container is gone.
    let container = lab.0.container();
    let path = format!("/containers/{container}?force=1");
    lab.0.request("DELETE", &path, &Value::Null);
    let (parts, _, kept) = lab.up("");
    assert!(!has(&parts, "fill") && !has(&parts, "copy"), "{parts:?}");
    assert_eq!(kept, "redis\n");
    assert_ne!(kept, first);
    lab.down();
}
