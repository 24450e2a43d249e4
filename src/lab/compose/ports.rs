//! Reads `ports`.

use crate::lab::policy;
use crate::lab::service::{Port, Protocol};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, mismatch, string};
use crate::problem::{Code, Problem, ProblemKind};
use crate::text;

/// The most ports of a range.
const MAX_RANGE: usize = 16;

/// Reads one entry of `ports`: `"6379"`, `"16379:6379"`, `"127.0.0.1:16379:6379/tcp"`, or the long form.
pub(crate) fn read_ports(node: &Node, problems: &mut Problems) -> Vec<Port> {
    if let Kind::Map(_) = node.kind {
        return read_long_port(node, problems).into_iter().collect();
    }
    if matches!(&node.kind, Kind::Number(number, _) if number.is_f64()) {
        problems.push(mismatch(node, "ports", text!("a string or an integer")));
        return Vec::new();
    }
    let Some(written) = string(node, "ports", problems) else {
        return Vec::new();
    };
    if let Some((_, name)) = written
        .split_once('/')
        .filter(|(_, name)| protocol(name).is_none())
    {
        let what = text!(
            "the protocol of a port must be `tcp` or `udp`, not `{name}`",
            name
        );
        problems.push(Problem::new(what).code(Code::Port).at(node.place()));
        return Vec::new();
    }
    let Some((address, mut hosts, containers, protocol)) = split_port(&written) else {
        let help =
            text!("write `\"6379\"` for a free host port, or `\"16379:6379\"` for a fixed one");
        let what = text!("invalid port `{written}`", written);
        problems.push(
            Problem::new(what)
                .code(Code::Port)
                .at(node.place())
                .help(help),
        );
        return Vec::new();
    };
    let range_for_one = containers.len() == 1 && hosts.len() > 1;
    if containers.len() > MAX_RANGE
        || (!hosts.is_empty() && hosts.len() != containers.len() && !range_for_one)
    {
        let what = text!(
            "invalid port range `{written}`: both sides must have the same number of ports, at most {limit}",
            written,
            limit = MAX_RANGE
        );
        problems.push(Problem::new(what).code(Code::Port).at(node.place()));
        return Vec::new();
    }
    let publish = policy::check_address(address.as_deref(), node, problems);
    if range_for_one {
        note_range(&written, node, problems);
        hosts.clear();
    }
    let mut ports = Vec::new();
    for (at, container) in containers.into_iter().enumerate() {
        let host = hosts.get(at).copied();
        ports.push(Port {
            container,
            protocol,
            host: host.and_then(|host| policy::check_host_port(host, node, problems)),
            publish,
        });
    }
    ports
}

/// Notes that a free host port is used instead of one of a range.
fn note_range(written: &str, node: &Node, problems: &mut Problems) {
    let what = text!(
        "a free host port is used instead of one of the range `{written}`",
        written
    );
    let help = text!("`roadlab status` shows it");
    let note = Problem::new(what)
        .code(Code::Port)
        .at(node.place())
        .kind(ProblemKind::Note);
    problems.push(note.help(help));
}

/// Refuses a fixed host port that an earlier entry of the service publishes already.
pub(crate) fn refuse_used_host_port(
    port: &Port,
    earlier: &[Port],
    node: &Node,
    problems: &mut Problems,
) {
    let is_same = |other: &&Port| other.host == port.host && other.protocol == port.protocol;
    if let Some(host) = port.host
        && earlier.iter().any(|other| is_same(&other))
    {
        let what = text!("host port {host} is published twice", host);
        let help = text!("choose another host port for one of them");
        problems.push(
            Problem::new(what)
                .code(Code::Port)
                .at(node.place())
                .help(help),
        );
    }
}

/// The host address, the host ports, the container ports and the protocol.
type PortParts = (Option<String>, Vec<u16>, Vec<u16>, Protocol);

fn split_port(written: &str) -> Option<PortParts> {
    let (rest, protocol) = match written.split_once('/') {
        Some((rest, name)) => (rest, protocol(name)?),
        None => (written, Protocol::Tcp),
    };
    let (rest, container) = rest
        .rsplit_once(':')
        .map_or((None, rest), |(rest, container)| (Some(rest), container));
    let (address, host) = match rest {
        None => (None, ""),
        Some(rest) => rest
            .rsplit_once(':')
            .map_or((None, rest), |(address, host)| (Some(address), host)),
    };
    // An address with colons is in brackets.
    let in_brackets = |address: &str| -> Option<String> {
        let inner = address.strip_prefix('[')?.strip_suffix(']')?;
        Some(inner.to_owned())
    };
    let address = match address {
        Some(address) if address.contains([':', '[', ']']) => Some(in_brackets(address)?),
        Some(address) => Some(address.to_owned()),
        None => None,
    };
    let hosts = if matches!(host, "" | "0") {
        // The engine would choose.
        Vec::new()
    } else {
        parse_range(host)?
    };
    Some((address, hosts, parse_range(container)?, protocol))
}

