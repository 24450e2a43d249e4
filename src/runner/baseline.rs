//! Records what the checks of exercises see when the exercises begin, and compares what they see later with it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;

use crate::engine::Engine;
use crate::expect::{Actual, Parts, Snapshot};
use crate::lab::{Check, Exercise, ExerciseId, StepKind, Task, Unchanged};
use crate::runner::check_probes::probe_once;
use crate::runner::{Changed, Live, Runner};
use crate::store::{Baseline, Baselines};

/// How often the checks of an exercise that begins are probed at most. On a busy machine a service may not answer in time.
const ATTEMPTS: usize = 4;

/// Records the baselines of the practical exercises that can begin now: those that are available, have no baseline yet, and
/// whose `needs` all pass. `passes` returns whether a quiz, or an exercise that is not probed here, passes.
///
/// What an exercise with unmet `needs` sees is not recorded, because it has not begun. Returns the first exercise that begins
/// once its `prepare` has run.
pub async fn record_baselines<'a, E: Engine>(
    runner: &Runner<'a, E>,
    live: &Live,
    baselines: &mut Baselines,
    passes: &dyn Fn(&ExerciseId) -> bool,
) -> Option<&'a Exercise> {
    let mut unprepared = None;
    let mut passed = BTreeSet::new();
    let mut rest: Vec<&Exercise> = runner.lab.exercises.iter().collect();
    loop {
        let holds = |need: &ExerciseId| passed.contains(need) || passes(need);
        let (begun, later): (Vec<&Exercise>, Vec<&Exercise>) = rest
            .into_iter()
            .partition(|exercise| exercise.needs.iter().all(holds));
        if begun.is_empty() {
            return unprepared;
        }
        rest = later;
        let available = begun
            .into_iter()
            .filter(|exercise| live.is_available(exercise));
        let waits = |exercise: &&Exercise| {
            !exercise.prepare.is_empty() && !baselines.exercises.contains_key(&exercise.id)
        };
        let (waiting, probed): (Vec<&Exercise>, Vec<&Exercise>) = available.partition(waits);
        unprepared = unprepared.or(waiting.into_iter().next());
        let probed = probed.into_iter().map(async |exercise| {
            let known = baselines.exercises.get(&exercise.id);
            let probe = async || probe_once(runner, live, exercise).await;
            let seen = probe().await;
            let actuals = seen_at_start(exercise.checks(), known, seen, probe).await;
            (exercise, actuals)
        });
        for (exercise, actuals) in join_all(probed).await {
            let Task::Practical { checks, .. } = &exercise.task else {
                continue;
            };
            let known = baselines.exercises.get(&exercise.id);
            let baseline = match known {
                Some(known) => completed(known, checks, &actuals),
                None => completed(&Baseline::new(), checks, &actuals),
            };
            if all_pass(checks, &actuals, Some(&baseline)) {
                passed.insert(&exercise.id);
            }
            baselines.exercises.insert(exercise.id.clone(), baseline);
        }
    }
}

/// Returns the baseline of an exercise that begins now. `actuals` is what its checks just saw, if they were probed.
pub async fn begin_exercise<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
    actuals: Option<&[Option<Actual>]>,
) -> Baseline {
    let probe = async || probe_once(runner, live, exercise).await;
    let seen = match actuals {
        Some(actuals) => actuals.to_vec(),
        None => probe().await,
    };
    let actuals = seen_at_start(exercise.checks(), None, seen, probe).await;
    completed(&Baseline::new(), exercise.checks(), &actuals)
}

/// Returns what checks see when their exercise begins. `seen` is what they just saw; they are probed again if one that must stay
/// as it was could not be probed, because without a baseline it would pass whatever the learner does.
async fn seen_at_start(
    checks: &[Check],
    known: Option<&Baseline>,
    mut seen: Vec<Option<Actual>>,
    probe: impl AsyncFn() -> Vec<Option<Actual>>,
) -> Vec<Option<Actual>> {
    let has_baseline = |check: &Check| known.is_some_and(|known| known.contains_key(&check.id));
    for _ in 1..ATTEMPTS {
        let mut all = checks.iter().zip(&seen);
        if !all.any(|(check, actual)| {
            check.unchanged.is_some() && actual.is_none() && !has_baseline(check)
        }) {
            break;
        }
        for (seen, again) in seen.iter_mut().zip(probe().await) {
            *seen = seen.take().or(again);
        }
    }
    seen
}

