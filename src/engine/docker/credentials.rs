//! Credentials of registries, from Docker's own configuration: `config.json`, and the helper programs that it names.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError as RetrievalError, DockerCredential};

use crate::engine::{EngineError, clock};
use crate::text;
use crate::text::Text;

/// The longest time that a helper may take. It can wait for a person to unlock a key ring.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The name of Docker Hub in the configuration.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

const NOT_FOUND: &str = "credentials not found";

/// What is known about the credentials of a registry.
#[derive(Debug)]
pub(super) struct RegistryCredentials {
    found: Option<DockerCredentials>,
    /// Why credentials that are configured cannot be used.
    problem: Option<Text>,
}

/// Returns the credentials of a registry, such as `docker.io`. Without any, images that are public can be pulled.
pub(super) async fn of_registry(registry: &str) -> RegistryCredentials {
    let address = match registry {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    };
    let server = address.to_owned();
    // A helper is a program that this thread would wait for.
    let reading = tokio::task::spawn_blocking(move || docker_credential::get_credential(&server));
    let found = match clock::timeout(TIMEOUT, reading).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(RetrievalError::ConfigNotFound),
        Err(_) => {
            let seconds = TIMEOUT.as_secs();
            return RegistryCredentials {
                found: None,
                problem: Some(text!(
                    "the helper did not answer within {seconds} s",
                    seconds
                )),
            };
        }
    };
    RegistryCredentials::of(address, found)
}

impl RegistryCredentials {
    fn of(address: &str, found: Result<DockerCredential, RetrievalError>) -> Self {
        let server = Some(address.to_owned());
        let (found, problem) = match found {
            Ok(DockerCredential::UsernamePassword(username, password)) => {
                let credentials = DockerCredentials {
                    username: Some(username),
                    password: Some(password),
                    serveraddress: server,
                    ..DockerCredentials::default()
                };
                (Some(credentials), None)
            }
            Ok(DockerCredential::IdentityToken(token)) => {
                let credentials = DockerCredentials {
                    identitytoken: Some(token),
                    serveraddress: server,
                    ..DockerCredentials::default()
                };
                (Some(credentials), None)
            }
            Err(error) => (None, problem(&error)),
        };
        Self { found, problem }
    }

    /// Returns the credentials to send.
    pub(super) fn found(&self) -> Option<DockerCredentials> {
        self.found.clone()
    }

    /// Adds to the error of a pull why there were no credentials, if some are configured.
    pub(super) fn explain(self, error: EngineError) -> EngineError {
        match self.problem {
            None => error,
            Some(problem) => error.help(text!(
                "the credentials in Docker's configuration cannot be used: {problem}",
                problem
            )),
        }
    }
}

/// Returns why credentials that are configured cannot be used; `None` if there are none.
fn problem(error: &RetrievalError) -> Option<Text> {
    match error {
        RetrievalError::NoCredentialConfigured
        | RetrievalError::ConfigNotFound
        | RetrievalError::ConfigReadError => None,
        // The text by which helpers report that they have nothing for the registry.
        RetrievalError::HelperFailure { stdout, .. } if stdout.contains(NOT_FOUND) => None,
        RetrievalError::HelperFailure { helper, stdout, .. } => {
            let reason = stdout.lines().next().unwrap_or_default().trim();
            Some(text!("`{helper}` failed: {reason}", helper, reason))
        }
        RetrievalError::HelperCommunicationError => Some(text!("the helper cannot be run")),
        RetrievalError::MalformedHelperResponse
        | RetrievalError::CredentialDecodingError
        | RetrievalError::CredentialMismatchError => Some(text!("they are malformed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ErrorKind;

    #[test]
    fn only_credentials_that_are_configured_and_fail_are_reported() {
        let denied = || EngineError::new(ErrorKind::NoSuchImage, text!("pull access denied"));
        let help = |error| {
            let found = RegistryCredentials::of("example.org", Err(error));
            found.explain(denied()).help.map(|help| help.localized())
        };
        assert_eq!(help(RetrievalError::NoCredentialConfigured), None);
        assert_eq!(help(RetrievalError::ConfigReadError), None);
        let none = RetrievalError::HelperFailure {
            helper: "docker-credential-x".to_owned(),
            stdout: "credentials not found in native keychain\n".to_owned(),
            stderr: String::new(),
        };
        assert_eq!(help(none), None);
        let helper = RetrievalError::HelperFailure {
            helper: "docker-credential-x".to_owned(),
            stdout: "locked\n".to_owned(),
            stderr: String::new(),
        };
        assert_eq!(
            help(helper).unwrap(),
            "the credentials in Docker's configuration cannot be used: `docker-credential-x` failed: locked"
        );
    }

    #[test]
    fn a_password_or_a_token_is_sent_with_the_address() {
        let password = DockerCredential::UsernamePassword("kim".to_owned(), "secret".to_owned());
        let found = RegistryCredentials::of("example.org:5000", Ok(password));
        let found = found.found().unwrap();
        assert_eq!(found.username.as_deref(), Some("kim"));
        assert_eq!(found.password.as_deref(), Some("secret"));
        assert_eq!(found.serveraddress.as_deref(), Some("example.org:5000"));
        let token = DockerCredential::IdentityToken("token".to_owned());
        let found = RegistryCredentials::of(DOCKER_HUB, Ok(token))
            .found()
            .unwrap();
        assert_eq!(found.identitytoken.as_deref(), Some("token"));
    }
}
