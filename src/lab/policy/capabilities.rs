//! The policy for Linux capabilities.

use crate::lab::policy::decision::{needs_trust, refused};
use crate::lab::yaml::{Node, Problems};
use crate::text;
use crate::text::Text;

/// The capabilities of every service: enough to take over a data folder and to switch to its own user.
pub const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "SETUID",
    "SETGID",
    "NET_BIND_SERVICE",
    "KILL",
];

/// What a capability lets a service do.
type Allows = fn() -> Text;

/// The capabilities that need `--trust`.
const TRUSTED_CAPABILITIES: &[(&str, Allows)] = &[
    ("NET_ADMIN", || {
        text!("it could change the addresses, routes and firewall rules of its container")
    }),
    ("NET_RAW", || {
        text!("it could read and forge every packet that passes through its container")
    }),
    ("SYS_PTRACE", || {
        text!("it could read and change the memory of all programs in its container")
    }),
    ("IPC_LOCK", || {
        text!("it could keep this machine from swapping its memory out")
    }),
    ("SYS_NICE", || {
        text!("its programs could take precedence over those of this machine")
    }),
];

/// Returns the name of a capability without `CAP_`.
pub(crate) fn capability_name(written: &str) -> String {
    let upper = written.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// Checks an entry of `cap_add`. Returns the capability, unless every service has it or it is refused.
pub(crate) fn check_capability(node: &Node, problems: &mut Problems) -> Option<String> {
    let written = node.as_string()?;
    let name = capability_name(&written);
    if CAPABILITIES.contains(&name.as_str()) {
        return None;
    }
    let mut trusted = TRUSTED_CAPABILITIES.iter();
    if let Some((_, allows)) = trusted.find(|(known, _)| *known == name) {
        let what = text!(
            "capability `{name}` grants more rights than a service needs: {allows}",
            name,
            allows = allows()
        );
        problems.push(needs_trust(node, what));
        return Some(name);
    }
    let what = text!(
        "capability `{name}` would grant root access to this machine",
        name
    );
    let allowed: Vec<&str> = TRUSTED_CAPABILITIES.iter().map(|(name, _)| *name).collect();
    let allowed = allowed.join(", ");
    let help = text!("remove it; `--trust` allows only {allowed}", allowed);
    problems.push(refused(node, what).help(help));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;
    use std::path::Path;

    #[test]
    fn capabilities_are_allowed_need_trust_or_are_refused() {
        let check = |name: &str| {
            let node = Node::parse(Path::new("compose.yaml"), name).unwrap();
            let mut problems = Vec::new();
            let added = check_capability(&node, &mut problems);
            (added, problems.first().map(|problem| problem.kind))
        };
        for name in CAPABILITIES {
            assert_eq!(check(name), (None, None));
        }
        for (name, _) in TRUSTED_CAPABILITIES {
            let added = (Some((*name).to_owned()), Some(ProblemKind::NeedsTrust));
            assert_eq!(check(name), added);
            assert_eq!(check(&format!("cap_{}", name.to_lowercase())), added);
        }
        for refused in [
            "ALL",
            "SYS_ADMIN",
            "CAP_SYS_MODULE",
            "sys_rawio",
            "BPF",
            "DAC_READ_SEARCH",
            "CAP_CAP_NET_ADMIN",
            "x",
        ] {
            assert_eq!(
                check(refused),
                (None, Some(ProblemKind::Refused)),
                "{refused}"
            );
        }
    }
}
