//! Every row of the policy, read from the tables themselves, and those rows that look at a value.

use std::path::Path;

use super::*;

fn parse(yaml: &str) -> Node {
    Node::parse(Path::new("compose.yaml"), yaml).unwrap()
}

fn kinds(problems: &Problems) -> Vec<ProblemKind> {
    problems.iter().map(|problem| problem.kind).collect()
}

#[track_caller]
fn review(yaml: &str, expected: &[ProblemKind]) {
    let node = parse(yaml);
    let Kind::Map(entries) = &node.kind else {
        panic!("a mapping")
    };
    let keys: Vec<_> = entries
        .iter()
        .map(|(key, value)| (key.text().unwrap(), key, value))
        .collect();
    let mut problems = Vec::new();
    let known = service("db", &keys, &mut problems);
    assert_eq!(known.len(), keys.len(), "{yaml} is known to the policy");
    assert_eq!(kinds(&problems), expected, "{yaml}");
}

/// What a row must come to.
fn verdict(level: Level) -> Vec<ProblemKind> {
    match level {
        Level::Ours => Vec::new(),
        Level::Ask => vec![ProblemKind::NeedsTrust],
        Level::Refuse => vec![ProblemKind::Refused],
    }
}

#[test]
fn every_row_for_a_service_is_as_the_table_says() {
    for row in rows(SERVICE) {
        // Only this row would take a word for what it may be.
        let value = match row.key {
            "extra_hosts" => "[\"db:192.0.2.1\"]",
            "logging" => "{ driver: json-file }",
            _ => "host",
        };
        review(&format!("{}: {value}", row.key), &verdict(row.level));
        for nothing in ["[]", "false", "{}", "~"] {
            review(&format!("{}: {nothing}", row.key), &[]);
        }
    }
}

#[test]
fn every_row_for_builds_networks_volumes_and_configs_is_as_the_table_says() {
    type Review = fn(&mut Fields<'_>, &mut Problems);
    let tables: [(&'static str, Review); 3] = [
        (BUILD, build),
        (BENEATH, |fields, problems| {
            beneath("volume", fields, problems)
        }),
        (CONFIG, config),
    ];
    for (table, review) in tables {
        for row in rows(table) {
            let node = parse(&format!("{}: host", row.key));
            let mut problems = Vec::new();
            let mut fields = Fields::open(&node, "mapping", &mut problems).unwrap();
            review(&mut fields, &mut problems);
            fields.close(&mut problems);
            assert_eq!(kinds(&problems), verdict(row.level), "{}", row.key);
        }
    }
}

#[test]
fn a_table_has_each_key_once_and_a_reason_for_each() {
    for table in [SERVICE, BUILD, BENEATH, CONFIG] {
        let mut keys: Vec<_> = rows(table).map(|row| row.key).collect();
        assert_eq!(keys.len(), table.lines().count(), "{table}");
        assert!(rows(table).all(|row| !row.why.is_empty()));
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}

#[test]
fn what_a_service_has_anyway_may_be_written() {
    review("security_opt: [no-new-privileges]", &[]);
    review("security_opt: ['no-new-privileges:true']", &[]);
    for bad in [
        "[seccomp:unconfined]",
        "['apparmor=unconfined']",
        "[label:disable]",
        "[no-new-privileges, 'seccomp=x.json']",
        "['no-new-privileges:false']",
    ] {
        review(&format!("security_opt: {bad}"), &[ProblemKind::Refused]);
    }
}

#[test]
fn a_log_stays_where_it_can_be_read() {
    review("logging: { driver: local, options: { max-size: 1g } }", &[]);
    for bad in ["syslog", "gelf", "none", "[x]"] {
        review(
            &format!("logging: {{ driver: {bad} }}"),
            &[ProblemKind::Refused],
        );
    }
}

#[test]
fn a_name_for_the_container_itself_needs_no_trust() {
    review("extra_hosts: ['me:127.0.0.1', 'six=::1']", &[]);
    review("extra_hosts: { me: 127.0.0.2 }", &[]);
    for bad in [
        "['host:host-gateway']",
        "{ meta: 169.254.169.254 }",
        "['me:127.0.0.1', 'lan:192.0.2.1']",
    ] {
        review(&format!("extra_hosts: {bad}"), &[ProblemKind::NeedsTrust]);
    }
}

#[test]
fn capabilities_are_given_asked_for_or_refused() {
    let judge = |name: &str| {
        let mut problems = Vec::new();
        let added = capability(&parse(name), &mut problems);
        (added, problems.first().map(|problem| problem.kind))
    };
    for name in CAPABILITIES {
        assert_eq!(judge(name), (None, None));
    }
    for name in ASKED_CAPABILITIES {
        let asked = (Some((*name).to_owned()), Some(ProblemKind::NeedsTrust));
        assert_eq!(judge(name), asked);
        assert_eq!(judge(&format!("cap_{}", name.to_lowercase())), asked);
    }
    for bad in [
        "ALL",
        "SYS_ADMIN",
        "CAP_SYS_MODULE",
        "sys_rawio",
        "BPF",
        "DAC_READ_SEARCH",
        "CAP_CAP_NET_ADMIN",
        "x",
    ] {
        assert_eq!(judge(bad), (None, Some(ProblemKind::Refused)), "{bad}");
    }
}

#[test]
fn labels_of_other_tools_are_refused() {
    let judge = |key: &str| {
        let mut problems = Vec::new();
        label(key, &parse("x"), &mut problems);
        kinds(&problems)
    };
    for prefix in REFUSED_LABELS {
        assert_eq!(judge(&format!("{prefix}x")), [ProblemKind::Refused]);
    }
    assert_eq!(judge("com.example.mine"), []);
}
