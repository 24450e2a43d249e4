//! What a service takes from the lab's folder: its recipe, bind mounts, configs; and that nothing leads out of it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::lab::ServiceName;
use crate::lab::compose::{Reader, WORKSPACE_MARK};
use crate::lab::compose_values::pairs;
use crate::lab::fields::{Fields, text};
use crate::lab::files::normalize;
use crate::lab::policy;
use crate::lab::service::{Access, Mount, Recipe};
use crate::lab::yaml::{Kind, Node};
use crate::problem::{Problem, suggestion};

impl Reader<'_> {
    pub(super) fn recipe(&mut self, name: &ServiceName, node: &Node) -> Option<Recipe> {
        let (context, dockerfile, args, target) = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::open(node, "build", self.problems)?;
                let context = fields
                    .text("context", self.problems)
                    .unwrap_or_else(|| ".".to_owned());
                let dockerfile = fields
                    .text("dockerfile", self.problems)
                    .unwrap_or_else(|| "Dockerfile".to_owned());
                let args = pairs(&mut fields, "args", self.problems);
                let target = fields.text("target", self.problems);
                policy::build(&mut fields, self.problems);
                fields.close(self.problems);
                (context, dockerfile, args, target)
            }
            _ => (
                text(node, "build", self.problems)?,
                "Dockerfile".to_owned(),
                Vec::new(),
                None,
            ),
        };
        let context = self.inside(node, &context)?;
        let outside =
            Path::new(&dockerfile).is_absolute() || dockerfile.split('/').any(|part| part == "..");
        if outside
            || self
                .files
                .canonical_path(&context.join(&dockerfile))
                .is_none()
        {
            let what = format!("there is no `{dockerfile}` in {}", context.display());
            self.problems.push(Problem::new(what).at(node.place()));
            return None;
        }
        let folder = context
            .file_name()
            .and_then(|folder| folder.to_str())
            .unwrap_or(name.as_str());
        let tag =
            ServiceName::new(folder).map_or_else(|_| name.to_string(), |folder| folder.to_string());
        Some(Recipe {
            context,
            dockerfile,
            args: args.into_iter().collect(),
            target,
            tag,
        })
    }

    /// A path that really lies in the folder of the file that names it: absolute and without links, so that what was looked
    /// at is what is used, whatever folder the engine or a later command works in.
    pub(super) fn inside(&mut self, node: &Node, written: &str) -> Option<PathBuf> {
        let folder = node.file().parent().unwrap_or(Path::new(""));
        if written.contains("://") || written.starts_with('~') || Path::new(written).is_absolute() {
            let what = format!("`{}` is outside the lab's folder", written.escape_debug());
            self.problems.push(policy::refuse(node, what));
            return None;
        }
        let path = normalize(&folder.join(written));
        if normalize(Path::new(written)).starts_with("..") {
            let what = format!("`{}` leads out of the lab's folder", written.escape_debug());
            self.problems.push(policy::refuse(node, what));
            return None;
        }
        match (
            self.files.canonical_path(folder),
            self.files.canonical_path(&path),
        ) {
            (Some(root), Some(canonical_path)) if canonical_path.starts_with(&root) => {
                let unsafe_to_mount = self.files.unsafe_to_mount(&canonical_path);
                if let Some(why) = &unsafe_to_mount {
                    let help = "copy the file into the lab's folder";
                    let problem = policy::refuse(node, why.clone()).help(help);
                    self.problems.push(problem);
                }
                unsafe_to_mount.is_none().then_some(canonical_path)
            }
            (_, None) => {
                self.problems
                    .push(Problem::new(format!("there is no {}", path.display())).at(node.place()));
                None
            }
            _ => {
                let what = format!("`{}` leads out of the lab's folder", written.escape_debug());
                self.problems.push(policy::refuse(node, what));
                None
            }
        }
    }

    pub(super) fn mount(
        &mut self,
        node: &Node,
        tmpfs: &mut BTreeMap<String, String>,
    ) -> Option<Mount> {
        let (source, target, access) = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::open(node, "volume", self.problems)?;
                let kind = fields
                    .text("type", self.problems)
                    .unwrap_or_else(|| "volume".to_owned());
                let source = fields.text("source", self.problems);
                let target = fields.text("target", self.problems);
                let read_only = fields.bool("read_only", self.problems).unwrap_or(false);
                let in_memory = fields.get("tmpfs");
                fields.close(self.problems);
                if kind == "tmpfs" {
                    let options = self.in_memory(node, in_memory);
                    tmpfs.insert(target?, options);
                    return None;
                }
                let source =
                    source.map(
                        |source| match kind == "bind" && !source.starts_with(['.', '/']) {
                            true => format!("./{source}"),
                            false => source,
                        },
                    );
                (
                    source,
                    target?,
                    if read_only { "ro" } else { "" }.to_owned(),
                )
            }
            _ => {
                let written = text(node, "volumes", self.problems)?;
                let mut parts = written.split(':').map(str::to_owned).collect::<Vec<_>>();
                match parts.len() {
                    1 => (None, parts.remove(0), String::new()),
                    2 => (Some(parts.remove(0)), parts.remove(0), String::new()),
                    3 => (Some(parts.remove(0)), parts.remove(0), parts.remove(0)),
                    _ => {
                        self.problems.push(
                            Problem::new(format!("`{written}` is not a volume")).at(node.place()),
                        );
                        return None;
                    }
                }
            }
        };
        if !target.starts_with('/') || target.split('/').any(|part| part == "..") {
            let what = format!("`{target}` must be an absolute path in the container");
            self.problems.push(Problem::new(what).at(node.place()));
            return None;
        }
        let Some(source) = source else {
            // An anonymous volume would carry no label; the image's own VOLUME gives one anyway, removed with its container.
            return None;
        };
        let asks = |wanted: &str| access.split(',').any(|option| option == wanted);
        if let Some(below) = source.strip_prefix(WORKSPACE_MARK) {
            let parts = Path::new(below).components();
            let inside = (below.is_empty() || below.starts_with('/'))
                && parts.into_iter().all(|part| part != Component::ParentDir);
            if !inside {
                let what = "a path that begins with `${WORKSPACE}` must stay in it";
                self.problems.push(policy::refuse(node, what.to_owned()));
                return None;
            }
            let below = below.trim_start_matches('/').to_owned();
            let access = if asks("ro") {
                Access::ReadOnly
            } else {
                Access::ReadWrite
            };
            return Some(Mount::Workspace {
                below,
                target,
                access,
            });
        }
        if source.starts_with(['.', '/', '~']) {
            let access = if asks("rw") {
                policy::writable(&source, node, self.problems);
                Access::ReadWrite
            } else {
                Access::ReadOnly
            };
            let source = self.inside(node, &source)?;
            return Some(Mount::Bind {
                source,
                target,
                access,
            });
        }
        if !self.found.volumes.iter().any(|(name, _)| *name == source) {
            let known: Vec<&str> = self
                .found
                .volumes
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            let help = format!(
                "declare it under top-level `volumes`; {}",
                suggestion(&source, known.iter().copied())
            );
            self.problems.push(
                Problem::new(format!("there is no volume `{source}`"))
                    .at(node.place())
                    .help(help),
            );
            return None;
        }
        Some(Mount::Volume {
            name: source,
            target,
        })
    }

    /// The options of a long form's `tmpfs: { size, mode }`.
    fn in_memory(&mut self, volume: &Node, node: Option<&Node>) -> String {
        let mut options = Vec::new();
        let fields = node.and_then(|node| Fields::open(node, "tmpfs", self.problems));
        if let Some(mut fields) = fields {
            for key in ["size", "mode"] {
                let value = fields.text(key, self.problems);
                options.extend(value.map(|value| format!("{key}={value}")));
            }
            fields.close(self.problems);
        }
        policy::tmpfs(&options.join(","), volume, self.problems)
    }

    pub(super) fn config(&mut self, node: &Node) -> Option<Mount> {
        let (source, target) = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::open(node, "config", self.problems)?;
                let source = fields.text("source", self.problems);
                let target = fields.text("target", self.problems);
                fields.ignore(&["uid", "gid", "mode"]);
                fields.close(self.problems);
                (source?, target)
            }
            _ => (text(node, "configs", self.problems)?, None),
        };
        let found = self.found.configs.iter().find(|(name, _)| *name == source);
        let Some((_, definition)) = found else {
            self.problems
                .push(Problem::new(format!("there is no config `{source}`")).at(node.place()));
            return None;
        };
        let mut fields = Fields::open(definition, "config", self.problems)?;
        let file = fields
            .get("file")
            .and_then(|file| text(file, "file", self.problems));
        policy::config(&mut fields, self.problems);
        fields.close(self.problems);
        let source_path = self.inside(definition, &file?)?;
        Some(Mount::Bind {
            source: source_path,
            access: Access::ReadOnly,
            target: target.unwrap_or_else(|| format!("/{source}")),
        })
    }
}
