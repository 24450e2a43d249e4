//! The files of a new lab as texts, put together from the templates of its services.

use std::collections::BTreeMap;

use crate::app::new_lab::example::{Example, quoted};
use crate::app::new_lab::guess::{self, Guess};
use crate::lab::{Lang, Service};

/// What the files of a new lab say of a service.
#[derive(Debug, Clone)]
pub(super) struct NewService {
    pub(super) name: String,
    pub(super) example: Option<Example>,
    pub(super) topic: Option<&'static str>,
    pub(super) has_url: bool,
    pub(super) has_shell: bool,
    pub(super) has_page: bool,
}

/// The parts of an example, with `<service>`, `<exercise>` and `<in>` in place of names.
struct Template {
    /// The id of the exercise.
    id: &'static str,
    yaml: &'static str,
    english: &'static str,
    korean: &'static str,
}

macro_rules! template {
    ($id:literal, $file:literal) => {
        Template {
            id: $id,
            yaml: include_str!(concat!("templates/", $file, ".yaml")),
            english: include_str!(concat!("templates/", $file, ".en.md")),
            korean: include_str!(concat!("templates/", $file, ".ko.md")),
        }
    };
}

const REDIS: Template = template!("greeting", "redis");
const SQL: Template = template!("delivery", "sql");
const MONGO: Template = template!("delivery", "mongo");
const AMQP: Template = template!("empty-queue", "amqp");
/// Every lab has it once, for a quiz looks different from an exercise with checks.
const QUIZ: Template = template!("service-name", "quiz");

const LAB_HEAD: &str = include_str!("templates/lab.yaml");
const COMPOSE_HEAD: &str = include_str!("templates/compose.yaml");
const GUIDE_HEAD: [&str; 2] = [
    include_str!("templates/guide.en.md"),
    include_str!("templates/guide.ko.md"),
];

/// The names of the parts of a template, as its lines show them.
const PARTS: [&str; 3] = ["start:", "health:", "exercises:"];

impl NewService {
    /// Describes a service with its own `x-roadlab`.
    pub(super) fn of(service: &Service) -> Self {
        Self {
            name: service.name.to_string(),
            example: guess::example_of(service),
            topic: guess::topic(service),
            has_url: service.interface.url.is_some(),
            has_shell: service.interface.shell.is_some(),
            has_page: !service.interface.web.is_empty(),
        }
    }

    /// Describes a service of a Compose file; `guess` is what its `x-roadlab` will be if it has none of its own.
    pub(super) fn guessed(service: &Service, guess: Option<&Guess>) -> Self {
        match guess {
            None => Self::of(service),
            Some(guess) => Self {
                name: service.name.to_string(),
                example: guess.example,
                topic: guess::topic(service),
                has_url: guess.url.is_some(),
                has_shell: !guess.shell.is_empty(),
                has_page: guess.web.is_some(),
            },
        }
    }
}

impl Example {
    fn template(self) -> &'static Template {
        match self {
            Example::Redis => &REDIS,
            Example::Sql => &SQL,
            Example::Mongo => &MONGO,
            Example::Amqp => &AMQP,
        }
    }
}

/// The services of a new lab, and the values of its `vars`.
pub(super) struct Skeleton<'a> {
    pub(super) services: &'a [NewService],
    pub(super) variables: &'a BTreeMap<String, String>,
}

/// An exercise of a new lab.
struct NewExercise<'a> {
    template: &'static Template,
    service: &'a str,
    id: String,
}

/// Returns a Compose file that includes these files.
pub(super) fn compose_file(included: &[String]) -> String {
    let lines = included.iter().map(|path| format!("  - {path}\n"));
    format!("{COMPOSE_HEAD}include:\n{}", lines.collect::<String>())
}

