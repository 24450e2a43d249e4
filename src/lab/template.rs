//! Guide text and addresses are templates with strict names. The template library has its home here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};
use regex::Regex;

use crate::lab::vars::Vars;
use crate::lab::{Lab, LabId, ServiceName};

/// Where the services of a running lab answer, by service.
pub type Addresses = BTreeMap<ServiceName, ServiceAddress>;

/// Where one service answers on this machine.
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

impl ServiceAddress {
    /// The host port of a container port, or of the first one.
    pub fn port(&self, container: Option<u16>) -> Option<u16> {
        self.ports.get(&container.or(self.first)?).copied()
    }

    fn names(&self) -> BTreeMap<&'static str, Value> {
        let ports: BTreeMap<String, u16> = self
            .ports
            .iter()
            .map(|(c, h)| (c.to_string(), *h))
            .collect();
        BTreeMap::from([
            ("host", Value::from(self.host.clone())),
            (
                "port",
                self.port(None).map_or_else(|| Value::from(""), Value::from),
            ),
            ("ports", Value::from(ports)),
            ("url", Value::from(self.url.clone().unwrap_or_default())),
            ("container", Value::from(self.container.clone())),
        ])
    }
}

/// Fills a guide's text. Names: `lab`, the lab's vars, and each service with `host`, `port`, `ports`, `url`, `container`.
/// A service that does not run has words in place of its address. The error is one line within the text, and what is wrong.
pub fn render(text: &str, lab: &Lab, addresses: &Addresses) -> Result<String, (usize, String)> {
    let services: Vec<&ServiceName> = lab.services.keys().collect();
    guide(text, &lab.id, &lab.vars, &services, addresses)
}

fn guide(
    text: &str,
    lab: &LabId,
    vars: &Vars,
    services: &[&ServiceName],
    addresses: &Addresses,
) -> Result<String, (usize, String)> {
    let mut names: BTreeMap<String, Value> = vars
        .iter()
        .map(|(k, v)| (k.clone(), Value::from(v.clone())))
        .collect();
    names.insert("lab".to_owned(), Value::from(lab.as_str()));
    for service in services {
        let address = addresses
            .get(service)
            .cloned()
            .unwrap_or_else(|| ServiceAddress {
                host: "127.0.0.1".to_owned(),
                url: Some(format!("(address of {service}, which does not run)")),
                container: format!("({service} does not run)"),
                ..ServiceAddress::default()
            });
        // Jinja names have no hyphens: `{{ node_exporter.port }}` for `node-exporter`.
        let name = service.as_str().replace('-', "_");
        names.insert(
            name,
            Value::from(address.names().into_iter().collect::<BTreeMap<_, _>>()),
        );
    }
    fill(text, &names)
}

/// Fills a service's `url`. Names: `host`, `port`, `ports` of the service itself, and the lab's vars.
pub fn url(text: &str, vars: &Vars, address: &ServiceAddress) -> Result<String, (usize, String)> {
    let mut names: BTreeMap<String, Value> = vars
        .iter()
        .map(|(k, v)| (k.clone(), Value::from(v.clone())))
        .collect();
    names.extend(address.names().into_iter().map(|(k, v)| (k.to_owned(), v)));
    fill(text, &names)
}

/// One `{{ name }}`, `{{ name.part }}`, `{{ name['part'] }}` or `{{ 'text' }}`. Loops, sums and repetition are no part of a guide:
/// with them a stranger's text could take for ever, or all memory.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let text = r#"'[^']*'|"[^"]*""#;
    let name = r"[A-Za-z_][A-Za-z0-9_]*";
    let pattern =
        format!(r"^\{{\{{-?\s*(?:{name}(?:\.{name}|\[(?:{text}|[0-9]+)\])*|{text})\s*-?\}}\}}");
    Regex::new(&pattern).expect("it is written here")
});

/// `{% raw %}` and `{% endraw %}`: what lies between them is shown as it is.
static RAW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\{%-?\s*raw\s*-?%\}").expect("it is written here"));
static END_RAW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{%-?\s*endraw\s*-?%\}").expect("it is written here"));

/// Only names are filled in; the error is one line within the text.
fn only_names(text: &str) -> Result<(), (usize, String)> {
    // What begins something is looked for once, not each beginning to the end of the text.
    let begins = |at: &usize| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%'));
    let next = |from: usize| {
        let braces = text[from..].match_indices('{');
        braces.map(|(at, _)| from + at).find(begins)
    };
    let mut at = 0;
    while let Some(found) = next(at) {
        let here = &text[found..];
        let line = || text[..found].matches('\n').count() + 1;
        let length = if let Some(name) = NAME.find(here) {
            name.len()
        } else if let Some(raw) = RAW.find(here) {
            let end = END_RAW.find_at(here, raw.len());
            end.ok_or_else(|| (line(), "`{% raw %}` has no `{% endraw %}`".to_owned()))?
                .end()
        } else {
            let what = "only names are filled in, such as `{{ redis.url }}`; for the characters write `{{ '{{' }}`";
            return Err((line(), what.to_owned()));
        };
        at = found + length;
    }
    Ok(())
}

fn fill(text: &str, names: &BTreeMap<String, Value>) -> Result<String, (usize, String)> {
    only_names(text)?;
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.render_str(text, names).map_err(|error| {
        let detail = error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned);
        (error.line().unwrap_or(1), detail)
    })
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
    fn check(text: &str, expected: Result<&str, (usize, &str)>) {
        let vars = Vars::from([("user".to_owned(), "kim".to_owned())]);
        let (mine, other) = (
            ServiceName::new("my-redis").unwrap(),
            ServiceName::new("grafana").unwrap(),
        );
        let filled = guide(
            text,
            &LabId::new("redis").unwrap(),
            &vars,
            &[&mine, &other],
            &addresses(),
        );
        assert_eq!(
            filled
                .as_deref()
                .map_err(|(line, what)| (*line, what.as_str())),
            expected
        );
    }

    #[test]
    fn names_are_filled_and_unknown_ones_are_errors() {
        check(
            "{{ my_redis.url }} {{ my_redis.port }} {{ user }} {{ lab }}",
            Ok("redis://127.0.0.1:24817 24817 kim redis"),
        );
        check("{{ my_redis.ports['80'] }}", Ok("24818"));
        check("{{ '{{' }}", Ok("{{"));
        check(
            "{{ grafana.url }}",
            Ok("(address of grafana, which does not run)"),
        );
        check("a\n{{ redsi.url }}", Err((2, "undefined value")));
    }

    #[test]
    fn a_guide_is_no_program() {
        const ONLY: &str = "only names are filled in, such as `{{ redis.url }}`; for the characters write `{{ '{{' }}`";
        for text in [
            "{{ 'x' * 100000000 }}",
            "{{ user ~ user }}",
            "{% for c in 'aaaa' %}{{ c }}{% endfor %}",
            "{% set x = user %}",
            "{{ user",
            "{{",
            "{%",
        ] {
            check(text, Err((1, ONLY)));
        }
        check(
            "{% raw %}{{ ds }} {% x %}{% endraw %} {{ lab }}",
            Ok("{{ ds }} {% x %} redis"),
        );
        check(
            "a\n{% raw %}",
            Err((2, "`{% raw %}` has no `{% endraw %}`")),
        );
    }
}
