//! Templates: the texts of guides and the addresses of services, in which names such as `{{ redis.url }}` are replaced.
//!
//! A template contains names only, no loops and no expressions, so that a text from a stranger cannot run for ever or
//! exhaust the memory.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::lab::id::{LabId, ServiceName};
use crate::lab::variables::Variables;
use crate::problem::{Code, Problem, suggestion};
use crate::text;
use crate::text::Text;

/// The addresses of the services of a running lab.
pub type Addresses = BTreeMap<ServiceName, ServiceAddress>;

/// The address of a service on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceAddress {
    pub host: String,
    /// Published host port by container port.
    pub ports: BTreeMap<u16, u16>,
    /// The first container port, whose host port is `port`.
    pub first: Option<u16>,
    pub url: Option<String>,
    pub container: String,
}

/// The reason why a template cannot be rendered.
#[derive(Debug, Clone)]
pub struct TemplateError {
    /// The line within the text, counted from 1.
    pub line: usize,
    pub what: Text,
    pub help: Option<Text>,
}

impl TemplateError {
    /// Returns the error as a problem without a place.
    pub fn problem(self) -> Problem {
        let problem = Problem::new(self.what).code(Code::Template);
        match self.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }
}

/// The value of a name.
#[derive(Debug, Clone)]
enum Value {
    String(String),
    Map(BTreeMap<String, Value>),
}

type Names = BTreeMap<String, Value>;

/// The most bytes of a rendered text: a short name can have a long value.
const MAX_RENDERED_SIZE: usize = 4 << 20;

impl ServiceAddress {
    /// Returns the host port of a container port, or of the first container port.
    pub fn port(&self, container: Option<u16>) -> Option<u16> {
        self.ports.get(&container.or(self.first)?).copied()
    }

    fn names(&self) -> Names {
        let ports = self.ports.iter();
        let ports = ports.map(|(container, host)| (container.to_string(), Value::from(host)));
        let port = self
            .port(None)
            .map_or_else(String::new, |port| port.to_string());
        Names::from([
            ("host".to_owned(), Value::from(&self.host)),
            ("port".to_owned(), Value::from(port)),
            ("ports".to_owned(), Value::Map(ports.collect())),
            (
                "url".to_owned(),
                Value::from(self.url.as_deref().unwrap_or_default()),
            ),
            ("container".to_owned(), Value::from(&self.container)),
        ])
    }
}

impl<T: std::fmt::Display> From<T> for Value {
    fn from(value: T) -> Self {
        Value::String(value.to_string())
    }
}

/// The parts of an address that have a placeholder if the service does not run.
const PLACEHOLDERS: [&str; 3] = ["URL", "PORT", "CONTAINER"];

/// Renders a text with the names of [`render`](crate::lab::render). Each service has its container ports.
pub(crate) fn render_guide(
    text: &str,
    lab: &LabId,
    variables: &Variables,
    services: &[(&ServiceName, Vec<u16>)],
    addresses: &Addresses,
) -> Result<String, TemplateError> {
    let mut names = variable_names(variables);
    names.insert("lab".to_owned(), Value::from(lab));
    for (service, ports) in services {
        let address = addresses.get(service);
        let address = address.map_or_else(|| placeholders(service, ports), ServiceAddress::names);
        // Names have no hyphens: `{{ node_exporter.port }}` is the port of `node-exporter`.
        let name = service.as_str().replace('-', "_");
        names.insert(name, Value::Map(address));
    }
    fill(text, &names)
}

/// Returns what the names of a service stand for that does not run: words in capitals, as in the usage of a command.
fn placeholders(service: &ServiceName, ports: &[u16]) -> Names {
    let [url, port, container] = PLACEHOLDERS.map(|part| placeholder(service, part));
    let ports = ports.iter();
    let ports = ports.map(|number| (number.to_string(), Value::from(&port)));
    Names::from([
        ("host".to_owned(), Value::from("127.0.0.1")),
        ("ports".to_owned(), Value::Map(ports.collect())),
        ("port".to_owned(), Value::from(&port)),
        ("url".to_owned(), Value::from(url)),
        ("container".to_owned(), Value::from(container)),
    ])
}

/// `GRAFANA_URL`.
fn placeholder(service: &ServiceName, part: &str) -> String {
    let service = service.as_str().replace('-', "_").to_uppercase();
    format!("{service}_{part}")
}

