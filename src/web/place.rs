//! Where the page is: on this machine, or at a name that its certificate has.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use webpki::EndEntityCert;

use crate::localized;
use crate::runner::Failure;
use crate::text;

/// The host in the address of a page of this machine.
const LOCALHOST: &str = "localhost";

/// Where a server listens and what browsers call it, without the port.
pub(crate) enum Place {
    /// On 127.0.0.1 and, where there is one, on ::1: `localhost` can be either.
    ThisMachine,
    /// At an address that other machines can reach.
    Network(Box<Network>),
}

/// An address that other machines can reach, with the certificate of the page.
pub(crate) struct Network {
    address: IpAddr,
    /// The host in the address of the page; the certificate has it.
    host: String,
    tls: TlsAcceptor,
}

/// What the user chose for browsers on other machines.
#[derive(Debug)]
pub(crate) struct NetworkOptions {
    pub(crate) address: IpAddr,
    /// The certificate of the page, then those that it depends on.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The host in the address of the page.
    pub(crate) host: Option<String>,
}

impl Place {
    /// Reads the certificate and its key.
    ///
    /// Fails with [`Failure::Usage`] if they cannot be used together, or the certificate is not for the host.
    pub(crate) fn network(options: &NetworkOptions) -> Result<Self, Failure> {
        let NetworkOptions {
            certificate, key, ..
        } = options;
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain: Vec<CertificateDer<'static>> =
            chain.map_err(|error| unusable(certificate, &error))?;
        let host = {
            let first = chain
                .first()
                .ok_or_else(|| unusable(certificate, &localized!("it contains no certificate")))?;
            let leaf =
                EndEntityCert::try_from(first).map_err(|error| unusable(certificate, &error))?;
            host(&leaf, options)?
        };
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, private)
            });
        let mut config = config.map_err(|error| unusable(key, &error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self::Network(Box::new(Network {
            address: options.address,
            host,
            tls: TlsAcceptor::from(Arc::new(config)),
        })))
    }

    /// Returns the addresses to listen on. Only the first one must exist.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Self::ThisMachine => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Self::Network(network) => vec![network.address],
        }
    }

    /// Returns the origin of the page at a port.
    pub(super) fn origin(&self, port: u16) -> Origin {
        let (scheme, host) = match self {
            Self::ThisMachine => (Scheme::Http, LOCALHOST.to_owned()),
            Self::Network(network) => (Scheme::Https, network.host.clone()),
        };
        Origin { scheme, host, port }
    }

    /// Returns what encrypts the connections; `None` on this machine, which they do not leave.
    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        match self {
            Self::ThisMachine => None,
            Self::Network(network) => Some(network.tls.clone()),
        }
    }
}

fn unusable(file: &Path, why: &dyn fmt::Display) -> Failure {
    Failure::Usage(text!(
        "{file} cannot be used: {why}",
        file = file.display(),
        why
    ))
}

/// Returns the host in the address of the page: the one that was chosen, else the address itself, else the first host name of the
/// certificate. It is for the certificate, which browsers require, and never this machine's own: there are the pages of labs.
fn host(leaf: &EndEntityCert<'_>, options: &NetworkOptions) -> Result<String, Failure> {
    let file = options.certificate.display();
    let is_valid = |host: &str| {
        let name = ServerName::try_from(host);
        name.is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    };
    if let Some(host) = &options.host {
        let host = written_as_by_browsers(host);
        return match (is_own(&host), is_valid(&host)) {
            (true, _) => Err(Failure::Usage(text!(
                "`{host}` refers to each machine itself; choose a host name or address of this machine",
                host
            ))),
            (false, true) => Ok(host),
            (false, false) => Err(Failure::Usage(text!(
                "the certificate in {file} is not for `{host}`",
                file,
                host
            ))),
        };
    }
    let address = options.address.to_string();
    // A pattern such as `*.example.org` is no host.
    let names = leaf.valid_dns_names().filter(|name| !name.contains('*'));
    let names = names.map(written_as_by_browsers);
    let mut hosts = std::iter::once(address)
        .filter(|address| is_valid(address))
        .chain(names)
        .filter(|host| !is_own(host));
    hosts.next().ok_or_else(|| {
        Failure::Usage(text!(
            "the certificate in {file} does not show which host browsers use; give it with `--host`",
            file
        ))
    })
}

/// Returns a host as browsers write it in `Host` and `Origin`.
fn written_as_by_browsers(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.to_ascii_lowercase(),
    }
}

