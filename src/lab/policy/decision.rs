//! The decisions of the policy, and the problems that they lead to.

use crate::lab::yaml::Node;
use crate::problem::{Problem, ProblemKind};
use crate::text;
use crate::text::Text;

/// The decision of the policy about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The request has no effect, because roadlab decides this itself.
    Ignore,
    /// The request needs `--trust`.
    NeedsTrust,
    /// The request is refused, with or without `--trust`.
    Refuse,
}

/// Creates a problem that no flag resolves.
pub(crate) fn refused(node: &Node, what: Text) -> Problem {
    Problem::new(what)
        .at(node.place())
        .kind(ProblemKind::Refused)
        .help(text!("remove this line; no flag allows it"))
}

/// Creates a problem that `--trust` resolves.
pub(crate) fn needs_trust(node: &Node, what: Text) -> Problem {
    Problem::new(what)
        .at(node.place())
        .kind(ProblemKind::NeedsTrust)
        .help(text!(
            "remove this line, or run with `--trust` if you trust the author of this lab"
        ))
}
