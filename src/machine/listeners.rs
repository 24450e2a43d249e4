//! Finds the processes that listen on ports of this machine, as far as `/proc` lets this user see.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::plan::{Process, parse_listening_sockets};

/// A server on this machine accepts a connection at once; one behind a packet filter never does.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);

/// Returns the ports that accept a connection, each with the process that listens there if that is known.
///
/// Connecting and reading `/proc` block, so they run on another thread.
pub async fn listening_ports(ports: BTreeSet<u16>) -> BTreeMap<u16, Option<Process>> {
    let listeners = tokio::task::spawn_blocking(move || listeners(&ports));
    listeners.await.unwrap_or_default()
}

fn listeners(ports: &BTreeSet<u16>) -> BTreeMap<u16, Option<Process>> {
    let accepts = |port: &u16| {
        let places: [SocketAddr; 2] = [
            (Ipv4Addr::LOCALHOST, *port).into(),
            (Ipv6Addr::LOCALHOST, *port).into(),
        ];
        let mut places = places.iter();
        places.any(|place| TcpStream::connect_timeout(place, CONNECT_TIMEOUT).is_ok())
    };
    let open: BTreeSet<u16> = ports.iter().copied().filter(accepts).collect();
    if open.is_empty() {
        return BTreeMap::new();
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let sockets: BTreeMap<u64, u16> = tables
        .iter()
        .flatten()
        .flat_map(|table| parse_listening_sockets(table))
        .filter(|socket| open.contains(&socket.port))
        .map(|socket| (socket.inode, socket.port))
        .collect();
    let holders = holders(&sockets);
    open.into_iter()
        .map(|port| (port, holders.get(&port).cloned()))
        .collect()
}

/// Returns the processes that hold sockets, by port. Only root sees those of other users.
fn holders(sockets: &BTreeMap<u64, u16>) -> BTreeMap<u16, Process> {
    let mut found = BTreeMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = process
            .file_name()
            .to_str()
            .and_then(|pid| pid.parse().ok());
        let Some(pid) = pid else { continue };
        let open = std::fs::read_dir(process.path().join("fd"));
        for file in open.into_iter().flatten().flatten() {
            let target = std::fs::read_link(file.path()).ok();
            let port = target
                .and_then(|target| inode(&target))
                .and_then(|inode| sockets.get(&inode));
            if let Some(port) = port {
                let program = std::fs::read_to_string(process.path().join("comm"));
                let program = program.unwrap_or_default().trim().to_owned();
                found.entry(*port).or_insert(Process { pid, program });
            }
        }
        if found.len() == sockets.len() {
            break;
        }
    }
    found
}

/// Returns the inode in `socket:[4711]`.
fn inode(link: &Path) -> Option<u64> {
    let text = link.to_str()?.strip_prefix("socket:[")?;
    text.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn inode_is_read_from_the_link() {
        assert_eq!(inode(Path::new("socket:[4711]")), Some(4711));
        assert_eq!(inode(Path::new("/dev/null")), None);
    }

    #[tokio::test]
    async fn listening_port_has_its_process() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let found = listening_ports(BTreeSet::from([port])).await;
        let process = found[&port].as_ref().unwrap();
        assert_eq!(process.pid, std::process::id());
        assert!(!process.program.is_empty());
        drop(server);
        let found = listening_ports(BTreeSet::from([port])).await;
        assert_eq!(found, BTreeMap::new());
    }
}
