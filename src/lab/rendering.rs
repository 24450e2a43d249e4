//! Renders the texts of a lab's guides.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::lab::id::{Instance, LabId, ServiceName};
use crate::lab::model::Lab;
use crate::lab::template::{Addresses, TemplateError, placeholders_in, render_guide};

/// Renders a text of a guide. Names are `lab`, the lab's variables, and each service with `host`, `port`, `ports`, `url` and
/// `container`. A service that is not in `addresses` has placeholders, such as `GRAFANA_URL`.
///
/// # Errors
/// The first name that is unknown, or the first tag that is not a name.
pub fn render(text: &str, lab: &Lab, addresses: &Addresses) -> Result<String, TemplateError> {
    let services = lab.services.iter().map(|(name, service)| {
        let ports = service.ports.iter().map(|port| port.container);
        (name, ports.collect())
    });
    // A service that does not start has placeholders too.
    let inactive = lab.inactive.keys().map(|name| (name, Vec::new()));
    let services: Vec<_> = services.chain(inactive).collect();
    render_guide(text, &lab.id, &lab.vars, &services, addresses)
}

/// Returns every error of a text, at most one for each line.
pub(crate) fn template_errors(text: &str, lab: &Lab, addresses: &Addresses) -> Vec<TemplateError> {
    let mut errors: Vec<TemplateError> = Vec::new();
    // What is in front of an error is blanked, line by line, so that the next one is found.
    let mut lines: Vec<&str> = text.split('\n').collect();
    while let Err(error) = render(&lines.join("\n"), lab, addresses) {
        let line = error.line;
        errors.push(error);
        match lines.get_mut(line.wrapping_sub(1)) {
            Some(text) if !text.is_empty() => *text = "",
            Some(_) | None => break,
        }
    }
    errors
}

/// Returns the placeholders in a rendered text by the service that they stand for, which has no address.
pub fn unresolved<'a>(
    text: &str,
    lab: &'a Lab,
    addresses: &Addresses,
) -> Vec<(&'a ServiceName, Vec<String>)> {
    let missing = lab.services.keys();
    let missing = missing.filter(|service| !addresses.contains_key(*service));
    let found = missing.map(|service| (service, placeholders_in(text, service)));
    found.filter(|(_, names)| !names.is_empty()).collect()
}

/// The beginning of a command of roadlab with the name of a lab: `roadlab restart --kill redis`. A workspace is named
/// `roadlab-redis`.
static COMMAND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\broadlab(?: [a-z]+(?: --[a-z-]+)* |-)([a-z0-9_-]+)").expect("a valid pattern")
});

/// Returns a text in which every command of roadlab that names the lab has the option for the instance, and the learner's
/// folder the name that it has in this instance.
pub fn with_instance(text: &str, lab: &LabId, instance: &Instance) -> String {
    if instance.is_main() {
        return text.to_owned();
    }
    let replaced = COMMAND.replace_all(text, |found: &Captures<'_>| {
        let rest = &text[found.get(0).map_or(0, |all| all.end())..];
        let option = format!(" --instance {instance}");
        match (&found[1] == lab.as_str(), found[0].starts_with("roadlab-")) {
            (false, _) => found[0].to_owned(),
            (true, true) => format!("{}-{instance}", &found[0]),
            (true, false) if rest.starts_with(" --instance") => found[0].to_owned(),
            (true, false) => format!("{}{option}", &found[0]),
        }
    });
    replaced.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let lab = LabId::new("redis").unwrap();
        let instance = Instance::new("kim").unwrap();
        assert_eq!(with_instance(text, &lab, &instance), expected);
        assert_eq!(with_instance(text, &lab, &Instance::main()), text);
    }

    #[test]
    fn commands_that_name_the_lab_have_the_option_for_the_instance() {
        check(
            "`roadlab reset redis --to counters` or `roadlab restart --kill redis`로",
            "`roadlab reset redis --instance kim --to counters` or `roadlab restart --kill redis --instance kim`로",
        );
        check(
            "roadlab shell redis redis -- redis-cli GET a",
            "roadlab shell redis --instance kim redis -- redis-cli GET a",
        );
        check("roadlab up redis.", "roadlab up redis --instance kim.");
        check("in `roadlab-redis/a.yml`", "in `roadlab-redis-kim/a.yml`");
        for same in [
            "`roadlab check redis --instance lee`",
            "`roadlab check redis-streams`",
            "`roadlab-redis-lee`",
            "`roadlab list`",
            "redis",
        ] {
            check(same, same);
        }
    }
}
