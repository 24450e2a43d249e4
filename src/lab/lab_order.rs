//! The order of labs: a lab may build on others, which `after` in lab.yaml names, and never on itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use crate::lab::file_system::FileSystem;
use crate::lab::id::LabId;
use crate::lab::yaml::{Kind, Node};
use crate::problem::{Code, Place, Problem};
use crate::text;

/// A lab that another one builds on.
#[derive(Debug, Clone)]
pub struct EarlierLab {
    pub lab: LabId,
    /// Where `after` names it.
    pub place: Place,
}

/// Reads which labs the lab in a folder builds on, also where its files have problems.
pub fn read_earlier_labs(folder: &Path, files: &dyn FileSystem) -> Vec<EarlierLab> {
    let path = folder.join("lab.yaml");
    let source = files.read(&path).unwrap_or_default();
    Node::parse(&path, &source).map_or_else(|_| Vec::new(), |root| earlier_labs(&root))
}

/// Returns which labs `after` of a lab.yaml names.
pub(crate) fn earlier_labs(root: &Node) -> Vec<EarlierLab> {
    let Some(Kind::List(nodes)) = root.child("after").map(|node| &node.kind) else {
        return Vec::new();
    };
    let named = nodes.iter().filter_map(|node| {
        let lab = LabId::new(&node.as_string()?).ok()?;
        let place = node.place();
        Some(EarlierLab { lab, place })
    });
    named.collect()
}

/// Returns a problem for each cycle that one of these labs is in. `earlier` returns which labs a lab builds on. A lab that names
/// itself is a problem of its own files.
pub fn lab_cycles(labs: &[LabId], earlier: &dyn Fn(&LabId) -> Vec<EarlierLab>) -> Vec<Problem> {
    let mut known: BTreeMap<LabId, Vec<EarlierLab>> = BTreeMap::new();
    let mut reported: BTreeSet<BTreeSet<LabId>> = BTreeSet::new();
    let mut problems = Vec::new();
    for lab in labs {
        let Some((cycle, place)) = shortest_cycle(lab, &mut known, earlier) else {
            continue;
        };
        if !reported.insert(cycle.iter().cloned().collect()) {
            continue;
        }
        let names = cycle.iter().chain([lab]).map(LabId::as_str);
        let names = names.collect::<Vec<_>>().join(" → ");
        let what = text!("cycle in `after`: {names}", names);
        let help = text!("remove one of these dependencies");
        problems.push(Problem::new(what).code(Code::Order).at(place).help(help));
    }
    problems
}

/// Returns the labs on the shortest way from a lab back to itself, that lab first, and where it names the second one.
fn shortest_cycle(
    start: &LabId,
    known: &mut BTreeMap<LabId, Vec<EarlierLab>>,
    earlier: &dyn Fn(&LabId) -> Vec<EarlierLab>,
) -> Option<(Vec<LabId>, Place)> {
    // Each lab with the one from which it was reached, and where that names it.
    let mut reached: BTreeMap<LabId, (LabId, Place)> = BTreeMap::new();
    let mut open = VecDeque::from([start.clone()]);
    while let Some(lab) = open.pop_front() {
        let next = known.entry(lab.clone()).or_insert_with(|| earlier(&lab));
        for one in next.iter().filter(|one| one.lab != lab) {
            if one.lab == *start {
                let from = |lab: &LabId| reached.get(lab).map(|(from, _)| from.clone());
                let mut cycle: Vec<LabId> = std::iter::successors(Some(lab), from).collect();
                cycle.reverse();
                let (_, place) = reached.get(cycle.get(1)?)?;
                return Some((cycle, place.clone()));
            }
            if !reached.contains_key(&one.lab) {
                reached.insert(one.lab.clone(), (lab.clone(), one.place.clone()));
                open.push_back(one.lab.clone());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::lab::testing::InMemoryFs;

    /// Checks labs, given as name and what stands after `after:`, and compares what is reported for those in `checked`.
    #[track_caller]
    fn check(labs: &[(&str, &str)], checked: &[&str], expected: &[&str]) {
        let folder = |lab: &str| Path::new("labs").join(lab);
        let files: BTreeMap<PathBuf, String> = labs
            .iter()
            .map(|(lab, after)| {
                let source = format!("level: beginner\nafter: {after}\n");
                (folder(lab).join("lab.yaml"), source)
            })
            .collect();
        let files = InMemoryFs(files);
        let checked: Vec<LabId> = checked.iter().map(|lab| LabId::new(lab).unwrap()).collect();
        let earlier = |lab: &LabId| read_earlier_labs(&folder(lab.as_str()), &files);
        let problems = lab_cycles(&checked, &earlier);
        let printed: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(printed, expected);
        let all_order = problems.iter().all(|problem| problem.code == Code::Order);
        assert!(all_order, "{problems:?}");
    }

    #[test]
    fn labs_that_build_on_each_other_are_one_problem() {
        let labs = [("a", "[x, b]"), ("b", "[a]"), ("x", "[]")];
        let from_a =
            "labs/a/lab.yaml:2:12: cycle in `after`: a → b → a (remove one of these dependencies)";
        let from_b =
            "labs/b/lab.yaml:2:9: cycle in `after`: b → a → b (remove one of these dependencies)";
        check(&labs, &["a", "b", "x"], &[from_a]);
        check(&labs, &["b"], &[from_b]);
        check(&labs, &["x"], &[]);
    }

    #[test]
    fn each_cycle_is_reported_and_what_leads_to_one_is_not_in_it() {
        let labs = [
            ("a", "[b]"),
            ("b", "[c]"),
            ("c", "[a]"),
            ("d", "[a, e]"),
            ("e", "[d]"),
            ("f", "[a, elsewhere]"),
        ];
        check(
            &labs,
            &["a", "b", "c", "d", "e", "f"],
            &[
                "labs/a/lab.yaml:2:9: cycle in `after`: a → b → c → a (remove one of these dependencies)",
                "labs/d/lab.yaml:2:12: cycle in `after`: d → e → d (remove one of these dependencies)",
            ],
        );
    }

    #[test]
    fn a_lab_that_names_itself_and_files_that_cannot_be_read_are_left_to_the_reader_of_labs() {
        check(&[("a", "[a]")], &["a"], &[]);
        check(&[("a", "[b]"), ("b", "[a")], &["a", "b"], &[]);
        check(&[("a", "b"), ("b", "a")], &["a", "b"], &[]);
    }
}
