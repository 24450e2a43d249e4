//! One HTTP request to a service's published port, and nowhere else.

use std::cell::OnceCell;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::Value;

use crate::expect::Actual;
use crate::lab::{HttpBody, HttpProbe};
use crate::probe::dial::port;
use crate::probe::{MOST, ProbeError, Target, text};

/// The most redirects that are followed.
const REDIRECTS: usize = 5;

/// The one client of all looks. A new connection for each request: over loopback that costs less than a stale one.
#[derive(Default)]
pub(crate) struct Requests(OnceCell<Client>);

impl Requests {
    fn client(&self) -> Result<&Client, ProbeError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::custom(|attempt| match stays(&attempt) {
                true => attempt.follow(),
                false => attempt.stop(),
            }))
            .referer(false)
            .pool_max_idle_per_host(0)
            .user_agent("roadlab")
            .build();
        let client = client.map_err(|error| ProbeError::CannotLook(words(&error)))?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// A redirect to another host or port is an answer to look at, not an order to go there.
fn stays(attempt: &Attempt<'_>) -> bool {
    let same = |url: &Url| url.origin() == attempt.url().origin();
    attempt.previous().len() <= REDIRECTS && attempt.previous().first().is_some_and(same)
}

pub(super) async fn probe<E>(
    probe: &HttpProbe,
    target: &Target<'_, E>,
) -> Result<Actual, ProbeError> {
    let port = port(target, &probe.service, probe.port)?;
    let request = request(probe, port, target.connections.http.client()?)?;
    let response = request.send().await.map_err(|error| {
        let what = match error.is_connect() {
            true => format!("nothing answers at 127.0.0.1:{port}"),
            false => format!("no HTTP answer from 127.0.0.1:{port}: {}", words(&error)),
        };
        match error.is_builder() {
            true => ProbeError::CannotLook(words(&error)),
            false => ProbeError::NoAnswer(what),
        }
    })?;
    let status = response.status();
    let says_json = says_json(&response);
    let body = body(response).await;
    let body = body.map_err(|error| {
        let what = words(&error);
        ProbeError::NoAnswer(format!("127.0.0.1:{port} broke off its answer: {what}"))
    })?;
    let value = value(&body, says_json);
    let code = i64::from(status.as_u16());
    Ok(Actual::with_status(value, code, status.is_success()))
}

fn request(probe: &HttpProbe, port: u16, client: &Client) -> Result<RequestBuilder, ProbeError> {
    let cannot = |what: String| ProbeError::CannotLook(what);
    let url = format!("http://127.0.0.1:{port}{}", probe.path);
    let url = Url::parse(&url).map_err(|error| cannot(format!("`{url}`: {error}")))?;
    if !probe.path.starts_with('/') || url.port_or_known_default() != Some(port) {
        return Err(cannot(format!("`{}` must begin with `/`", probe.path)));
    }
    let method = Method::from_bytes(probe.method.as_bytes());
    let method = method.map_err(|_| cannot(format!("`{}` is no HTTP method", probe.method)))?;
    let mut request = client.request(method, url);
    if !probe.query.is_empty() {
        request = request.query(&probe.query);
    }
    if let Some(login) = &probe.auth {
        request = request.basic_auth(&login.user, Some(&login.password));
    }
    if let Some(token) = &probe.bearer {
        request = request.bearer_auth(token);
    }
    request = match &probe.body {
        HttpBody::Nothing => request,
        HttpBody::Text(text) => request.body(text.clone()),
        HttpBody::Json(json) => request.json(json),
        HttpBody::Form(form) => request.form(form),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &probe.headers {
        let bad = || cannot(format!("`{}` is no HTTP header", name.escape_debug()));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = HeaderValue::from_str(value).map_err(|_| bad())?;
        headers.append(name, value);
    }
    // Last, so that a header the lab writes wins.
    Ok(request.headers(headers))
}

/// The body, cut at the most that a look takes.
async fn body(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < MOST
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MOST);
    Ok(body)
}

fn says_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
    })
}

/// JSON if the server says so or it plainly is; else text. A number alone may be meant as text.
fn value(body: &[u8], says_json: bool) -> Value {
    let parsed = || serde_json::from_slice::<Value>(body).ok();
    let looks_like_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    let json = (says_json || looks_like_json).then(parsed).flatten();
    json.unwrap_or_else(|| Value::from(text(body)))
}

/// An error with its causes, without the address, which the caller knows better.
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
