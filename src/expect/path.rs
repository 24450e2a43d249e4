//! A JSONPath (RFC 9535) into a value.

use serde_json::Value;
use serde_json_path::JsonPath;

/// A parsed JSONPath and how it was written.
#[derive(Debug, Clone)]
pub struct ValuePath {
    text: String,
    path: JsonPath,
    singular: bool,
}

impl ValuePath {
    /// Parses RFC 9535 JSONPath; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(why) = too_costly(text) {
            return Err(why.to_owned());
        }
        let path = JsonPath::parse(text).map_err(|e| e.to_string())?;
        Ok(Self {
            text: text.to_owned(),
            path,
            singular: is_singular(text),
        })
    }

    /// What the path selects: the one value (or `None`) if it can only select one, else a list of all.
    pub fn select(&self, value: &Value) -> Option<Value> {
        let nodes = self.path.query(value);
        if self.singular {
            nodes.first().cloned()
        } else {
            Some(Value::Array(nodes.into_iter().cloned().collect()))
        }
    }
}

/// The longest path, in bytes, and the deepest nesting of brackets in it.
const LONGEST: usize = 500;
const DEEPEST: usize = 8;

/// A stranger wrote the path, and another the data: what takes more than a few passes over the data is refused.
fn too_costly(text: &str) -> Option<&'static str> {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for c in text.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let inside = text.split_once('?').map_or("", |(_, inside)| inside);
    match () {
        () if text.len() > LONGEST => Some("it is longer than 500 characters"),
        () if deepest > DEEPEST => Some("its brackets are nested too deeply"),
        () if text.matches("..").count() > 1 => Some("it has `..` more than once"),
        () if inside.contains('$') => Some("a filter looks at `@` only, not at `$`"),
        () => None,
    }
}

/// RFC 9535, 2.3.5.1: only name and index selectors, no wildcard, slice, filter, union or descendant.
fn is_singular(text: &str) -> bool {
    let mut quote = None;
    let mut bracket = false;
    let mut previous = ' ';
    for c in text.chars() {
        match (quote, c) {
            (Some(q), c) if c == q && previous != '\\' => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => bracket = true,
            (None, ']') => bracket = false,
            (None, '*' | '?') => return false,
            (None, ',' | ':') if bracket => return false,
            (None, '.') if previous == '.' => return false,
            _ => {}
        }
        previous = c;
    }
    true
}

impl std::fmt::Display for ValuePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ValuePath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(path: &str, expected: Option<Value>) {
        let value = json!({"data": [{"x": 1, "a:b": 7}, {"x": 2}]});
        assert_eq!(ValuePath::parse(path).unwrap().select(&value), expected);
    }

    #[test]
    fn a_singular_path_gives_the_value_or_nothing() {
        check("$.data[0].x", Some(json!(1)));
        check("$.data[0]['a:b']", Some(json!(7)));
        check("$.data[9].x", None);
    }

    #[test]
    fn any_other_path_gives_a_list() {
        check("$.data[*].x", Some(json!([1, 2])));
        check("$..x", Some(json!([1, 2])));
        check("$.data[?@.x > 1].x", Some(json!([2])));
        check("$.data[0:1].x", Some(json!([1])));
        check("$.nothing[*]", Some(json!([])));
    }

    #[test]
    fn a_broken_path_is_an_error() {
        assert!(ValuePath::parse("data.x").is_err());
    }

    #[test]
    fn a_path_that_could_take_for_ever_is_refused() {
        let deep = format!("$[?{}@{}]", "(".repeat(4000), ")".repeat(4000));
        let nested = format!("$[?{}@{}]", "(".repeat(100), ")".repeat(100));
        for path in ["$..*..*", "$..x[?@.a..b]", "$[?$..x == @]", &deep, &nested] {
            assert!(ValuePath::parse(path).is_err(), "{path}");
        }
    }
}
