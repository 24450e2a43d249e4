use std::path::Path;

use super::*;
use crate::app::testing::app;
use crate::lab::load;
use crate::store::OsFs;

fn request(parent: &Path, source: LabSource) -> NewLab {
    NewLab {
        id: LabId::new("fresh").unwrap(),
        parent: parent.to_owned(),
        source,
        languages: ["en", "ko"].map(|lang| Lang::parse(lang).unwrap()).to_vec(),
    }
}

#[track_caller]
fn assert_sound(lab: &Path) -> crate::lab::Lab {
    let loaded = load(lab, &OsFs).unwrap_or_else(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", problems.join("\n"))
    });
    assert!(loaded.needs_trust.is_empty());
    loaded.lab
}

#[test]
fn a_lab_of_any_entries_of_the_catalogue_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path());
    let catalogue = app.catalogue().unwrap();
    let all: Vec<String> = catalogue.names().map(str::to_owned).collect();
    let each = all.iter().map(|name| vec![name.clone()]);
    for (at, names) in each.chain([all.clone()]).enumerate() {
        let parent = folder.path().join(at.to_string());
        let new = request(&parent, LabSource::Catalogue(names.clone()));
        let created = app.create_lab(&new).unwrap();
        let lab = assert_sound(&created.folder);
        for name in &names {
            assert!(
                lab.services.keys().any(|one| one.as_str() == name),
                "{name}"
            );
        }
    }
}

#[test]
fn an_existing_folder_is_left_alone_whatever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let app = app(folder.path());
    let there = folder.path().join("fresh");
    let source = || LabSource::Catalogue(vec!["redis".to_owned()]);
    std::os::unix::fs::symlink("/nowhere", &there).unwrap();
    assert!(app.create_lab(&request(folder.path(), source())).is_err());
    std::fs::remove_file(&there).unwrap();
    std::fs::write(&there, "mine").unwrap();
    assert!(app.create_lab(&request(folder.path(), source())).is_err());
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
}