/// Returns the placeholders of a service in a rendered text.
pub(crate) fn placeholders_in(text: &str, service: &ServiceName) -> Vec<String> {
    let all = PLACEHOLDERS.map(|part| placeholder(service, part));
    all.into_iter().filter(|name| text.contains(name)).collect()
}

/// Renders a text of a guide that does not depend on the addresses of services. Names are `lab` and the lab's variables.
///
/// # Errors
/// The first name that is unknown, or the first tag that is not a name.
pub(crate) fn render_without_addresses(
    text: &str,
    lab: &LabId,
    variables: &Variables,
) -> Result<String, TemplateError> {
    let mut names = variable_names(variables);
    names.insert("lab".to_owned(), Value::from(lab));
    fill(text, &names)
}

/// Renders the `url` of a service. Names are those of the service itself, such as `host` and `port`, and the lab's variables.
///
/// # Errors
/// The first name that is unknown, or the first tag that is not a name.
pub fn render_url(
    text: &str,
    variables: &Variables,
    address: &ServiceAddress,
) -> Result<String, TemplateError> {
    let mut names = variable_names(variables);
    names.extend(address.names());
    fill(text, &names)
}

fn variable_names(variables: &Variables) -> Names {
    let names = variables.iter();
    names
        .map(|(name, value)| (name.clone(), Value::from(value)))
        .collect()
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

/// `{{ name }}`, `{{ name.part }}`, `{{ name['part'] }}` or `{{ 'text' }}`.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"^\{\{\s*(?:([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:'[^']*'|"[^"]*"|[0-9]+)\])*)|'([^']*)'|"([^"]*)")\s*\}\}"#,
    )
});

/// One `.part` or `['part']` of a name.
static PART: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"\.([A-Za-z_][A-Za-z0-9_]*)|\['([^']*)'\]|\["([^"]*)"\]|\[([0-9]+)\]"#)
});

/// What is between `{% raw %}` and `{% endraw %}` is literal.
static RAW: LazyLock<Regex> = LazyLock::new(|| regex(r"^\{%\s*raw\s*%\}"));
static END_RAW: LazyLock<Regex> = LazyLock::new(|| regex(r"\{%\s*endraw\s*%\}"));

