use std::path::PathBuf;

use super::*;
use crate::lab::testing::{COMPOSE, lab};
use crate::lab::{Instance, LabId};

struct Fixture {
    folder: tempfile::TempDir,
    lab: LabId,
    instance: Instance,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            lab: LabId::new("redis").unwrap(),
            instance: Instance::main(),
        }
    }

    fn read(&self) -> Result<Progress, ProgressError> {
        Progress::read(self.folder.path(), &self.lab, &self.instance)
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) -> Result<Progress, ProgressError> {
        let updated = Progress::update(self.folder.path(), &self.lab, &self.instance, change)?;
        Ok(updated.0)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("redis@main.json")
    }
}

fn exercise(name: &str) -> ExerciseId {
    ExerciseId::new(name).unwrap()
}

#[test]
fn a_damaged_file_is_kept_beside_and_progress_starts_again() {
    let fixture = Fixture::new();
    let set_aside = || Progress::set_aside(fixture.folder.path(), &fixture.lab, &fixture.instance);
    assert_eq!(set_aside().unwrap(), None);
    fixture
        .update(|progress| progress.solve(&exercise("ttl")))
        .unwrap();
    assert_eq!(set_aside().unwrap(), None);
    assert!(fixture.read().unwrap().is_solved(&exercise("ttl")));
    for content in ["{ \"version\": 2, oops", "{ \"version\": 99 }"] {
        std::fs::write(fixture.file(), content).unwrap();
        let kept = set_aside().unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), content);
        let name = kept.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("redis@main.json.20"), "{name}");
        assert_eq!(fixture.read().unwrap(), Progress::default());
    }
}

#[test]
fn what_a_newer_program_added_stays() {
    let fixture = Fixture::new();
    let newer = r#"{ "version": 2, "stars": { "ttl": 3 } }"#;
    std::fs::write(fixture.file(), newer).unwrap();
    fixture
        .update(|progress| progress.solve(&exercise("ttl")))
        .unwrap();
    let written = std::fs::read_to_string(fixture.file()).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["stars"]["ttl"], 3);
    assert!(fixture.read().unwrap().is_solved(&exercise("ttl")));
}

#[test]
fn after_a_solution_that_was_interrupted_the_own_work_counts() {
    let (ttl, run) = (
        exercise("ttl"),
        RunId::new("01jd0000000000000000000000").unwrap(),
    );
    let mut progress = Progress::default();
    progress.begin_playing(&[&ttl], Some(&run), PlayReason::Requested);
    progress.record([(&ttl, false)], Some(&run));
    assert!(progress.is_playing());
    progress.end_interrupted();
    assert!(!progress.is_playing());
    // What passes right now is still the solution's.
    progress.record([(&ttl, true)], Some(&run));
    assert!(!progress.is_solved(&ttl));
    progress.record([(&ttl, false)], Some(&run));
    progress.record([(&ttl, true)], Some(&run));
    assert!(progress.is_solved(&ttl));
}

#[test]
fn an_update_is_read_back() {
    let fixture = Fixture::new();
    let ttl = exercise("ttl");
    let updated = fixture.update(|progress| {
        progress.solve(&ttl);
    });
    let read = fixture.read().unwrap();
    assert_eq!(read, updated.unwrap());
    assert_eq!(read.standing(&ttl), Standing::Solved);
}

#[test]
fn a_hundred_concurrent_rounds_lose_no_update() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let fixture = &fixture;
            scope.spawn(move || {
                for round in 0..100 {
                    let id = exercise(&format!("e-{writer}-{round}"));
                    let change = |progress: &mut Progress| match writer {
                        0 => progress.solve(&id),
                        1 => drop(progress.answers.insert(id, "a".to_owned())),
                        2 => drop(progress.hints.insert(id, 1)),
                        _ => *progress.seconds.entry(exercise("all")).or_default() += 1,
                    };
                    fixture.update(change).unwrap();
                }
            });
        }
    });
    let read = fixture.read().unwrap();
    let counts = [read.solved.len(), read.answers.len(), read.hints.len()];
    assert_eq!(counts, [100; 3]);
    assert_eq!(read.seconds[&exercise("all")], 100);
}

