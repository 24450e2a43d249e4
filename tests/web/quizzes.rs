//! Every quiz of every lab, answered on its page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use roadlab::lab::{Lab, Task, load};
use roadlab::store::OsFs;

use super::http::{WebServer, all_labs, with_all_labs};
use crate::support::ProgramOutput;
use crate::support::offline::tiny;

/// The labs of this repository.
fn labs() -> Vec<Lab> {
    let entries = std::fs::read_dir(all_labs())
        .expect("there are labs")
        .flatten();
    let folders = entries.map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = folders
        .filter(|path| path.join("lab.yaml").exists())
        .collect();
    folders.sort();
    let loaded = folders
        .iter()
        .map(|path| load(path, &OsFs).expect("a valid lab").lab);
    loaded.collect()
}

#[apply(test)]
fn every_quiz_of_every_lab_is_answered_on_its_page() {
    let copy = tiny();
    let mut server = WebServer::start(&mut with_all_labs(&copy, &["web", "--json"]));
    server.enter();
    let cookies = server.cookie.clone();
    let korean = format!("{cookies}; roadlab-language-{}=ko", server.port);
    let mut solved = BTreeMap::new();
    for lab in labs() {
        for exercise in &lab.exercises {
            let Task::Quiz(quiz) = &exercise.task else {
                continue;
            };
            let path = format!("/labs/{}/exercises/{}", lab.id, exercise.id);
            for (cookie, html) in [
                (&cookies, "<html lang=\"en\">"),
                (&korean, "<html lang=\"ko\">"),
            ] {
                server.cookie.clone_from(cookie);
                let page = server.get(&path).body;
                assert!(page.contains(html), "{path}");
                for choice in &quiz.choices {
                    let input = format!("value=\"{choice}\" required>");
                    assert!(page.contains(&input), "{path} {choice}: {page}");
                }
            }
            server.cookie.clone_from(&cookies);
            let answer = |choice: &str| {
                let form = format!("choice={choice}");
                let answer = server.post(&format!("{path}/answer"), &form).json();
                assert_eq!(answer["failed"], false, "{path} {choice}: {answer}");
                let part = |name: &str| answer["parts"][name].as_str().map(str::to_owned);
                (
                    part("quiz").unwrap_or_default(),
                    part("score").unwrap_or_default(),
                )
            };
            let done = solved.entry(lab.id.to_string()).or_insert(0);
            let score = |done: i32| format!("solved {done} of {}", lab.exercises.len());
            for choice in quiz.choices.iter().filter(|choice| **choice != quiz.answer) {
                let (html, shown) = answer(choice);
                assert!(html.contains("not correct"), "{path} {choice}: {html}");
                let has_hint = quiz.hints.contains_key(choice);
                assert_eq!(
                    html.contains("class=\"hint\""),
                    has_hint,
                    "{path} {choice}: {html}"
                );
                assert!(shown.contains(&score(*done)), "{path} {choice}: {shown}");
            }
            let (html, shown) = answer(&quiz.answer);
            assert!(
                !html.contains("not correct") && html.contains("✓"),
                "{path}: {html}"
            );
            *done += 1;
            assert!(shown.contains(&score(*done)), "{path}: {shown}");
            let page = server.get(&path).body;
            let chosen = format!("value=\"{}\" required checked>", quiz.answer);
            assert!(page.contains(&chosen), "{path}: {page}");
        }
    }
    assert!(solved.len() > 5, "{solved:?}");
    // The command line knows the same progress.
    let listed = ProgramOutput::of(&mut with_all_labs(&copy, &["list", "--json"])).expect_code(0);
    for lab in listed.json().as_array().expect("a list") {
        let name = lab["lab"].as_str().unwrap_or_default();
        assert_eq!(lab["done"], *solved.get(name).unwrap_or(&0), "{lab}");
    }
}