/// Creates a lab from files of which the first is the Compose file.
fn from_files(
    files: &[(&str, &str)],
    variables: &[(&str, &str)],
) -> (tempfile::TempDir, Result<CreatedLab, Failure>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("course").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let source = LabSource::Compose {
        file: folder.path().join("course").join(files[0].0),
        variables: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let created = app(folder.path()).create_lab(&request(&folder.path().join("labs"), source));
    (folder, created)
}

const STACK: &str = "\
name: course
services:
  db:
    image: postgres:16
    container_name: course-db
    env_file: [conf/db.env]
    environment:
      POSTGRES_DB: ${DB:-shop}
    ports: ['15432:5432']
    volumes: [ './init:/docker-entrypoint-initdb.d:ro', 'data:/var/lib/postgresql/data' ]
  cache: { image: 'redis:${REDIS}', command: [redis-server, --requirepass, 's:cret'] }
  seed: { image: 'postgres:16', command: [psql, -h, db], depends_on: [db] }
  web: { build: ./web, ports: ['8000'] }
volumes: { data: {} }
";

fn stack() -> Vec<(&'static str, &'static str)> {
    vec![
        ("docker-compose-course.yml", STACK),
        (
            "conf/db.env",
            "POSTGRES_USER=teacher\nPOSTGRES_PASSWORD='p w'\n",
        ),
        ("init/1.sql", "SELECT 1"),
        ("web/Dockerfile", "FROM scratch\n"),
        (".env", "DB=books\n"),
        (
            "docker-compose.override.yml",
            "services: { db: { image: other } }\n",
        ),
        ("secret.txt", "not of the lab"),
    ]
}

#[test]
fn a_compose_file_becomes_a_sound_lab_with_all_that_it_refers_to() {
    let (_folder, created) = from_files(&stack(), &[("REDIS", "8.0")]);
    let created = created.unwrap();
    let lab = assert_sound(&created.folder);
    let url = |name: &str| {
        let service = lab.services.values().find(|one| one.name.as_str() == name);
        service.unwrap().interface.url.clone().unwrap_or_default()
    };
    assert_eq!(
        url("db"),
        "postgres://teacher:p%20w@{{ host }}:{{ port }}/books"
    );
    assert_eq!(url("cache"), "redis://:s%3Acret@{{ host }}:{{ port }}");
    assert_eq!(url("seed"), "");
    let ready: Vec<_> = created
        .services
        .iter()
        .map(|service| {
            (
                service.name.as_str(),
                service.ready.as_deref().unwrap_or("-"),
            )
        })
        .collect();
    assert_eq!(
        ready,
        [
            ("db", "sql: { query: SELECT 1 AS up }"),
            ("cache", "redis: { command: [PING] }"),
            ("seed", "-"),
            ("web", "tcp: { port: 8000 }"),
        ]
    );
    let there = |name: &str| created.folder.join(name).exists();
    assert!(there("compose.yaml") && there("init/1.sql") && there(".env") && there("conf/db.env"));
    assert!(!there("secret.txt") && !there("docker-compose.override.yml"));
    assert_eq!(
        std::fs::read_to_string(created.folder.join("compose.yaml")).unwrap(),
        STACK
    );
    let notes: Vec<String> = created.notes.iter().map(ToString::to_string).collect();
    assert!(
        notes.iter().any(|note| note.contains("container_name")),
        "{notes:?}"
    );
}

#[test]
fn a_guess_needs_the_server_of_the_image_and_a_port_that_answers_in_the_open() {
    let compose = "\
services:
  mysql: { image: 'debezium/example-mysql:2', environment: { MYSQL_ROOT_PASSWORD: a, MYSQL_DATABASE: b } }
  exporter: { image: 'prom/mysqld-exporter:v1', environment: { MYSQL_DATABASE: b }, ports: ['9104'] }
  old: { image: 'elasticsearch:7.17.0', ports: ['9200'] }
  new: { image: 'elasticsearch:8.9.0', ports: ['9200'] }
  secret: { image: 'postgres:16', environment: { POSTGRES_PASSWORD_FILE: /run/pw } }
  checked: { image: 'mine:1', ports: ['80'], healthcheck: { test: 'true' } }
";
    let (_folder, created) = from_files(&[("compose.yaml", compose)], &[]);
    let created = created.unwrap();
    assert_sound(&created.folder);
    let services = created.services.iter();
    let ready: Vec<_> = services
        .map(|service| {
            (
                service.name.as_str(),
                service.ready.as_deref().unwrap_or("-"),
            )
        })
        .collect();
    assert_eq!(
        ready,
        [
            ("mysql", "sql: { query: SELECT 1 AS up }"),
            ("exporter", "tcp: { port: 9104 }"),
            (
                "old",
                "http: { port: 9200, path: / }, expect: { status: { at_least: 100 } }"
            ),
            ("new", "tcp: { port: 9200 }"),
            ("secret", "tcp: { port: 5432 }"),
            ("checked", "-"),
        ]
    );
}

#[test]
fn a_variable_without_a_value_is_named_with_the_option_that_gives_it_and_nothing_is_created() {
    let (folder, created) = from_files(&stack(), &[]);
    let Err(Failure::Problems(problems)) = created else {
        panic!("a variable has no value");
    };
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(
        texts[0].contains("${REDIS}") && texts[0].contains("--var NAME=VALUE"),
        "{texts:?}"
    );
    assert!(!folder.path().join("labs/fresh").exists());
}

#[test]
fn what_validate_refuses_is_refused_with_its_line() {
    let compose = "services:\n  a:\n    image: x:1\n    volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n";
    let (folder, created) = from_files(&[("compose.yaml", compose)], &[]);
    let Err(Failure::Problems(problems)) = created else {
        panic!("the socket is refused");
    };
    assert_eq!(problems[0].place.as_ref().unwrap().line, 4);
    assert!(!folder.path().join("labs").exists());
}

#[test]
fn services_that_depend_on_each_other_are_refused_and_nothing_is_created() {
    for compose in [
        "services: { a: { image: 'x:1', depends_on: [a] } }\n",
        "services:\n  a: { image: 'x:1', depends_on: [b] }\n  b: { image: 'x:1', links: [a] }\n",
    ] {
        let (folder, created) = from_files(&[("compose.yaml", compose)], &[]);
        let Err(Failure::Problems(problems)) = created else {
            panic!("the cycle is refused: {compose}");
        };
        let text = problems[0].to_string();
        assert!(text.contains("cycle in `depends_on`: a → "), "{text}");
        assert!(!folder.path().join("labs").exists());
    }
}

#[test]
fn the_file_of_overrides_that_compose_would_merge_is_merged() {
    let files = [
        (
            "docker-compose.yml",
            "services: { db: { image: 'mariadb:11.8', environment: { MARIADB_ROOT_PASSWORD: a } } }\n",
        ),
        (
            "docker-compose.override.yml",
            "services: { db: { environment: { MARIADB_DATABASE: b } } }\n",
        ),
    ];
    let (_folder, created) = from_files(&files, &[]);
    let lab = assert_sound(&created.unwrap().folder);
    let db = lab.services.values().next().unwrap();
    assert_eq!(
        db.interface.url.as_deref(),
        Some("mysql://root:a@{{ host }}:{{ port }}/b")
    );
    assert_eq!(lab.exercises.len(), 2);
}
