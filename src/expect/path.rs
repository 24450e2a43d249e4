//! JSONPath expressions (RFC 9535) that select a part of a value.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::text::Text;
use crate::{localized, text};

/// A parsed JSONPath and its source text.
#[derive(Debug, Clone)]
pub struct ValuePath {
    text: String,
    path: JsonPath,
    singular: bool,
}

impl ValuePath {
    /// Parses an RFC 9535 JSONPath.
    ///
    /// # Errors
    /// A text that says why the path is not valid or not allowed.
    pub fn parse(text: &str) -> Result<Self, Text> {
        if let Some(problem) = too_expensive(text) {
            return Err(problem);
        }
        let path = JsonPath::parse(text)
            .map_err(|reason| text!("invalid JSONPath `{path}`: {reason}", path = text, reason))?;
        Ok(Self {
            text: text.to_owned(),
            path,
            singular: is_singular(text),
        })
    }

    /// Returns whether the path can select only one value.
    pub fn is_singular(&self) -> bool {
        self.singular
    }

    /// Returns the names and positions on a path that selects one value, in words: `data, item 1, token`. `None` for the whole
    /// value and for a path that needs more than words.
    pub fn words(&self) -> Option<String> {
        let mut rest = self.text.strip_prefix('$')?;
        let mut words = String::new();
        let mut after_item = false;
        while !rest.is_empty() {
            let (name, item, left) = match rest.strip_prefix('[') {
                None => {
                    let name = rest.strip_prefix('.')?;
                    let end = name.find(['.', '[']).unwrap_or(name.len());
                    (name[..end].to_owned(), false, &name[end..])
                }
                Some(bracket) => {
                    let (inside, left) = bracket.split_once(']')?;
                    match inside.parse::<i64>() {
                        Ok(-1) => (localized!("the last item"), true, left),
                        Ok(at) if at >= 0 => {
                            (localized!("item {number}", number = at + 1), true, left)
                        }
                        Ok(_) => return None,
                        Err(_) => (quoted(inside)?.to_owned(), false, left),
                    }
                }
            };
            let between = match (words.is_empty(), after_item || item) {
                (true, _) => "",
                (false, true) => ", ",
                (false, false) => ".",
            };
            words = format!("{words}{between}{name}");
            (rest, after_item) = (left, item);
        }
        (self.singular && !words.is_empty()).then_some(words)
    }

    /// Returns what the path selects: one value or `None` if the path can select only one, otherwise a list.
    pub fn select(&self, value: &Value) -> Option<Value> {
        let nodes = self.path.query(value);
        if self.singular {
            nodes.first().cloned()
        } else {
            Some(Value::Array(nodes.into_iter().cloned().collect()))
        }
    }
}

/// Returns a name without its quotes; `None` if it is none, or has more of them.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let name = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!name.contains([quote, '\\'])).then_some(name)
}

/// The longest path, in bytes, and the deepest nesting of its brackets.
const MAX_LENGTH: usize = 500;
const MAX_DEPTH: usize = 8;

/// Returns why a path could take more than a few passes over the data, which may both come from strangers.
fn too_expensive(text: &str) -> Option<Text> {
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
        () if text.len() > MAX_LENGTH => Some(text!(
            "the JSONPath is longer than {limit} bytes",
            limit = MAX_LENGTH
        )),
        () if deepest > MAX_DEPTH => Some(text!(
            "the brackets of the JSONPath are nested more than {limit} levels deep",
            limit = MAX_DEPTH
        )),
        () if text.matches("..").count() > 1 => {
            Some(text!("`..` is allowed only once in a JSONPath"))
        }
        () if inside.contains('$') => Some(text!(
            "`$` is not allowed in a filter of a JSONPath; use `@`"
        )),
        () => None,
    }
}

/// Returns whether a path is a singular query (RFC 9535, 2.3.5.1): it has only name and index selectors.
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
    fn a_singular_path_selects_one_value_or_none() {
        check("$.data[0].x", Some(json!(1)));
        check("$.data[0]['a:b']", Some(json!(7)));
        check("$.data[9].x", None);
    }

    #[test]
    fn any_other_path_selects_a_list() {
        check("$.data[*].x", Some(json!([1, 2])));
        check("$..x", Some(json!([1, 2])));
        check("$.data[?@.x > 1].x", Some(json!([2])));
        check("$.data[0:1].x", Some(json!([1])));
        check("$.nothing[*]", Some(json!([])));
    }

    #[test]
    fn a_path_to_one_value_has_words() {
        let words = |path: &str| ValuePath::parse(path).unwrap().words();
        assert_eq!(words("$.data.state").as_deref(), Some("data.state"));
        assert_eq!(
            words("$.data[0]['a b'].c").as_deref(),
            Some("data, item 1, a b.c")
        );
        assert_eq!(words("$[-1].x").as_deref(), Some("the last item, x"));
        for path in [
            "$",
            "$.a[*]",
            "$..a",
            "$.a[?@.b > 1].c",
            "$.a[-2]",
            "$['a\\'b']",
        ] {
            assert_eq!(words(path), None, "{path}");
        }
    }

    #[test]
    fn an_invalid_path_is_an_error() {
        assert!(ValuePath::parse("data.x").is_err());
    }

    #[test]
    fn an_expensive_path_is_refused() {
        let deep = format!("$[?{}@{}]", "(".repeat(4000), ")".repeat(4000));
        let nested = format!("$[?{}@{}]", "(".repeat(100), ")".repeat(100));
        for path in ["$..*..*", "$..x[?@.a..b]", "$[?$..x == @]", &deep, &nested] {
            assert!(ValuePath::parse(path).is_err(), "{path}");
        }
    }
}
