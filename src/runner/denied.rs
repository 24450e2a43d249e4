//! Whether a service refuses the user with which a lab connects to it, because that user, its password or its rights were changed.

use crate::expect::Actual;
use crate::lab::StepKind;
use crate::probe::ProbeError;

/// Returns whether the result of a step is that its service refuses the user. Each protocol has its own codes for that.
pub(super) fn denies_access(
    step: &StepKind,
    error: Option<&ProbeError>,
    actual: Option<&Actual>,
) -> bool {
    // What another user may not do is what such a step is about.
    if matches!(step, StepKind::Sql(sql) if sql.user.is_some()) {
        return false;
    }
    if let Some(ProbeError::AccessDenied { .. }) = error {
        return true;
    }
    let code = actual.and_then(|actual| actual.error.as_ref());
    let code = code.map_or("", |error| error.code.as_str());
    match step {
        StepKind::Redis(_) => ["NOAUTH", "WRONGPASS", "NOPERM"].contains(&code),
        // Invalid authorization, insufficient privilege, no such database.
        StepKind::Sql(_) => code.starts_with("28") || ["42501", "3D000"].contains(&code),
        StepKind::Mongo(_) => ["Unauthorized", "AuthenticationFailed"].contains(&code),
        // ACCESS_REFUSED; NOT_ALLOWED, as for a virtual host that is gone.
        StepKind::Amqp(_) => ["403", "530"].contains(&code),
        StepKind::Http(http) => {
            let has_login = http.auth.is_some() || http.bearer.is_some();
            let status = actual.and_then(|actual| actual.status);
            has_login && matches!(status, Some(401 | 403))
        }
        StepKind::Exec(_)
        | StepKind::Tcp(_)
        | StepKind::Log(_)
        | StepKind::File(_)
        | StepKind::Ratio(_)
        | StepKind::Restart(_)
        | StepKind::Fault(_)
        | StepKind::Client(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};
    use crate::lab::{HttpBody, HttpProbe, Login, ServiceName, SqlProbe, SqlText};
    use crate::text::Text;

    #[test]
    fn every_protocol_has_its_codes() {
        let service = || ServiceName::new("db").unwrap();
        let redis = lab(COMPOSE).exercises[0].checks()[0].step.act.clone();
        assert!(matches!(redis, StepKind::Redis(_)), "{redis:?}");
        let denied = ProbeError::AccessDenied {
            service: service(),
            reason: Text::verbatim("no"),
        };
        assert!(denies_access(&redis, Some(&denied), None));
        let with = |step: &StepKind, code: &str| {
            let actual = Actual::error(code, "no");
            denies_access(step, None, Some(&actual))
        };
        assert!(with(&redis, "NOAUTH"));
        assert!(!with(&redis, "WRONGTYPE"));
        let http = |auth| {
            StepKind::Http(HttpProbe {
                service: service(),
                port: None,
                method: "GET".to_owned(),
                path: "/".to_owned(),
                query: Vec::new(),
                headers: Vec::new(),
                auth,
                bearer: None,
                body: HttpBody::Nothing,
            })
        };
        let login = Login {
            user: "guest".to_owned(),
            password: "guest".to_owned(),
        };
        let status = |step: &StepKind, status| {
            let actual = Actual {
                status: Some(status),
                ..Actual::value(serde_json::Value::Null)
            };
            denies_access(step, None, Some(&actual))
        };
        assert!(status(&http(Some(login.clone())), 401));
        assert!(!status(&http(Some(login)), 404));
        assert!(!status(&http(None), 401));
        let sql = |user: Option<&str>| {
            StepKind::Sql(SqlProbe {
                service: service(),
                text: SqlText::Query("SELECT 1".to_owned()),
                file: None,
                database: None,
                user: user.map(str::to_owned),
                password: None,
            })
        };
        assert!(with(&sql(None), "42501"));
        assert!(!with(&sql(None), "42P01"));
        assert!(!with(&sql(Some("intern")), "42501"));
    }
}
