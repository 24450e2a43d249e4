//! Listening sockets, read from `/proc/net/tcp` of this machine or of a container.

/// A listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListeningSocket {
    pub port: u16,
    pub scope: BindScope,
    pub inode: u64,
}

/// Who can connect to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindScope {
    Anyone,
    /// Only programs in the same network namespace: 127.0.0.1 or ::1.
    Loopback,
}

/// Returns the listening sockets of one or more tables in the format of proc_pid_net(5).
pub fn parse_listening_sockets(tables: &str) -> Vec<ListeningSocket> {
    let socket = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // `TCP_LISTEN`, from include/net/tcp_states.h.
        if *fields.get(3)? != "0A" {
            return None;
        }
        let (address, port) = fields.get(1)?.rsplit_once(':')?;
        let scope = match address {
            // Docker's embedded DNS server at 127.0.0.11.
            "0B00007F" => return None,
            "0100007F" | "00000000000000000000000001000000" => BindScope::Loopback,
            _ => BindScope::Anyone,
        };
        Some(ListeningSocket {
            port: u16::from_str_radix(port, 16).ok()?,
            scope,
            inode: fields.get(9)?.parse().ok()?,
        })
    };
    tables.lines().filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let tables = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1538 0100007F:C001 01 00000000:00000000 00:00000000 00000000   999        0 4712 1 0 100 0 0 10 0
   2: 0B00007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 4713 1 0 100 0 0 10 0
  sl  local_address                         remote_address                        st tx_queue rx_queue tr
   0: 00000000000000000000000000000000:18EB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4714 1
";
        let sockets: Vec<_> = parse_listening_sockets(tables)
            .iter()
            .map(|socket| (socket.port, socket.scope, socket.inode))
            .collect();
        assert_eq!(
            sockets,
            [
                (5432, BindScope::Loopback, 4711),
                (6379, BindScope::Anyone, 4714)
            ]
        );
    }
}