/// Returns whether all checks of an exercise pass now, without waiting. A quiz does not.
pub async fn passes<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercise: &Exercise,
    baseline: Option<&Baseline>,
) -> bool {
    let Task::Practical { checks, .. } = &exercise.task else {
        return false;
    };
    let actuals = probe_once(runner, live, exercise).await;
    all_pass(checks, &actuals, baseline)
}

/// Moves the baselines along with what a solution did: a check that saw its baseline before the solution ran has what it sees
/// afterwards as its new baseline. What the learner changed before stays a change.
pub fn move_baselines(baselines: &mut Baselines, before: &Baselines, after: &Baselines) {
    for (exercise, baseline) in &mut baselines.exercises {
        let sides = [before, after].map(|side| side.exercises.get(exercise));
        let [Some(before), Some(after)] = sides else {
            continue;
        };
        for (check, snapshot) in baseline {
            let Some(moved) = after.get(check) else {
                continue;
            };
            if before
                .get(check)
                .is_some_and(|before| before.same(snapshot, &Parts::Whole))
            {
                *snapshot = moved.clone();
            }
        }
    }
}

/// Returns what every check of exercises sees now.
pub async fn snapshots<E: Engine>(
    runner: &Runner<'_, E>,
    live: &Live,
    exercises: impl IntoIterator<Item = &Exercise>,
) -> Baselines {
    let available = exercises
        .into_iter()
        .filter(|exercise| live.is_available(exercise));
    let probed = available.map(async |exercise| {
        let actuals = probe_once(runner, live, exercise).await;
        let snapshots = completed(&Baseline::new(), exercise.checks(), &actuals);
        (exercise.id.clone(), snapshots)
    });
    Baselines {
        exercises: join_all(probed).await.into_iter().collect(),
        ..Baselines::default()
    }
}

/// Returns a baseline with the checks that it lacks. What a probe could not see is recorded when it can.
pub(super) fn completed(
    known: &Baseline,
    checks: &[Check],
    actuals: &[Option<Actual>],
) -> Baseline {
    let mut baseline = known.clone();
    for (check, actual) in checks.iter().zip(actuals) {
        if let Some(actual) = actual {
            let snapshot = || Snapshot::of(actual);
            baseline.entry(check.id.clone()).or_insert_with(snapshot);
        }
    }
    baseline
}

/// Returns what the checks see now that must not change and have no baseline: their probes could not run when the exercise
/// began. What is seen first then is as near to its beginning as can be; without it they would pass whatever the learner does. What
/// is refused or fails is no such value: the service may be starting.
pub fn late_baseline(known: &Baseline, checks: &[Check], actuals: &[Option<Actual>]) -> Baseline {
    let all = checks.iter().zip(actuals);
    let late = all.filter(|(check, _)| check.unchanged.is_some() && !known.contains_key(&check.id));
    late.filter_map(|(check, actual)| {
        let whole = |actual: &&Actual| actual.success && actual.error.is_none();
        let actual = actual.as_ref().filter(whole)?;
        Some((check.id.clone(), Snapshot::of(actual)))
    })
    .collect()
}

fn all_pass(checks: &[Check], actuals: &[Option<Actual>], baseline: Option<&Baseline>) -> bool {
    checks.iter().zip(actuals).all(|(check, actual)| {
        let Some(actual) = actual else { return false };
        match &check.unchanged {
            Some(unchanged) => is_unchanged(check, unchanged, actual, baseline),
            None => check.step.expect.holds(actual),
        }
    })
}

/// Returns whether a check sees what it saw when the exercise began. One that has no baseline yet does.
pub(super) fn is_unchanged(
    check: &Check,
    unchanged: &Unchanged,
    actual: &Actual,
    baseline: Option<&Baseline>,
) -> bool {
    let Some(before) = baseline.and_then(|baseline| baseline.get(&check.id)) else {
        return true;
    };
    let parts = match &unchanged.path {
        Some(path) => Parts::Paths(vec![path]),
        None => Parts::Whole,
    };
    Snapshot::of(actual).same(before, &parts)
}

