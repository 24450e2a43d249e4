//! Paths of files that a service uses, which must be in the lab's folder.

use std::path::PathBuf;

use crate::lab::compose::service_reader::ServiceReader;
use crate::lab::file_system::normalize;
use crate::lab::policy;
use crate::lab::yaml::Node;
use crate::problem::{Code, Problem};
use crate::text;

impl ServiceReader<'_> {
    /// Resolves a path against the folder of the file that contains it. It stays in the folder of the lab, or, for a file of the
    /// catalogue, in that of the file. The result is absolute and has no links, so that what is checked here is what the engine mounts
    /// later.
    pub(crate) fn resolve(&mut self, node: &Node, written: &str) -> Option<PathBuf> {
        let folder = node.folder();
        let outside = || {
            let what = text!("`{path}` is outside the lab's folder", path = written);
            policy::refused(node, what)
        };
        let real_folder = self.files.canonical_path(folder);
        let real_folder = real_folder.unwrap_or_else(|| folder.to_owned());
        let lab = self.found.folder.as_ref();
        let root = lab.filter(|lab| real_folder.starts_with(lab));
        let root = root.unwrap_or(&real_folder);
        // `${PWD}` is the folder of the lab.
        let is_remote = written.contains("://") || written.starts_with('~');
        if is_remote || !normalize(&real_folder.join(written)).starts_with(root) {
            self.problems.push(outside());
            return None;
        }
        let path = normalize(&folder.join(written));
        let Some(canonical) = self.files.canonical_path(&path) else {
            let what = text!("no such file or folder: {path}", path = path.display());
            self.problems.push(
                Problem::new(what)
                    .code(Code::UnreadableFile)
                    .at(node.place()),
            );
            return None;
        };
        if !canonical.starts_with(root) {
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
