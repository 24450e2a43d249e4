//! What environment and configuration say about the engine, read once and judged elsewhere.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// All that decides which engine is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The value of `--engine`.
    pub explicit: Option<String>,
    /// `$DOCKER_HOST`.
    pub docker_host: Option<String>,
    pub context: DockerContext,
    /// `$XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    pub home: Option<PathBuf>,
    pub uid: u32,
}

/// The Docker context that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerContext {
    /// None, or the one called `default`: Docker's own usual place.
    Default,
    /// With its address, or why there is none.
    Named {
        name: String,
        host: Result<String, String>,
    },
    /// The file that names it cannot be read.
    Unreadable { file: PathBuf, why: String },
}

impl Settings {
    /// Reads the environment, and Docker's files where they matter. An empty variable counts as unset, as in Docker.
    pub fn read(explicit: Option<&str>) -> Self {
        let variable = |name: &str| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            value.map(|value| value.to_string_lossy().into_owned())
        };
        let home = variable("HOME").map(PathBuf::from);
        let docker_host = variable("DOCKER_HOST");
        let config = variable("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| home.as_ref().map(|home| home.join(".docker")));
        // What was named more directly must not fail over a file that nobody asked for.
        let context = match (explicit, &docker_host, config) {
            (None, None, Some(folder)) => read_context(variable("DOCKER_CONTEXT"), &folder),
            _ => DockerContext::Default,
        };
        Self {
            explicit: explicit.map(str::to_owned),
            docker_host,
            context,
            runtime_dir: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
            home,
            uid: rustix::process::getuid().as_raw(),
        }
    }
}

fn read_context(variable: Option<String>, folder: &Path) -> DockerContext {
    let config = folder.join("config.json");
    let name = match (variable, std::fs::read_to_string(&config)) {
        (Some(name), _) => Ok(Some(name)),
        (None, Ok(text)) => current_context(&text),
        (None, Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        (None, Err(error)) => Err(error.to_string()),
    };
    match name {
        Err(why) => DockerContext::Unreadable { file: config, why },
        Ok(None) => DockerContext::Default,
        Ok(Some(name)) if name == "default" => DockerContext::Default,
        Ok(Some(name)) => {
            let meta = folder.join(meta_path(&name));
            let host = match std::fs::read_to_string(&meta) {
                Ok(text) => context_host(&text).map_err(|why| format!("{}: {why}", meta.display())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Err("there is no such context; `docker context ls` lists them".to_owned())
                }
                Err(error) => Err(format!("{}: {error}", meta.display())),
            };
            DockerContext::Named { name, host }
        }
    }
}

/// Where a context is kept, below Docker's configuration folder: named by the SHA-256 of its name.
/// Source: docker/cli, `cli/context/store/metadatastore.go`.
pub(super) fn meta_path(name: &str) -> PathBuf {
    let digest = Sha256::digest(name.as_bytes());
    Path::new("contexts/meta")
        .join(crate::hex::encode(&digest))
        .join("meta.json")
}

/// `currentContext` of a `config.json`; an empty file and an empty name mean none.
pub(super) fn current_context(text: &str) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = json.get("currentContext").and_then(|name| name.as_str());
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}

/// `Endpoints.docker.Host` of a `meta.json`.
pub(super) fn context_host(text: &str) -> Result<String, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let host = json.pointer("/Endpoints/docker/Host");
    let host = host.and_then(|host| host.as_str());
    host.filter(|host| !host.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| "it names no Docker endpoint".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_context_is_read_from_the_configuration() {
        assert_eq!(
            current_context(r#"{"currentContext": "lab"}"#),
            Ok(Some("lab".to_owned()))
        );
        for none in [
            "",
            " \n",
            "{}",
            r#"{"currentContext": ""}"#,
            r#"{"auths": {}}"#,
        ] {
            assert_eq!(current_context(none), Ok(None), "{none}");
        }
        assert!(current_context("{").is_err());
    }

    #[test]
    fn a_context_names_its_host() {
        let meta = r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///a.sock","SkipTLSVerify":false}}}"#;
        assert_eq!(context_host(meta), Ok("unix:///a.sock".to_owned()));
        for none in ["{}", r#"{"Endpoints":{"kubernetes":{}}}"#, "nonsense"] {
            assert!(context_host(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_context_is_kept_under_the_digest_of_its_name() {
        assert_eq!(
            meta_path("my-context"),
            Path::new(
                "contexts/meta/60b9683c6c2b05b8adc06ff4d150b15a5c69d74c7a7ee35bd733df12861dd2b0/meta.json"
            )
        );
    }

    #[test]
    fn contexts_come_from_docker_s_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let read =
            |variable: Option<&str>| read_context(variable.map(str::to_owned), folder.path());
        assert_eq!(read(None), DockerContext::Default);

        std::fs::write(
            folder.path().join("config.json"),
            r#"{"currentContext":"lab"}"#,
        )
        .unwrap();
        let DockerContext::Named { name, host } = read(None) else {
            panic!("the current context is named")
        };
        assert_eq!(name, "lab");
        assert!(host.unwrap_err().contains("no such context"));
        assert_eq!(read(Some("default")), DockerContext::Default);

        let meta = folder.path().join(meta_path("lab"));
        std::fs::create_dir_all(meta.parent().unwrap()).unwrap();
        std::fs::write(&meta, r#"{"Endpoints":{"docker":{"Host":"unix:///a"}}}"#).unwrap();
        assert_eq!(
            read(Some("lab")),
            DockerContext::Named {
                name: "lab".to_owned(),
                host: Ok("unix:///a".to_owned())
            }
        );

        std::fs::write(folder.path().join("config.json"), "{").unwrap();
        assert!(matches!(read(None), DockerContext::Unreadable { .. }));
    }
}