/// A file with this content is an error that names it and what to do, and stays as it is.
#[track_caller]
fn check_kept(content: &str, expected: &[&str]) {
    let fixture = Fixture::new();
    std::fs::write(fixture.file(), content).unwrap();
    let errors = [
        fixture.read().unwrap_err(),
        fixture.update(|_| ()).unwrap_err(),
    ];
    for error in errors {
        let error = error.to_string();
        for part in ["redis@main.json", "--progress"].iter().chain(expected) {
            assert!(error.contains(part), "{error}");
        }
    }
    assert_eq!(std::fs::read_to_string(fixture.file()).unwrap(), content);
}

#[test]
fn an_unreadable_or_newer_file_is_an_error_and_never_replaced() {
    check_kept("{", &["cannot read"]);
    check_kept(r#"{ "version": 1, "done": [] }"#, &["cannot read"]);
    check_kept(
        r#"{ "version": 2, "solved": [], "answers": {} }"#,
        &["cannot read"],
    );
    check_kept(
        r#"{ "version": 3, "solved": [], "answers": 3 }"#,
        &["newer roadlab", "format 3"],
    );
}

#[test]
fn an_update_that_changes_nothing_writes_no_file() {
    let fixture = Fixture::new();
    fixture.update(|_| ()).unwrap();
    assert!(!fixture.file().exists());
}

#[test]
fn removed_progress_starts_again() {
    let fixture = Fixture::new();
    let remove = || Progress::remove(fixture.folder.path(), &fixture.lab, &fixture.instance);
    remove().unwrap();
    fixture
        .update(|progress| progress.solve(&exercise("ttl")))
        .unwrap();
    remove().unwrap();
    assert_eq!(fixture.read().unwrap(), Progress::default());
}

#[test]
fn what_is_known_of_a_renamed_exercise_is_carried_over() {
    let (old, new, other) = (exercise("old"), exercise("new"), exercise("other"));
    let mut progress = Progress::default();
    progress.solved.insert(old.clone(), 7);
    progress.solved.insert(other.clone(), 8);
    progress.hints.insert(old.clone(), 2);
    progress.seconds.insert(old.clone(), 30);
    progress.seconds.insert(new.clone(), 12);
    progress.answers.insert(old.clone(), "a".to_owned());
    progress.answers.insert(new.clone(), "b".to_owned());
    progress.rename(&BTreeMap::from([(old.clone(), new.clone())]));
    assert_eq!(
        progress.solved,
        BTreeMap::from([(new.clone(), 7), (other, 8)])
    );
    assert_eq!(progress.hints, BTreeMap::from([(new.clone(), 2)]));
    assert_eq!(progress.seconds, BTreeMap::from([(new.clone(), 42)]));
    assert_eq!(progress.answers, BTreeMap::from([(new, "b".to_owned())]));
    let before = progress.clone();
    progress.rename(&BTreeMap::from([(old, exercise("other"))]));
    assert_eq!(progress, before, "what is not there is not moved");
}

#[test]
fn the_first_version_is_carried_over() {
    let fixture = Fixture::new();
    let first = r#"{ "version": 1,
        "done": { "a": { "at": 7, "by": "learner" }, "b": { "at": 8, "by": "solution" } },
        "hints": { "a": 2 }, "answers": { "a": "x", "b": "y", "c": "z" } }"#;
    std::fs::write(fixture.file(), first).unwrap();
    let read = fixture.read().unwrap();
    let standings = ["a", "b", "c"].map(|id| read.standing(&exercise(id)));
    let expected = [
        Standing::Solved,
        Standing::SolutionPlayed,
        Standing::Unsolved,
    ];
    assert_eq!(standings, expected);
    assert_eq!(read.solved[&exercise("a")], 7);
    // The solution's choice in a quiz is not the learner's.
    assert_eq!(
        read.answers.keys().collect::<Vec<_>>(),
        [&exercise("a"), &exercise("c")]
    );
    fixture
        .update(|progress| progress.solve(&exercise("c")))
        .unwrap();
    let text = std::fs::read_to_string(fixture.file()).unwrap();
    assert!(text.contains("\"version\": 2"), "{text}");
    assert_eq!(fixture.read().unwrap().solved.len(), 2);
}

