//! The data engineer's roadmap: a tree of topics, of which labs name those that they cover.
//!
//! Its one data file, `labs/roadmap.yaml`, is part of the program.

use std::path::Path;
use std::sync::LazyLock;

use crate::lab::fields::{Fields, Problems, text};
use crate::lab::yaml::{Kind, Node};
use crate::lab::{Lang, TopicId};
use crate::problem::{Problem, nearest};

const FILE: &str = "labs/roadmap.yaml";
const TEXT: &str = include_str!("../../labs/roadmap.yaml");

/// The whole tree.
#[derive(Debug, Default)]
pub struct Roadmap {
    pub topics: Vec<Topic>,
}

/// A topic, or a group of topics if there are some below it. Labs cover topics, never groups.
#[derive(Debug)]
pub struct Topic {
    pub id: TopicId,
    english: String,
    korean: String,
    pub topics: Vec<Topic>,
}

impl Topic {
    /// Its name in the language asked for, else in English.
    pub fn name(&self, lang: &Lang) -> &str {
        match lang.as_str() {
            "ko" => &self.korean,
            _ => &self.english,
        }
    }

    /// Itself and all below it, from the top.
    fn all(&self) -> Vec<&Topic> {
        let below = self.topics.iter().flat_map(Topic::all);
        std::iter::once(self).chain(below).collect()
    }
}

impl Roadmap {
    /// The roadmap that labs refer to.
    pub fn get() -> &'static Self {
        static ROADMAP: LazyLock<Roadmap> =
            LazyLock::new(|| Roadmap::parse(Path::new(FILE), TEXT).0);
        &ROADMAP
    }

    /// Reads the data file; the problems are all that is wrong with it.
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
                let what = format!("two topics are called `{}`", topic.id);
                problems.push(Problem::new(what));
            }
        }
        (roadmap, problems)
    }

    /// Every topic and group, in order.
    fn all(&self) -> Vec<&Topic> {
        self.topics.iter().flat_map(Topic::all).collect()
    }

    /// Every topic that a lab can cover, in order.
    pub fn coverable(&self) -> impl Iterator<Item = &Topic> {
        self.all()
            .into_iter()
            .filter(|topic| topic.topics.is_empty())
    }
}

fn topics(node: &Node, problems: &mut Problems) -> Vec<Topic> {
    let Kind::List(items) = &node.kind else {
        let what = format!("topics must be a list, this is {}", node.noun());
        problems.push(Problem::new(what).at(node.place()));
        return Vec::new();
    };
    let read = items.iter().filter_map(|item| {
        let mut fields = Fields::open(item, "topic", problems)?;
        let mut needed = |key: &'static str, problems: &mut Problems| {
            let value = fields.required(key, item, problems)?;
            text(value, key, problems)
        };
        let id = needed("id", problems);
        let english = needed("en", problems);
        let korean = needed("ko", problems);
        let below = fields.get("topics");
        fields.close(problems);
        let id = TopicId::new(&id?)
            .map_err(|error| problems.push(Problem::new(error.to_string()).at(item.place())))
            .ok()?;
        Some(Topic {
            id,
            english: english?,
            korean: korean?,
            topics: below.map_or_else(Vec::new, |below| topics(below, problems)),
        })
    });
    read.collect()
}

/// The topic that a lab names.
pub(crate) fn topic(node: &Node, problems: &mut Problems) -> Option<TopicId> {
    let written = text(node, "roadmap", problems)?;
    let roadmap = Roadmap::get();
    let found = roadmap
        .all()
        .into_iter()
        .find(|topic| topic.id.as_str() == written);
    let problem = match found {
        Some(topic) if topic.topics.is_empty() => return Some(topic.id.clone()),
        Some(group) => {
            let below: Vec<String> = group
                .all()
                .iter()
                .filter(|topic| topic.topics.is_empty())
                .map(|topic| format!("`{}`", topic.id))
                .collect();
            let what = format!("`{written}` is a group of the roadmap, not a topic");
            Problem::new(what).help(format!("its topics: {}", below.join(", ")))
        }
        None => {
            let known = roadmap.coverable().map(|topic| topic.id.as_str());
            let help = match nearest(&written, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`roadlab roadmap` shows the topics".to_owned(),
            };
            Problem::new(format!("the roadmap has no topic `{written}`")).help(help)
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
        let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn the_roadmap_of_the_program_has_no_problem() {
        check(TEXT, &[]);
        assert!(Roadmap::get().coverable().count() > 70);
    }

    #[test]
    fn a_topic_needs_an_id_of_its_own_and_both_languages() {
        check(
            "- { id: a, en: A, ko: 가 }\n- { id: b, en: B }\n- { id: c, en: C, ko: 다, topics: [{ id: a, en: A, ko: 가 }] }\n",
            &[
                "r.yaml:2:3: a topic needs `ko`",
                "two topics are called `a`",
            ],
        );
        check(
            "- { id: A b, en: A, ko: 가 }\n",
            &[
                "r.yaml:1:3: `A b` cannot be a name: use 1 to 40 lower case letters, digits, `-` and `_`, beginning with a letter or digit",
            ],
        );
        check(
            "id: a\n",
            &["r.yaml:1:1: topics must be a list, this is a mapping"],
        );
    }

    #[track_caller]
    fn named(topic: &str, expected: &[&str]) {
        let lab = format!("roadmap: [{topic}]\n{LAB}");
        assert_eq!(problems(&files(&lab, COMPOSE, GUIDE)), expected);
    }

    #[test]
    fn a_lab_names_topics_of_the_roadmap() {
        named("redis, postgresql", &[]);
        named(
            "postgresq",
            &[
                "labs/small/lab.yaml:1:11: the roadmap has no topic `postgresq` (did you mean `postgresql`?)",
            ],
        );
        named(
            "cooking",
            &[
                "labs/small/lab.yaml:1:11: the roadmap has no topic `cooking` (`roadlab roadmap` shows the topics)",
            ],
        );
        named(
            "key-value",
            &[
                "labs/small/lab.yaml:1:11: `key-value` is a group of the roadmap, not a topic (its topics: `redis`, `dynamodb`)",
            ],
        );
    }
}
