//! The data engineer's roadmap: a tree of topics. Each lab names the topics that it covers.
//!
//! The tree is in `labs/roadmap.yaml`, which is compiled into the program.

use std::path::Path;
use std::sync::LazyLock;

use crate::lab::id::TopicId;
use crate::lab::lang::Lang;
use crate::lab::yaml::{Fields, Mapping, Node, Problems, list, string};
use crate::problem::{Code, Problem, code_list, nearest};
use crate::text;

const FILE: &str = "labs/roadmap.yaml";
const TEXT: &str = include_str!("../../labs/roadmap.yaml");

/// The tree of topics.
#[derive(Debug, Default)]
pub struct Roadmap {
    pub topics: Vec<Topic>,
}

/// A topic, or a group if it contains other topics. Labs cover topics, never groups.
#[derive(Debug)]
pub struct Topic {
    pub id: TopicId,
    english: String,
    korean: String,
    pub topics: Vec<Topic>,
}

impl Topic {
    /// Returns the name in a language, or in English if there is none.
    pub fn name(&self, lang: &Lang) -> &str {
        match lang.as_str() {
            "ko" => &self.korean,
            _ => &self.english,
        }
    }

    /// Returns the topic and all that it contains, parents first.
    fn all(&self) -> Vec<&Topic> {
        let below = self.topics.iter().flat_map(Topic::all);
        std::iter::once(self).chain(below).collect()
    }
}

impl Roadmap {
    /// Returns the roadmap of the program.
    pub fn get() -> &'static Self {
        static ROADMAP: LazyLock<Roadmap> =
            LazyLock::new(|| Roadmap::parse(Path::new(FILE), TEXT).0);
        &ROADMAP
    }

    /// Parses a roadmap, and returns it with its problems.
    fn parse(file: &Path, text: &str) -> (Self, Problems) {
        let mut problems = Problems::new();
        let topics = match Node::parse(file, text) {
            Ok(root) => topics(&root, &mut problems),
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        };
        let roadmap = Self { topics };
        let all = roadmap.all();
        for (at, topic) in all.iter().enumerate() {
            if all[..at].iter().any(|earlier| earlier.id == topic.id) {
                let what = text!("duplicate topic `{id}`", id = topic.id);
                problems.push(Problem::new(what).code(Code::DuplicateName));
            }
        }
        (roadmap, problems)
    }

    /// Returns all topics and groups, in order.
    fn all(&self) -> Vec<&Topic> {
        self.topics.iter().flat_map(Topic::all).collect()
    }

    /// Returns the topics that labs can cover, in order.
    pub fn coverable(&self) -> impl Iterator<Item = &Topic> {
        self.all()
            .into_iter()
            .filter(|topic| topic.topics.is_empty())
    }
}

fn topics(node: &Node, problems: &mut Problems) -> Vec<Topic> {
    let items = list(node, "topics", problems);
    let read = items.into_iter().filter_map(|item| {
        let mut fields = Fields::open(item, Mapping::Topic, problems)?;
        let id = fields.required_string("id", item, problems);
        let english = fields.required_string("en", item, problems);
        let korean = fields.required_string("ko", item, problems);
        let nested = fields.get("topics");
        fields.close(problems);
        let id = TopicId::new(&id?)
            .map_err(|error| {
                problems.push(
                    Problem::new(error.text())
                        .code(Code::InvalidName)
                        .at(item.place()),
                )
            })
            .ok()?;
        Some(Topic {
            id,
            english: english?,
            korean: korean?,
            topics: nested.map_or_else(Vec::new, |nested| topics(nested, problems)),
        })
    });
    read.collect()
}

/// Reads the topic that a lab names.
pub(crate) fn topic(node: &Node, problems: &mut Problems) -> Option<TopicId> {
    let written = string(node, "roadmap", problems)?;
    let roadmap = Roadmap::get();
    let found = roadmap
        .all()
        .into_iter()
        .find(|topic| topic.id.as_str() == written);
    let problem = match found {
        Some(topic) if topic.topics.is_empty() => return Some(topic.id.clone()),
        Some(group) => {
            let topics = group.all();
            let topics = topics.iter().filter(|topic| topic.topics.is_empty());
            let topics = code_list(topics.map(|topic| &topic.id));
            Problem::new(text!(
                "`{written}` is a group of topics, not a topic",
                written
            ))
            .help(text!("topics in this group: {topics}", topics))
        }
        None => {
            let known = roadmap.coverable().map(|topic| topic.id.as_str());
            let help = match nearest(&written, known) {
                Some(candidate) => text!("did you mean `{candidate}`?", candidate),
                None => text!("run `roadlab roadmap` to list the topics"),
            };
            Problem::new(text!("no such topic: `{written}`", written))
                .code(Code::UnknownName)
                .help(help)
        }
    };
    problems.push(problem.at(node.place()));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, GUIDE, LAB, files, problems};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let (_, problems) = Roadmap::parse(Path::new("r.yaml"), text);
        let printed: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(printed, expected);
    }

    #[test]
    fn the_roadmap_of_the_program_is_valid() {
        check(TEXT, &[]);
        assert!(Roadmap::get().coverable().count() > 70);
    }

    #[test]
    fn a_topic_needs_a_unique_id_and_a_name_in_both_languages() {
        check(
            "- { id: a, en: A, ko: 가 }\n- { id: b, en: B }\n- { id: c, en: C, ko: 다, topics: [{ id: a, en: A, ko: 가 }] }\n",
            &[
                "r.yaml:2:3: missing key `ko` in a topic",
                "duplicate topic `a`",
            ],
        );
        check(
            "- { id: A b, en: A, ko: 가 }\n",
            &[
                "r.yaml:1:3: invalid name `A b`: use 1 to 40 lowercase letters, digits, `-` and `_`, beginning with a letter or digit",
            ],
        );
        check(
            "id: a\n",
            &["r.yaml:1:1: `topics` must be a list, not a mapping"],
        );
    }

    #[track_caller]
    fn covers(topic: &str, expected: &[&str]) {
        let lab = format!("roadmap: [{topic}]\n{LAB}");
        assert_eq!(problems(&files(&lab, COMPOSE, GUIDE)), expected);
    }

    #[test]
    fn a_lab_covers_topics_of_the_roadmap() {
        covers("redis, postgresql", &[]);
        covers(
            "postgresq",
            &["labs/small/lab.yaml:1:11: no such topic: `postgresq` (did you mean `postgresql`?)"],
        );
        covers(
            "cooking",
            &[
                "labs/small/lab.yaml:1:11: no such topic: `cooking` (run `roadlab roadmap` to list the topics)",
            ],
        );
        covers(
            "key-value",
            &[
                "labs/small/lab.yaml:1:11: `key-value` is a group of topics, not a topic (topics in this group: `redis`, `dynamodb`)",
            ],
        );
    }
}
