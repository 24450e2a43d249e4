//! Names of container images.

use crate::text;
use crate::text::Text;

/// The name of an image with its tag or digest: `redis:8.0`, `prom/prometheus:v3`, `host:5000/a/b@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName(String);

impl ImageName {
    /// Accepts the names that registries accept. Without a tag or digest, the tag is `latest`.
    ///
    /// # Errors
    /// A text that says that the name is not valid.
    pub fn new(text: &str) -> Result<Self, Text> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        let parts = text
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
        let lower = text
            .rsplit('/')
            .next()
            .and_then(|last| last.split([':', '@']).next())
            .unwrap_or_default();
        if text.is_empty()
            || text.len() > 255
            || !text.chars().all(allowed)
            || !parts
            || !text.starts_with(|c: char| c.is_ascii_alphanumeric())
            || lower.is_empty()
            || lower.chars().any(|c| c.is_ascii_uppercase())
            || !has_complete_end(text)
        {
            let name = text.escape_debug();
            return Err(text!("invalid image name `{name}`", name));
        }
        let last = text.rsplit('/').next().unwrap_or_default();
        match last.contains([':', '@']) {
            true => Ok(Self(text.to_owned())),
            false => Ok(Self(format!("{text}:latest"))),
        }
    }

    /// Returns the name with its tag or digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name without its tag, and the tag; a digest counts as the tag.
    pub fn split(&self) -> (&str, &str) {
        if let Some((name, digest)) = self.0.split_once('@') {
            return (name, digest);
        }
        self.0.rsplit_once(':').unwrap_or((&self.0, "latest"))
    }

    /// Returns the host name of the registry.
    pub fn registry(&self) -> &str {
        match self.0.split_once('/') {
            Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
            _ => "docker.io",
        }
    }
}

/// Returns the name of an image as a person knows it: without a digest, and without the tag that only a build of roadlab has.
pub fn without_digest(image: &str) -> &str {
    let is_digest = |tag: &str| tag.len() >= 12 && tag.chars().all(|c| c.is_ascii_hexdigit());
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    match name.rsplit_once(':') {
        Some((built, tag)) if built.starts_with("roadlab/") && is_digest(tag) => built,
        _ => name,
    }
}

/// Returns whether nothing, `:tag`, `@digest` or both follow the name.
fn has_complete_end(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or_default();
    let (named, digest) = last
        .split_once('@')
        .map_or((last, None), |(named, digest)| (named, Some(digest)));
    let digest = digest.is_none_or(|digest| {
        digest
            .split_once(':')
            .is_some_and(|(kind, hash)| !kind.is_empty() && is_plain(hash))
    });
    let tag = named.split_once(':').map(|(_, tag)| tag);
    digest && tag.is_none_or(|tag| !tag.starts_with(['.', '-']) && is_plain(tag))
}

fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_knows_an_image_without_its_digest() {
        for (image, expected) in [
            ("redis:8.0", "redis:8.0"),
            ("redis:8.0@sha256:0123", "redis:8.0"),
            ("host:5000/redis@sha256:0123", "host:5000/redis"),
            ("roadlab/redis:02486826d5b7", "roadlab/redis"),
            ("roadlab/redis:8", "roadlab/redis:8"),
            ("roadlab/redis", "roadlab/redis"),
            ("other/redis:02486826d5b7", "other/redis:02486826d5b7"),
        ] {
            assert_eq!(without_digest(image), expected);
        }
    }

    #[test]
    fn image_names_are_those_that_registries_accept() {
        assert_eq!(ImageName::new("redis").unwrap().as_str(), "redis:latest");
        assert_eq!(
            ImageName::new("prom/prometheus:v3.1").unwrap().split(),
            ("prom/prometheus", "v3.1")
        );
        assert_eq!(
            ImageName::new("127.0.0.1:5998/stall/x").unwrap().split(),
            ("127.0.0.1:5998/stall/x", "latest")
        );
        for invalid in [
            "",
            "../x",
            "a//b",
            "Redis",
            "a b",
            "a?x=1",
            "-x",
            "redis:8.0#",
            "a/../b",
            "a:",
            "a@",
            "a@sha256",
            "a:1:2",
            "a:.x",
            "a@sha256:0a@b",
        ] {
            assert!(ImageName::new(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn the_registry_is_the_first_part_if_it_is_a_host_name() {
        assert_eq!(ImageName::new("redis:8").unwrap().registry(), "docker.io");
        assert_eq!(
            ImageName::new("prom/prometheus:v3").unwrap().registry(),
            "docker.io"
        );
        assert_eq!(
            ImageName::new("127.0.0.1:5999/none:1").unwrap().registry(),
            "127.0.0.1:5999"
        );
    }
}
