//! Puts the files that steps name with `script_file` in the place of their key, before the steps are read.
//!
//! The file of `sql` becomes its `script`, that of `exec` and `client` their `input`. A file of `redis` or `mongo` holds several
//! commands, so its step becomes one step for each, with the place of the command in the file.

use std::path::Path;

use crate::lab::file_system::{FileSystem, normalize};
use crate::lab::yaml::{Kind, Node, Problems};
use crate::problem::{Code, Problem};
use crate::text;

/// The key that names a file in the lab's folder.
const KEY: &str = "script_file";

/// The most commands that the files of a lab may hold.
const MAX_COMMANDS: usize = 10_000;

/// The files of a lab.
pub(crate) struct ScriptFiles<'a> {
    pub folder: &'a Path,
    pub files: &'a dyn FileSystem,
}

impl ScriptFiles<'_> {
    /// Returns the tree with the files in place. A step whose file has a problem is left out.
    pub(crate) fn put_in(&self, root: &Node, problems: &mut Problems) -> Node {
        let mut reader = Reader {
            files: self,
            left: MAX_COMMANDS,
            problems,
        };
        reader.node(root, Several::Refused)
    }

    /// Returns the text of a file in the lab's folder.
    fn read(&self, node: &Node, problems: &mut Problems) -> Option<Node> {
        let written = node.as_string()?;
        let relative = Path::new(&written);
        let path = normalize(&self.folder.join(relative));
        let mut problem = |what| {
            let problem = Problem::new(what).code(Code::UnreadableFile);
            problems.push(problem.at(node.place()));
            None
        };
        let root = self.files.canonical_path(self.folder);
        let real = self.files.canonical_path(&path);
        let is_inside = |path: &Path, folder: &Path| path.starts_with(folder);
        let outside = relative.is_absolute()
            || !is_inside(&path, &normalize(self.folder))
            || real
                .zip(root)
                .is_some_and(|(real, root)| !is_inside(&real, &root));
        if outside {
            return problem(text!(
                "`{key}` must be a path in the lab's folder",
                key = KEY
            ));
        }
        match self.files.read(&path) {
            Ok(text) => Some(Node::of_text(&path, &text)),
            Err(error) => problem(text!(
                "cannot read `{path}`: {reason}",
                path = written,
                reason = error.text()
            )),
        }
    }
}

/// Whether a step may become several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Several {
    Allowed,
    /// Each step of a solution must be necessary, and a check is one step.
    Refused,
}

struct Reader<'a> {
    files: &'a ScriptFiles<'a>,
    left: usize,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn node(&mut self, node: &Node, several: Several) -> Node {
        match &node.kind {
            Kind::List(items) => {
                let items = items.iter().flat_map(|item| self.item(item, several));
                node.with_kind(Kind::List(items.collect()))
            }
            Kind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let several = match key.as_string().as_deref() {
                        Some("start" | "prepare" | "do") => Several::Allowed,
                        _ => Several::Refused,
                    };
                    (key.clone(), self.node(value, several))
                });
                node.with_kind(Kind::Map(entries.collect()))
            }
            _ => node.clone(),
        }
    }

    /// Returns an item of a list: the steps in place of one step with a file.
    fn item(&mut self, item: &Node, several: Several) -> Vec<Node> {
        let step = ["sql", "exec", "client", "redis", "mongo"]
            .into_iter()
            .find_map(|kind| Some((kind, item.child(kind)?.child(KEY)?)));
        let Some((kind, file)) = step else {
            return vec![self.node(item, Several::Refused)];
        };
        let inner = match kind {
            "sql" => "script",
            "exec" | "client" => "input",
            _ => "command",
        };
        let probe = item.child(kind);
        if let Some(other) = probe.and_then(|probe| probe.key_of(inner)) {
            let what = text!(
                "`{key}` and `{other}` are mutually exclusive",
                key = KEY,
                other = inner
            );
            self.problems.push(Problem::new(what).at(other.place()));
            return Vec::new();
        }
        let Some(content) = self.files.read(file, self.problems) else {
            return Vec::new();
        };
        if content
            .as_string()
            .is_some_and(|text| text.trim().is_empty())
        {
            return self.empty(file);
        }
        match (kind, several) {
            ("redis" | "mongo", Several::Refused) => {
                let what = text!(
                    "`{key}` of `{kind}` is only allowed in `start`, `right` and `wrong`",
                    key = KEY,
                    kind
                );
                let help = text!(
                    "write the commands as steps, or use `client` with `{key}`",
                    key = KEY
                );
                self.problems
                    .push(Problem::new(what).at(file.place()).help(help));
                Vec::new()
            }
            ("redis", Several::Allowed) => {
                let commands = redis_commands(&content, self.problems);
                self.steps(item, kind, file, commands)
            }
            ("mongo", Several::Allowed) => {
                let commands = mongo_commands(&content, self.problems);
                self.steps(item, kind, file, commands)
            }
            _ => vec![with_probe(item, kind, item, |entries| {
                entries.push((file.with_kind(Kind::String(inner.to_owned())), content));
            })],
        }
    }

    /// Reports a file that does nothing.
    fn empty(&mut self, file: &Node) -> Vec<Node> {
        let path = file.as_string().unwrap_or_default();
        let what = text!("`{path}` is empty", path);
        let help = text!("write into the file what the step is to do, or remove the step");
        self.problems
            .push(Problem::new(what).at(file.place()).help(help));
        Vec::new()
    }

    /// Returns one step for each command, at its place in the file. What is expected is expected of the last.
    fn steps(
        &mut self,
        item: &Node,
        kind: &str,
        file: &Node,
        commands: Option<Vec<Node>>,
    ) -> Vec<Node> {
        let Some(commands) = commands else {
            return Vec::new();
        };
        if commands.is_empty() {
            return self.empty(file);
        }
        if commands.len() > self.left {
            let limit = MAX_COMMANDS;
            let what = text!("too many commands in files: the limit is {limit}", limit);
            self.problems
                .push(Problem::new(what).code(Code::Limit).at(file.place()));
            return Vec::new();
        }
        self.left -= commands.len();
        let last = commands.len().saturating_sub(1);
        let commands = commands.into_iter().enumerate();
        commands
            .map(|(at, command)| {
                let place = command.clone();
                let step = with_probe(item, kind, &place, |entries| {
                    entries.retain(|(key, _)| key.as_string().as_deref() != Some(KEY));
                    let key = file.with_kind(Kind::String("command".to_owned()));
                    entries.push((key, command));
                });
                match at == last {
                    true => step,
                    false => without(&step, &["expect", "capture"]),
                }
            })
            .collect()
    }
}

