//! An engine that runs out of images, subnets or disk, or whose resources are pruned.

use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::set_command;
use crate::support::engine_lab::SERVICE;
use crate::support::private_daemon::PrivateDaemon;
use crate::support::process::RunningProgram;
use crate::support::{ProgramOutput, TIME_LIMIT, run_like};

/// The program, which may contact registries.
fn online(daemon: &PrivateDaemon, words: &str) -> Command {
    let offline = daemon.lab.command(words);
    let mut command = Command::new(offline.get_program());
    command.args(offline.get_args().filter(|word| *word != "--offline"));
    run_like(&mut command, &offline);
    command
}

/// The first event that created a container, network or volume on the engine.
fn first_creation(daemon: &PrivateDaemon) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a time after 1970").as_secs_f64();
    let filters = "%7B%22event%22%3A%5B%22create%22%5D%7D";
    let path = format!("/events?since=0&until={now:.9}&filters={filters}");
    daemon.lab.request("GET", &path, &Value::Null)
}

#[apply(private_daemon_test)]
fn an_unavailable_image_is_reported_before_anything_is_created() {
    let daemon = PrivateDaemon::start();
    let other = "\n  other: { image: \"roadlab.test/none:1\", mem_limit: 32m }\n";
    let to = format!("{SERVICE}{other}");
    daemon.lab.copy.change("compose.yaml", SERVICE, &to);
    let mut command = online(&daemon, "up LAB");
    let output = ProgramOutput::of(&mut command).expect_code(3).stderr;
    assert!(
        output.contains(
            "error: no image for service `other`\n  - cannot pull image `roadlab.test/none:1`: "
        ),
        "{output}"
    );
    assert!(!output.contains("{\"message\""), "{output}");
    assert_eq!(first_creation(&daemon), Value::Null);
}

#[apply(private_daemon_test)]
fn a_lab_finds_the_last_free_subnet_of_its_own_range() {
    let daemon = PrivateDaemon::start();
    let create = |name: &str, settings: Value| {
        let created = daemon
            .lab
            .try_request("POST", "/networks/create", &settings);
        created.is_ok().then(|| format!("/networks/{name}"))
    };
    let pool = (0..9).map_while(|at| {
        let name = format!("pool-{at}");
        create(&name, json!({ "Name": name }))
    });
    let mut networks: Vec<String> = pool.collect();
    assert!(networks.len() < 9, "the pools of the engine are exhausted");
    daemon.lab.run("up LAB", 0);
    daemon.lab.run("down LAB", 0);
    // Takes all but one of the subnets of roadlab, half by half.
    let free = u32::from(Ipv4Addr::new(10, 214, 77, 96));
    for bits in 17..=27 {
        let half = 1 << (32 - bits);
        let subnet = format!("{}/{bits}", Ipv4Addr::from((free ^ half) & !(half - 1)));
        let name = format!("half-{bits}");
        let settings = json!({ "Name": name, "IPAM": { "Config": [{ "Subnet": subnet }] } });
        networks.push(create(&name, settings).expect("a free subnet"));
    }
    daemon.lab.run("up LAB", 0);
    let all = daemon.lab.request("GET", "/networks", &Value::Null);
    assert!(all.to_string().contains("10.214.77.96/27"), "{all}");
    let output = daemon.lab.run("up LAB --instance second", 3).stderr;
    let message = "error: no free address range for a network; `roadlab down --all` and `docker network prune` remove unused networks\n";
    assert_eq!(output, message);
    daemon.lab.run("down LAB", 0);
    for network in networks {
        daemon.lab.request("DELETE", &network, &Value::Null);
    }
}

#[apply(private_daemon_test)]
fn a_full_disk_is_reported_and_down_still_works() {
    let daemon = PrivateDaemon::with_disk("440m");
    daemon.lab.run("up LAB", 0);
    let filler = daemon.data().join("filler");
    let mut file = File::create(&filler).expect("a writable file");
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let output = daemon.lab.run("up LAB --instance second", 3).stderr;
    assert!(output.contains("Docker's disk is full"), "{output}");
    assert_eq!(
        daemon.lab.resources().len(),
        3,
        "only the first instance is left"
    );
    daemon.lab.run("down LAB", 0);
    assert_eq!(daemon.lab.resources(), [""; 0]);
    std::fs::remove_file(filler).expect("a writable file");
}