/// Returns whether a host leads each machine to itself.
fn is_own(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == LOCALHOST
        || host.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// How the page is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// What an address of the page begins with: a browser keeps pages of different origins apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the host with the port as a browser writes them: without the port that the scheme has anyway.
    pub(super) fn host(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.scheme, self.port) {
            (Scheme::Http, 80) | (Scheme::Https, 443) => host,
            (Scheme::Http | Scheme::Https, port) => format!("{host}:{port}"),
        }
    }

    /// Returns the origin of the WebSockets of the page as a content security policy has it; empty for an IPv6 address, for which
    /// a policy has no form.
    pub(super) fn of_sockets(&self) -> String {
        match self.scheme {
            _ if self.host.contains(':') => String::new(),
            Scheme::Http => format!("ws://{}", self.host()),
            Scheme::Https => format!("wss://{}", self.host()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Http => write!(formatter, "http://{}", self.host()),
            Scheme::Https => write!(formatter, "https://{}", self.host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate for `lab.example.test` and `*.school.test`, and its key, without an end that a test would live to see.
    const CERTIFICATE: &str = "tests/web/certificate/certificate.pem";
    const KEY: &str = "tests/web/certificate/key.pem";

    fn options() -> NetworkOptions {
        NetworkOptions {
            address: Ipv4Addr::UNSPECIFIED.into(),
            certificate: CERTIFICATE.into(),
            key: KEY.into(),
            host: None,
        }
    }

    fn origin(options: &NetworkOptions) -> Result<String, String> {
        let place = Place::network(options).map_err(|failure| failure.to_string())?;
        Ok(place.origin(4000).to_string())
    }

    #[test]
    fn the_host_is_the_first_one_of_the_certificate_or_the_chosen_one() {
        let first = Ok("https://lab.example.test:4000".to_owned());
        assert_eq!(origin(&options()), first);
        let chosen = |host: &str| {
            origin(&NetworkOptions {
                host: Some(host.to_owned()),
                ..options()
            })
        };
        let expected = Ok("https://room3.school.test:4000".to_owned());
        assert_eq!(chosen("room3.school.test"), expected);
        assert_eq!(chosen("LAB.example.test"), first);
        for own in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "127.0.0.1",
            "0:0::1",
        ] {
            let refused = chosen(own).unwrap_err();
            assert!(
                refused.contains("refers to each machine itself"),
                "{refused}"
            );
        }
        for wrong in ["evil.test", "a.room3.school.test", "192.0.2.1", "", "a b"] {
            let refused = chosen(wrong).unwrap_err();
            assert!(
                refused.contains(&format!("is not for `{wrong}`")),
                "{refused}"
            );
        }
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();
        let missing = folder.path().join("missing.pem");
        for file in [&empty, &missing] {
            for certificate in [true, false] {
                let mut options = options();
                match certificate {
                    true => options.certificate = file.clone(),
                    false => options.key = file.clone(),
                }
                let refused = origin(&options).unwrap_err();
                let named = format!("{} cannot be used: ", file.display());
                assert!(refused.starts_with(&named), "{refused}");
            }
        }
        let other = NetworkOptions {
            key: "tests/web/certificate/other-key.pem".into(),
            ..options()
        };
        let refused = origin(&other).unwrap_err();
        assert!(
            refused.contains("other-key.pem cannot be used: "),
            "{refused}"
        );
    }

    #[test]
    fn the_address_is_the_host_if_the_certificate_has_it() {
        // A certificate for `localhost` and 192.0.2.7, as tools for one's own network make it.
        let own = |address: &str| {
            origin(&NetworkOptions {
                address: address.parse().unwrap(),
                certificate: "tests/web/certificate/address.pem".into(),
                ..options()
            })
        };
        assert_eq!(own("192.0.2.7").unwrap(), "https://192.0.2.7:4000");
        for other in ["0.0.0.0", "192.0.2.8"] {
            let refused = own(other).unwrap_err();
            assert!(refused.contains("give it with `--host`"), "{refused}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        let origin = |scheme, host: &str, port| {
            let host = host.to_owned();
            Origin { scheme, host, port }.to_string()
        };
        assert_eq!(origin(Scheme::Http, "localhost", 80), "http://localhost");
        assert_eq!(
            origin(Scheme::Http, "localhost", 443),
            "http://localhost:443"
        );
        assert_eq!(origin(Scheme::Https, "a.test", 443), "https://a.test");
        assert_eq!(origin(Scheme::Https, "::1", 4000), "https://[::1]:4000");
        assert_eq!(written_as_by_browsers("2001:DB8:0:0::1"), "2001:db8::1");
        let host = "2001:db8::1".to_owned();
        let scheme = Scheme::Https;
        assert_eq!(
            Origin {
                scheme,
                host,
                port: 1
            }
            .of_sockets(),
            ""
        );
    }
}
