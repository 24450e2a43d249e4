//! Properties of loading a lab, whatever its files contain.

use std::path::Path;

use proptest::prelude::*;

use crate::lab::fuzzing::{assert_complete, assert_well_formed};
use crate::lab::testing::{COMPOSE, GUIDE, InMemoryFs, LAB, files};
use crate::lab::{Lab, load};
use crate::problem::Problem;

/// The name of a service: few, so that they collide.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", Just("redis".to_owned()), "[a-z./~-]{1,6}"]
}

/// A scalar, with references and characters that matter in YAML and in paths.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9./:-]{0,12}",
        Just("${a}".to_owned()),
        Just("${a:-x}-$b".to_owned()),
        Just("${WORKSPACE}/x".to_owned()),
        "\\PC{0,8}",
    ]
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A line of a service.
fn line() -> impl Strategy<Value = String> {
    let keys = prop_oneof![
        Just("image"),
        Just("command"),
        Just("volumes"),
        Just("environment"),
        Just("ports"),
        Just("privileged"),
        Just("depends_on"),
        Just("mem_limit"),
        Just("x-roadlab"),
        Just("unknown"),
    ];
    let value = prop_oneof![
        scalar().prop_map(|text| quoted(&text)),
        prop::collection::vec(scalar(), 0..3).prop_map(|items| {
            let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }),
        (scalar(), scalar()).prop_map(|(key, value)| format!(
            "{{ {}: {} }}",
            quoted(&key),
            quoted(&value)
        )),
    ];
    (keys, value).prop_map(|(key, value)| format!("    {key}: {value}\n"))
}

fn service() -> impl Strategy<Value = String> {
    let extends = prop_oneof![
        Just(String::new()),
        name().prop_map(|of| format!("    extends: {{ service: {} }}\n", quoted(&of))),
        (
            name(),
            prop_oneof![
                Just("compose.yaml"),
                Just("own.yaml"),
                Just("../../compose/redis/compose.yaml"),
                Just("../x.yaml")
            ]
        )
            .prop_map(|(of, file)| format!(
                "    extends: {{ file: {file}, service: {} }}\n",
                quoted(&of)
            )),
    ];
    (name(), extends, prop::collection::vec(line(), 0..4)).prop_map(|(name, extends, lines)| {
        let lines: String = lines.concat();
        let body = format!("{extends}{lines}");
        let body = if body.is_empty() {
            "    image: x\n".to_owned()
        } else {
            body
        };
        format!("  {}:\n{body}", quoted(&name))
    })
}

fn compose() -> impl Strategy<Value = String> {
    let include = prop_oneof![
        3 => Just(String::new()),
        1 => Just("include: [own.yaml]\n".to_owned()),
        1 => Just("include: [../../compose/redis/compose.yaml, compose.yaml]\n".to_owned()),
    ];
    (include, prop::collection::vec(service(), 0..4)).prop_map(|(include, services)| {
        format!(
            "{include}services:\n{}volumes: {{ data: {{}} }}\n",
            services.concat()
        )
    })
}

fn lab() -> impl Strategy<Value = InMemoryFs> {
    (compose(), compose(), compose(), scalar()).prop_map(|(compose, own, entry, value)| {
        let lab = format!("{LAB}vars: {{ a: {} }}\n", quoted(&value));
        let mut files = files(&lab, &compose, GUIDE);
        files.0.insert("labs/small/own.yaml".into(), own);
        files.0.insert("compose/redis/compose.yaml".into(), entry);
        files
    })
}

fn read(files: &InMemoryFs) -> (Option<Lab>, Vec<Problem>) {
    match load(Path::new("labs/small"), files) {
        Ok(loaded) => (Some(loaded.lab), loaded.needs_trust),
        Err(problems) => (None, problems),
    }
}

proptest! {
    #[test]
    fn any_files_are_loaded_or_their_problems_have_a_place(files in lab()) {
        let (lab, problems) = read(&files);
        assert_well_formed(&files, &problems);
        lab.iter().for_each(assert_complete);
    }

    #[test]
    fn loading_twice_has_the_same_result(files in lab()) {
        prop_assert_eq!(format!("{:?}", read(&files)), format!("{:?}", read(&files)));
    }

    /// A service is the same if it is included, or extended without any changes.
    #[test]
    fn include_and_extends_do_not_change_a_service(lines in prop::collection::vec(line(), 0..4)) {
        let text = COMPOSE.replace("    mem_limit: 64m\n", &lines.concat());
        let direct = read(&files(LAB, &text, GUIDE));
        prop_assume!(direct.1.is_empty());
        for taken in [
            "include: [own.yaml]\n",
            "services: { redis: { extends: { file: own.yaml, service: redis } } }\n",
        ] {
            let mut files = files(LAB, taken, GUIDE);
            files.0.insert("labs/small/own.yaml".into(), text.clone());
            let (lab, problems) = read(&files);
            prop_assert!(problems.is_empty(), "{:?}", problems);
            let spec = |lab: &Lab| {
                let mut service = lab.services.values().next().cloned().expect("the service");
                service.place = crate::problem::Place::file("x");
                format!("{service:?}")
            };
            let direct = direct.0.as_ref().expect("the lab is sound");
            prop_assert_eq!(spec(&lab.expect("the lab is sound")), spec(direct));
        }
    }

    /// Mounts are in the lab's folder or in the workspace, however their path is written.
    #[test]
    fn nothing_outside_the_lab_is_mounted(source in "(\\.|/|~|a|\\.\\.|//workspace|\\$\\{WORKSPACE\\}|compose\\.yaml){1,6}") {
        let text = COMPOSE.replace("data:/data", &format!("{source}:/x"));
        let (lab, _) = read(&files(LAB, &text, GUIDE));
        for mount in lab.iter().flat_map(|lab| lab.services.values()).flat_map(|service| &service.mounts) {
            match mount {
                crate::lab::Mount::Bind { source, .. } => prop_assert!(source.starts_with("/labs/small"), "{:?}", source),
                crate::lab::Mount::Workspace { below, .. } => {
                    prop_assert!(!below.split('/').any(|part| part == "..") && !below.starts_with('/'), "{:?}", below);
                }
                crate::lab::Mount::Volume { .. } => {}
            }
        }
    }
}
