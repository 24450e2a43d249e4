//! `roadlab roadmap`: the topics of data engineering, the labs that cover them, and the learner's progress in each.

use serde_json::{Value, json};

use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::{Lang, Roadmap, Topic, TopicId};
use crate::localized;
use crate::report::{self, Paint, cut, error, output, sanitize};
use crate::runner::Failure;

/// The learner's progress in a lab.
struct LabProgress {
    lab: String,
    topics: Vec<TopicId>,
    done: usize,
    exercises: usize,
}

/// The learner's progress in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NoLab,
    Open,
    Begun,
    /// All exercises of one of its labs are solved.
    Done,
}

pub(crate) fn roadmap(context: &Context) -> Result<Exit, Failure> {
    let mut covers = Vec::new();
    for entry in context.app.list_labs()?.entries {
        if let Err(problem) = &entry.done {
            error(&sanitize(&problem.to_string()));
        }
        // `list` and `validate` show the problems of labs.
        if let Ok(summary) = entry.summary {
            covers.push(LabProgress {
                lab: entry.name,
                done: entry.done.unwrap_or(0),
                exercises: summary.exercises.len(),
                topics: summary.roadmap,
            });
        }
    }
    let roadmap = Roadmap::get();
    if context.global.json {
        let topics = roadmap.topics.iter();
        let topics: Vec<Value> = topics.map(|topic| as_json(topic, &covers)).collect();
        report::document(&topics);
        return Ok(Exit::Success);
    }
    let mut lines = Vec::new();
    for group in &roadmap.topics {
        lines.push(context.paint.bold(group.name(&context.app.lang)));
        branches(
            group,
            "",
            &covers,
            context.paint,
            &context.app.lang,
            &mut lines,
        );
    }
    for line in lines {
        output(
            &context
                .width()
                .map_or(line.clone(), |width| cut(&line, width)),
        );
    }
    let states: Vec<State> = roadmap
        .coverable()
        .map(|topic| state(&covering(topic, &covers)))
        .collect();
    let count = |wanted: &[State]| states.iter().filter(|state| wanted.contains(state)).count();
    let summary = localized!(
        "{covered} of {all} topics have a lab, {done} done",
        all = states.len(),
        covered = count(&[State::Open, State::Begun, State::Done]),
        done = count(&[State::Done])
    );
    output(&format!("\n{summary}"));
    let legend = [
        (State::Done, localized!("done")),
        (State::Begun, localized!("in progress")),
        (State::Open, localized!("has a lab")),
        (State::NoLab, localized!("no lab yet")),
    ];
    let legend = legend.map(|(state, word)| format!("{} {word}", symbol(state, context.paint)));
    output(&legend.join("  "));
    Ok(Exit::Success)
}

/// Adds the lines of the topics below a topic.
fn branches(
    topic: &Topic,
    before: &str,
    covers: &[LabProgress],
    paint: Paint,
    lang: &Lang,
    lines: &mut Vec<String>,
) {
    for (at, below) in topic.topics.iter().enumerate() {
        let last = at + 1 == topic.topics.len();
        let (knee, further) = if last {
            ("└─", "   ")
        } else {
            ("├─", "│  ")
        };
        let name = below.name(lang);
        let start = paint.dim(&format!("{before}{knee}"));
        if !below.topics.is_empty() {
            lines.push(format!("{start} {name}"));
            let before = format!("{before}{further}");
            branches(below, &before, covers, paint, lang, lines);
            continue;
        }
        let labs = covering(below, covers);
        let state = state(&labs);
        let name = match state {
            State::NoLab => paint.dim(name),
            _ => name.to_owned(),
        };
        let labs = labs.iter().map(|cover| {
            let progress = format!("{}/{}", cover.done, cover.exercises);
            format!(
                "  {} {}",
                paint.link(&sanitize(&cover.lab)),
                paint.dim(&progress)
            )
        });
        let labs: String = labs.collect();
        lines.push(format!("{start} {} {name}{labs}", symbol(state, paint)));
    }
}

/// Returns the labs that cover a topic.
fn covering<'a>(topic: &Topic, covers: &'a [LabProgress]) -> Vec<&'a LabProgress> {
    let covers = covers.iter();
    covers
        .filter(|cover| cover.topics.contains(&topic.id))
        .collect()
}

fn state(labs: &[&LabProgress]) -> State {
    if labs.is_empty() {
        State::NoLab
    } else if labs.iter().any(|lab| lab.done == lab.exercises) {
        State::Done
    } else if labs.iter().any(|lab| lab.done > 0) {
        State::Begun
    } else {
        State::Open
    }
}

fn symbol(state: State, paint: Paint) -> String {
    match state {
        State::NoLab => paint.dim("·"),
        State::Open => paint.link("○"),
        State::Begun => paint.warn("◐"),
        State::Done => paint.good("✓"),
    }
}

fn as_json(topic: &Topic, covers: &[LabProgress]) -> Value {
    let korean = Lang::parse("ko").unwrap_or_else(Lang::english);
    let names = json!({ "en": topic.name(&Lang::english()), "ko": topic.name(&korean) });
    if !topic.topics.is_empty() {
        let topics = topic.topics.iter();
        let topics: Vec<Value> = topics.map(|topic| as_json(topic, covers)).collect();
        return json!({ "id": topic.id, "names": names, "topics": topics });
    }
    let labs = covering(topic, covers);
    let state = match state(&labs) {
        State::NoLab => "no_lab",
        State::Open => "open",
        State::Begun => "begun",
        State::Done => "done",
    };
    let labs: Vec<Value> = labs
        .iter()
        .map(|lab| json!({ "lab": lab.lab, "done": lab.done, "exercises": lab.exercises }))
        .collect();
    json!({ "id": topic.id, "names": names, "state": state, "labs": labs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover(lab: &str, topic: &str, done: usize) -> LabProgress {
        LabProgress {
            lab: lab.into(),
            topics: vec![TopicId::new(topic).unwrap()],
            done,
            exercises: 2,
        }
    }

    #[test]
    fn the_tree_shows_the_labs_of_each_topic_with_progress() {
        let covers = [
            cover("pg", "postgresql", 0),
            cover("docs", "mongodb", 1),
            cover("more-pairs", "redis", 2),
            cover("pairs", "redis", 1),
        ];
        let databases = Roadmap::get()
            .topics
            .iter()
            .find(|topic| topic.id.as_str() == "databases");
        let mut lines = Vec::new();
        let english = Lang::english();
        branches(
            databases.unwrap(),
            "",
            &covers,
            Paint::Plain,
            &english,
            &mut lines,
        );
        insta::assert_snapshot!(lines.join("\n"), @"
        ├─ Relational
        │  ├─ ○ PostgreSQL  pg 0/2
        │  └─ · MySQL
        ├─ Document
        │  ├─ ◐ MongoDB  docs 1/2
        │  └─ · CouchDB
        ├─ Wide column
        │  ├─ · Cassandra
        │  ├─ · HBase
        │  └─ · Bigtable
        ├─ Graph
        │  └─ · Neo4j
        └─ Key-value
           ├─ ✓ Redis  more-pairs 2/2  pairs 1/2
           └─ · DynamoDB
        ");
    }
}
