//! Checks change nothing: a lab of every kind of service is checked a hundred times, and everything in it is compared.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::engine_lab::{EngineLab, images};
use crate::support::process::RunningProgram;
use crate::support::{ProgramOutput, eventually};

/// How often the lab is checked.
const CHECKS: usize = 100;

/// A lab with Redis, PostgreSQL, MongoDB and RabbitMQ, and a check for everything that a probe can inspect.
fn probes() -> EngineLab {
    let lab = EngineLab::copy_of("tests/labs/probes");
    images(&lab.copy);
    lab.run("up LAB", 0);
    lab
}

/// Runs a program in a service and returns what it prints.
#[track_caller]
fn in_service(lab: &EngineLab, service: &str, run: &[&str]) -> String {
    let mut command = lab.command(&format!("shell LAB {service} --"));
    ProgramOutput::of(command.args(run)).expect_code(0).stdout
}

/// Everything in Redis that a check could change, except idle times.
fn redis(lab: &EngineLab) -> String {
    let script = "
        local all = redis.call('KEYS', '*')
        table.sort(all)
        local lines = { tostring(redis.call('DBSIZE')) }
        for _, key in ipairs(all) do
            table.insert(lines, key .. ' ' .. redis.sha1hex(redis.call('DUMP', key)) .. ' ' .. redis.call('PEXPIRETIME', key))
        end
        table.insert(lines, cjson.encode(redis.call('HPEXPIRETIME', 'hash', 'FIELDS', 1, 'city')))
        table.insert(lines, cjson.encode(redis.call('XINFO', 'STREAM', 'stream', 'FULL')):gsub('seen%-time\",%d+', ''))
        table.insert(lines, redis.call('INFO', 'persistence'):match('rdb_changes_since_last_save:%d+'))
        return table.concat(lines, '\\n')";
    in_service(
        lab,
        "redis",
        &["redis-cli", "--raw", "EVAL_RO", script, "0"],
    )
}

/// The idle times of the keys, in seconds.
fn idle_times(lab: &EngineLab) -> Vec<u64> {
    let script = "
        local all = redis.call('KEYS', '*')
        for at, key in ipairs(all) do all[at] = redis.call('OBJECT', 'IDLETIME', key) end
        return table.concat(all, ' ')";
    let times = in_service(
        lab,
        "redis",
        &["redis-cli", "--raw", "EVAL_RO", script, "0"],
    );
    let times = times.split_whitespace();
    times.map(|time| time.parse().expect("seconds")).collect()
}

fn sql(lab: &EngineLab, query: &str) -> String {
    in_service(
        lab,
        "postgres",
        &["psql", "-U", "lab", "-d", "lab", "-Atc", query],
    )
}

/// The rows, the sequences with all they contain, the tables, and the locks and open transactions of roadlab.
fn postgres(lab: &EngineLab) -> String {
    [
        "SELECT * FROM item ORDER BY id",
        "SELECT * FROM item_id_seq",
        "SELECT * FROM item_number_seq",
        "SELECT pg_relation_filenode('item_id_seq'), pg_relation_filenode('item_number_seq')",
        "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'roadlab' AND xact_start IS NOT NULL",
        "SELECT count(*) FROM pg_prepared_xacts",
    ]
    .map(|query| sql(lab, query))
    .concat()
}

/// The documents by their hash, the indexes, and the open cursors.
fn mongo(lab: &EngineLab) -> String {
    let script = "
        const lab = db.getSiblingDB('lab');
        const open = db.serverStatus().metrics.cursor.open.total;
        print(JSON.stringify([lab.runCommand({ dbHash: 1 }).collections, lab.items.getIndexes(), lab.items.countDocuments(), open]))";
    let login = [
        "mongosh",
        "--quiet",
        "-u",
        "lab",
        "-p",
        "lab",
        "--authenticationDatabase",
        "admin",
    ];
    let run: Vec<&str> = login.into_iter().chain(["--eval", script]).collect();
    in_service(lab, "mongo", &run)
}

fn rabbitmq(lab: &EngineLab) -> String {
    let list = [
        "name",
        "type",
        "messages_ready",
        "messages_unacknowledged",
        "consumers",
        "durable",
        "arguments",
    ];
    let queues: Vec<&str> = ["rabbitmqctl", "--quiet", "list_queues"]
        .into_iter()
        .chain(list)
        .collect();
    let exchanges = in_service(
        lab,
        "rabbitmq",
        &["rabbitmqctl", "--quiet", "list_exchanges"],
    );
    let bindings = in_service(
        lab,
        "rabbitmq",
        &["rabbitmqctl", "--quiet", "list_bindings"],
    );
    [in_service(lab, "rabbitmq", &queues), exchanges, bindings].concat()
}

