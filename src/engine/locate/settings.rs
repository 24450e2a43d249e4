//! The settings that select the engine: environment variables and Docker's configuration files.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::text;
use crate::text::Text;

/// All settings that select the engine.
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

/// The current Docker context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerContext {
    /// No context, or the one called `default`: Docker's default socket.
    Default,
    /// A context with its address, or the reason why it has none.
    Named {
        name: String,
        host: Result<String, ContextError>,
    },
    /// Docker's configuration file, which names the context, cannot be read. The reason is the system's or the parser's.
    Unreadable { file: PathBuf, why: String },
}

/// Why a Docker context has no usable address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextError {
    NotFound,
    /// The context's file has no Docker endpoint.
    NoEndpoint {
        file: PathBuf,
    },
    /// The reason is the system's or the parser's.
    Unreadable {
        file: PathBuf,
        why: String,
    },
}

impl ContextError {
    /// Returns the error for people.
    pub fn text(&self) -> Text {
        match self {
            ContextError::NotFound => {
                text!("no such context (`docker context ls` lists them)")
            }
            ContextError::NoEndpoint { file } => {
                text!("no Docker endpoint in {file}", file = file.display())
            }
            ContextError::Unreadable { file, why } => text!(
                "cannot read {file}: {reason}",
                file = file.display(),
                reason = *why
            ),
        }
    }
}

impl Settings {
    /// Reads the environment and, where they matter, Docker's files. An empty variable is treated as unset, as Docker does.
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
        // A damaged file must not matter if the user named the engine in another way.
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
            let file = folder.join(meta_path(&name));
            let host = match std::fs::read_to_string(&file) {
                Ok(text) => match context_host(&text) {
                    Ok(Some(host)) => Ok(host),
                    Ok(None) => Err(ContextError::NoEndpoint { file }),
                    Err(why) => Err(ContextError::Unreadable { file, why }),
                },
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Err(ContextError::NotFound)
                }
                Err(error) => Err(ContextError::Unreadable {
                    file,
                    why: error.to_string(),
                }),
            };
            DockerContext::Named { name, host }
        }
    }
}

/// Returns the path of a context's file below Docker's configuration folder; the folder is the SHA-256 of the name.
/// Source: docker/cli, `cli/context/store/metadatastore.go`.
pub(super) fn meta_path(name: &str) -> PathBuf {
    let digest = Sha256::digest(name.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Path::new("contexts/meta").join(hex).join("meta.json")
}

/// Returns `currentContext` of a `config.json`; an empty file and an empty name mean none.
pub(super) fn current_context(text: &str) -> Result<Option<String>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = json.get("currentContext").and_then(|name| name.as_str());
    Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
}

/// Returns `Endpoints.docker.Host` of a `meta.json`.
pub(super) fn context_host(text: &str) -> Result<Option<String>, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let host = json.pointer("/Endpoints/docker/Host");
    let host = host.and_then(|host| host.as_str());
    Ok(host.filter(|host| !host.is_empty()).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_context_is_read_from_the_configuration() {
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
    fn host_is_read_from_the_context_s_file() {
        let meta = r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///a.sock","SkipTLSVerify":false}}}"#;
        assert_eq!(context_host(meta), Ok(Some("unix:///a.sock".to_owned())));
        for none in ["{}", r#"{"Endpoints":{"kubernetes":{}}}"#] {
            assert_eq!(context_host(none), Ok(None), "{none}");
        }
        assert!(context_host("nonsense").is_err());
    }

    #[test]
    fn context_s_folder_is_the_digest_of_its_name() {
        assert_eq!(
            meta_path("my-context"),
            Path::new(
                "contexts/meta/60b9683c6c2b05b8adc06ff4d150b15a5c69d74c7a7ee35bd733df12861dd2b0/meta.json"
            )
        );
    }

    #[test]
    fn contexts_are_read_from_docker_s_files() {
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
            panic!("the context is not read")
        };
        assert_eq!(name, "lab");
        assert_eq!(host, Err(ContextError::NotFound));
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