/// Returns a step, at another place, whose probe has other entries.
fn with_probe(
    step: &Node,
    kind: &str,
    place: &Node,
    change: impl FnOnce(&mut Vec<(Node, Node)>),
) -> Node {
    let Kind::Map(entries) = &step.kind else {
        return step.clone();
    };
    let mut change = Some(change);
    let entries = entries.iter().map(|(key, value)| {
        let is_probe = key.as_string().as_deref() == Some(kind);
        match (&value.kind, change.take_if(|_| is_probe)) {
            (Kind::Map(inner), Some(change)) => {
                let mut inner = inner.clone();
                change(&mut inner);
                (key.clone(), value.with_kind(Kind::Map(inner)))
            }
            _ => (key.clone(), value.clone()),
        }
    });
    place.with_kind(Kind::Map(entries.collect()))
}

fn without(step: &Node, keys: &[&str]) -> Node {
    let Kind::Map(entries) = &step.kind else {
        return step.clone();
    };
    let is_kept = |(key, _): &&(Node, Node)| {
        key.as_string()
            .is_none_or(|key| !keys.contains(&key.as_str()))
    };
    step.with_kind(Kind::Map(entries.iter().filter(is_kept).cloned().collect()))
}

/// Returns the commands of a file for Redis: one in each line, with the quotes of redis-cli. Lines that begin with `#` are
/// comments. `None` if a line has a problem.
fn redis_commands(content: &Node, problems: &mut Problems) -> Option<Vec<Node>> {
    let mut commands = Some(Vec::new());
    for line in content.text_lines() {
        let text = line.as_string().unwrap_or_default();
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some(words) = redis_words(text) else {
            let what = text!("the quotes of this command do not match");
            problems.push(Problem::new(what).code(Code::Syntax).at(line.place()));
            commands = None;
            continue;
        };
        let words = words
            .into_iter()
            .map(|word| line.with_kind(Kind::String(word)));
        if let Some(commands) = &mut commands {
            commands.push(line.with_kind(Kind::List(words.collect())));
        }
    }
    commands
}

/// Returns the words of a command as redis-cli reads them; `None` if a quote does not end. Source: `sdssplitargs`.
fn redis_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = chars.peek().copied() else {
            return Some(words);
        };
        let mut word = String::new();
        match first {
            '"' | '\'' => {
                chars.next();
                loop {
                    match chars.next()? {
                        c if c == first => break,
                        '\\' if first == '"' => word.push(match chars.next()? {
                            'n' => '\n',
                            'r' => '\r',
                            't' => '\t',
                            other => other,
                        }),
                        '\\' if chars.next_if_eq(&'\'').is_some() => word.push('\''),
                        c => word.push(c),
                    }
                }
                if chars.peek().is_some_and(|c| !c.is_whitespace()) {
                    return None;
                }
            }
            _ => {
                while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
            }
        }
        words.push(word);
    }
}

