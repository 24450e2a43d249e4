//! Compose files have the effect that Compose gives them: what roadlab reads is compared with `docker compose config`.
//!
//! Each folder of `conformance/` uses one kind of thing that Compose files do. Its `expected.json` is what Compose 2.40 prints,
//! with the folder replaced by `<folder>`, so that the test needs no Compose. Where Compose 2 is installed, the two are
//! compared too. `UPDATE_CONFORMANCE=1` writes the files again.
//!
//! Policy differs in a few places, which `of_compose` and `of_roadlab` leave out on both sides: the access of folders (read-only
//! here), host ports below 1024 (free ones here), restart policies that differ in name only, and what `docs/src/reference/compose-keys.md`
//! lists as ignored.
//!
//! `real-files.md` lists real files with both verdicts, as the test writes them for the folders in `CORPUS`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use roadlab::lab::{
    Access, Condition, DEFAULT_CPUS, DEFAULT_MEMORY, DEFAULT_PIDS, Mount, Protocol, RestartPolicy,
    Service, load_services,
};
use roadlab::store::OsFs;
use serde_json::{Map, Value, json};

const PLACEHOLDER: &str = "<folder>";

/// The source of a volume without a name; roadlab gives it one that has this in it.
const ANONYMOUS: &str = "_anonymous";

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let entries = std::fs::read_dir(root).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

/// Returns what `docker compose config` prints for a folder; `None` without Compose 2.
fn compose_config(folder: &Path) -> Option<String> {
    let output = Command::new("docker")
        .args(["compose", "--project-directory"])
        .arg(folder)
        .args(["config", "--format", "json"])
        .current_dir(folder)
        .env("PWD", folder)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    let found = output.status.success() && text.starts_with('{');
    found.then(|| text.replace(&folder.display().to_string(), PLACEHOLDER))
}

/// Returns the parts of a service that have an effect here, without those that are empty.
fn without_empty(service: Map<String, Value>) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(truth) => !truth,
        Value::String(text) => text.is_empty(),
        Value::Number(_) => false,
    };
    service
        .into_iter()
        .filter(|(_, value)| !is_empty(value))
        .collect()
}

fn sorted(mut items: Vec<Value>) -> Value {
    items.sort_by_key(ToString::to_string);
    items.dedup();
    Value::Array(items)
}

/// A file system in memory with its options. Without a size it has one of roadlab's.
fn tmpfs_entry((path, mut options): (String, Vec<String>)) -> Value {
    options.retain(|option| !option.is_empty() && option != &format!("size={}", 256 << 20));
    options.sort();
    json!([path, options])
}

fn seconds(written: &Value) -> Value {
    let parsed = written.as_str().and_then(roadlab::lab::parse_duration);
    parsed.map_or(Value::Null, |time| json!(time.as_secs_f64()))
}

fn bytes(written: &Value) -> Value {
    match written {
        Value::String(text) => json!(text.parse::<i64>().unwrap()),
        other => other.clone(),
    }
}

