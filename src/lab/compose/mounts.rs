//! Reads `volumes` and `configs`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::lab::compose::merge::clean_path;
use crate::lab::compose::service_reader::{FileKind, ServiceReader};
use crate::lab::compose::values::{check_target, read_size};
use crate::lab::compose::workspace_variable::WORKSPACE_PLACEHOLDER;
use crate::lab::id::ServiceName;
use crate::lab::policy;
use crate::lab::service::{Access, Mount};
use crate::lab::yaml::{Fields, Kind, Mapping, Node, Problems, string};
use crate::problem::{Code, Problem, ProblemKind, suggestion};
use crate::text;

/// What is between the service and the path in the name of a volume that a file leaves without one.
const ANONYMOUS: &str = "_anonymous";

/// What the source of an entry of `volumes` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VolumeKind {
    Path,
    Volume,
}

/// An entry of `volumes`, before its source is resolved.
struct Volume {
    kind: VolumeKind,
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
        service: &ServiceName,
        node: &Node,
        tmpfs: &mut BTreeMap<String, String>,
    ) -> Option<Mount> {
        let volume = match &node.kind {
            Kind::Map(_) => self.read_long_volume(node, tmpfs)?,
            _ => self.read_short_volume(node)?,
        };
        let target = &volume.target;
        if target.starts_with(WORKSPACE_PLACEHOLDER) {
            let what =
                text!("the path in the container is missing behind the path in the workspace");
            let help = text!("write `:` and the path in the container at its end");
            self.problems
                .push(Problem::new(what).at(node.place()).help(help));
            return None;
        }
        if !check_target(target, node, self.problems) {
            return None;
        }
        let access = match volume.has_option("ro") {
            true => Access::ReadOnly,
            false => Access::ReadWrite,
        };
        let Some(source) = volume.source.as_deref() else {
            return Some(Mount::Volume {
                name: anonymous_volume(service, target),
                target: volume.target,
                access,
            });
        };
        if let Some(path) = source.strip_prefix(WORKSPACE_PLACEHOLDER) {
            return self.workspace_mount(node, path, &volume);
        }
        if volume.kind == VolumeKind::Path {
            let access = match volume.has_option("rw") {
                true => {
                    policy::check_writable_mount(source, node, self.problems);
                    Access::ReadWrite
                }
                false => {
                    if !volume.has_option("ro") {
                        note_read_only(source, node, self.problems);
                    }
                    Access::ReadOnly
                }
            };
            return Some(Mount::Bind {
                source: self.resolve(node, source)?,
                target: volume.target,
                access,
            });
        }
        let known = self.found.volumes.iter().map(|part| part.name.as_str());
        if !known.clone().any(|name| name == source) {
            let what = text!("no such volume: `{name}`", name = source);
            let path = node.folder().join(source);
            let help = match self.files.canonical_path(&path) {
                _ if is_path(source) => text!("write `type: bind` for a file or folder"),
                Some(_) => text!("write `./{path}` for the file or folder", path = source),
                None => text!(
                    "declare it in the top-level `volumes`; {suggestion}",
                    suggestion = suggestion(source, known)
                ),
            };
            self.problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(node.place())
                    .help(help),
            );
            return None;
        }
        Some(Mount::Volume {
            name: source.to_owned(),
            target: volume.target,
            access,
        })
    }

    fn read_long_volume(
        &mut self,
        node: &Node,
        tmpfs: &mut BTreeMap<String, String>,
    ) -> Option<Volume> {
        let node = &without_empty_volume(node);
        let mut fields = Fields::open_compose(node, Mapping::Mount, self.problems)?;
        let kind = fields.required_string("type", node, self.problems);
        let source = fields.string("source", self.problems);
        let target = fields.string("target", self.problems);
        let read_only = fields.boolean("read_only", self.problems);
        let tmpfs_options = fields.get("tmpfs");
        policy::check_keys(Mapping::Mount, &mut fields, self.problems);
        let has_target = fields.contains("target") || fields.has_misspelt(&["target"]);
        let has_source = source.is_some() || fields.has_misspelt(&["source"]);
        fields.close(self.problems);
        let mut needs = |key: &str| {
            let what = text!("an entry of `volumes` needs `{key}`", key);
            self.problems.push(Problem::new(what).at(node.place()));
        };
        if !has_target {
            needs("target");
        }
        let kind = kind?;
        if kind == "bind" && !has_source {
            needs("source");
        }
        if kind == "bind" && source.is_none() {
            return None;
        }
        let source = match kind.as_str() {
            "tmpfs" => {
                let options = self.read_tmpfs_options(node, tmpfs_options);
                let target = target?;
                if check_target(&target, node, self.problems) {
                    tmpfs.insert(target, options);
                }
                return None;
            }
            "bind" => source.map(|source| match is_path(&source) {
                true => source,
                false => format!("./{source}"),
            }),
            // An empty name is none, as in Compose.
            "volume" => source.filter(|source| !source.is_empty()),
            other => {
                let what = text!("a mount of type `{kind}` is not allowed", kind = other);
                let help = text!("use `bind`, `volume` or `tmpfs`");
                self.problems.push(policy::refused(node, what).help(help));
                return None;
            }
        };
        let options = match read_only {
            Some(true) => "ro",
            Some(false) => "rw",
            None => "",
        };
        Some(Volume {
            kind: match kind.as_str() {
                "bind" => VolumeKind::Path,
                _ => VolumeKind::Volume,
            },
            source,
            target: target?,
            options: options.to_owned(),
        })
    }

    fn read_short_volume(&mut self, node: &Node) -> Option<Volume> {
        let written = string(node, "volumes", self.problems)?;
        let has_empty_part = written.split(':').any(str::is_empty);
        let mut parts = written.split(':').map(str::to_owned);
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
        match parts {
            [Some(target), None, ..] if !has_empty_part => Some(Volume {
                kind: VolumeKind::Volume,
                source: None,
                target,
                options: String::new(),
            }),
            [source, Some(target), options, None] if !has_empty_part => {
                let options = options.unwrap_or_default();
                if options.split(',').any(|option| option == "nocopy") {
                    let what = text!("`nocopy` is not allowed: volumes are mounted as a whole");
                    self.problems.push(policy::refused(node, what));
                }
                let is_path = source.as_deref().is_some_and(is_path);
                Some(Volume {
                    kind: match is_path {
                        true => VolumeKind::Path,
                        false => VolumeKind::Volume,
                    },
                    source,
                    target,
                    options,
                })
            }
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
        let fields =
            node.and_then(|node| Fields::open_compose(node, Mapping::Tmpfs, self.problems));
        if let Some(mut fields) = fields {
            let size = read_size(&mut fields, "size", self.problems);
            options.extend(size.map(|size| format!("size={size}")));
            // The kernel reads octal digits, but YAML has read the number.
            let mode = fields.get("mode").and_then(|mode| match &mode.kind {
                Kind::Number(number, _) => number.as_i64().map(|mode| format!("{mode:o}")),
                _ => string(mode, "mode", self.problems),
            });
            options.extend(mode.map(|mode| format!("mode={mode}")));
            fields.close(self.problems);
        }
        policy::check_tmpfs(&options.join(","), volume, self.problems)
    }

    /// Reads an entry of `configs` or `secrets`, which becomes a read-only mount of its file.
    pub(crate) fn read_file_reference(&mut self, kind: FileKind, node: &Node) -> Option<Mount> {
        let (source, target) = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::open_compose(node, Mapping::FileReference, self.problems)?;
                let source = fields.required_string("source", node, self.problems);
                let target = fields.string("target", self.problems);
                policy::check_keys(Mapping::FileReference, &mut fields, self.problems);
                fields.close(self.problems);
                (source?, target)
            }
            _ => (string(node, kind.key(), self.problems)?, None),
        };
        let known = match kind {
            FileKind::Config => &self.found.configs,
            FileKind::Secret => &self.found.secrets,
        };
        let Some(part) = known.iter().find(|part| part.name == source) else {
            let help = suggestion(&source, known.iter().map(|part| part.name.as_str()));
            let what = match kind {
                FileKind::Config => text!("no such config: `{name}`", name = source),
                FileKind::Secret => text!("no such secret: `{name}`", name = source),
            };
            self.problems.push(
                Problem::new(what)
                    .code(Code::UnknownName)
                    .at(node.place())
                    .help(help),
            );
            return None;
        };
        // Problems of the definition are reported once, by `check_files`.
        let file = part.node.child("file").filter(|file| !file.is_broken())?;
        let target = match target.filter(|target| !target.is_empty()) {
            Some(target) if target.starts_with('/') => target,
            Some(target) => format!("{}/{target}", kind.folder()),
            None => format!("{}/{source}", kind.folder()),
        };
        let source = self.resolve(file, &file.as_string()?)?;
        Some(Mount::Bind {
            source,
            access: Access::ReadOnly,
            target,
        })
    }
}

