//! Who may use the page. Pure decisions over what a request contains.
//!
//! The page is for the person who started it, in one browser, on this machine or, over TLS, on another one. Labs are files of strangers, and their services have web pages on
//! the same machine, so that the machine alone is no boundary:
//!
//! - The address has a token that works once. It becomes a cookie, which scripts cannot read and which no other site sends.
//! - The page is at `localhost`, and the pages of labs are at `127.0.0.1`. A browser sends a cookie to every port of its host,
//!   so that a service would get that of the page if both had the same host. Links lead out through [`leave`](super::leave), so
//!   that no redirect takes the cookie along.
//! - The host that a request names must be the page's own. A name of a stranger that leads to this machine (DNS rebinding) is
//!   another one.
//! - The page that sends a request must be the page itself. Whatever changes something must say so.

use crate::hex;
use crate::web::place::{Origin, Scheme};

/// The number of random bytes of a secret.
const SECRET_BYTES: usize = 32;

/// A value that cannot be guessed, as hexadecimal digits.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// Returns a new secret.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex::encode(&bytes)))
    }

    /// Returns a secret that was stored; `None` if this is none.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let valid = text.len() == 2 * SECRET_BYTES && text.bytes().all(is_digit);
        valid.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether a text is this secret. The time that takes does not depend on where they differ.
    pub(super) fn matches(&self, given: &str) -> bool {
        let pairs = self.0.bytes().zip(given.bytes());
        let difference = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        self.0.len() == given.len() && std::hint::black_box(difference) == 0
    }
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It reads a page or a file.
    Read,
    /// It changes something, or opens a WebSocket.
    Change,
}

/// What a request contains, as far as access depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) purpose: Purpose,
    /// `Host`, unless there are several.
    pub(super) host: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub(super) fetch_site: Option<&'a str>,
    /// `Cookie`.
    pub(super) cookies: &'a str,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// It names another host.
    Host,
    /// Another page sent it.
    Origin,
    /// It has no cookie, or a wrong one.
    Session,
}

/// The origin of the page and the secret of its session.
pub(super) struct Access {
    origin: Origin,
    session: Secret,
}

impl Access {
    pub(super) fn new(origin: Origin, session: Secret) -> Self {
        Self { origin, session }
    }

    /// Returns the origin of the page.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the name of a cookie of this server: browsers do not tell ports apart.
    pub(super) fn cookie_name(&self, what: &str) -> String {
        format!("roadlab-{what}-{}", self.origin.port())
    }

    /// Returns the header that gives the session to a browser.
    pub(super) fn session_cookie(&self) -> String {
        let name = self.cookie_name("session");
        let session = self.session.as_str();
        let secure = match self.origin.scheme() {
            Scheme::Http => "",
            Scheme::Https => "; Secure",
        };
        format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict{secure}")
    }

    /// Checks where a request comes from and where it goes, but not who sends it.
    pub(super) fn check_place(&self, claims: &Claims<'_>) -> Result<(), Denied> {
        let own_host = self.origin.host();
        if !claims
            .host
            .is_some_and(|host| host.eq_ignore_ascii_case(&own_host))
        {
            return Err(Denied::Host);
        }
        let own_origin = match claims.origin {
            Some(origin) => origin == self.origin.to_string(),
            None => claims.purpose == Purpose::Read,
        };
        // `none`: the person typed the address.
        let same_site = claims
            .fetch_site
            .is_none_or(|site| matches!(site, "same-origin" | "none"));
        match own_origin && same_site {
            true => Ok(()),
            false => Err(Denied::Origin),
        }
    }

    /// Checks a request in every respect.
    pub(super) fn check(&self, claims: &Claims<'_>) -> Result<(), Denied> {
        self.check_place(claims)?;
        let name = self.cookie_name("session");
        // Another server of this machine may have set one of the same name.
        let mut given = named_cookies(claims.cookies, &name);
        match given.any(|given| self.session.matches(given)) {
            true => Ok(()),
            false => Err(Denied::Session),
        }
    }
}

