//! The small languages inside Compose values: ports, mounts, sizes, `KEY=value`.

use crate::lab::fields::{Fields, Problems, entries, mismatch, text};
use crate::lab::policy;
use crate::lab::service::{Port, Protocol};
use crate::lab::yaml::{Kind, Node};
use crate::problem::Problem;

/// The longest port range that is read.
const LONGEST_RANGE: usize = 16;

/// Reads one entry of `ports`: `"6379"`, `"16379:6379"`, `"127.0.0.1:16379:6379/tcp"`, or the long form.
pub(crate) fn ports(node: &Node, problems: &mut Problems) -> Vec<Port> {
    if let Kind::Map(_) = node.kind {
        return long_port(node, problems).into_iter().collect();
    }
    let Some(written) = text(node, "ports", problems) else {
        return Vec::new();
    };
    let Some((address, hosts, containers, protocol)) = split_port(&written) else {
        let help =
            "write `\"6379\"` for a free host port or `\"16379:6379\"` for one of your choice";
        problems.push(
            Problem::new(format!("`{written}` is not a port"))
                .at(node.place())
                .help(help),
        );
        return Vec::new();
    };
    if containers.len() > LONGEST_RANGE || (!hosts.is_empty() && hosts.len() != containers.len()) {
        let what = format!(
            "`{written}`: a range has at most {LONGEST_RANGE} ports, as many on both sides"
        );
        problems.push(Problem::new(what).at(node.place()));
        return Vec::new();
    }
    // The lowest host port of a range is the one that is judged.
    let publish = policy::host_port(address.as_deref(), hosts.first().copied(), node, problems);
    let pairs = containers.into_iter().enumerate();
    pairs
        .map(|(at, container)| Port {
            container,
            protocol,
            host: hosts.get(at).copied(),
            publish,
        })
        .collect()
}

type PortParts = (Option<String>, Vec<u16>, Vec<u16>, Protocol);

fn split_port(written: &str) -> Option<PortParts> {
    let (rest, protocol) = match written.split_once('/') {
        Some((rest, "tcp")) => (rest, Protocol::Tcp),
        Some((rest, "udp")) => (rest, Protocol::Udp),
        Some(_) => return None,
        None => (written, Protocol::Tcp),
    };
    let (rest, container) = rest
        .rsplit_once(':')
        .map_or((None, rest), |(rest, container)| (Some(rest), container));
    let (address, host) = match rest {
        None => (None, ""),
        Some(rest) => rest
            .rsplit_once(':')
            .map_or((None, rest), |(address, host)| {
                (Some(address.to_owned()), host)
            }),
    };
    let hosts = if host.is_empty() {
        Vec::new()
    } else {
        range(host)?
    };
    Some((address, hosts, range(container)?, protocol))
}

fn range(written: &str) -> Option<Vec<u16>> {
    let (from, to) = written.split_once('-').unwrap_or((written, written));
    let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
    (from > 0 && from <= to).then(|| (from..=to).collect())
}

fn long_port(node: &Node, problems: &mut Problems) -> Option<Port> {
    let mut fields = Fields::open(node, "port", problems)?;
    let container = fields
        .integer("target", problems)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|p| *p > 0);
    let published = fields.text("published", problems);
    let address = fields.text("host_ip", problems);
    let protocol = fields.text("protocol", problems);
    fields.ignore(&["mode", "name", "app_protocol"]);
    fields.close(problems);
    let host = match published.as_deref() {
        None | Some("" | "0") => None,
        Some(published) => {
            let port = published.parse().ok().filter(|port: &u16| *port > 0);
            if port.is_none() {
                problems.push(Problem::new("`published` is not a port").at(node.place()));
            }
            Some(port?)
        }
    };
    let publish = policy::host_port(address.as_deref(), host, node, problems);
    if container.is_none() {
        problems.push(
            Problem::new("a port needs `target`: the port in the container").at(node.place()),
        );
    }
    let protocol = if protocol.as_deref() == Some("udp") {
        Protocol::Udp
    } else {
        Protocol::Tcp
    };
    Some(Port {
        container: container?,
        protocol,
        host,
        publish,
    })
}

