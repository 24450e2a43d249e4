//! Keys of Compose files that only show their effect in running containers, and steps that read files of the lab.

use serde_json::Value;

use crate::support::engine_lab::{EngineLab, images};
use crate::support::{ProgramOutput, eventually};

/// What the engine says about the container of a service.
fn inspect(lab: &EngineLab, service: &str) -> Value {
    let all = lab.containers();
    let mut all = all.as_array().expect("a list").iter();
    let found = all.find(|one| one["Labels"]["dev.roadlab.service"] == service);
    let id = found.expect("it has a container")["Id"].clone();
    let id = id.as_str().expect("an id");
    lab.request("GET", &format!("/containers/{id}/json"), &Value::Null)
}

#[apply(engine_test)]
fn configs_secrets_links_restarts_and_health_checks_of_images_have_their_effect() {
    let lab = EngineLab::copy_of("tests/labs/effects");
    images(&lab.copy);
    lab.run("up LAB", 0);

    let inside = |command: &str| lab.run(&format!("shell LAB {command}"), 0).stdout;
    assert_eq!(inside("redis -- cat /etc/settings.conf"), "mode = fast\n");
    assert_eq!(
        inside("redis -- cat /run/secrets/password"),
        "open sesame\n"
    );
    assert_eq!(inside("linked -- redis-cli -h cache PING"), "PONG\n");

    // The next service started only after the check of the image had succeeded once.
    let health = inspect(&lab, "checked")["State"]["Health"].clone();
    assert_eq!(health["Status"], "healthy");
    let checks = health["Log"].as_array().expect("a log").clone();
    let mut passed = checks.iter().filter(|check| check["ExitCode"] == 0);
    let healthy = passed.next().expect("a check that passed")["End"].clone();
    let started = inspect(&lab, "after")["State"]["StartedAt"].clone();
    // The engine keeps the last five. Where none of them failed, the first that passed may not be among them any more.
    let kept = checks.iter().any(|check| check["ExitCode"] != 0);
    assert!(
        !kept || started.as_str() > healthy.as_str(),
        "{started} {healthy}"
    );

    // It ends with exit code 0, and the engine starts it again.
    assert_eq!(inspect(&lab, "redis")["RestartCount"], 0);
    // The command itself may be killed with the container (137) before it ends (0): its exit code says nothing here.
    ProgramOutput::of(&mut lab.command("shell LAB redis -- redis-cli SHUTDOWN NOSAVE"));
    let restarted = || inspect(&lab, "redis")["RestartCount"] == 1;
    assert!(eventually(restarted), "{}", inspect(&lab, "redis")["State"]);
    let healthy = || lab.run("status LAB --json", 0).json()[0]["services"].to_string();
    assert!(
        eventually(|| !healthy().contains("unhealthy")),
        "{}",
        healthy()
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn files_of_the_lab_output_formats_and_holds_for_work_in_the_test_of_a_lab() {
    let lab = EngineLab::copy_of("tests/labs/effects");
    images(&lab.copy);
    let proof = lab.run("test LAB --yes --json", 0);
    assert!(proof.stdout.contains("it comes back"), "{}", proof.stdout);
}

#[apply(engine_test)]
fn up_creates_a_service_again_whose_mounted_file_was_replaced() {
    let lab = EngineLab::tiny_with("    volumes: ['./helper.txt:/helper.txt:ro']\n");
    let folder = lab.copy.path("labs").join(&lab.copy.id);
    // As an update of a lab does: another file takes the name, and a container keeps the one that it mounted.
    let replace = |text: &str| {
        std::fs::write(folder.join("new"), text).expect("the copy is writable");
        std::fs::rename(folder.join("new"), folder.join("helper.txt")).expect("one file system");
    };
    let content = || lab.run("shell LAB -- cat /helper.txt", 0).stdout;
    replace("one\n");
    lab.run("up LAB", 0);
    let first = lab.container();
    assert_eq!(content(), "one\n");
    lab.run("up LAB", 0);
    assert_eq!(lab.container(), first);
    replace("two\n");
    assert_eq!(content(), "one\n");
    let planned = lab.run("up LAB --dry-run", 0).stdout;
    assert!(planned.contains("(changed)"), "{planned}");
    lab.run("up LAB", 0);
    assert_eq!(content(), "two\n");
    let second = lab.container();
    lab.run("up LAB", 0);
    assert_eq!(lab.container(), second);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn up_reports_the_size_of_missing_images_and_refuses_those_that_do_not_fit() {
    let missing = "    image: localhost/missing:1\n    build: ./recipe\n    x-roadlab: { image_size: 900t }\n";
    let lab = EngineLab::tiny_with(missing);
    let recipe = lab.copy.path("labs").join(&lab.copy.id).join("recipe");
    std::fs::create_dir(&recipe).expect("the copy is writable");
    std::fs::write(
        recipe.join("Dockerfile"),
        "FROM scratch\nCOPY Dockerfile /\n",
    )
    .expect("so is the folder");
    let planned = lab.run("up LAB --dry-run", 0).stdout;
    let told = "images to download or build: 1, at least 921600.0 GiB";
    assert_eq!(planned.lines().next(), Some(told), "{planned}");
    let refused = lab.run("up LAB", 3).stderr;
    assert!(refused.contains(told), "{refused}");
    assert!(
        refused.contains("is needed; images to download: 1"),
        "{refused}"
    );
}