fn run(last: char) -> RunId {
    RunId::new(&format!("01jd8w0zq3v5k8m2x4y6z7a9b{last}")).unwrap()
}

/// Plays a solution in a run, applies changes, and returns how far the exercise is after its checks pass in that run.
#[track_caller]
fn check_after_playing(change: impl FnOnce(&mut Progress), expected: Standing) {
    let (mut progress, one) = (Progress::default(), exercise("one"));
    progress.begin_playing(&[&one], Some(&run('a')), PlayReason::Requested);
    progress.record([(&one, false)], Some(&run('a')));
    progress.finish_playing(&[&one], Some(&run('a')), PlayReason::Requested);
    progress.record([(&one, true)], Some(&run('a')));
    assert_eq!(progress.standing(&one), Standing::SolutionPlayed);
    assert!(progress.held_last(&one));
    change(&mut progress);
    progress.record([(&one, true)], Some(&run('a')));
    assert_eq!(progress.standing(&one), expected);
}

#[test]
fn what_a_solution_did_counts_for_the_learner_only_after_it_is_undone() {
    let one = exercise("one");
    check_after_playing(|_| {}, Standing::SolutionPlayed);
    check_after_playing(
        |progress| progress.record([(&one, false)], Some(&run('a'))),
        Standing::Solved,
    );
    check_after_playing(Progress::clear_run, Standing::Solved);
    check_after_playing(
        |progress| progress.record([(&one, true)], Some(&run('b'))),
        Standing::Solved,
    );
    check_after_playing(
        |progress| progress.finish_playing(&[&one], Some(&run('a')), PlayReason::Requested),
        Standing::SolutionPlayed,
    );
}

#[test]
fn a_solution_that_a_later_exercise_needed_is_not_one_that_the_learner_saw() {
    let (mut progress, one) = (Progress::default(), exercise("one"));
    let here = run('a');
    progress.begin_playing(&[&one], Some(&here), PlayReason::Preparation);
    progress.finish_playing(&[&one], Some(&here), PlayReason::Preparation);
    progress.record([(&one, true)], Some(&here));
    assert_eq!(progress.standing(&one), Standing::Unsolved);
    assert!(progress.stands_by_solution(&one, Some(&here)));
    assert!(progress.amount().is_empty());
    progress.finish_playing(&[&one], Some(&here), PlayReason::Requested);
    progress.finish_playing(&[&one], Some(&here), PlayReason::Preparation);
    assert_eq!(progress.standing(&one), Standing::SolutionPlayed);
    assert_eq!(progress.amount().played, 1);
}

#[test]
fn every_instance_with_progress_is_found() {
    let fixture = Fixture::new();
    let solve = |instance: &str| {
        let instance = Instance::new(instance).unwrap();
        let folder = fixture.folder.path();
        Progress::update(folder, &fixture.lab, &instance, |progress| {
            progress.solve(&exercise("ttl"));
        })
        .unwrap();
    };
    solve("two");
    solve("main");
    for other in ["redis-two@main.json", "redis@main.json.2026-11-26", "notes"] {
        std::fs::write(fixture.folder.path().join(other), "{}").unwrap();
    }
    let instances = Progress::instances(fixture.folder.path(), &fixture.lab);
    let names: Vec<&str> = instances.iter().map(Instance::as_str).collect();
    assert_eq!(names, ["main", "two"]);
}

