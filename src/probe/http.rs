//! The `http` probe: sends one request to a service's published port, and to no other server.

use std::cell::OnceCell;
use std::io;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::Value;

use crate::expect::{Actual, Status};
use crate::lab::{HttpBody, HttpProbe};
use crate::probe::address::port;
use crate::probe::error::ProbeError;
use crate::probe::limits::{MAX_ANSWER, lossy_text};
use crate::probe::target::Target;
use crate::text;
use crate::text::Text;

/// The most redirects that are followed.
const REDIRECTS: usize = 5;

/// The client of all requests. Each request opens a connection: over loopback that costs less than a stale connection.
#[derive(Default)]
pub(super) struct HttpClient(OnceCell<Client>);

impl HttpClient {
    pub(super) fn get(&self) -> Result<&Client, ProbeError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::custom(|attempt| match is_same_server(&attempt) {
                true => attempt.follow(),
                false => attempt.stop(),
            }))
            .referer(false)
            .pool_max_idle_per_host(0)
            .user_agent("roadlab")
            .build();
        let client = client.map_err(|error| ProbeError::InvalidStep(root_cause(&error)))?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// Whether a redirect leads to the same host and port. Any other redirect is returned as the answer.
fn is_same_server(attempt: &Attempt<'_>) -> bool {
    let same = |url: &Url| url.origin() == attempt.url().origin();
    attempt.previous().len() <= REDIRECTS && attempt.previous().first().is_some_and(same)
}

pub(super) async fn run<E>(
    probe: &HttpProbe,
    target: &Target<'_, E>,
    client: &HttpClient,
) -> Result<Actual, ProbeError> {
    let port = port(target, &probe.service, probe.port)?;
    let request = request(probe, port, client.get()?)?;
    let response = request.send().await.map_err(|error| match () {
        () if error.is_builder() => ProbeError::InvalidStep(root_cause(&error)),
        () if is_refused(&error) => ProbeError::Refused { port },
        () => ProbeError::NoAnswer(text!(
            "no HTTP answer from 127.0.0.1:{port}: {reason}",
            port,
            reason = root_cause(&error)
        )),
    })?;
    let status = response.status();
    let declared_json = is_json(&response);
    let body = body(response).await;
    let body = body.map_err(|error| {
        ProbeError::NoAnswer(text!(
            "the HTTP answer from 127.0.0.1:{port} broke off: {reason}",
            port,
            reason = root_cause(&error)
        ))
    })?;
    let value = value(&body, declared_json);
    let code = i64::from(status.as_u16());
    let status = match status.is_success() {
        true => Status::Success(code),
        false => Status::Failure(code),
    };
    Ok(Actual::with_status(value, status))
}

fn request(probe: &HttpProbe, port: u16, client: &Client) -> Result<RequestBuilder, ProbeError> {
    let url = format!("http://127.0.0.1:{port}{}", probe.path);
    let invalid = |reason: Text| {
        ProbeError::InvalidStep(text!(
            "invalid path `{path}`: {reason}",
            path = probe.path.escape_debug(),
            reason
        ))
    };
    let url = Url::parse(&url).map_err(|error| invalid(Text::verbatim(error.to_string())))?;
    if !probe.path.starts_with('/') || url.port_or_known_default() != Some(port) {
        return Err(invalid(text!("it must start with `/`")));
    }
    let method = Method::from_bytes(probe.method.as_bytes()).map_err(|_| {
        ProbeError::InvalidStep(text!(
            "invalid HTTP method `{method}`",
            method = probe.method.escape_debug()
        ))
    })?;
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
        let bad = || {
            ProbeError::InvalidStep(text!(
                "invalid HTTP header `{name}`",
                name = name.escape_debug()
            ))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = HeaderValue::from_str(value).map_err(|_| bad())?;
        headers.append(name, value);
    }
    // Last, so that a header of the lab replaces one that is set above.
    Ok(request.headers(headers))
}

/// Reads the body, at most `MAX_ANSWER` bytes.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_ANSWER);
    Ok(body)
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
    })
}

/// Converts a body to JSON if the content type says so, or if it starts with `{` or `[`; else to text.
fn value(body: &[u8], declared_json: bool) -> Value {
    let parsed = || serde_json::from_slice::<Value>(body).ok();
    let has_json_start = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    let json = (declared_json || has_json_start).then(parsed).flatten();
    json.unwrap_or_else(|| Value::from(lossy_text(body)))
}

/// Returns the innermost cause of an error. The outer ones only repeat the address.
fn root_cause(error: &reqwest::Error) -> Text {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Text::quotation(cause.to_string())
}

/// Whether the connection was refused.
fn is_refused(error: &reqwest::Error) -> bool {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests;