impl Skeleton<'_> {
    /// Returns the exercises: one for each service with an example, and a quiz.
    fn exercises(&self) -> Vec<NewExercise<'_>> {
        let practical = self
            .services
            .iter()
            .filter_map(|service| Some((service.name.as_str(), service.example?.template())));
        let practical: Vec<_> = practical.collect();
        let several = practical.len() > 1;
        let mut exercises: Vec<NewExercise<'_>> = practical
            .into_iter()
            .map(|(service, template)| NewExercise {
                template,
                service,
                id: match several {
                    // Within the 40 characters of an id.
                    true => format!("{service:.28}-{}", template.id),
                    false => template.id.to_owned(),
                },
            })
            .collect();
        exercises.extend(self.services.first().map(|service| NewExercise {
            template: &QUIZ,
            service: &service.name,
            id: QUIZ.id.to_owned(),
        }));
        exercises
    }

    pub(super) fn lab_file(&self) -> String {
        let mut topics: Vec<&str> = Vec::new();
        for topic in self.services.iter().filter_map(|service| service.topic) {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        let mut text = LAB_HEAD.replace("<roadmap>", &topics.join(", "));
        if !self.variables.is_empty() {
            text.push_str("# The values of `${…}` in the Compose files.\nvars:\n");
            for (name, value) in self.variables {
                text.push_str(&format!("  {name}: {}\n", quoted(value)));
            }
        }
        let exercises = self.exercises();
        let titles = [
            "\n# Brings the services to the starting point. `reset` does it again, so it must work twice: wipe first, then seed.\n",
            "\n# Must hold whenever the lab is up.\n",
            "\n",
        ];
        for (part, title) in PARTS.iter().zip(titles) {
            let mut bodies = Vec::new();
            let mut explained = false;
            for exercise in &exercises {
                let Some(body) = exercise.part(part) else {
                    continue;
                };
                // A comment explains the format where it comes first.
                let is_quiz = exercise.template.id == QUIZ.id;
                bodies.push(match explained && !is_quiz {
                    true => without_comments(&body),
                    false => body,
                });
                explained = true;
            }
            if !bodies.is_empty() {
                let between = if *part == "exercises:" { "\n" } else { "" };
                text.push_str(&format!("{title}{part}\n{}", bodies.join(between)));
            }
        }
        text
    }

    pub(super) fn guide(&self, lang: &Lang) -> String {
        let korean = lang.as_str() == "ko";
        let names: Vec<&str> = self.services.iter().map(|one| one.name.as_str()).collect();
        let head = GUIDE_HEAD[usize::from(korean)];
        let mut text = head.replace("<services>", &names.join(", "));
        let lines = self
            .services
            .iter()
            .filter_map(|service| service.line(korean));
        let lines: Vec<String> = lines.collect();
        if !lines.is_empty() {
            text.push_str(&format!("\n{}\n", lines.join("\n")));
        }
        let exercises = self.exercises();
        let several = exercises.len() > 2;
        for exercise in &exercises {
            let template = exercise.template;
            let section = if korean {
                template.korean
            } else {
                template.english
            };
            let service = match (several && template.id != QUIZ.id, korean) {
                (false, _) => String::new(),
                (true, false) => format!(" in {}", exercise.service),
                (true, true) => format!(": {}", exercise.service),
            };
            let section = exercise.filled(&section.replace("<in>", &service));
            text.push_str(&format!("\n{section}"));
        }
        text
    }
}

impl NewService {
    /// Returns an item of the introduction: how a learner reaches the service.
    fn line(&self, korean: bool) -> Option<String> {
        let name = &self.name;
        let variable = name.replace('-', "_");
        let url = format!("`{{{{ {variable}.url }}}}`");
        let shell = format!("`roadlab shell {{{{ lab }}}} {name}`");
        let open = format!("`roadlab open {{{{ lab }}}} {name}`");
        let mut ways = Vec::new();
        if self.has_shell {
            ways.push(if korean {
                format!("클라이언트는 {shell}")
            } else {
                format!("{shell} opens its client")
            });
        }
        if self.has_url {
            ways.push(if korean {
                format!("주소는 {url}")
            } else {
                format!("your own tools reach it at {url}")
            });
        }
        if self.has_page {
            ways.push(if korean {
                format!("웹 페이지는 {open}")
            } else {
                format!("{open} opens its page")
            });
        }
        (!ways.is_empty()).then(|| format!("- `{name}`: {}", ways.join(", ")))
    }
}

impl NewExercise<'_> {
    fn filled(&self, text: &str) -> String {
        text.replace("<service>", self.service)
            .replace("<exercise>", &self.id)
    }

    /// Returns the lines below `name` in the template, up to the next part.
    fn part(&self, name: &str) -> Option<String> {
        let mut lines = self.template.yaml.lines();
        lines.find(|line| *line == name)?;
        let below = lines.take_while(|line| !PARTS.contains(line));
        let below: String = below.map(|line| format!("{line}\n")).collect();
        Some(self.filled(&below))
    }
}

fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}
