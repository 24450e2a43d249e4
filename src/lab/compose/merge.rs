//! Merges one Compose service into another, as `extends` does.

use crate::lab::yaml::{Kind, Node};

/// Merges as the Compose Specification describes: mappings are merged, lists appended, commands and scalars replaced.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    let (Kind::Map(base_fields), Kind::Map(over_fields)) = (&base.kind, &over.kind) else {
        return over.clone();
    };
    let mut merged = base_fields.clone();
    merged.retain(|(key, _)| key.as_string().as_deref() != Some("extends"));
    for (key, value) in over_fields {
        let name = key.as_string().unwrap_or_default();
        if name == "extends" {
            continue;
        }
        let Some((_, known)) = merged
            .iter_mut()
            .find(|(k, _)| k.as_string().as_deref() == Some(name.as_str()))
        else {
            merged.push((key.clone(), value.clone()));
            continue;
        };
        *known = match (&known.kind, &value.kind) {
            (Kind::Map(_), Kind::Map(_)) => merge(known, value),
            (Kind::List(a), Kind::List(b)) if appends(&name) => {
                let mut list = value.clone();
                list.kind = Kind::List(a.iter().chain(b).cloned().collect());
                list
            }
            _ => value.clone(),
        };
    }
    let mut node = over.clone();
    node.kind = Kind::Map(merged);
    node
}

/// Returns whether lists under a key are appended.
fn appends(key: &str) -> bool {
    !matches!(
        key,
        "command" | "entrypoint" | "test" | "ready" | "shell" | "web"
    )
}
