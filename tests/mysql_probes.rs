//! The `sql` probe on a real MariaDB server. With MySQL in the same lab it was run once by hand.

use serde_json::Value;

use crate::support::engine_lab::{EngineLab, images};
use crate::support::{ProgramOutput, eventually};

/// How often the lab is checked.
const CHECKS: usize = 100;

/// The service, and the name of its client.
const SERVER: (&str, &str) = ("mariadb", "mariadb");

fn lab() -> EngineLab {
    let lab = EngineLab::copy_of("tests/labs/mysql");
    images(&lab.copy);
    lab.run("up LAB", 0);
    lab
}

/// Runs statements in a service's own client and returns what it prints.
#[track_caller]
fn client(lab: &EngineLab, (service, client): (&str, &str), statements: &str) -> String {
    let mut command = lab.command(&format!("shell LAB {service} --"));
    command.args([
        client,
        "--user=root",
        "--password=lab",
        "--batch",
        "--skip-column-names",
        "lab",
        "--execute",
        statements,
    ]);
    ProgramOutput::of(&mut command).expect_code(0).stdout
}

/// Everything that a check could change: the rows, and the number of the next one.
fn state(lab: &EngineLab, server: (&str, &str)) -> String {
    let rows = client(lab, server, "SELECT * FROM item; SELECT * FROM owner");
    let table = client(lab, server, "SHOW CREATE TABLE item");
    assert!(table.contains("AUTO_INCREMENT=3"), "{table}");
    format!("{rows}{table}")
}

#[track_caller]
fn checks(lab: &EngineLab) -> Vec<Value> {
    let results = lab.run("check LAB --json", 1).json();
    let checks = results["exercises"][0]["checks"].as_array();
    checks.expect("a list of checks").clone()
}

#[apply(engine_test)]
fn values_types_and_errors_are_those_of_the_servers_and_a_hundred_checks_change_nothing() {
    let lab = lab();
    let before = state(&lab, SERVER);
    for _ in 0..CHECKS {
        let results = checks(&lab);
        let failed = results.iter().filter(|check| check["outcome"] != "pass");
        let failed: Vec<_> = failed.map(|check| &check["check"]).collect();
        assert_eq!(failed, ["goal"], "{results:#?}");
    }
    assert_eq!(before, state(&lab, SERVER));
    lab.run("solve LAB inspect", 0);
    lab.run("check LAB", 0);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_lock_of_another_session_is_named_with_the_way_out() {
    let lab = lab();
    // The client's input stays open, and so does the transaction.
    let hold = format!(
        "(echo \"START TRANSACTION; UPDATE item SET name = 'x' WHERE name = 'first';\"; sleep 600) | {} --user=root --password=lab lab > /dev/null 2>&1 &",
        SERVER.1
    );
    let mut command = lab.command(&format!("shell LAB {} --", SERVER.0));
    ProgramOutput::of(command.args(["sh", "-c", &hold])).expect_code(0);
    let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_rows_locked > 0";
    assert!(eventually(|| client(&lab, SERVER, open) == "1\n"));
    let id = format!("{}-taken", SERVER.0);
    let results = checks(&lab);
    let check = results.iter().find(|check| check["check"] == id.as_str());
    let reason = check.expect("a check")["actual"].as_str();
    let expected = "another session holds a lock: COMMIT or ROLLBACK there (connection ";
    assert!(
        reason.is_some_and(|reason| reason.starts_with(expected)),
        "{check:#?}"
    );
    lab.run("down LAB", 0);
}
