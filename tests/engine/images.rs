//! Images are built, imported and pulled.

use std::fs;

use serde_json::Value;

use super::*;
use roadlab::lab::ImageName;

/// The ids of images that have no name.
fn unnamed() -> BTreeSet<String> {
    let path = "/images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D";
    strings(
        &request(&endpoint().socket, "GET", path, &Value::Null),
        "Id",
    )
}

/// The images of all containers.
fn images_in_use() -> BTreeSet<String> {
    let all = request(
        &endpoint().socket,
        "GET",
        "/containers/json?all=1",
        &Value::Null,
    );
    strings(&all, "Image")
}

/// A field of each object of a list.
fn strings(list: &Value, field: &str) -> BTreeSet<String> {
    let items = list.as_array().into_iter().flatten();
    let texts = items.filter_map(|item| item[field].as_str().map(str::to_owned));
    texts.collect()
}

fn recipe(test_run: &TestRun, name: &str, dockerfile: &str) -> (tempfile::TempDir, Build) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let build = Build {
        context: folder.path().to_owned(),
        dockerfile: "Dockerfile".into(),
        args: BTreeMap::from([("BASE".into(), image().into())]),
        target: None,
        extra: BTreeMap::new(),
        tag: image_name(&test_run.run_labels, name),
    };
    (folder, build)
}

#[apply(engine_test)]
async fn a_build_leaves_no_unnamed_stage_images() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    // The file differs each time, so that no step is cached.
    let (folder, mut build) = recipe(
        &test_run,
        "built",
        "ARG BASE\nFROM ${BASE} AS one\nCOPY stamp /stamp\nCOPY ca.crt /ca.crt\nRUN cat /stamp > /made && echo tricks\n\
         FROM ${BASE}\nCOPY --from=one /made /made\nENTRYPOINT []\nCMD [\"cat\", \"/made\"]\n",
    );
    // Podman 4 drops a last line that has no line end.
    let stamp = format!("{}\n", test_run.run_labels.owner.id);
    fs::write(folder.path().join("stamp"), &stamp).unwrap();
    build.extra.insert("ca.crt".into(), b"CA".to_vec());
    let lines = RefCell::new(Vec::new());
    let report = |progress: BuildProgress<'_>| {
        if let BuildProgress::Line(line) = progress {
            lines.borrow_mut().push(line.to_owned());
        }
    };
    docker.build(&build, &report).await.unwrap();
    let lines = lines.into_inner();
    assert!(lines.iter().any(|line| line == "tricks"), "{lines:?}");
    // Images of this build are removed or have a name. Other tests may build at the same time.
    let unnamed = unnamed();
    let made: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix(" ---> "))
        .collect();
    let left = unnamed.iter().filter(|id| {
        made.iter()
            .any(|made| id.starts_with(&format!("sha256:{made}")))
    });
    assert_eq!(left.count(), 0, "{made:?} {unnamed:?}");

    let mut spec = test_run.spec("job", &[]);
    spec.command = None;
    spec.image = build.tag.clone();
    let id = test_run.up(&spec).await;
    until("it has ended", async || {
        docker.inspect(&id).await.unwrap().status == "exited"
    })
    .await;
    until("its log", async || {
        docker.logs(&id, 10).await.unwrap() == stamp
    })
    .await;
    let used = docker.remove_image(&build.tag).await.unwrap_err();
    assert_eq!(used.kind, ErrorKind::Busy, "{used}");
    docker.remove_container(&id).await.unwrap();
    docker.remove_image(&build.tag).await.unwrap();
    docker.remove_image(&build.tag).await.unwrap();
    assert_eq!(docker.image(&build.tag).await.unwrap(), None);
    test_run.close().await;
}

#[apply(engine_test)]
async fn a_failed_build_shows_its_last_lines_and_leaves_no_container() {
    let test_run = TestRun::start();
    let (_folder, build) = recipe(
        &test_run,
        "failing",
        "ARG BASE\nFROM ${BASE}\nRUN echo almost there; exit 9\n",
    );
    let error = test_run.docker.build(&build, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BuildFailed);
    let either = ["returned a non-zero code: 9", "exit status 9"];
    assert!(
        either.iter().any(|text| message(&error).contains(text)),
        "{error}"
    );
    assert!(message(&error).contains("\n  almost there"), "{error}");
    let after = images_in_use();
    assert!(
        !after.iter().any(|image| image.contains("failing")),
        "{after:?}"
    );

    let (_folder, build) = recipe(&test_run, "broken", "FROM scratch\nNOPE\n");
    let error = test_run.docker.build(&build, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRecipe, "{error}");

    let (_folder, build) = recipe(&test_run, "baseless", "FROM 127.0.0.1:9/none:1\n");
    let error = test_run.docker.build(&build, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable, "{error}");
    test_run.close().await;
}

#[apply(engine_test)]
async fn a_root_file_system_can_be_imported() {
    let test_run = TestRun::start();
    let docker = &test_run.docker;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    let mut header = tar::Header::new_gnu();
    // More than one chunk of the request.
    let content = vec![b'x'; 200_000];
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "hello", content.as_slice())
        .unwrap();
    tar.into_inner().unwrap();
    let name = image_name(&test_run.run_labels, "root");
    docker.import(&path, &name).await.unwrap();
    // The containerd image store reports the compressed size.
    assert!(docker.image(&name).await.unwrap().unwrap().size > 0);
    docker.remove_image(&name).await.unwrap();
    assert!(
        docker
            .import(&folder.path().join("none.tar"), &name)
            .await
            .is_err()
    );
    test_run.close().await;
}

#[apply(engine_test)]
async fn an_unreachable_registry_has_its_own_kind() {
    let test_run = TestRun::start();
    let image = ImageName::new("127.0.0.1:9/engine-test:1").unwrap();
    let error = test_run.docker.pull(&image, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable, "{error}");
    assert!(message(&error).contains("connection refused"), "{error}");
    test_run.close().await;
}

// The registry accepts connections and sends nothing.
#[apply(engine_test)]
async fn a_pull_that_stalls_is_retried_and_then_given_up() {
    let test_run = TestRun::start();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let image = ImageName::new(&format!("127.0.0.1:{port}/engine-test:1")).unwrap();
    let reported = RefCell::new(Vec::new());
    let report = |progress: PullProgress| reported.borrow_mut().push(progress.status);
    let pulled = test_run
        .docker
        .pull_within(&image, Duration::from_secs(1), &report)
        .await;
    let error = pulled.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable, "{error}");
    let retries: Vec<_> = reported
        .into_inner()
        .into_iter()
        .filter(|status| status.contains("attempt"))
        .collect();
    assert_eq!(
        retries,
        [
            "no data for 1 s, attempt 2 of 3",
            "no data for 1 s, attempt 3 of 3"
        ]
    );
    test_run.close().await;
}
