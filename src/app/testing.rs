//! An application for tests.

use std::path::Path;

use crate::app::roadmap::{Coverage, TopicLab, TopicReport};
use crate::app::{App, Options, Trust};
use crate::engine::Consent;
use crate::lab::{Instance, Lang, Roadmap, TopicId};
use crate::runner::{PullPolicy, ReaperCommand};
use crate::store::Paths;

/// Returns an application whose folders are in `folder`, with a script in place of the reaper.
pub(crate) fn app(folder: &Path) -> App {
    let options = Options {
        labs: None,
        engine: None,
        consent: Consent::NotGiven,
        trust: Trust::Granted,
        pull_policy: PullPolicy::Offline,
    };
    let paths = Paths {
        state: folder.join("state"),
        cache: folder.join("cache"),
        data: folder.join("data"),
    };
    let reaper = ReaperCommand {
        program: "sh".into(),
        arguments: vec!["-c".into(), "printf + >&0; cat >/dev/null".into()],
        log: folder.join("log"),
    };
    let events = Box::new(|_| {});
    App::new(
        options,
        paths,
        Instance::main(),
        Lang::english(),
        reaper,
        events,
    )
}

/// Returns the group `databases` of the roadmap with labs of two exercises each: name, topic, and how many are solved.
pub(crate) fn databases(labs: &[(&str, &str, usize)]) -> TopicReport {
    let coverage: Vec<Coverage> = labs
        .iter()
        .map(|(lab, topic, done)| Coverage {
            lab: TopicLab {
                lab: (*lab).to_owned(),
                done: *done,
                exercises: 2,
            },
            topics: vec![TopicId::new(topic).unwrap()],
            after: Vec::new(),
        })
        .collect();
    let mut topics = Roadmap::get().topics.iter();
    let databases = topics.find(|topic| topic.id.as_str() == "databases");
    TopicReport::of(databases.unwrap(), &coverage)
}
