//! One Compose service laid over another, as `extends` does.

use crate::lab::yaml::{Kind, Node};

/// The value of a key of a mapping.
pub(crate) fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .find(|(k, _)| k.text().as_deref() == Some(key))
            .map(|(_, v)| v),
        _ => None,
    }
}

/// The Compose Specification's merge: mappings merge, lists append, commands and scalars are replaced.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    let (Kind::Map(base_fields), Kind::Map(over_fields)) = (&base.kind, &over.kind) else {
        return over.clone();
    };
    let mut merged = base_fields.clone();
    merged.retain(|(key, _)| key.text().as_deref() != Some("extends"));
    for (key, value) in over_fields {
        let name = key.text().unwrap_or_default();
        if name == "extends" {
            continue;
        }
        let Some((_, known)) = merged
            .iter_mut()
            .find(|(k, _)| k.text().as_deref() == Some(name.as_str()))
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

fn appends(key: &str) -> bool {
    !matches!(
        key,
        "command" | "entrypoint" | "test" | "ready" | "shell" | "web"
    )
}
