//! What an engine runs out of, or what is taken away from a lab on it.

use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::engine::like;
use crate::private::PrivateDaemon;
use crate::running::Running;
use crate::support::Ended;
use crate::{SERVICE, runs};

/// The program, which may ask registries.
fn online(private: &PrivateDaemon, words: &str) -> Command {
    let offline = private.real.command(words);
    let mut command = Command::new(offline.get_program());
    command.args(offline.get_args().filter(|word| *word != "--offline"));
    like(&mut command, &offline);
    command
}

/// The first container, network or volume that was ever made on the engine.
fn made(private: &PrivateDaemon) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock that goes").as_secs_f64();
    let filters = "%7B%22event%22%3A%5B%22create%22%5D%7D";
    let path = format!("/events?since=0&until={now:.9}&filters={filters}");
    private.real.ask("GET", &path, &Value::Null)
}

/// Where the engine keeps its things, by a path that leads into its namespace.
fn data(private: &PrivateDaemon) -> PathBuf {
    let data = Path::new(&private.real.socket).with_file_name("data");
    let data = data.strip_prefix("/").expect("a path from the root");
    let namespace = format!("/proc/{}/root", private.first());
    Path::new(&namespace).join(data)
}

#[test]
fn an_image_that_cannot_be_had_is_told_before_anything_is_made() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let other = "\n  other: { image: \"roadlab.test/none:1\", mem_limit: 32m }\n";
    let to = format!("{SERVICE}{other}");
    private.real.copy.change("compose.yaml", SERVICE, &to);
    let mut command = online(&private, "up LAB");
    let said = Ended::of(&mut command).with(3).stderr;
    assert!(
        said.contains("error: no image for service `other`\n  - pulling roadlab.test/none:1: "),
        "{said}"
    );
    assert!(!said.contains("{\"message\""), "{said}");
    assert_eq!(made(&private), Value::Null);
}

#[test]
fn a_lab_needs_none_of_the_engines_ranges_and_finds_the_last_free_one_of_its_own() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let foreign = |name: &str, settings: Value| {
        let made = private.real.try_ask("POST", "/networks/create", &settings);
        made.is_ok().then(|| format!("/networks/{name}"))
    };
    let pool = (0..9).map_while(|at| {
        let name = format!("pool-{at}");
        foreign(&name, json!({ "Name": name }))
    });
    let mut networks: Vec<String> = pool.collect();
    assert!(networks.len() < 9, "the engine's own ranges are used up");
    private.real.run("up LAB", 0);
    private.real.run("down LAB", 0);
    // All but one of ours, by halves.
    let free = u32::from(Ipv4Addr::new(10, 214, 77, 96));
    for bits in 17..=27 {
        let half = 1 << (32 - bits);
        let subnet = format!("{}/{bits}", Ipv4Addr::from((free ^ half) & !(half - 1)));
        let name = format!("half-{bits}");
        let settings = json!({ "Name": name, "IPAM": { "Config": [{ "Subnet": subnet }] } });
        networks.push(foreign(&name, settings).expect("a range that is free"));
    }
    private.real.run("up LAB", 0);
    let all = private.real.ask("GET", "/networks", &Value::Null);
    assert!(all.to_string().contains("10.214.77.96/27"), "{all}");
    let said = private.real.run("up LAB --instance second", 3).stderr;
    let told = "error: there is no free address range left for a network: `roadlab down --all`, or `docker network prune`\n";
    assert_eq!(said, told);
    private.real.run("down LAB", 0);
    for network in networks {
        private.real.ask("DELETE", &network, &Value::Null);
    }
}

#[test]
fn a_disk_that_is_full_is_told_and_does_not_keep_anything() {
    let Some(private) = PrivateDaemon::with_disk("440m") else {
        return;
    };
    private.real.run("up LAB", 0);
    let filler = data(&private).join("filler");
    let mut file = File::create(&filler).expect("a file of ours");
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let said = private.real.run("up LAB --instance second", 3).stderr;
    assert!(said.contains("Docker's disk is full"), "{said}");
    assert_eq!(private.real.left().len(), 3, "the first is all there is");
    private.real.run("down LAB", 0);
    assert_eq!(private.real.left(), [""; 0]);
    std::fs::remove_file(filler).expect("a file of ours");
}

#[test]
fn what_somebody_prunes_while_a_lab_starts_is_told() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    // The second is created at once and started when the first answers, which takes until then.
    let first = "    command: [sh, -c, \"until [ -e /tmp/go ]; do sleep 0.01; done; exec redis-server --protected-mode no\"]\n";
    let second = "  second:\n    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n    depends_on: { redis: { condition: service_healthy } }\n";
    let to = format!("{SERVICE}{first}{second}");
    private.real.copy.change("compose.yaml", SERVICE, &to);
    let mut running = Running::begin(&private.real, "up LAB --json");
    running.until("\"waiting\"");
    for kind in ["containers", "networks"] {
        private
            .real
            .ask("POST", &format!("/{kind}/prune"), &Value::Null);
    }
    private.real.run("shell LAB redis -- touch /tmp/go", 0);
    let (status, said) = running.end();
    assert_eq!(status.code(), Some(6), "{said}");
    let told = "something removed this lab's containers or networks, as `docker system prune` does";
    assert!(said.contains(told), "{said}");
    assert!(
        said.contains("removed what was made: 1 container, 1 network, 1 volume"),
        "{said}"
    );
}

#[test]
fn a_lab_that_starts_while_somebody_prunes_all_the_time_leaves_nothing() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let stop = AtomicBool::new(false);
    // Nothing is judged before the pruning is over, which would go on for ever after a panic.
    let ended: Vec<[Ended; 2]> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                for kind in ["containers", "networks", "volumes"] {
                    let path = format!("/{kind}/prune");
                    // Two at a time are refused, which the next round makes good.
                    let _ = private.real.try_ask("POST", &path, &Value::Null);
                }
            }
        });
        let run = |words| Ended::of(&mut private.real.command(words));
        let ended = (0..5).map(|_| [run("up LAB"), run("down LAB")]).collect();
        stop.store(true, Ordering::SeqCst);
        ended
    });
    for [up, down] in ended {
        assert_eq!(down.code, Some(0), "{down:?}");
        if up.code != Some(0) {
            assert_eq!(up.code, Some(6), "{up:?}");
            let told = "something removed this lab's containers or networks";
            assert!(up.stderr.contains(told), "{up:?}");
        }
    }
    assert_eq!(private.real.left(), [""; 0]);
}

#[test]
fn a_service_that_writes_without_end_does_not_fill_the_disk() {
    let Some(private) = PrivateDaemon::open() else {
        return;
    };
    let yes = "[sh, -c, \"yes & exec redis-server --protected-mode no\"]";
    runs(&private, yes);
    private.real.run("up LAB", 0);
    let container = &private.real.containers()[0]["Id"];
    let container = container.as_str().expect("an id");
    let folder = data(&private).join("containers").join(container);
    let log = folder.join(format!("{container}-json.log"));
    // Each time that it is full another one is begun, which may get the number of one that is gone.
    let (mut files, mut last) = (0, 0);
    let begun = Instant::now();
    while files < 4 {
        assert!(begun.elapsed() < Duration::from_secs(300), "{files} files");
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
    private.real.run("down LAB", 0);
}
