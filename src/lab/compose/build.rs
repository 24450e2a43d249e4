//! Reads `build`.

use std::path::Path;

use crate::lab::compose::service_reader::ServiceReader;
use crate::lab::file_system::normalize;
use crate::lab::id::ServiceName;
use crate::lab::policy;
use crate::lab::service::Recipe;
use crate::lab::yaml::{Fields, Kind, Mapping, Node, string};
use crate::problem::{Code, Problem};
use crate::text;

const DOCKERFILE: &str = "Dockerfile";

impl ServiceReader<'_> {
    /// Reads `build`: a folder, or a mapping. Without `context` it is the folder of `owner`, the key of the service, also where `build`
    /// comes from a service that is extended in another folder.
    pub(crate) fn read_build(
        &mut self,
        service: &ServiceName,
        node: &Node,
        owner: &Node,
    ) -> Option<Recipe> {
        let (context, dockerfile, args, target) = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::open_compose(node, Mapping::Build, self.problems)?;
                let context = fields.string("context", self.problems);
                let dockerfile = fields.string("dockerfile", self.problems);
                let args = self.read_pairs(&mut fields, "args");
                let target = fields.string("target", self.problems);
                let is_inline = fields.contains("dockerfile_inline");
                policy::check_keys(Mapping::Build, &mut fields, self.problems);
                let before = self.problems.len();
                fields.close(self.problems);
                let has_unknown_key = self.problems.len() > before;
                if is_inline || has_unknown_key {
                    // It is reported, and the file that it stands for is not missing.
                    return None;
                }
                (context, dockerfile, args, target)
            }
            _ => {
                let context = string(node, "build", self.problems)?;
                (Some(context), None, Vec::new(), None)
            }
        };
        // Compose takes an empty value as none.
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let target = given(target);
        let dockerfile = given(dockerfile).unwrap_or_else(|| DOCKERFILE.to_owned());
        let context_node = node.child("context").unwrap_or(node);
        let dockerfile_node = node.child("dockerfile").unwrap_or(context_node);
        let context = match context {
            Some(context) => self.resolve(context_node, &context)?,
            None => self.resolve(owner, ".")?,
        };
        let normal = normalize(Path::new(&dockerfile));
        let outside = normal.is_absolute() || normal.starts_with("..");
        let path = context.join(&normal);
        if outside || self.files.canonical_path(&path).is_none() {
            let what = text!(
                "no such file: `{dockerfile}` in {folder}",
                dockerfile,
                folder = context.display()
            );
            self.problems.push(
                Problem::new(what)
                    .code(Code::UnreadableFile)
                    .at(dockerfile_node.place()),
            );
            return None;
        }
        let dockerfile = normal.to_string_lossy().into_owned();
        let folder = context.file_name().and_then(|folder| folder.to_str());
        let tag = folder.and_then(|folder| ServiceName::new(folder).ok());
        Some(Recipe {
            tag: tag.as_ref().unwrap_or(service).to_string(),
            context,
            dockerfile,
            args: args.into_iter().collect(),
            target,
        })
    }
}
