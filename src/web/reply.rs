//! What the server answers with. Every answer has the headers that keep other pages and scripts out.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::web::place::Origin;

/// An answer whose body is known as a whole.
pub(super) type Reply = Response<Full<Bytes>>;

/// Scripts and styles are files of the page itself: what a lab or a service wrote can be neither. Nothing is loaded from
/// elsewhere, and no other page can frame this one.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self' SOCKETS; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every answer.
const HEADERS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // With `no-referrer`, a browser would send the forms of the page without their origin.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Whether a browser may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caching {
    No,
    /// The address names the content.
    Forever,
}

/// Returns a page.
pub(super) fn page(status: StatusCode, html: String) -> Reply {
    reply(status, "text/html; charset=utf-8", html.into(), Caching::No)
}

/// Returns a JSON document.
pub(super) fn json(status: StatusCode, document: &Value) -> Reply {
    let text = document.to_string();
    reply(status, "application/json", text.into(), Caching::No)
}

/// Returns a sentence.
pub(super) fn text(status: StatusCode, sentence: &str) -> Reply {
    let text = format!("{sentence}\n");
    reply(
        status,
        "text/plain; charset=utf-8",
        text.into(),
        Caching::No,
    )
}

/// Returns a file of the page, whose address changes with its content.
pub(super) fn asset(content_type: &'static str, content: &'static [u8]) -> Reply {
    let content = Bytes::from_static(content);
    reply(StatusCode::OK, content_type, content, Caching::Forever)
}

/// Leads the browser to another path of the page.
pub(super) fn redirect(path: &str) -> Reply {
    let mut reply = text(StatusCode::SEE_OTHER, path);
    if let Ok(path) = HeaderValue::from_str(path) {
        reply.headers_mut().insert(header::LOCATION, path);
    }
    reply
}

/// Leads the browser to a page elsewhere, from a page without an origin. A page that may run no scripts may not lead on either,
/// so that it is allowed to, but none is loaded.
pub(super) fn leave(target: &str) -> Reply {
    let mut reply = text(StatusCode::OK, target);
    let headers = reply.headers_mut();
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={target}")) {
        headers.insert(header::REFRESH, refresh);
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        );
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "sandbox allow-scripts; default-src 'none'; frame-ancestors 'none'",
            ),
        );
    }
    reply
}

/// Ends the connection after an answer, so that those who are refused take no places.
pub(super) fn closing(mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// Gives a cookie to the browser.
pub(super) fn with_cookie(mut reply: Reply, cookie: &str) -> Reply {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    reply
}

/// Adds the headers of every answer of the page at an origin.
pub(super) fn protected(mut reply: Reply, origin: &Origin) -> Reply {
    let headers = reply.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(&CONTENT_POLICY.replace("SOCKETS", &origin.of_sockets()));
    let nothing = HeaderValue::from_static("default-src 'none'");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(policy.unwrap_or(nothing));
    reply
}

fn reply(status: StatusCode, content_type: &'static str, body: Bytes, caching: Caching) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let caching = match caching {
        Caching::No => "no-store",
        Caching::Forever => "private, max-age=31536000, immutable",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    reply
}
