//! Paths of files that a service uses, which must be in the lab's folder.

use std::path::{Path, PathBuf};

use crate::lab::compose::service_reader::ServiceReader;
use crate::lab::file_system::normalize;
use crate::lab::policy;
use crate::lab::yaml::Node;
use crate::problem::{Code, Problem};
use crate::text;

impl ServiceReader<'_> {
    /// Resolves a path against the folder of the file that contains it. The result is absolute and has no links, so that
    /// what is checked here is what the engine mounts later.
    pub(crate) fn resolve(&mut self, node: &Node, written: &str) -> Option<PathBuf> {
        let folder = node.folder();
        let outside = || {
            let what = text!("`{path}` is outside the lab's folder", path = written);
            policy::refused(node, what)
        };
        let root = self.files.canonical_path(folder);
        // `${PWD}` is the folder of the lab.
        let below = root
            .as_ref()
            .and_then(|root| Path::new(written).strip_prefix(root).ok());
        let relative = below.unwrap_or(Path::new(written));
        let absolute =
            written.contains("://") || written.starts_with('~') || relative.is_absolute();
        if absolute || normalize(relative).starts_with("..") {
            self.problems.push(outside());
            return None;
        }
        let path = normalize(&folder.join(relative));
        let Some(canonical) = self.files.canonical_path(&path) else {
            let what = text!("no such file or folder: {path}", path = path.display());
            self.problems.push(
                Problem::new(what)
                    .code(Code::UnreadableFile)
                    .at(node.place()),
            );
            return None;
        };
        if !root.is_some_and(|root| canonical.starts_with(root)) {
            self.problems.push(outside());
            return None;
        }
        if let Some(reason) = self.files.unsafe_to_mount(&canonical) {
            let help = text!("copy the file into the lab's folder");
            self.problems
                .push(policy::refused(node, reason.text()).help(help));
            return None;
        }
        Some(canonical)
    }
}
