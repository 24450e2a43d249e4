//! Merges Compose services, as `extends` and several files do. The rules are those of compose-go's `override` package.

use crate::lab::yaml::{Kind, MergeTag, Node};

/// The rule for two values of the same key.
enum Rule {
    /// The second value replaces the first.
    Replace,
    /// Mappings and texts become lists of `name=value`, which are appended.
    Pairs,
    /// As [`Rule::Pairs`], without entries that the first list has.
    DistinctPairs,
    /// Lists become mappings of names, which are merged.
    Names,
    /// A text is the value of `context` in a mapping.
    Build,
    /// Mappings are merged if both have the same `driver`.
    Logging,
    /// Mappings are merged and lists appended.
    Merge,
}

fn rule(path: &[String]) -> Rule {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["command" | "entrypoint" | "provider"] | ["healthcheck", "test"] | ["ulimits", _] => {
            Rule::Replace
        }
        // Not of Compose: the lists of `x-roadlab` describe one thing each.
        ["x-roadlab", ..] => Rule::Replace,
        [
            "environment" | "labels" | "sysctls" | "annotations" | "dns" | "dns_opt" | "dns_search"
            | "env_file" | "label_file" | "tmpfs",
        ]
        | ["build", "args" | "additional_contexts" | "labels"]
        | ["deploy", "labels"] => Rule::Pairs,
        ["extra_hosts"] | ["build", "extra_hosts"] => Rule::DistinctPairs,
        ["depends_on" | "networks" | "models"] => Rule::Names,
        ["build"] => Rule::Build,
        ["logging"] => Rule::Logging,
        _ => Rule::Merge,
    }
}

/// Merges a service into the one that it extends, or that an earlier file defines.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    merge_at(base, over, &mut Vec::new())
}

fn merge_at(base: &Node, over: &Node, path: &mut Vec<String>) -> Node {
    match over.tag {
        MergeTag::Reset => return over.clone(),
        MergeTag::Override => {
            let mut node = over.clone();
            node.tag = MergeTag::None;
            return node;
        }
        MergeTag::None => {}
    }
    if base.tag == MergeTag::Reset || base.is_broken() {
        return over.clone();
    }
    if over.is_broken() {
        return over.clone();
    }
    match rule(path) {
        Rule::Replace if path.len() == 1 && path[0] == "x-roadlab" => merge_maps(base, over, path),
        Rule::Replace => over.clone(),
        Rule::Pairs => {
            let first = pairs(base).into_iter().filter(|pair| !resets(over, pair));
            appended(first.collect(), pairs(over), over)
        }
        Rule::DistinctPairs => {
            let first = pairs(base);
            let known: Vec<_> = first.iter().filter_map(Node::as_string).collect();
            let is_new = |node: &Node| node.as_string().is_none_or(|text| !known.contains(&text));
            let second = pairs(over).into_iter().filter(is_new).collect();
            appended(first, second, over)
        }
        Rule::Names => merge_maps(&names(base, path), &names(over, path), path),
        Rule::Build => merge_maps(&build(base), &build(over), path),
        Rule::Logging => {
            let driver = |node: &Node| node.child("driver").and_then(Node::as_string);
            match (driver(base), driver(over)) {
                (Some(first), Some(second)) if first != second => over.clone(),
                _ => merge_maps(base, over, path),
            }
        }
        Rule::Merge => match (&base.kind, &over.kind) {
            (_, Kind::Null) => base.clone(),
            (Kind::Map(_), Kind::Map(_)) => merge_maps(base, over, path),
            (Kind::List(first), Kind::List(second)) => {
                appended(first.clone(), second.clone(), over)
            }
            _ => over.clone(),
        },
    }
}

/// Returns whether a mapping removes the variable of a `name=value` with `!reset`.
fn resets(over: &Node, pair: &Node) -> bool {
    let text = pair.as_string().unwrap_or_default();
    let name = text.split('=').next().unwrap_or_default();
    over.child(name)
        .is_some_and(|value| value.tag == MergeTag::Reset)
}

fn appended(mut first: Vec<Node>, second: Vec<Node>, over: &Node) -> Node {
    first.extend(second);
    over.with_kind(Kind::List(first))
}