/// Returns the values of the cookies with a name.
pub(super) fn named_cookies<'a>(cookies: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let pairs = cookies.split(';').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(move |(known, _)| known.trim() == name);
    named.map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::place::Place;

    const ORIGIN: &str = "http://localhost:4000";

    fn access() -> Access {
        at(4000)
    }

    fn at(port: u16) -> Access {
        let secret = Secret::stored(&"ab".repeat(32)).unwrap();
        Access::new(Place::ThisMachine.origin(port), secret)
    }

    /// A request of the page itself.
    fn own(purpose: Purpose, cookies: &str) -> Claims<'_> {
        Claims {
            purpose,
            host: Some("localhost:4000"),
            origin: Some(ORIGIN),
            fetch_site: Some("same-origin"),
            cookies,
        }
    }

    #[test]
    fn a_secret_is_never_the_same_and_only_matches_itself() {
        let (one, other) = (Secret::new().unwrap(), Secret::new().unwrap());
        assert_eq!(one.as_str().len(), 64);
        assert!(one.matches(one.as_str()));
        assert!(!one.matches(other.as_str()));
        assert!(!one.matches(&one.as_str()[1..]));
        assert!(!one.matches(""));
        assert!(Secret::stored(one.as_str()).is_some());
        for wrong in ["", "ab", &"AB".repeat(32), &"g0".repeat(32)] {
            assert!(Secret::stored(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_session_is_in_a_cookie_that_only_the_page_itself_sends() {
        let cookie = access().session_cookie();
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
        for purpose in [Purpose::Read, Purpose::Change] {
            assert_eq!(access().check(&own(purpose, pair)), Ok(()));
            for others in [
                format!("a=b; {pair}; c=d"),
                format!("roadlab-session-4000=x; {pair}"),
            ] {
                assert_eq!(access().check(&own(purpose, &others)), Ok(()));
            }
            for wrong in [
                "",
                "roadlab-session-4000=",
                "roadlab-session-4001=x",
                &pair[..70],
            ] {
                let denied = access().check(&own(purpose, wrong));
                assert_eq!(denied, Err(Denied::Session), "{wrong}");
            }
        }
    }

    #[test]
    fn the_port_of_the_web_is_not_named() {
        let access = at(80);
        let cookie = access.session_cookie();
        let claims = Claims {
            host: Some("localhost"),
            origin: Some("http://localhost"),
            ..own(Purpose::Change, &cookie)
        };
        assert_eq!(access.check(&claims), Ok(()));
    }

    #[test]
    fn another_host_is_refused_before_anything_else() {
        let cookie = access().session_cookie();
        let hosts = [
            None,
            Some("127.0.0.1:4000"),
            Some("localhost"),
            Some("localhost:4001"),
            Some("localhost.evil.test:4000"),
            Some("evil.test:4000"),
            Some("localhost:4000@evil.test"),
            Some(""),
        ];
        for host in hosts {
            let claims = Claims {
                host,
                ..own(Purpose::Read, &cookie)
            };
            assert_eq!(access().check(&claims), Err(Denied::Host), "{host:?}");
        }
        let claims = Claims {
            host: Some("LOCALHOST:4000"),
            ..own(Purpose::Read, &cookie)
        };
        assert_eq!(access().check(&claims), Ok(()));
    }

    #[test]
    fn another_page_is_refused_and_a_change_needs_an_origin() {
        let cookie = access().session_cookie();
        let check = |purpose, origin, fetch_site| {
            access().check(&Claims {
                origin,
                fetch_site,
                ..own(purpose, &cookie)
            })
        };
        let others = [
            "null",
            "http://127.0.0.1:4000",
            "https://localhost:4000",
            "http://localhost:4001",
            "http://localhost:40001",
            "http://localhost:4000.evil.test",
        ];
        for purpose in [Purpose::Read, Purpose::Change] {
            for other in others {
                let denied = check(purpose, Some(other), None);
                assert_eq!(denied, Err(Denied::Origin), "{other}");
            }
            for site in ["cross-site", "same-site", "other"] {
                let denied = check(purpose, Some(ORIGIN), Some(site));
                assert_eq!(denied, Err(Denied::Origin), "{site}");
            }
        }
        // The person typed the address, or uses a program without these headers.
        assert_eq!(check(Purpose::Read, None, Some("none")), Ok(()));
        assert_eq!(check(Purpose::Read, None, None), Ok(()));
        assert_eq!(check(Purpose::Change, None, None), Err(Denied::Origin));
    }
}
