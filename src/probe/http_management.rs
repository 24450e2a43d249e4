//! RabbitMQ's management interface, for what AMQP cannot inspect without a trace.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

use crate::engine::clock;
use crate::lab::{Login, ServiceName};
use crate::probe::address::port;
use crate::probe::http::{HttpClient, body};
use crate::probe::target::Target;

/// The container port of the management interface.
const PORT: u16 = 15672;

/// How long the interface may take to answer before AMQP is used, which leaves a trace. On a busy machine it takes seconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The management interface of a broker.
pub(super) struct Management {
    client: Client,
    port: u16,
    login: Login,
    pub(super) vhost: String,
}

/// What the interface knows of a queue or an exchange.
pub(super) enum Inspected {
    Found(Description),
    Missing,
    /// There is no such interface, or it does not answer.
    Unknown,
}

/// Whether the interface is to add the numbers of messages and consumers, which are up to five seconds old.
#[derive(Clone, Copy)]
enum Statistics {
    With,
    Without,
}

/// A queue or an exchange, as the interface describes it.
pub(super) struct Description(Value);

impl Management {
    /// Returns the interface of a broker that publishes its port.
    pub(super) fn of<E>(
        login: Login,
        vhost: &str,
        target: &Target<'_, E>,
        service: &ServiceName,
        http: &HttpClient,
    ) -> Option<Self> {
        Some(Self {
            client: http.get().ok()?.clone(),
            port: port(target, service, Some(PORT)).ok()?,
            login,
            vhost: vhost.to_owned(),
        })
    }

    /// Inspects a `queue` or an `exchange`.
    pub(super) async fn inspect(&self, kind: &str, name: &str) -> Inspected {
        let inspecting = async {
            let found = self.request(kind, name, Statistics::Without).await?;
            match found {
                Inspected::Found(queue) if queue.expires() => {
                    self.request(kind, name, Statistics::With).await
                }
                found => Some(found),
            }
        };
        match clock::timeout(TIMEOUT, inspecting).await {
            Ok(Some(found)) => found,
            Ok(None) | Err(_) => Inspected::Unknown,
        }
    }

    async fn request(&self, kind: &str, name: &str, statistics: Statistics) -> Option<Inspected> {
        let mut url = Url::parse(&format!("http://127.0.0.1:{}/", self.port)).ok()?;
        let kinds = format!("{kind}s");
        let segments = ["api", &kinds, &self.vhost, name];
        url.path_segments_mut().ok()?.clear().extend(segments);
        let request = self.client.get(url);
        let request = match statistics {
            Statistics::With => request,
            Statistics::Without => request.query(&[("disable_stats", "true")]),
        };
        let login = request.basic_auth(&self.login.user, Some(&self.login.password));
        let response = login.send().await.ok()?;
        match response.status() {
            StatusCode::OK => {
                let body = body(response).await.ok()?;
                let description = serde_json::from_slice(&body).ok()?;
                Some(Inspected::Found(Description(description)))
            }
            StatusCode::NOT_FOUND => Some(Inspected::Missing),
            _ => None,
        }
    }
}

impl Description {
    /// Returns the type of a queue, such as `stream`.
    pub(super) fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or_default()
    }

    /// Whether the queue is deleted when it was not used for some time.
    pub(super) fn expires(&self) -> bool {
        !self.0["arguments"]["x-expires"].is_null()
            || !self.0["effective_policy_definition"]["expires"].is_null()
    }

    /// Returns the numbers of messages and consumers, which can be some seconds old.
    pub(super) fn counts(&self) -> Value {
        let count = |key: &str| self.0[key].as_u64().unwrap_or_default();
        json!({ "messages": count("messages_ready"), "consumers": count("consumers") })
    }
}
