//! A lab of which a second instance is up, as far as files tell.

use crate::support::Copy;

/// The tiny lab under its own name, with a second instance that is up as far as the journal tells.
pub(crate) fn home() -> Copy {
    let copy = Copy::of("tests/labs/tiny", |_| "tiny".to_owned());
    let runs = copy.path("state/roadlab/runs");
    std::fs::create_dir_all(&runs).expect("a folder of ours");
    let run = "01jd8w0zq3v5k8m2x4y6z7a9bc";
    let journal = serde_json::json!({ "version": 1, "run": run, "lab": "tiny", "instance": "second",
        "folder": "labs/tiny", "workspace": null, "life": "kept" });
    std::fs::write(runs.join(format!("{run}.json")), journal.to_string()).expect("a file of ours");
    copy
}