fn merge_maps(base: &Node, over: &Node, path: &mut Vec<String>) -> Node {
    let (Kind::Map(first), Kind::Map(second)) = (&base.kind, &over.kind) else {
        return match over.kind {
            Kind::Null => base.clone(),
            _ => over.clone(),
        };
    };
    let mut merged = first.clone();
    if path.is_empty() {
        merged.retain(|(key, _)| key.as_string().as_deref() != Some("extends"));
    }
    for (key, value) in second {
        let name = key.as_string().unwrap_or_default();
        if path.is_empty() && name == "extends" {
            continue;
        }
        let same = |(known, _): &&mut (Node, Node)| known.as_string().as_deref() == Some(&name);
        match merged.iter_mut().find(same) {
            Some(known) => {
                path.push(name);
                let value = merge_at(&known.1, value, path);
                path.pop();
                *known = (key.clone(), value);
            }
            None => merged.push((key.clone(), value.clone())),
        }
    }
    over.with_kind(Kind::Map(merged))
}

/// Returns the entries of a list, or those of a mapping as `name=value`, or a single text.
fn pairs(node: &Node) -> Vec<Node> {
    match &node.kind {
        Kind::List(items) => items.clone(),
        Kind::Map(entries) => {
            let pair = |(key, value): &(Node, Node)| {
                let name = key.as_string()?;
                let broken = value.is_broken() || value.tag == MergeTag::Reset;
                let text = match value.as_string() {
                    Some(value) => format!("{name}={value}"),
                    None => name,
                };
                (!broken).then(|| value.with_kind(Kind::String(text)))
            };
            entries.iter().filter_map(pair).collect()
        }
        Kind::Null => Vec::new(),
        Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => vec![node.clone()],
    }
}

/// Returns a mapping of names for a list of them. A dependency by its name alone must have started.
fn names(node: &Node, path: &[String]) -> Node {
    let Kind::List(items) = &node.kind else {
        return node.clone();
    };
    let value = |item: &Node| match path.first().map(String::as_str) {
        Some("depends_on") => {
            let text = |text: &str| item.with_kind(Kind::String(text.to_owned()));
            let condition = (text("condition"), text("service_started"));
            item.with_kind(Kind::Map(vec![condition]))
        }
        _ => item.with_kind(Kind::Null),
    };
    let entries = items.iter().map(|item| (item.clone(), value(item)));
    node.with_kind(Kind::Map(entries.collect()))
}

fn build(node: &Node) -> Node {
    match &node.kind {
        Kind::String(_) => {
            let key = node.with_kind(Kind::String("context".to_owned()));
            node.with_kind(Kind::Map(vec![(key, node.clone())]))
        }
        _ => node.clone(),
    }
}