/// The lines of a service's log with one of these words.
fn log_lines(lab: &EngineLab, service: &str, words: &[&str]) -> Vec<String> {
    let log = lab
        .run(&format!("logs LAB {service} --tail 100000"), 0)
        .stdout;
    let lines = log
        .lines()
        .filter(|line| words.iter().any(|word| line.contains(word)));
    lines.map(str::to_owned).collect()
}

/// The warnings and errors that the services report.
fn warnings(lab: &EngineLab) -> Vec<String> {
    [
        log_lines(lab, "rabbitmq", &["[warning]", "[error]", "[critical]"]),
        log_lines(
            lab,
            "postgres",
            &[
                "ERROR",
                "WARNING",
                "FATAL",
                "LOG:  unexpected",
                "LOG:  could not",
            ],
        ),
        log_lines(lab, "mongo", &["\"s\":\"W\"", "\"s\":\"E\"", "\"s\":\"F\""]),
        log_lines(lab, "redis", &[" # "]),
    ]
    .concat()
}

#[apply(engine_test)]
fn a_hundred_checks_change_nothing_in_any_service() {
    let lab = probes();
    // A stream counts its messages a moment after they were published.
    let mut results = Value::Null;
    let only_goal_fails = eventually(|| {
        results = lab.run("check LAB inspect --json", 1).json()["exercises"][0]["checks"].clone();
        let checks = results.as_array().expect("a list of checks");
        assert!(checks.len() >= 40, "{results}");
        let failed = checks.iter().filter(|check| check["outcome"] != "pass");
        failed.count() == 1
    });
    assert!(only_goal_fails, "only `goal` is left to do: {results:#}");

    let state = || [redis(&lab), postgres(&lab), mongo(&lab), rabbitmq(&lab)];
    let (warned, before, begun) = (warnings(&lab), state(), Instant::now());
    for _ in 0..CHECKS {
        lab.run("check LAB inspect", 1);
    }
    // The time ends before the idle times are read, and Redis counts them in steps of a second.
    let elapsed = begun.elapsed().saturating_sub(Duration::from_secs(2));
    let elapsed = elapsed.as_secs();
    let idle = idle_times(&lab);
    assert!(
        idle.iter().all(|idle| *idle >= elapsed),
        "{idle:?} of {elapsed} s"
    );
    let after = state();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(warned, warnings(&lab));

    // The messages have never been delivered before.
    lab.run("solve LAB take", 0);
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_lock_of_another_session_is_named_with_the_way_out() {
    let lab = probes();
    let hold =
        "(echo 'BEGIN; LOCK TABLE item;'; sleep 600) | psql -U lab -d lab > /dev/null 2>&1 &";
    in_service(&lab, "postgres", &["sh", "-c", hold]);
    let granted = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = 'item'::regclass AND state = 'idle in transaction'";
    assert!(eventually(|| sql(&lab, granted) == "1\n"));
    let expected = "another session holds a lock: COMMIT or ROLLBACK there (`psql`, process ";
    let statement = "; its last statement: LOCK TABLE item;)";
    let results = lab.run("check LAB inspect --json", 1).json();
    let checks = results["exercises"][0]["checks"]
        .as_array()
        .expect("a list of checks");
    for id in ["sql-rows", "sql-free"] {
        let check = checks
            .iter()
            .find(|check| check["check"] == id)
            .expect("a check");
        let reason = check["actual"].as_str().unwrap_or_default();
        assert!(
            reason.starts_with(expected) && reason.ends_with(statement),
            "{check}"
        );
    }
    let reset = lab.run("reset LAB", 6).stderr;
    assert!(
        reset.contains(expected) && reset.contains(statement),
        "{reset}"
    );
    lab.run("down LAB", 0);
}

#[apply(engine_test)]
fn a_learner_can_copy_a_database_beside_a_watched_check() {
    let lab = probes();
    let mut watch = RunningProgram::start(&lab, "check LAB inspect --watch --json");
    watch.wait_for_line("\"checked\"");
    // The server refuses it while the database has sessions, and waits only seconds for those of a check that runs.
    let copy = [
        "psql",
        "-U",
        "lab",
        "-d",
        "postgres",
        "-c",
        "CREATE DATABASE copy TEMPLATE lab",
    ];
    let copied = eventually(|| {
        let mut command = lab.command("shell LAB postgres --");
        ProgramOutput::of(command.args(copy)).code == Some(0)
    });
    assert!(
        copied,
        "{}",
        sql(&lab, "SELECT datname, query FROM pg_stat_activity")
    );
    assert!(!watch.has_ended());
    watch.kill();
    watch.finish();
    lab.run("down LAB", 0);
}
