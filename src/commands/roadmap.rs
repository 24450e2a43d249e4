//! `roadlab roadmap`: the topics of data engineering, the labs that cover them, and the learner's progress in each.

use serde_json::{Value, json};

use crate::app::{PathLab, TopicContent, TopicReport, TopicState};
use crate::commands::Context;
use crate::exit::Exit;
use crate::lab::Lang;
use crate::localized;
use crate::report::{self, Paint, cut, error, output, sanitize};
use crate::runner::Failure;

pub(crate) fn roadmap(context: &Context) -> Result<Exit, Failure> {
    let roadmap = context.app.roadmap()?;
    for problem in &roadmap.problems {
        error(&sanitize(&problem.to_string()));
    }
    if context.global.json {
        let groups: Vec<Value> = roadmap.groups.iter().map(as_json).collect();
        report::document(&groups);
        return Ok(Exit::Success);
    }
    let (paint, lang) = (context.paint, &context.app.lang);
    let mut lines = Vec::new();
    for group in &roadmap.groups {
        lines.push(paint.bold(group.topic.name(lang)));
        branches(group, "", paint, lang, &mut lines);
    }
    let width = context.width();
    for line in lines {
        output(&width.map_or(line.clone(), |width| cut(&line, width)));
    }
    let counts = roadmap.counts();
    let summary = localized!(
        "{covered} of {all} topics have a lab, {done} done",
        all = counts.all,
        covered = counts.covered,
        done = counts.done
    );
    output(&format!("\n{summary}"));
    let legend = [
        (TopicState::Done, localized!("done")),
        (TopicState::Begun, localized!("in progress")),
        (TopicState::Open, localized!("has a lab")),
        (TopicState::NoLab, localized!("no lab yet")),
    ];
    let legend = legend.map(|(state, word)| format!("{} {word}", symbol(state, paint)));
    output(&legend.join("  "));
    output(&format!(
        "\n{}",
        paint.bold(&localized!("The order of the labs"))
    ));
    for place in &roadmap.path {
        output(&path_line(place, paint));
    }
    let next = localized!("`roadlab next` shows which lab fits next");
    output(&paint.dim(&next));
    Ok(Exit::Success)
}

/// Adds the lines of the topics in a group.
fn branches(group: &TopicReport, before: &str, paint: Paint, lang: &Lang, lines: &mut Vec<String>) {
    let TopicContent::Group(topics) = &group.content else {
        return;
    };
    for (at, below) in topics.iter().enumerate() {
        let last = at + 1 == topics.len();
        let (knee, further) = if last {
            ("└─", "   ")
        } else {
            ("├─", "│  ")
        };
        let name = below.topic.name(lang);
        let start = paint.dim(&format!("{before}{knee}"));
        let (labs, state) = match &below.content {
            TopicContent::Group(_) => {
                lines.push(format!("{start} {name}"));
                branches(below, &format!("{before}{further}"), paint, lang, lines);
                continue;
            }
            TopicContent::Labs { labs, state } => (labs, *state),
        };
        let name = match state {
            TopicState::NoLab => paint.dim(name),
            _ => name.to_owned(),
        };
        let labs = labs.iter().map(|lab| {
            let progress = format!("{}/{}", lab.done, lab.exercises);
            format!(
                "  {} {}",
                paint.link(&sanitize(&lab.lab)),
                paint.dim(&progress)
            )
        });
        let labs: String = labs.collect();
        lines.push(format!("{start} {} {name}{labs}", symbol(state, paint)));
    }
}

/// Returns the line of a lab, below the one that it builds on.
fn path_line(place: &PathLab, paint: Paint) -> String {
    let lab = &place.lab;
    let indent = "  ".repeat(place.depth);
    let arrow = if place.depth > 0 { "↳ " } else { "" };
    let progress = format!("{}/{}", lab.done, lab.exercises);
    let state = symbol(lab.state(), paint);
    let (start, name) = (
        paint.dim(&format!("{indent}{arrow}")),
        paint.link(&sanitize(&lab.lab)),
    );
    format!("{start}{state} {name} {}", paint.dim(&progress))
}

fn symbol(state: TopicState, paint: Paint) -> String {
    match state {
        TopicState::NoLab => paint.dim("·"),
        TopicState::Open => paint.link("○"),
        TopicState::Begun => paint.warn("◐"),
        TopicState::Done => paint.good("✓"),
    }
}

fn as_json(report: &TopicReport) -> Value {
    let topic = report.topic;
    let korean = Lang::parse("ko").unwrap_or_else(Lang::english);
    let names = json!({ "en": topic.name(&Lang::english()), "ko": topic.name(&korean) });
    let (labs, state) = match &report.content {
        TopicContent::Group(topics) => {
            let topics: Vec<Value> = topics.iter().map(as_json).collect();
            return json!({ "id": topic.id, "names": names, "topics": topics });
        }
        TopicContent::Labs { labs, state } => (labs, state),
    };
    let state = match state {
        TopicState::NoLab => "no_lab",
        TopicState::Open => "open",
        TopicState::Begun => "begun",
        TopicState::Done => "done",
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
    use crate::app::testing::databases;

    #[test]
    fn the_tree_shows_the_labs_of_each_topic_with_progress() {
        let databases = databases(&[
            ("pg", "postgresql", 0),
            ("docs", "mongodb", 1),
            ("more-pairs", "redis", 2),
            ("pairs", "redis", 1),
        ]);
        let mut lines = Vec::new();
        branches(&databases, "", Paint::Plain, &Lang::english(), &mut lines);
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