/// In the output of Compose a dollar sign is written twice.
fn single_dollars(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(items) => items.iter().map(single_dollars).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.replace("$$", "$"), single_dollars(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Returns the services of Compose's output in the common form.
fn of_compose(config: &Value) -> BTreeMap<String, Value> {
    let config = single_dollars(config);
    let services = config["services"].as_object().unwrap().clone();
    let source_of = |section: &str, name: &Value| {
        let name = name.as_str().unwrap_or_default();
        config[section][name]["file"].clone()
    };
    let one = |service: &Value| {
        let list = |key: &str| service[key].as_array().cloned().unwrap_or_default();
        let ports = list("ports").into_iter().map(|port| {
            let host = port["published"]
                .as_str()
                .and_then(|host| host.parse::<u16>().ok())
                // One that is reserved for this machine becomes a free one.
                .filter(|host| *host >= 1024);
            json!({ "container": port["target"], "host": host, "protocol": port["protocol"] })
        });
        let mut mounts: Vec<Value> = Vec::new();
        for volume in list("volumes") {
            let read_only = match volume["type"].as_str() {
                Some("bind") => true,
                _ => volume["read_only"].as_bool().unwrap_or(false),
            };
            if volume["type"] != "tmpfs" {
                let source = volume["source"].as_str().unwrap_or(ANONYMOUS);
                mounts.push(json!({ "source": source, "target": volume["target"].as_str().unwrap().trim_end_matches('/'), "read_only": read_only }));
            }
        }
        for (section, folder) in [("configs", ""), ("secrets", "/run/secrets")] {
            for file in list(section) {
                let name = file["source"].as_str().unwrap();
                let target = file["target"].as_str().filter(|target| !target.is_empty());
                let target = match target {
                    Some(target) if target.starts_with('/') => target.to_owned(),
                    target => format!("{folder}/{}", target.unwrap_or(name)),
                };
                mounts.push(json!({ "source": source_of(section, &file["source"]), "target": target, "read_only": true }));
            }
        }
        let depends_on = service["depends_on"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        // A dependency on a service that does not start is none.
        let depends_on = depends_on
            .into_iter()
            .filter(|(name, _)| services.contains_key(name))
            .map(|(name, dependency)| (name, dependency["condition"].clone()))
            .collect::<Map<_, _>>();
        let networks = service["networks"].as_object().cloned().unwrap_or_default();
        let networks = networks
            .into_iter()
            .map(|(name, network)| {
                let aliases = network["aliases"].as_array().cloned().unwrap_or_default();
                (name, sorted(aliases))
            })
            .collect::<Map<_, _>>();
        let check = &service["healthcheck"];
        let disabled = check["disable"] == true || check["test"][0] == "NONE";
        // Zero is as nothing to the engine.
        let time = |key: &str| Some(seconds(&check[key])).filter(|time| *time != json!(0.0));
        let health = match check.is_object() {
            true if disabled => json!("off"),
            true => json!({
                "test": check["test"], "retries": check["retries"], "interval": time("interval"),
                "timeout": time("timeout"), "start_period": time("start_period"),
            }),
            false => Value::Null,
        };
        let limits = &service["deploy"]["resources"]["limits"];
        let volumes = list("volumes");
        let in_memory = volumes.iter().filter(|volume| volume["type"] == "tmpfs");
        let in_memory = in_memory.map(|volume| {
            let options = &volume["tmpfs"];
            let size = options["size"].as_str().map(|size| format!("size={size}"));
            let mode = options["mode"]
                .as_i64()
                .or(options["mode"].as_str().and_then(|mode| mode.parse().ok()));
            let options = size
                .into_iter()
                .chain(mode.map(|mode| format!("mode={mode:o}")));
            (
                volume["target"].as_str().unwrap().to_owned(),
                options.collect(),
            )
        });
        let tmpfs = list("tmpfs").into_iter().map(|tmpfs| {
            let written = tmpfs.as_str().unwrap();
            let (path, options) = written.split_once(':').unwrap_or((written, ""));
            (
                path.to_owned(),
                options.split(',').map(str::to_owned).collect(),
            )
        });
        let tmpfs = tmpfs.chain(in_memory).map(tmpfs_entry);
        // As Compose maps it for the engine: without a condition nothing is started again.
        let policy = &service["deploy"]["restart_policy"];
        let restart = match policy["condition"].as_str() {
            None if policy.is_null() => service["restart"].clone(),
            None | Some("none" | "no" | "") => json!("no"),
            Some("on-failure") => match policy["max_attempts"].as_i64() {
                Some(attempts) => json!(format!("on-failure:{attempts}")),
                None => json!("on-failure"),
            },
            Some("any" | "always" | "unless-stopped") => json!("always"),
            Some(other) => panic!("the engine refuses {other}"),
        };
        let restart = match restart.as_str() {
            None | Some("no" | "") => Value::Null,
            Some("unless-stopped") => json!("always"),
            Some(_) => restart,
        };
        let ulimits = service["ulimits"].as_object().cloned().unwrap_or_default();
        let ulimits = ulimits.into_iter().map(|(name, limit)| match limit {
            // Compose leaves out a zero.
            Value::Object(limit) => {
                let of = |key: &str| limit.get(key).cloned().unwrap_or(json!(0));
                (name, json!([of("soft"), of("hard")]))
            }
            limit => (name, json!([limit, limit])),
        });
        let cpus = |value: &Value| match value {
            Value::String(text) => text.parse::<f64>().ok(),
            value => value.as_f64(),
        };
        let memory = [&limits["memory"], &service["mem_limit"]].map(bytes);
        let memory = memory.into_iter().find(|value| !value.is_null());
        let image = service["image"]
            .as_str()
            .map(|image| match image.contains(':') {
                true => image.to_owned(),
                false => format!("{image}:latest"),
            });
        let build = match &service["build"] {
            Value::Null => Value::Null,
            build => {
                let file = build["dockerfile"].as_str().unwrap_or("Dockerfile");
                let file: Vec<&str> = file
                    .split('/')
                    .filter(|part| !matches!(*part, "" | "."))
                    .collect();
                json!({ "context": build["context"], "dockerfile": file.join("/"), "args": build["args"].as_object().cloned().unwrap_or_default(), "target": build["target"] })
            }
        };
        without_empty(Map::from_iter([
            ("image".to_owned(), json!(image)),
            ("build".to_owned(), build),
            ("command".to_owned(), service["command"].clone()),
            ("entrypoint".to_owned(), service["entrypoint"].clone()),
            ("environment".to_owned(), service["environment"].clone()),
            ("labels".to_owned(), service["labels"].clone()),
            ("ports".to_owned(), sorted(ports.collect())),
            ("mounts".to_owned(), sorted(mounts)),
            ("tmpfs".to_owned(), sorted(tmpfs.collect())),
            ("depends_on".to_owned(), depends_on.into()),
            ("networks".to_owned(), networks.into()),
            ("health".to_owned(), health),
            (
                "memory".to_owned(),
                json!(memory.filter(|memory| *memory != json!(DEFAULT_MEMORY))),
            ),
            (
                "cpus".to_owned(),
                json!(cpus(&limits["cpus"]).or(cpus(&service["cpus"]))),
            ),
            (
                "pids".to_owned(),
                match &limits["pids"] {
                    Value::Null => service["pids_limit"].clone(),
                    pids => pids.clone(),
                },
            ),
            ("shm".to_owned(), bytes(&service["shm_size"])),
            ("ulimits".to_owned(), ulimits.collect::<Map<_, _>>().into()),
            ("sysctls".to_owned(), service["sysctls"].clone()),
            (
                "cap_drop".to_owned(),
                list("cap_drop")
                    .iter()
                    .map(|name| {
                        let name = name.as_str().unwrap().to_uppercase();
                        json!(name.trim_start_matches("CAP_"))
                    })
                    .collect(),
            ),
            ("hostname".to_owned(), service["hostname"].clone()),
            ("domainname".to_owned(), service["domainname"].clone()),
            ("user".to_owned(), service["user"].clone()),
            ("working_dir".to_owned(), service["working_dir"].clone()),
            ("init".to_owned(), service["init"].clone()),
            ("read_only".to_owned(), service["read_only"].clone()),
            (
                "stdin_open".to_owned(),
                json!(service["stdin_open"] == true || service["tty"] == true),
            ),
            ("stop_signal".to_owned(), service["stop_signal"].clone()),
            ("grace".to_owned(), seconds(&service["stop_grace_period"])),
            ("restart".to_owned(), restart),
        ]))
    };
    let mut found: BTreeMap<String, Value> = services
        .iter()
        .map(|(name, service)| (name.clone(), one(service)))
        .collect();
    // The name of a container is a name on its networks.
    for (name, service) in &mut found {
        let alias = &services[name]["container_name"];
        if alias.is_null() || alias == name {
            continue;
        }
        for aliases in service["networks"].as_object_mut().unwrap().values_mut() {
            let mut all = aliases.as_array().unwrap().clone();
            all.push(alias.clone());
            *aliases = sorted(all);
        }
    }
    // An image that a service builds is built for all that use it.
    let built: Vec<(Value, Value)> = found
        .values()
        .filter(|service| !service["build"].is_null())
        .map(|service| (service["image"].clone(), service["build"].clone()))
        .collect();
    for service in found.values_mut() {
        let image = service["image"].clone();
        let same = built
            .iter()
            .find(|(name, _)| !name.is_null() && *name == image);
        if let Some((_, build)) = same {
            service["build"] = build.clone();
        }
    }
    // One that is always built is not pulled, so its name has no effect here.
    let always_built: Vec<Value> = services
        .iter()
        .filter(|(_, service)| service["pull_policy"] == "build")
        .map(|(name, _)| found[name]["image"].clone())
        .collect();
    for service in found.values_mut() {
        if always_built.contains(&service["image"])
            && let Some(service) = service.as_object_mut()
        {
            service.remove("image");
        }
    }
    // A link with another name is a name on the networks that both services share.
    for service in services.values() {
        for link in service["links"].as_array().into_iter().flatten() {
            let (name, alias) = link.as_str().unwrap().split_once(':').unwrap_or_default();
            if let Some(linked) = found.get_mut(name).filter(|_| name != alias) {
                for aliases in linked["networks"].as_object_mut().unwrap().values_mut() {
                    aliases.as_array_mut().unwrap().push(json!(alias));
                }
            }
        }
    }
    found
}

/// Returns a service as roadlab reads it, in the common form.
fn of_roadlab(service: &Service, folder: &Path) -> Value {
    let path = |path: &Path| {
        path.display()
            .to_string()
            .replace(&folder.display().to_string(), PLACEHOLDER)
    };
    let ports = service.ports.iter().map(|port| {
        let protocol = match port.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        json!({ "container": port.container, "host": port.host, "protocol": protocol })
    });
    let mounts = service.mounts.iter().map(|mount| match mount {
        Mount::Bind { source, target, .. } => {
            json!({ "source": path(source), "target": target.trim_end_matches('/'), "read_only": true })
        }
        Mount::Volume {
            name,
            target,
            access,
        } => {
            let source = match name.contains(ANONYMOUS) {
                true => ANONYMOUS,
                false => name,
            };
            json!({ "source": source, "target": target.trim_end_matches('/'), "read_only": *access == Access::ReadOnly })
        }
        Mount::Workspace { below, target, .. } => {
            json!({ "source": format!("workspace/{below}"), "target": target, "read_only": true })
        }
    });
    let depends_on = service.depends_on.iter().map(|(name, condition)| {
        let condition = match condition {
            Condition::Started => "service_started",
            Condition::Healthy => "service_healthy",
            Condition::Completed => "service_completed_successfully",
        };
        (name.to_string(), json!(condition))
    });
    let networks = service.networks.iter().map(|(name, aliases)| {
        (
            name.clone(),
            sorted(aliases.iter().map(|alias| json!(alias)).collect()),
        )
    });
    let health = service.healthcheck.as_ref().map(|check| {
        let seconds = |time: std::time::Duration| (!time.is_zero()).then_some(time.as_secs_f64());
        match check.is_off() {
            true => json!("off"),
            false => json!({
                "test": Some(&check.test).filter(|test| !test.is_empty()), "retries": Some(check.retries).filter(|count| *count > 0),
                "interval": seconds(check.interval), "timeout": seconds(check.timeout), "start_period": seconds(check.start_period),
            }),
        }
    });
    let build = service.recipe.as_ref().map(|recipe| {
        json!({ "context": path(&recipe.context), "dockerfile": recipe.dockerfile, "args": recipe.args, "target": recipe.target })
    });
    let restart = match service.restart {
        RestartPolicy::Never => Value::Null,
        RestartPolicy::Always => json!("always"),
        RestartPolicy::OnFailure { attempts: None } => json!("on-failure"),
        RestartPolicy::OnFailure {
            attempts: Some(attempts),
        } => json!(format!("on-failure:{attempts}")),
    };
    let limits = &service.limits;
    let ulimits = service
        .ulimits
        .iter()
        .map(|(name, (soft, hard))| (name.clone(), json!([soft, hard])));
    without_empty(Map::from_iter([
        (
            "image".to_owned(),
            json!(service.image.as_ref().map(|image| image.as_str())),
        ),
        ("build".to_owned(), json!(build)),
        ("command".to_owned(), json!(service.command)),
        ("entrypoint".to_owned(), json!(service.entrypoint)),
        ("environment".to_owned(), json!(service.environment)),
        ("labels".to_owned(), json!(service.labels)),
        ("ports".to_owned(), sorted(ports.collect())),
        ("mounts".to_owned(), sorted(mounts.collect())),
        (
            "tmpfs".to_owned(),
            sorted(
                service
                    .tmpfs
                    .iter()
                    .map(|(path, options)| {
                        tmpfs_entry((
                            path.clone(),
                            options.split(',').map(str::to_owned).collect(),
                        ))
                    })
                    .collect(),
            ),
        ),
        (
            "depends_on".to_owned(),
            depends_on.collect::<Map<_, _>>().into(),
        ),
        (
            "networks".to_owned(),
            networks.collect::<Map<_, _>>().into(),
        ),
        ("health".to_owned(), json!(health)),
        (
            "memory".to_owned(),
            json!(limits.memory.filter(|memory| *memory != DEFAULT_MEMORY)),
        ),
        (
            "cpus".to_owned(),
            json!(limits.cpus.filter(|cpus| *cpus != DEFAULT_CPUS)),
        ),
        (
            "pids".to_owned(),
            json!(Some(limits.pids).filter(|pids| *pids != DEFAULT_PIDS)),
        ),
        ("shm".to_owned(), json!(limits.shm)),
        ("ulimits".to_owned(), ulimits.collect::<Map<_, _>>().into()),
        ("sysctls".to_owned(), json!(service.sysctls)),
        ("cap_drop".to_owned(), json!(service.cap_drop)),
        ("hostname".to_owned(), json!(service.hostname)),
        ("domainname".to_owned(), json!(service.domainname)),
        ("user".to_owned(), json!(service.user)),
        ("working_dir".to_owned(), json!(service.working_dir)),
        ("init".to_owned(), json!(service.init)),
        ("read_only".to_owned(), json!(service.read_only)),
        ("stdin_open".to_owned(), json!(service.stdin_open)),
        ("stop_signal".to_owned(), json!(service.stop_signal)),
        (
            "grace".to_owned(),
            json!(service.stop_grace_period.map(|time| time.as_secs_f64())),
        ),
        ("restart".to_owned(), restart),
    ]))
}

/// Returns the differences between what Compose and roadlab read, one a line.
fn differences(config: &str, folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let expected = of_compose(&serde_json::from_str(config).unwrap());
    let loaded = load_services(&folder, &BTreeMap::new(), &OsFs);
    let mut found: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let actual: BTreeMap<String, Value> = loaded
        .services
        .iter()
        .map(|service| (service.name.to_string(), of_roadlab(service, &folder)))
        .collect();
    for name in expected
        .keys()
        .chain(actual.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        let (expected, actual) = (expected.get(name), actual.get(name));
        let empty = Map::new();
        let keys =
            |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&empty).clone();
        let (expected, actual) = match (expected, actual) {
            (Some(_), Some(_)) => (keys(expected), keys(actual)),
            (expected, _) => {
                found.push(format!(
                    "{name}: Compose {}, roadlab {}",
                    expected.is_some(),
                    expected.is_none()
                ));
                continue;
            }
        };
        for key in expected
            .keys()
            .chain(actual.keys())
            .collect::<std::collections::BTreeSet<_>>()
        {
            if expected.get(key) != actual.get(key) {
                found.push(format!(
                    "{name}.{key}: Compose {:?}, roadlab {:?}",
                    expected.get(key),
                    actual.get(key)
                ));
            }
        }
    }
    found
}

#[apply(test)]
fn compose_files_are_read_as_compose_reads_them() {
    if let Some(corpus) = std::env::var_os("CORPUS") {
        write_verdicts(corpus);
    }
    let folders = folders();
    assert!(folders.len() >= 20, "{}", folders.len());
    let mut failures = Vec::new();
    for folder in folders {
        let golden = folder.join("expected.json");
        if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
            std::fs::write(&golden, compose_config(&folder).unwrap()).unwrap();
        }
        let config = std::fs::read_to_string(&golden).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let found = differences(&config, &folder);
        failures.extend(found.into_iter().map(|line| format!("{name}: {line}")));
        // A newer Compose may print more, but the services are the same.
        if let Some(live) = compose_config(&folder) {
            let parse = |text: &str| of_compose(&serde_json::from_str(text).unwrap());
            if parse(&live) != parse(&config) {
                failures.push(format!(
                    "{name}: this machine's Compose differs from expected.json"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Writes the verdicts of Compose and of roadlab into every folder of a corpus, for `real-files.md`.
fn write_verdicts(corpus: std::ffi::OsString) {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    for folder in folders.into_iter().filter(|path| path.is_dir()) {
        let loaded = load_services(&folder.canonicalize().unwrap(), &BTreeMap::new(), &OsFs);
        let config = compose_config(&folder);
        let differences = match (&config, loaded.problems.is_empty()) {
            (Some(config), true) => differences(config, &folder),
            _ => Vec::new(),
        };
        let line = json!({
            "folder": folder, "compose": config.is_some(), "notes": loaded.notes.len(), "differences": differences,
            "problems": loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        std::fs::write(folder.join("verdict.json"), line.to_string()).unwrap();
    }
}