/// Returns the commands of a file for MongoDB: a list of database commands, as JSON or YAML.
fn mongo_commands(content: &Node, problems: &mut Problems) -> Option<Vec<Node>> {
    let text = content.as_string().unwrap_or_default();
    match Node::parse(content.file(), &text) {
        Ok(Node {
            kind: Kind::List(commands),
            ..
        }) => Some(commands),
        Ok(other) => {
            let what = text!("this file must be a list of database commands");
            problems.push(Problem::new(what).at(other.place()));
            None
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::InMemoryFs;

    /// Prints the tree with the files in place, or the problems.
    fn put_in(yaml: &str, files: &[(&str, &str)]) -> String {
        let folder = Path::new("lab");
        let mut tree = InMemoryFs::default();
        tree.0.insert(folder.join("lab.yaml"), String::new());
        for (path, text) in files {
            tree.0.insert(folder.join(path), (*text).to_owned());
        }
        let files = ScriptFiles {
            folder,
            files: &tree,
        };
        let node = Node::parse(&folder.join("lab.yaml"), yaml).unwrap();
        let mut problems = Vec::new();
        let found = files.put_in(&node, &mut problems);
        match problems.is_empty() {
            true => found.to_json().to_string(),
            false => problems.iter().map(|one| format!("{one}\n")).collect(),
        }
    }

    #[test]
    fn a_file_of_sql_or_a_program_is_its_text() {
        assert_eq!(
            put_in(
                "solution: [ sql: { service: db, script_file: a.sql }, exec: { service: db, run: [sh], script_file: a.sql } ]",
                &[("a.sql", "SELECT 1;\n")],
            ),
            r#"{"solution":[{"sql":{"service":"db","script_file":"a.sql","script":"SELECT 1;\n"}},{"exec":{"service":"db","run":["sh"],"script_file":"a.sql","input":"SELECT 1;\n"}}]}"#
        );
    }

    #[test]
    fn a_file_of_several_commands_is_several_steps() {
        assert_eq!(
            put_in(
                "start: [ redis: { service: r, script_file: a.redis }, expect: { equals: OK } ]",
                &[(
                    "a.redis",
                    "# seed\nSET a \"b \\\"c\\\"\"\n\nSET d 'it\\'s'\n"
                )],
            )
            .replace("},{\"expect", "}, {\"expect"),
            r#"{"start":[{"redis":{"service":"r","command":["SET","a","b \"c\""]}},{"redis":{"service":"r","command":["SET","d","it's"]}}, {"expect":{"equals":"OK"}}]}"#
        );
        assert_eq!(
            put_in(
                "start: [ { mongo: { service: m, script_file: a.json }, timeout: 1s } ]",
                &[("a.json", "[ {\"ping\": 1},\n {\"insert\": \"a\"} ]")],
            ),
            r#"{"start":[{"mongo":{"service":"m","command":{"ping":1}},"timeout":"1s"},{"mongo":{"service":"m","command":{"insert":"a"}},"timeout":"1s"}]}"#
        );
    }

    #[test]
    fn problems_have_their_place() {
        #[track_caller]
        fn check(yaml: &str, files: &[(&str, &str)], expected: &str) {
            assert_eq!(put_in(yaml, files), format!("{expected}\n"));
        }
        check(
            "start: [ sql: { service: db, script_file: none.sql } ]",
            &[],
            "lab/lab.yaml:1:43: cannot read `none.sql`: no such file",
        );
        for path in ["../x.sql", "/etc/passwd", "a/../../x.sql"] {
            check(
                &format!("start: [ sql: {{ service: db, script_file: {path} }} ]"),
                &[],
                "lab/lab.yaml:1:43: `script_file` must be a path in the lab's folder",
            );
        }
        check(
            "start: [ redis: { service: r, script_file: a.redis } ]",
            &[("a.redis", "PING\nSET a \"b\n")],
            "lab/a.redis:2:1: the quotes of this command do not match",
        );
        check(
            "start: [ mongo: { service: m, script_file: a.json } ]",
            &[("a.json", "{}")],
            "lab/a.json:1:1: this file must be a list of database commands",
        );
        check(
            "solution: [ redis: { service: r, script_file: a.redis } ]",
            &[("a.redis", "PING")],
            "lab/lab.yaml:1:47: `script_file` of `redis` is only allowed in `start`, `right` and `wrong` (write the commands as steps, or use `client` with `script_file`)",
        );
        for (kind, text) in [
            ("sql", "\n \n"),
            ("client", ""),
            ("redis", "# nothing yet\n"),
            ("mongo", "[]"),
        ] {
            let column = 39 + kind.len();
            check(
                &format!("start: [ {kind}: {{ service: r, script_file: a }} ]"),
                &[("a", text)],
                &format!(
                    "lab/lab.yaml:1:{column}: `a` is empty (write into the file what the step is to do, or remove the step)"
                ),
            );
        }
        check(
            "start: [ client: { service: r, script_file: a, input: b } ]",
            &[("a", "b")],
            "lab/lab.yaml:1:48: `script_file` and `input` are mutually exclusive",
        );
    }
}