/// Reads `environment`, `labels`, `args`: a mapping, or a list of `KEY=value`. A bare `KEY` would take it from the host: refused.
pub(crate) fn pairs(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<(String, String)> {
    let Some(node) = fields.get(key) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let bare = |name: &str, at: &Node, problems: &mut Problems| {
        let what = format!("`{key}` asks for `{name}` of this machine's environment");
        problems.push(
            policy::refuse(at, what).help("give the value here, or as one of the lab's `vars`"),
        );
    };
    match &node.kind {
        Kind::List(items) => {
            for item in items {
                let Some(written) = text(item, key, problems) else {
                    continue;
                };
                match written.split_once('=') {
                    Some((name, value)) => out.push((name.to_owned(), value.to_owned())),
                    None => bare(&written, item, problems),
                }
            }
        }
        _ => {
            for (name, value) in entries(node, key, problems) {
                match value.kind {
                    Kind::Null => bare(&name, value, problems),
                    _ => out.extend(text(value, key, problems).map(|value| (name, value))),
                }
            }
        }
    }
    out
}

/// Reads a size such as `256m`, `1.5gb`, `1024`: bytes.
pub(crate) fn size(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<i64> {
    let node = fields.get(key)?;
    let parsed = node.text().as_deref().and_then(parse_size);
    if parsed.is_none() {
        problems.push(mismatch(node, key, "a size such as `256m` or `1g`"));
    }
    parsed
}

/// `256m`, `1.5gb`, `1024` in bytes.
pub(crate) fn parse_size(written: &str) -> Option<i64> {
    let lower = written.trim().to_ascii_lowercase();
    let split = lower
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(lower.len());
    let amount: f64 = lower[..split].parse().ok()?;
    let unit = match &lower[split..] {
        "" | "b" => 1.0,
        "k" | "kb" => 1024.0,
        "m" | "mb" => 1024.0 * 1024.0,
        "g" | "gb" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = amount * unit;
    (bytes >= 1.0 && bytes < i64::MAX as f64).then_some(bytes as i64)
}

/// Reads `command` or `entrypoint`: a list of words, or one text that is split as a shell splits plain words.
pub(crate) fn words(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let node = fields.get(key)?;
    let Kind::Text(written) = &node.kind else {
        return fields.texts(key, problems);
    };
    let words = split_words(written);
    if words.is_none() {
        problems
            .push(Problem::new(format!("`{key}` has a quote without its pair")).at(node.place()));
    }
    words
}

fn split_words(written: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().push(chars.next()?),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[track_caller]
    fn port(yaml: &str, expected: &[(Option<u16>, u16)]) {
        let node = Node::parse(Path::new("c.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        let read: Vec<_> = ports(&node, &mut problems)
            .iter()
            .map(|p| (p.host, p.container))
            .collect();
        assert_eq!(problems, []);
        assert_eq!(read, expected, "{yaml}");
    }

    #[test]
    fn ports_are_read_in_all_their_forms() {
        port("'6379'", &[(None, 6379)]);
        port("6379", &[(None, 6379)]);
        port("'16379:6379'", &[(Some(16379), 6379)]);
        port("'127.0.0.1:16379:6379/tcp'", &[(Some(16379), 6379)]);
        port("'8000-8001:80-81'", &[(Some(8000), 80), (Some(8001), 81)]);
        port("{ target: 80, published: '8080' }", &[(Some(8080), 80)]);
    }

    #[test]
    fn what_is_no_port_is_told() {
        for bad in [
            "'x'",
            "'0'",
            "'70000'",
            "'9-1'",
            "'1:2/icmp'",
            "'1-90:1-90'",
        ] {
            let node = Node::parse(Path::new("c.yaml"), bad).unwrap();
            let mut problems = Vec::new();
            assert!(
                ports(&node, &mut problems).is_empty() && !problems.is_empty(),
                "{bad}"
            );
        }
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        assert_eq!(parse_size("256m"), Some(256 << 20));
        assert_eq!(parse_size("1.5GB"), Some(3 << 29));
        assert_eq!(parse_size("512"), Some(512));
        assert_eq!(parse_size("0"), None);
        assert_eq!(parse_size("5x"), None);
    }

    #[test]
    fn a_command_in_one_text_is_split_like_a_shell_does() {
        let words = |text: &str| split_words(text);
        assert_eq!(
            words("redis-server --save ''"),
            Some(vec!["redis-server".into(), "--save".into(), String::new()])
        );
        assert_eq!(
            words(r#"sh -c "echo \"a b\"; exit""#),
            Some(vec!["sh".into(), "-c".into(), "echo \"a b\"; exit".into()])
        );
        assert_eq!(words("echo 'a"), None);
    }
}