/// Removes values with `!reset`, at any depth.
pub(crate) fn without_resets(node: &Node) -> Node {
    let mut node = node.clone();
    match &mut node.kind {
        Kind::Map(entries) => {
            entries.retain(|(_, value)| value.tag != MergeTag::Reset);
            for (_, value) in entries {
                *value = without_resets(value);
            }
        }
        Kind::List(items) => {
            items.retain(|item| item.tag != MergeTag::Reset);
            for item in items {
                *item = without_resets(item);
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(..) | Kind::String(_) => {}
    }
    node
}

/// Removes the entries of lists that a later entry replaces.
pub(crate) fn normalized(service: &Node) -> Node {
    let Kind::Map(entries) = &service.kind else {
        return service.clone();
    };
    let mut entries = entries.clone();
    for (key, value) in &mut entries {
        let index = match key.as_string().as_deref() {
            Some("volumes" | "devices") => volume_target,
            Some("configs") => config_target,
            Some("secrets") => secret_target,
            Some("env_file") => env_file_path,
            Some(
                "cap_add" | "cap_drop" | "expose" | "profiles" | "dns" | "dns_search" | "dns_opt"
                | "tmpfs" | "links",
            ) => Node::as_string,
            _ => continue,
        };
        if let Kind::List(items) = &mut value.kind {
            let unique = unique(std::mem::take(items), index);
            *items = unique;
        }
    }
    service.with_kind(Kind::Map(entries))
}

/// Keeps the last of the entries with the same index, in the place of the first.
fn unique(items: Vec<Node>, index: fn(&Node) -> Option<String>) -> Vec<Node> {
    let mut kept: Vec<Node> = Vec::new();
    for item in items {
        let found = index(&item);
        let same = |other: &&mut Node| found.is_some() && index(other) == found;
        match kept.iter_mut().find(same) {
            Some(known) => *known = item,
            None => kept.push(item),
        }
    }
    kept
}

fn volume_target(node: &Node) -> Option<String> {
    let target = match &node.kind {
        Kind::Map(_) => node.child("target")?.as_string()?,
        _ => {
            let written = node.as_string()?;
            let mut parts = written.split(':');
            let first = parts.next()?.to_owned();
            parts.next().map_or(first, str::to_owned)
        }
    };
    Some(clean_path(&target))
}

/// Removes slashes that do not change where a path leads: at the end, and those after another one.
pub(crate) fn clean_path(path: &str) -> String {
    let mut clean = String::new();
    for c in path.chars() {
        if c != '/' || !clean.ends_with('/') {
            clean.push(c);
        }
    }
    match clean.strip_suffix('/') {
        None | Some("") => clean,
        Some(clean) => clean.to_owned(),
    }
}

fn config_target(node: &Node) -> Option<String> {
    file_target(node, "")
}

fn secret_target(node: &Node) -> Option<String> {
    file_target(node, "/run/secrets")
}

fn file_target(node: &Node, folder: &str) -> Option<String> {
    let text = |key: &str| node.child(key).and_then(Node::as_string);
    match &node.kind {
        Kind::Map(_) => text("target").or_else(|| Some(format!("{folder}/{}", text("source")?))),
        _ => Some(format!("{folder}/{}", node.as_string()?)),
    }
}

fn env_file_path(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Map(_) => node.child("path")?.as_string(),
        _ => node.as_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(yaml: &str) -> Node {
        Node::parse(Path::new("compose.yaml"), yaml).unwrap()
    }

    #[track_caller]
    fn check(base: &str, over: &str, expected: &str) {
        let merged = without_resets(&normalized(&merge(&parse(base), &parse(over))));
        let expected: serde_json::Value = parse(expected).to_json();
        assert_eq!(merged.to_json(), expected, "{base} + {over}");
    }

    #[test]
    fn lists_and_mappings_of_pairs_are_merged() {
        check(
            "environment: [KEPT=1, CHANGED=old]",
            "environment: { CHANGED: new }",
            "environment: [KEPT=1, CHANGED=old, CHANGED=new]",
        );
        check(
            "labels: { a: 1 }",
            "labels: [b=2]",
            "labels: ['a=1', 'b=2']",
        );
        check("env_file: a", "env_file: [b, a]", "env_file: [a, b]");
        check(
            "extra_hosts: ['a:1']",
            "extra_hosts: ['a:1', 'b:2']",
            "extra_hosts: ['a:1', 'b:2']",
        );
        check("dns: 1.1.1.1", "dns: [8.8.8.8]", "dns: [1.1.1.1, 8.8.8.8]");
    }

    #[test]
    fn names_are_merged_in_either_form() {
        check(
            "depends_on: [a, b]",
            "depends_on: { b: { condition: service_healthy }, c: { condition: service_started } }",
            "depends_on: { a: { condition: service_started }, b: { condition: service_healthy }, c: { condition: service_started } }",
        );
        check(
            "networks: [x]",
            "networks: { x: { aliases: [y] } }",
            "networks: { x: { aliases: [y] } }",
        );
    }

    #[test]
    fn lists_are_appended_and_a_later_entry_for_the_same_target_wins() {
        check(
            "volumes: ['data:/data', './a:/a:ro']",
            "volumes: ['other:/data/', { type: tmpfs, target: /t }]",
            "volumes: ['other:/data/', './a:/a:ro', { type: tmpfs, target: /t }]",
        );
        check("ports: ['1']", "ports: ['2']", "ports: ['1', '2']");
        check(
            "configs: [a]",
            "configs: [{ source: b, target: /a }]",
            "configs: [{ source: b, target: /a }]",
        );
    }

    #[test]
    fn commands_are_replaced_and_other_mappings_merged() {
        check(
            "{ command: [a], healthcheck: { test: [CMD, a], retries: 3 } }",
            "{ command: [b], healthcheck: { test: [CMD, b] } }",
            "{ command: [b], healthcheck: { test: [CMD, b], retries: 3 } }",
        );
        check(
            "build: .",
            "build: { args: { A: 1 } }",
            "build: { context: ., args: { A: 1 } }",
        );
        check(
            "build: { context: ., args: [A=1] }",
            "build: { args: { B: 2 } }",
            "build: { context: ., args: ['A=1', 'B=2'] }",
        );
        check(
            "logging: { driver: a, options: { x: 1 } }",
            "logging: { driver: b }",
            "logging: { driver: b }",
        );
    }

    #[test]
    fn reset_removes_and_override_replaces() {
        check(
            "{ image: x, ports: ['1'], environment: { A: 1 }, command: [a] }",
            "{ ports: !reset [], environment: !override { B: 2 }, command: !reset null }",
            "{ image: x, environment: { B: 2 } }",
        );
        check(
            "environment: { A: 1, B: 2 }",
            "environment: { A: !reset null }",
            "environment: [B=2]",
        );
    }
}