#[apply(private_daemon_test)]
fn a_prune_during_up_is_reported() {
    let daemon = PrivateDaemon::start();
    // The second service is created at once, and started when the first is ready, which is after the prune.
    let first = "    command: [sh, -c, \"until [ -e /tmp/go ]; do sleep 0.01; done; exec redis-server --protected-mode no\"]\n";
    let second = "  second:\n    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n    depends_on: { redis: { condition: service_healthy } }\n";
    let to = format!("{SERVICE}{first}{second}");
    daemon.lab.copy.change("compose.yaml", SERVICE, &to);
    let mut running = RunningProgram::start(&daemon.lab, "up LAB --json");
    running.wait_for_line("\"waiting\"");
    for kind in ["containers", "networks"] {
        daemon
            .lab
            .request("POST", &format!("/{kind}/prune"), &Value::Null);
    }
    daemon.lab.run("shell LAB redis -- touch /tmp/go", 0);
    let (status, output) = running.finish();
    assert_eq!(status.code(), Some(6), "{output}");
    let message = "containers or networks of this lab were removed outside roadlab, for example by `docker system prune`";
    assert!(output.contains(message), "{output}");
    assert!(
        output.contains("removed what was created: 1 container, 1 network, 1 volume"),
        "{output}"
    );
}

#[apply(private_daemon_test)]
fn continuous_pruning_during_up_leaves_nothing() {
    let daemon = PrivateDaemon::start();
    let stop = AtomicBool::new(false);
    // Asserts follow after the pruning has stopped, because it would not stop after a panic.
    let output: Vec<[ProgramOutput; 2]> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                for kind in ["containers", "networks", "volumes"] {
                    let path = format!("/{kind}/prune");
                    // The engine refuses two at a time; the next round succeeds.
                    let _ = daemon.lab.try_request("POST", &path, &Value::Null);
                }
            }
        });
        let run = |words| ProgramOutput::of(&mut daemon.lab.command(words));
        let output = (0..5).map(|_| [run("up LAB"), run("down LAB")]).collect();
        stop.store(true, Ordering::SeqCst);
        output
    });
    for [up, down] in output {
        assert_eq!(down.code, Some(0), "{down:?}");
        if up.code != Some(0) {
            assert_eq!(up.code, Some(6), "{up:?}");
            let message = "containers or networks of this lab were removed outside roadlab";
            assert!(up.stderr.contains(message), "{up:?}");
        }
    }
    assert_eq!(daemon.lab.resources(), [""; 0]);
}

#[apply(private_daemon_test)]
fn the_log_of_a_service_has_a_maximum_size() {
    let daemon = PrivateDaemon::start();
    // The flood begins when the lab is up, so that the service answers until then.
    let flood = "until [ -e /tmp/flood ]; do sleep 0.1; done; yes";
    let command = format!("[sh, -c, \"({flood}) & exec redis-server --protected-mode no\"]");
    set_command(&daemon, &command);
    daemon.lab.run("up LAB", 0);
    daemon.lab.run("shell LAB -- touch /tmp/flood", 0);
    let container = &daemon.lab.containers()[0]["Id"];
    let container = container.as_str().expect("an id");
    let folder = daemon.data().join("containers").join(container);
    let log = folder.join(format!("{container}-json.log"));
    // Each time that the file is full the engine starts another, which may reuse the inode of one that was deleted.
    let (mut files, mut last) = (0, 0);
    let start = Instant::now();
    while files < 4 {
        assert!(start.elapsed() < TIME_LIMIT, "{files} files");
        let logs = std::fs::read_dir(&folder).expect("a folder of the engine");
        let sizes = logs.flatten().filter_map(|file| {
            let is_log = file.file_name().to_str()?.contains("-json.log");
            is_log.then(|| file.metadata().map_or(0, |about| about.len()))
        });
        assert!(sizes.sum::<u64>() < 12_000_000);
        let now = std::fs::metadata(&log).map_or(last, |about| about.ino());
        files += u32::from(now != last);
        last = now;
    }
    daemon.lab.run("down LAB", 0);
}
