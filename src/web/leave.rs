//! The way from the page to pages elsewhere: those of services, and those that guides name.
//!
//! A browser sends the cookies of a host to all its ports, also with `SameSite=Strict` if the link was on the page itself, and
//! over redirects. So a link leads to a page of the server that has no origin (a sandbox), and that one leads on: what it leads
//! to, and whatever that redirects to, is then another site.

use form_urlencoded::byte_serialize;
use reqwest::Url;

/// Returns the path that leads to an address elsewhere.
pub(super) fn path(address: &str) -> String {
    let encoded: String = byte_serialize(address.as_bytes()).collect();
    format!("/leave?to={encoded}")
}

/// Returns where a path leads; `None` if that is no address of the web.
pub(super) fn target(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let is_of_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_of_web.then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_elsewhere() {
        for (address, expected) in [
            (
                "http://127.0.0.1:8080/a?b=c d",
                Some("http://127.0.0.1:8080/a?b=c%20d"),
            ),
            ("HTTPS://x.test", Some("https://x.test/")),
            (
                "https://x.test/\"><script>",
                Some("https://x.test/%22%3E%3Cscript%3E"),
            ),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("//x.test", None),
            ("/labs", None),
            ("", None),
            ("http://", None),
        ] {
            assert_eq!(target(address).as_deref(), expected, "{address}");
        }
        assert_eq!(
            path("https://x.test/?a=1&b=2"),
            "/leave?to=https%3A%2F%2Fx.test%2F%3Fa%3D1%26b%3D2"
        );
    }
}