fn fill(text: &str, names: &Names) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(start) = next_tag(text, at) {
        out.push_str(&text[at..start]);
        let error = |what: Text, help: Option<Text>| TemplateError {
            line: text[..start].matches('\n').count() + 1,
            what,
            help,
        };
        let rest = &text[start..];
        if let Some(tag) = TAG.captures(rest) {
            let literal = tag.get(3).or_else(|| tag.get(4));
            match literal
                .map(|literal| literal.as_str())
                .or_else(|| value(&tag, names))
            {
                Some(value) => out.push_str(value),
                None => {
                    let name = tag[0].trim_matches(['{', '}', ' ']);
                    let help = suggestion(name, full_names(names).iter().map(String::as_str));
                    return Err(error(text!("unknown name `{name}`", name), Some(help)));
                }
            }
            at = start + tag[0].len();
        } else if let Some(raw) = RAW.find(rest) {
            let missing = || error(text!("`{{% raw %}}` without `{{% endraw %}}`"), None);
            let end = END_RAW.find_at(rest, raw.end()).ok_or_else(missing)?;
            out.push_str(&rest[raw.end()..end.start()]);
            at = start + end.end();
        } else {
            let help = text!(
                "write a name, such as `{{{{ redis.url }}}}`, or `{{{{ '{{{{' }}}}` for the characters themselves"
            );
            return Err(error(text!("invalid template"), Some(help)));
        }
        if out.len() > MAX_RENDERED_SIZE {
            let limit = MAX_RENDERED_SIZE;
            return Err(error(
                text!(
                    "the text exceeds {limit} bytes after its names are replaced",
                    limit
                ),
                None,
            ));
        }
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// Returns the position of the next `{{` or `{%`.
fn next_tag(text: &str, from: usize) -> Option<usize> {
    let begins = |at: &usize| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%'));
    let braces = text[from..].match_indices('{');
    braces.map(|(at, _)| from + at).find(begins)
}

/// Returns the value of the name in a tag.
fn value<'a>(tag: &Captures<'_>, names: &'a Names) -> Option<&'a str> {
    let mut value = names.get(tag.get(1)?.as_str())?;
    for part in PART.captures_iter(&tag[2]) {
        let Value::Map(parts) = value else {
            return None;
        };
        let part = part.iter().skip(1).flatten().next()?;
        value = parts.get(part.as_str())?;
    }
    match value {
        Value::String(value) => Some(value),
        Value::Map(_) => None,
    }
}

/// Returns all names whose value is a string, such as `lab` and `redis.url`.
fn full_names(names: &Names) -> Vec<String> {
    let mut full = Vec::new();
    for (name, value) in names {
        match value {
            Value::String(_) => full.push(name.clone()),
            Value::Map(parts) => {
                let parts = parts
                    .iter()
                    .filter(|(_, value)| matches!(value, Value::String(_)));
                full.extend(parts.map(|(part, _)| format!("{name}.{part}")));
            }
        }
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses {
        let address = ServiceAddress {
            host: "127.0.0.1".into(),
            ports: BTreeMap::from([(6379, 24817), (80, 24818)]),
            first: Some(6379),
            url: Some("redis://127.0.0.1:24817".into()),
            container: "roadlab-redis-x-redis".into(),
        };
        BTreeMap::from([(ServiceName::new("my-redis").unwrap(), address)])
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let variables = Variables::from([("user".to_owned(), "kim".to_owned())]);
        let names = ["my-redis", "grafana"].map(|name| ServiceName::new(name).unwrap());
        let lab = LabId::new("redis").unwrap();
        let services: Vec<_> = names.iter().map(|name| (name, vec![6379, 80])).collect();
        let rendered = match render_guide(text, &lab, &variables, &services, &addresses()) {
            Ok(rendered) => rendered,
            Err(error) => format!("line {}: {}", error.line, error.what.localized()),
        };
        assert_eq!(rendered, expected);
    }

    #[test]
    fn names_are_replaced_and_unknown_names_are_errors() {
        check(
            "{{ my_redis.url }} {{ my_redis.port }} {{user}} {{ lab }}.",
            "redis://127.0.0.1:24817 24817 kim redis.",
        );
        for port in ["{{ my_redis.ports['80'] }}", "{{ my_redis.ports[80] }}"] {
            check(port, "24818");
        }
        check("{{ '{{' }} {{ \"}}\" }}", "{{ }}");
        check(
            "curl {{ grafana.url }}/api {{ grafana.host }}:{{ grafana.ports['80'] }}",
            "curl GRAFANA_URL/api 127.0.0.1:GRAFANA_PORT",
        );
        check("a\n{{ redsi.url }}", "line 2: unknown name `redsi.url`");
        check("{{ my_redis }}", "line 1: unknown name `my_redis`");
        check("{{ lab.url }}", "line 1: unknown name `lab.url`");
        check("{ a } {\"b\": {}} {# c #}", "{ a } {\"b\": {}} {# c #}");
    }

    #[test]
    fn a_close_name_is_suggested() {
        let names = Names::from([("host".to_owned(), Value::from("x"))]);
        let error = fill("{{ hots }}", &names).unwrap_err();
        let help = error.help.map(|help| help.localized());
        assert_eq!(help.as_deref(), Some("did you mean `host`?"));
    }

    #[test]
    fn a_template_contains_names_only() {
        for text in [
            "{{ 'x' * 100000000 }}",
            "{{ user ~ user }}",
            "{% for c in 'aaaa' %}{{ c }}{% endfor %}",
            "{% set x = user %}",
            "{{ user",
            "{{",
            "{%",
        ] {
            check(text, "line 1: invalid template");
        }
        check(
            "{% raw %}{{ ds }} {% x %}{% endraw %} {{ lab }}",
            "{{ ds }} {% x %} redis",
        );
        check("a\n{% raw %}", "line 2: `{% raw %}` without `{% endraw %}`");
    }

    #[test]
    fn short_names_of_long_values_do_not_exhaust_the_memory() {
        let names = Names::from([("a".to_owned(), Value::from("x".repeat(1 << 20)))]);
        let error = fill(&"{{a}}".repeat(50_000), &names).unwrap_err();
        let what = error.what.localized();
        assert_eq!(
            what,
            "the text exceeds 4194304 bytes after its names are replaced"
        );
    }
}