/// Whether the source of a mount is a path, and not the name of a volume.
fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~'])
}

/// Returns the name of a volume that a file leaves without one: by it the volume is found again and removed with the lab.
fn anonymous_volume(service: &ServiceName, target: &str) -> String {
    let known = |c: char| match c.is_ascii_alphanumeric() || matches!(c, '-' | '.') {
        true => c,
        false => '_',
    };
    let path: String = clean_path(target).chars().map(known).collect();
    format!("{service}{ANONYMOUS}{path}")
}

/// Removes `volume` without any key, which `docker compose config` writes.
fn without_empty_volume(node: &Node) -> Node {
    let Kind::Map(entries) = &node.kind else {
        return node.clone();
    };
    let is_empty = |value: &Node| matches!(&value.kind, Kind::Map(entries) if entries.is_empty());
    let mut entries = entries.clone();
    entries.retain(|(key, value)| key.as_string().as_deref() != Some("volume") || !is_empty(value));
    node.with_kind(Kind::Map(entries))
}

/// Notes that a folder of the lab is read-only, if the file does not say so.
fn note_read_only(source: &str, node: &Node, problems: &mut Problems) {
    let what = text!("`{source}` is mounted read-only", source);
    let help = text!(
        "append `:ro` to say so, or use a named volume or `${{WORKSPACE:-./files/workspace}}` for what the service writes"
    );
    let note = Problem::new(what).at(node.place()).kind(ProblemKind::Note);
    problems.push(note.help(help));
}
