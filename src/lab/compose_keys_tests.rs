//! Compares the table of the keys of Compose files with the keys that the readers read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::lab::load::load_services;
use crate::lab::policy::table_keys;
use crate::lab::testing::InMemoryFs;
use crate::lab::yaml::read_keys;

/// Every mapping that a Compose file can have.
const WHOLE: &str = "
include: [ { path: other.yaml } ]
services:
  a:
    build: { context: . }
    mem_limit: 64m
    env_file: [ { path: a.env, required: false } ]
    depends_on: { c: { condition: service_started } }
    healthcheck: { test: [CMD, 'true'] }
    ports: [ { target: 80 } ]
    volumes:
      - { type: volume, source: data, target: /data }
      - { type: tmpfs, target: /tmp, tmpfs: { size: 1m } }
    configs: [ { source: c } ]
    secrets: [ { source: s } ]
    networks: { front: { aliases: [x] } }
    ulimits: { nofile: { soft: 1, hard: 2 } }
    deploy:
      restart_policy: { condition: none }
      resources: { limits: { memory: 64m }, reservations: { memory: 1m } }
  b:
    extends: { service: a }
networks: { front: { internal: true } }
volumes: { data: { driver: local } }
configs: { c: { file: ./c } }
secrets: { s: { file: ./c } }
";

#[test]
fn the_table_has_the_keys_that_the_readers_read() {
    let folder = Path::new("/lab");
    let files = [
        ("compose.yaml", WHOLE),
        (
            "other.yaml",
            "services: { c: { image: 'a:1', mem_limit: 64m } }",
        ),
        ("c", "x"),
        ("Dockerfile", "FROM scratch"),
    ];
    let files = files.map(|(name, text)| (folder.join(name), text.to_owned()));
    read_keys::take();
    let loaded = load_services(folder, &BTreeMap::new(), &InMemoryFs(files.into()));
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    let read: BTreeMap<String, BTreeSet<&str>> = read_keys::take()
        .into_iter()
        .filter(|(mapping, _)| mapping.is_compose())
        .map(|(mapping, keys)| (mapping.name().to_owned(), keys))
        .collect();
    let mut table: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (mapping, keys) in table_keys() {
        table
            .entry(mapping.name().to_owned())
            .or_default()
            .extend(keys);
    }
    assert_eq!(read, table);
}