#[test]
fn a_solution_takes_nothing_from_the_learner() {
    let (mut progress, quiz) = (Progress::default(), exercise("quiz"));
    progress.answer(&quiz, "b", QuizResult::Incorrect);
    progress.hints.insert(quiz.clone(), 2);
    progress.seconds.insert(quiz.clone(), 9);
    let before = progress.clone();
    progress.begin_playing(&[&quiz], Some(&run('a')), PlayReason::Requested);
    progress.finish_playing(&[&quiz], Some(&run('a')), PlayReason::Requested);
    progress.clear_run();
    progress.played.clear();
    assert_eq!(progress, before);
    assert_eq!(progress.attempts[&quiz], 1);
    progress.answer(&quiz, "a", QuizResult::Correct);
    let at = progress.solved[&quiz];
    progress.finish_playing(&[&quiz], Some(&run('a')), PlayReason::Requested);
    assert_eq!(progress.standing(&quiz), Standing::Solved);
    assert_eq!(progress.solved[&quiz], at);
}

#[test]
fn what_held_in_a_run_does_not_hold_in_the_next() {
    let (mut progress, ids) = (Progress::default(), ["a", "b"].map(exercise));
    progress.record(
        ids.iter().map(|id| (id, true)).collect::<Vec<_>>(),
        Some(&run('a')),
    );
    progress.record([(&ids[0], true)], Some(&run('b')));
    assert!(progress.held_last(&ids[0]) && !progress.held_last(&ids[1]));
    assert!(progress.is_solved(&ids[1]));
    progress.clear_run();
    assert!(!progress.held_last(&ids[0]));
}

#[test]
fn a_learner_is_at_the_first_exercise_that_is_neither_solved_nor_played() {
    let mut exercises = lab(COMPOSE).exercises;
    let template = exercises.remove(0);
    let exercises = ["one", "two", "three"].map(|id| Exercise {
        id: exercise(id),
        ..template.clone()
    });
    let run = RunId::new("01jd8w0zq3v5k8m2x4y6z7a9bc").unwrap();
    let play = |progress: &mut Progress, at: usize, reason| {
        progress.finish_playing(&[&exercises[at].id], Some(&run), reason);
    };
    let mut progress = Progress::default();
    let present = |progress: &Progress, run| progress.present_exercise(&exercises, run);
    assert_eq!(present(&progress, None), Some(0));
    play(&mut progress, 0, PlayReason::Requested);
    assert_eq!(present(&progress, None), Some(1));
    // What was played because a later exercise builds on it counts only while it stands.
    play(&mut progress, 1, PlayReason::Preparation);
    assert_eq!(present(&progress, Some(&run)), Some(2));
    assert_eq!(present(&progress, None), Some(1));
    progress.solve(&exercises[2].id);
    assert_eq!(present(&progress, Some(&run)), Some(0));
    progress.solve(&exercises[0].id);
    progress.solve(&exercises[1].id);
    assert_eq!(present(&progress, Some(&run)), None);
}

#[test]
fn hints_that_are_read_after_an_exercise_was_solved_are_no_help() {
    let (mut progress, one) = (Progress::default(), exercise("one"));
    assert_eq!(progress.used_hints(&one), 0);
    assert_eq!(progress.show_hint(&one, 3), 1);
    assert_eq!(progress.used_hints(&one), 1);
    progress.solve(&one);
    let shown = [(); 3].map(|()| progress.show_hint(&one, 3));
    assert_eq!((shown, progress.used_hints(&one)), ([2, 3, 3], 1));
    progress.rename(&BTreeMap::from([(one, exercise("two"))]));
    assert_eq!(progress.used_hints(&exercise("two")), 1);
    let two = exercise("never-needed");
    progress.solve(&two);
    progress.show_hint(&two, 3);
    assert_eq!(progress.used_hints(&two), 0);
}
