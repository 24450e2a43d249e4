//! Reads `volumes` and `configs`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::lab::compose::service_reader::ServiceReader;
use crate::lab::compose::workspace_variable::WORKSPACE_PLACEHOLDER;
use crate::lab::policy;
use crate::lab::service::{Access, Mount};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, string};
use crate::problem::{Problem, suggestion};
use crate::text;

/// An entry of `volumes`, before its source is resolved.
struct Volume {
    source: Option<String>,
    target: String,
    /// Options separated by commas, such as `ro`.
    options: String,
}

impl Volume {
    fn has_option(&self, name: &str) -> bool {
        self.options.split(',').any(|option| option == name)
    }
}

impl ServiceReader<'_> {
    /// Reads an entry of `volumes`. An entry of type `tmpfs` is added to `tmpfs` instead of being returned.
    pub(crate) fn read_mount(
        &mut self,
        node: &Node,
        tmpfs: &mut BTreeMap<String, String>,
    ) -> Option<Mount> {
        let volume = match &node.kind {
            Kind::Map(_) => self.read_long_volume(node, tmpfs)?,
            _ => self.read_short_volume(node)?,
        };
        let target = &volume.target;
        if !target.starts_with('/') || target.split('/').any(|part| part == "..") {
            let what = text!(
                "`{path}` must be an absolute path in the container",
                path = target
            );
            self.problems.push(Problem::new(what).at(node.place()));
            return None;
        }
        // An anonymous volume would carry no label. The image's own VOLUME creates one that is removed with the container.
        let source = volume.source.as_deref()?;
        if let Some(path) = source.strip_prefix(WORKSPACE_PLACEHOLDER) {
            return self.workspace_mount(node, path, &volume);
        }
        if source.starts_with(['.', '/', '~']) {
            let access = match volume.has_option("rw") {
                true => {
                    policy::check_writable_mount(source, node, self.problems);
                    Access::ReadWrite
                }
                false => Access::ReadOnly,
            };
            return Some(Mount::Bind {
                source: self.resolve(node, source)?,
                target: volume.target,
                access,
            });
        }
        let known = self.found.volumes.iter().map(|(name, _)| name.as_str());
        if !known.clone().any(|name| name == source) {
            let what = text!("no such volume: `{name}`", name = source);
            let help = text!(
                "declare it in the top-level `volumes`; {suggestion}",
                suggestion = suggestion(source, known)
            );
            self.problems
                .push(Problem::new(what).at(node.place()).help(help));
            return None;
        }
        Some(Mount::Volume {
            name: source.to_owned(),
            target: volume.target,
        })
    }

    fn read_long_volume(
        &mut self,
        node: &Node,
        tmpfs: &mut BTreeMap<String, String>,
    ) -> Option<Volume> {
        let mut fields = Fields::open(node, Mapping::Volume, self.problems)?;
        let kind = fields.string("type", self.problems);
        let source = fields.string("source", self.problems);
        let target = fields.string("target", self.problems);
        let read_only = fields.boolean("read_only", self.problems).unwrap_or(false);
        let tmpfs_options = fields.get("tmpfs");
        fields.close(self.problems);
        let source = match kind.as_deref() {
            Some("tmpfs") => {
                let options = self.read_tmpfs_options(node, tmpfs_options);
                tmpfs.insert(target?, options);
                return None;
            }
            Some("bind") => source.map(|source| match source.starts_with(['.', '/']) {
                true => source,
                false => format!("./{source}"),
            }),
            _ => source,
        };
        Some(Volume {
            source,
            target: target?,
            options: if read_only { "ro" } else { "" }.to_owned(),
        })
    }

    fn read_short_volume(&mut self, node: &Node) -> Option<Volume> {
        let written = string(node, "volumes", self.problems)?;
        let mut parts = written.split(':').map(str::to_owned);
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        match parts {
            [Some(target), None, ..] => Some(Volume {
                source: None,
                target,
                options: String::new(),
            }),
            [source, Some(target), options, None] => Some(Volume {
                source,
                target,
                options: options.unwrap_or_default(),
            }),
            _ => {
                let what = text!("invalid volume `{written}`", written);
                let help = text!("write `source:target` or `source:target:ro`");
                self.problems
                    .push(Problem::new(what).at(node.place()).help(help));
                None
            }
        }
    }

    /// Returns the mount of a path in the workspace; `path` follows `${WORKSPACE}`.
    fn workspace_mount(&mut self, node: &Node, path: &str, volume: &Volume) -> Option<Mount> {
        let mut parts = Path::new(path).components();
        let inside = (path.is_empty() || path.starts_with('/'))
            && parts.all(|part| part != Component::ParentDir);
        if !inside {
            let what = text!("a path that begins with `${{WORKSPACE}}` must stay in the workspace");
            self.problems.push(policy::refused(node, what));
            return None;
        }
        Some(Mount::Workspace {
            below: path.trim_start_matches('/').to_owned(),
            target: volume.target.clone(),
            access: match volume.has_option("ro") {
                true => Access::ReadOnly,
                false => Access::ReadWrite,
            },
        })
    }

    /// Reads the options of a long volume of type `tmpfs`.
    fn read_tmpfs_options(&mut self, volume: &Node, node: Option<&Node>) -> String {
        let mut options = Vec::new();
        let fields = node.and_then(|node| Fields::open(node, Mapping::Tmpfs, self.problems));
        if let Some(mut fields) = fields {
            for key in ["size", "mode"] {
                let value = fields.string(key, self.problems);
                options.extend(value.map(|value| format!("{key}={value}")));
            }
            fields.close(self.problems);
        }
        policy::check_tmpfs(&options.join(","), volume, self.problems)
    }

    /// Reads an entry of `configs`, which becomes a read-only mount of its file.
    pub(crate) fn read_config(&mut self, node: &Node) -> Option<Mount> {
        let (source, target) = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::open(node, Mapping::Config, self.problems)?;
                let source = fields.string("source", self.problems);
                let target = fields.string("target", self.problems);
                fields.accept(&["uid", "gid", "mode"]);
                fields.close(self.problems);
                (source?, target)
            }
            _ => (string(node, "configs", self.problems)?, None),
        };
        let known = self.found.configs.iter();
        let Some((_, definition)) = known.clone().find(|(name, _)| *name == source) else {
            let help = suggestion(&source, known.map(|(name, _)| name.as_str()));
            let what = text!("no such config: `{name}`", name = source);
            self.problems
                .push(Problem::new(what).at(node.place()).help(help));
            return None;
        };
        let mut fields = Fields::open(definition, Mapping::Config, self.problems)?;
        let file = fields.string("file", self.problems);
        policy::check_config(&mut fields, self.problems);
        fields.close(self.problems);
        Some(Mount::Bind {
            source: self.resolve(definition, &file?)?,
            access: Access::ReadOnly,
            target: target.unwrap_or_else(|| format!("/{source}")),
        })
    }
}
