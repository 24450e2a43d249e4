//! A lab of which a second instance is up, according to the files of the program.

use crate::support::LabCopy;
use crate::support::offline;

/// The tiny lab under its own name, with a journal of the instance `second`, which is up.
pub(crate) fn tiny() -> LabCopy {
    let copy = offline::tiny();
    let runs = copy.path("state/roadlab/runs");
    std::fs::create_dir_all(&runs).expect("the copy is writable");
    let run = "01jd8w0zq3v5k8m2x4y6z7a9bc";
    let journal = serde_json::json!({ "version": 1, "run": run, "lab": "tiny", "instance": "second",
        "folder": "labs/tiny", "workspace": null, "life": "kept" });
    let file = runs.join(format!("{run}.json"));
    std::fs::write(file, journal.to_string()).expect("the copy is writable");
    copy
}