/// Returns whether something that the checks of an exercise see changed since the exercise began. An exercise without a
/// baseline has not begun, so nothing changed.
pub fn changed(
    checks: &[Check],
    actuals: &[Option<Actual>],
    baseline: Option<&Baseline>,
) -> Changed {
    let Some(baseline) = baseline else {
        return Changed::No;
    };
    let changed = checks.iter().zip(actuals).any(|(check, actual)| {
        let before = baseline.get(&check.id);
        match (before, actual) {
            (Some(before), Some(actual)) => sees_change(check, before, actual),
            // A service that was there is gone.
            (Some(_), None) => true,
            (None, _) => false,
        }
    });
    match changed {
        true => Changed::Yes,
        false => Changed::No,
    }
}

/// Returns whether a check sees something else than before, in the parts that its matchers depend on. Where the value changes
/// by itself, only what the matchers make of it counts, and the sign of a number.
fn sees_change(check: &Check, before: &Snapshot, actual: &Actual) -> bool {
    let matchers = || {
        let hints = check.hints.iter().map(|hint| &hint.when);
        hints.chain([&check.step.expect])
    };
    // A page of text, such as metrics, has figures that move.
    let is_page = matches!(check.step.act, StepKind::Http(_)) && actual.value.is_string();
    if check.step.act.changes_by_itself() || is_page && check.unchanged.is_none() {
        let outcomes = |actual: &Actual| {
            let holds: Vec<bool> = matchers().map(|matcher| matcher.holds(actual)).collect();
            let negative = actual.value.as_f64().map(|number| number < 0.0);
            (holds, negative)
        };
        return outcomes(&before.actual()) != outcomes(actual);
    }
    let parts = match &check.unchanged {
        Some(Unchanged { path: Some(path) }) => Parts::Paths(vec![path]),
        Some(Unchanged { path: None }) => Parts::Whole,
        None => {
            let parts = matchers().map(|matcher| matcher.parts());
            parts.fold(Parts::Paths(Vec::new()), Parts::and)
        }
    };
    if Snapshot::of(actual).same(before, &parts) {
        return false;
    }
    // A server that begins to count reports a counter that it did not report before.
    let counted = |value: &Option<Value>| match value {
        Some(value) => value.as_u64() == Some(0),
        None => true,
    };
    let before = before.actual();
    let selected = [&before, actual].map(|side| parts.select(&side.value));
    let [earlier, now] = selected.map(Vec::into_iter);
    let same = |(a, b): (Option<Value>, Option<Value>)| a == b || counted(&a) && counted(&b);
    let begins_to_count = parts != Parts::Whole
        && (before.status, &before.error) == (actual.status, &actual.error)
        && earlier.zip(now).all(same);
    !begins_to_count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::{Matcher, Rule, ValuePath};
    use crate::lab::testing::{COMPOSE, lab};
    use crate::lab::{CheckId, ConditionalHint, HttpBody, HttpProbe, RedisProbe, ServiceName};
    use serde_json::json;

    fn matcher(path: Option<&str>, expected: Value) -> Matcher {
        Matcher {
            path: path.map(|path| ValuePath::parse(path).unwrap()),
            rules: vec![Rule::Equals(expected)],
            ..Matcher::default()
        }
    }

    /// A check that runs a Redis command and expects `done`.
    fn check(command: &[&str], expect: Matcher) -> Check {
        let mut check = lab(COMPOSE).exercises[0].checks()[0].clone();
        check.step.act = StepKind::Redis(RedisProbe {
            service: ServiceName::new("redis").unwrap(),
            command: command.iter().map(ToString::to_string).collect(),
            db: 0,
        });
        check.step.expect = expect;
        check
    }

    fn baseline(check: &Check, value: Value) -> Baseline {
        completed(
            &Baseline::new(),
            std::slice::from_ref(check),
            &[Some(Actual::value(value))],
        )
    }

    #[track_caller]
    fn sees(check: &Check, before: Value, now: Option<Value>, expected: Changed) {
        let before = baseline(check, before);
        let now = [now.map(Actual::value)];
        let checks = std::slice::from_ref(check);
        assert_eq!(changed(checks, &now, Some(&before)), expected);
    }

    #[tokio::test]
    async fn what_must_stay_as_it_was_is_probed_until_it_is_seen() {
        let mut guard = check(&["GET", "a"], matcher(None, json!(null)));
        guard.unchanged = Some(Unchanged { path: None });
        let goal = check(&["GET", "b"], matcher(None, json!("c")));
        let checks = [guard.clone(), goal];
        let seen = async |answers_at: usize, known: Option<&Baseline>| {
            let probes = std::cell::Cell::new(0);
            let probe = async || {
                probes.set(probes.get() + 1);
                let answered = (probes.get() == answers_at).then(|| Actual::value(json!("x")));
                vec![answered, None]
            };
            let first = vec![None, Some(Actual::value(json!("b")))];
            let seen = seen_at_start(&checks, known, first, probe).await;
            assert!(seen[1].is_some(), "what was seen once is kept");
            (seen[0].is_some(), probes.get())
        };
        assert_eq!(seen(1, None).await, (true, 1));
        assert_eq!(seen(3, None).await, (true, 3));
        assert_eq!(seen(9, None).await, (false, 3));
        // It has its baseline already.
        let known = baseline(&guard, json!("x"));
        assert_eq!(seen(1, Some(&known)).await, (false, 0));
    }

    #[test]
    fn what_must_stay_stands_by_what_is_seen_first() {
        let mut guard = check(&["GET", "a"], matcher(None, json!(null)));
        let checks = |guard: &Check| vec![guard.clone()];
        let now = [Some(Actual::value(json!("x")))];
        let nothing = Baseline::new();
        assert_eq!(late_baseline(&nothing, &checks(&guard), &now), nothing);
        guard.unchanged = Some(Unchanged { path: None });
        let late = late_baseline(&nothing, &checks(&guard), &now);
        assert_eq!(late, baseline(&guard, json!("x")));
        let refused = Actual::error("LOADING", "in memory");
        let failed = Actual {
            success: false,
            ..Actual::value(json!("x"))
        };
        for none in [None, Some(refused), Some(failed)] {
            assert_eq!(late_baseline(&nothing, &checks(&guard), &[none]), nothing);
        }
        let known = baseline(&guard, json!("as it began"));
        assert_eq!(late_baseline(&known, &checks(&guard), &now), nothing);
    }

    #[test]
    fn nothing_changed_while_every_check_sees_its_baseline() {
        let get = check(&["GET", "a"], matcher(None, json!("b")));
        sees(&get, json!(null), Some(json!(null)), Changed::No);
        sees(&get, json!(null), Some(json!("c")), Changed::Yes);
        sees(&get, json!("8"), Some(json!(8)), Changed::Yes);
        // The service is gone.
        sees(&get, json!(null), None, Changed::Yes);
        // An exercise without a baseline has not begun.
        let now = [Some(Actual::value(json!("c")))];
        assert_eq!(changed(std::slice::from_ref(&get), &now, None), Changed::No);
        // A check that is new in the lab has no baseline yet.
        let other = Baseline::new();
        assert_eq!(changed(&[get], &now, Some(&other)), Changed::No);
    }

    #[test]
    fn only_the_parts_count_that_the_matchers_depend_on() {
        let mut part = check(&["EVAL", "x"], matcher(Some("$.a"), json!(1)));
        sees(
            &part,
            json!({"a": 0, "t": 1}),
            Some(json!({"a": 0, "t": 2})),
            Changed::No,
        );
        sees(&part, json!({"a": 0}), Some(json!({"a": 5})), Changed::Yes);
        part.hints.push(ConditionalHint {
            when: matcher(Some("$.t"), json!(2)),
            say: "hint".to_owned(),
        });
        sees(
            &part,
            json!({"a": 0, "t": 1}),
            Some(json!({"a": 0, "t": 3})),
            Changed::Yes,
        );
    }

    #[test]
    fn a_time_to_live_changes_by_itself() {
        let expect = Matcher {
            rules: vec![Rule::AtLeast(100.into())],
            ..Matcher::default()
        };
        let ttl = check(&["TTL", "a"], expect);
        sees(&ttl, json!(3600), Some(json!(3590)), Changed::No);
        sees(&ttl, json!(3600), Some(json!(50)), Changed::Yes);
        sees(&ttl, json!(-2), Some(json!(-1)), Changed::No);
        sees(&ttl, json!(-1), Some(json!(50)), Changed::Yes);
    }

    #[test]
    fn a_page_of_text_changes_by_itself() {
        let expect = Matcher {
            rules: vec![Rule::Contains(json!("loaded 1"))],
            ..Matcher::default()
        };
        let mut page = check(&["GET", "a"], expect);
        page.step.act = StepKind::Http(HttpProbe {
            service: ServiceName::new("redis").unwrap(),
            port: None,
            method: "GET".to_owned(),
            path: "/metrics".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            auth: None,
            bearer: None,
            body: HttpBody::Nothing,
        });
        let text = |text: &str| json!(text);
        sees(
            &page,
            text("loaded 1, seconds 1"),
            Some(text("loaded 1, seconds 2")),
            Changed::No,
        );
        sees(
            &page,
            text("loaded 1, seconds 1"),
            Some(text("loaded 0, seconds 2")),
            Changed::Yes,
        );
    }

    #[test]
    fn unchanged_compares_exactly_and_holds_before_the_exercise_began() {
        let mut guard = check(&["EVAL", "x"], Matcher::default());
        let holds = |guard: &Check, before: Option<Value>, now: Value| {
            let before = before.map(|before| baseline(guard, before));
            let unchanged = guard.unchanged.as_ref().unwrap();
            is_unchanged(guard, unchanged, &Actual::value(now), before.as_ref())
        };
        guard.unchanged = Some(Unchanged { path: None });
        assert!(holds(&guard, Some(json!([1, 2])), json!([1, 2])));
        assert!(!holds(&guard, Some(json!([1, 2])), json!([1, 2, 3])));
        assert!(!holds(&guard, Some(json!(8)), json!(8.0)));
        assert!(holds(&guard, None, json!("anything")));
        let path = Some(ValuePath::parse("$.a").unwrap());
        guard.unchanged = Some(Unchanged { path });
        assert!(holds(
            &guard,
            Some(json!({"a": 1, "b": 1})),
            json!({"a": 1, "b": 2})
        ));
        assert!(!holds(&guard, Some(json!({"a": 1})), json!({"b": 1})));
    }

    #[test]
    fn a_counter_that_begins_at_zero_is_no_change() {
        let at_least = Matcher {
            path: Some(ValuePath::parse("$.stats.returned").unwrap()),
            rules: vec![Rule::AtLeast(crate::expect::Decimal::from(1))],
            ..Matcher::default()
        };
        let get = check(&["GET", "a"], at_least);
        let sees = |before: Value, now: Value| {
            sees_change(
                &get,
                &Snapshot::of(&Actual::value(before)),
                &Actual::value(now),
            )
        };
        assert!(!sees(json!({}), json!({"stats": {"returned": 0}})));
        assert!(sees(json!({}), json!({"stats": {"returned": 1}})));
        assert!(sees(
            json!({"stats": {"returned": null}}),
            json!({"stats": {"returned": 0}})
        ));
        let refused = Snapshot::of(&Actual::error("404", "no queue"));
        let there = Actual::value(json!({"stats": {"returned": 0}}));
        assert!(sees_change(&get, &refused, &there));
    }

    #[test]
    fn a_baseline_moves_with_a_solution_unless_the_learner_changed_it() {
        let get = check(&["GET", "a"], matcher(None, json!("b")));
        let of = |value: &str| Baselines {
            exercises: [(
                ExerciseId::new("one").unwrap(),
                baseline(&get, json!(value)),
            )]
            .into(),
            ..Baselines::default()
        };
        let moved = |began: &str, before: &str, after: &str| {
            let mut baselines = of(began);
            move_baselines(&mut baselines, &of(before), &of(after));
            baselines
        };
        assert_eq!(moved("start", "start", "solved"), of("solved"));
        assert_eq!(moved("start", "learner", "solved"), of("start"));
        let mut baselines = of("start");
        move_baselines(&mut baselines, &Baselines::default(), &of("solved"));
        assert_eq!(baselines, of("start"));
    }

    #[test]
    fn a_baseline_lacks_what_could_not_be_seen_and_keeps_what_it_has() {
        let get = check(&["GET", "a"], matcher(None, json!("b")));
        let checks = std::slice::from_ref(&get);
        let unseen = completed(&Baseline::new(), checks, &[None]);
        assert!(unseen.is_empty());
        let seen = completed(&unseen, checks, &[Some(Actual::value(json!(1)))]);
        assert!(seen.contains_key(&CheckId::new("holds").unwrap()));
        let later = completed(&seen, checks, &[Some(Actual::value(json!(2)))]);
        assert_eq!(later, seen);
    }
}
