//! Reads the proxy variables of the environment, without passwords.

use std::collections::BTreeMap;

const NAMES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// Returns the proxy variables that are set, in upper or lower case, by their upper-case name.
pub fn proxy_variables() -> BTreeMap<String, String> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let set = NAMES.iter().filter_map(|name| {
        let value = value(&name.to_lowercase()).or_else(|| value(name))?;
        Some(((*name).to_owned(), redact_credentials(&value)))
    });
    set.collect()
}

/// Returns a proxy's address without its user and password.
pub fn redact_credentials(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}…@{host}"),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_redacted() {
        assert_eq!(
            redact_credentials("http://me:p@ss@proxy.test:3128"),
            "http://…@proxy.test:3128"
        );
        assert_eq!(
            redact_credentials("me:secret@proxy.test:3128"),
            "…@proxy.test:3128"
        );
        assert_eq!(
            redact_credentials("http://proxy.test:3128"),
            "http://proxy.test:3128"
        );
    }
}