fn protocol(name: &str) -> Option<Protocol> {
    match name.to_ascii_lowercase().as_str() {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}

fn parse_range(written: &str) -> Option<Vec<u16>> {
    if written == "0" {
        return None;
    }
    let (from, to) = written.split_once('-').unwrap_or((written, written));
    if written.contains('+') {
        return None;
    }
    let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
    (from > 0 && from <= to).then(|| (from..=to).collect())
}

fn read_long_port(node: &Node, problems: &mut Problems) -> Option<Port> {
    let mut fields = Fields::open_compose(node, Mapping::Port, problems)?;
    let earlier_problems = problems.len();
    let target = fields.integer("target", problems);
    let is_reported = problems.len() > earlier_problems;
    let container = target
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0);
    let published = fields.string("published", problems);
    let published_node = fields.get("published").unwrap_or(node);
    let address = fields.string("host_ip", problems);
    let written_protocol = fields.string("protocol", problems);
    let protocol_node = fields.get("protocol").unwrap_or(node);
    policy::check_keys(Mapping::Port, &mut fields, problems);
    fields.close(problems);
    let host = match published.as_deref() {
        None | Some("" | "0") => None,
        Some(range) if range.contains('-') && parse_range(range).is_some() => {
            note_range(range, published_node, problems);
            None
        }
        Some(published) => {
            let port = published.parse().ok().filter(|port: &u16| *port > 0);
            if port.is_none() {
                let what = text!(
                    "`published` must be from 1 to 65535, not `{port}`",
                    port = published
                );
                problems.push(
                    Problem::new(what)
                        .code(Code::Port)
                        .at(published_node.place()),
                );
            }
            policy::check_host_port(port?, published_node, problems)
        }
    };
    let publish = policy::check_address(address.as_deref(), node, problems);
    if container.is_none() && !is_reported {
        let what = text!("a port needs `target`, the port in the container, from 1 to 65535");
        let at = node.child("target").unwrap_or(node);
        problems.push(Problem::new(what).code(Code::MissingKey).at(at.place()));
    }
    let Some(protocol) = protocol(written_protocol.as_deref().unwrap_or("tcp")) else {
        problems.push(mismatch(protocol_node, "protocol", text!("`tcp` or `udp`")));
        return None;
    };
    Some(Port {
        container: container?,
        protocol,
        host,
        publish,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[track_caller]
    fn port(yaml: &str, expected: &[(Option<u16>, u16)]) {
        let node = Node::parse(Path::new("c.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        let read: Vec<_> = read_ports(&node, &mut problems)
            .iter()
            .map(|p| (p.host, p.container))
            .collect();
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(read, expected, "{yaml}");
    }

    #[test]
    fn ports_are_read_in_all_forms() {
        port("'6379'", &[(None, 6379)]);
        port("6379", &[(None, 6379)]);
        port("'16379:6379'", &[(Some(16379), 6379)]);
        port("'127.0.0.1:16379:6379/tcp'", &[(Some(16379), 6379)]);
        port("'8000-8001:80-81'", &[(Some(8000), 80), (Some(8001), 81)]);
        port("'[::1]:8080:80'", &[(Some(8080), 80)]);
        port("':8080:80'", &[(Some(8080), 80)]);
        port("{ target: 80, published: '8080' }", &[(Some(8080), 80)]);
    }

    #[test]
    fn a_host_port_is_published_once_for_each_protocol() {
        let path = Path::new("c.yaml");
        let read = |text: &str| {
            let node = Node::parse(path, text).unwrap();
            (read_ports(&node, &mut Vec::new()).remove(0), node)
        };
        let (first, _) = read("'8080:80'");
        for (text, expected) in [("'8080:81'", 1), ("'8080:80/udp'", 0), ("'8081:80'", 0)] {
            let (port, node) = read(text);
            let mut problems = Vec::new();
            refuse_used_host_port(&port, std::slice::from_ref(&first), &node, &mut problems);
            assert_eq!(problems.len(), expected, "{text}");
        }
    }

    #[test]
    fn invalid_ports_are_problems() {
        for invalid in [
            "'x'",
            "'0'",
            "'70000'",
            "'9-1'",
            "'1:2/icmp'",
            "'8086:80/sctp'",
            "6379.0",
            "'::1:8080:80'",
            "'localhost:8080:80'",
            "{ target: 80, host_ip: localhost }",
            "{ target: http }",
            "{ target: 0 }",
            "{ published: '8080' }",
            "'1-90:1-90'",
        ] {
            let node = Node::parse(Path::new("c.yaml"), invalid).unwrap();
            let mut problems = Vec::new();
            read_ports(&node, &mut problems);
            assert_eq!(problems.len(), 1, "{invalid}");
        }
    }
}
