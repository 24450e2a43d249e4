//! Images: built, imported, pulled; and nothing of them left behind.

use std::fs;

use super::*;
use crate::lab::ImageName;

/// The ids of images that have no name.
async fn unnamed(docker: &Docker) -> BTreeSet<String> {
    let filters = std::collections::HashMap::from([("dangling", vec!["true"])]);
    let options = bollard::query_parameters::ListImagesOptionsBuilder::default()
        .filters(&filters)
        .build();
    let images = docker
        .call(&text!("test"), READ_TIMEOUT, |client| {
            client.list_images(Some(options))
        })
        .await
        .unwrap();
    images.into_iter().map(|image| image.id).collect()
}

async fn containers(docker: &Docker) -> BTreeSet<String> {
    let options = bollard::query_parameters::ListContainersOptionsBuilder::default()
        .all(true)
        .build();
    let all = docker
        .call(&text!("test"), READ_TIMEOUT, |client| {
            client.list_containers(Some(options))
        })
        .await
        .unwrap();
    all.into_iter()
        .filter_map(|container| container.image)
        .collect()
}

fn recipe(bench: &Bench, name: &str, dockerfile: &str) -> (tempfile::TempDir, Build) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    let build = Build {
        context: folder.path().to_owned(),
        dockerfile: "Dockerfile".into(),
        args: BTreeMap::from([("DEBIAN".into(), IMAGE.into())]),
        target: None,
        extra: BTreeMap::new(),
        tag: image_name(&bench.run_labels, name),
    };
    (folder, build)
}

#[tokio::test]
async fn a_recipe_is_built_and_its_stages_are_removed() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    // The file is new each time, so that no step is found in the cache.
    let (folder, mut build) = recipe(
        &bench,
        "built",
        "ARG DEBIAN\nFROM ${DEBIAN} AS one\nCOPY stamp /stamp\nCOPY ca.crt /ca.crt\nRUN cat /stamp > /made && echo tricks\n\
         FROM ${DEBIAN}\nCOPY --from=one /made /made\nCMD [\"cat\", \"/made\"]\n",
    );
    // Podman 4 loses a last line without an end.
    let stamp = format!("{}\n", bench.run_labels.owner);
    fs::write(folder.path().join("stamp"), &stamp).unwrap();
    build.extra.insert("ca.crt".into(), b"CA".to_vec());
    let lines = RefCell::new(Vec::new());
    let tell = |progress: BuildProgress<'_>| {
        if let BuildProgress::Line(line) = progress {
            lines.borrow_mut().push(line.to_owned());
        }
    };
    docker.build(&build, &tell).await.unwrap();
    let lines = lines.into_inner();
    assert!(lines.iter().any(|line| line == "tricks"), "{lines:?}");
    // What this build has made is gone or has a name; others may build at the same time.
    let unnamed = unnamed(docker).await;
    let made: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix(" ---> "))
        .collect();
    let left = unnamed.iter().filter(|id| {
        made.iter()
            .any(|made| id.starts_with(&format!("sha256:{made}")))
    });
    assert_eq!(left.count(), 0, "{made:?} {unnamed:?}");

    let mut spec = bench.spec("job", &[]);
    spec.command = None;
    spec.image = build.tag.clone();
    let id = bench.up(&spec).await;
    until("it has ended", async || {
        docker.inspect(&id).await.unwrap().status == "exited"
    })
    .await;
    assert_eq!(docker.logs(&id, 10).await.unwrap(), stamp);
    let used = docker.remove_image(&build.tag).await.unwrap_err();
    assert_eq!(used.kind, ErrorKind::Busy, "{used}");
    docker.remove_container(&id).await.unwrap();
    docker.remove_image(&build.tag).await.unwrap();
    docker.remove_image(&build.tag).await.unwrap();
    assert_eq!(docker.image(&build.tag).await.unwrap(), None);
    bench.close().await;
}

#[tokio::test]
async fn a_build_that_fails_shows_its_last_lines_and_leaves_no_container() {
    let Some(bench) = Bench::open() else { return };
    let (_folder, build) = recipe(
        &bench,
        "failing",
        "ARG DEBIAN\nFROM ${DEBIAN}\nRUN echo almost there; exit 9\n",
    );
    let error = bench.docker.build(&build, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BuildFailed);
    let said = ["returned a non-zero code: 9", "exit status 9"];
    assert!(
        said.iter().any(|text| error.to_string().contains(text)),
        "{error}"
    );
    assert!(error.to_string().contains("\n  almost there"), "{error}");
    let after = containers(&bench.docker).await;
    assert!(
        !after.iter().any(|image| image.contains("failing")),
        "{after:?}"
    );

    let (_folder, build) = recipe(&bench, "broken", "FROM scratch\nNOPE\n");
    let error = bench.docker.build(&build, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRecipe, "{error}");

    let (_folder, build) = recipe(&bench, "baseless", "FROM 127.0.0.1:9/none:1\n");
    let error = bench.docker.build(&build, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable, "{error}");
    bench.close().await;
}

#[tokio::test]
async fn a_root_file_system_becomes_an_image() {
    let Some(bench) = Bench::open() else { return };
    let docker = &bench.docker;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.tar");
    let mut tar = tar::Builder::new(fs::File::create(&path).unwrap());
    let mut header = tar::Header::new_gnu();
    // More than one piece of the body.
    let content = vec![b'x'; 200_000];
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "hello", content.as_slice())
        .unwrap();
    tar.into_inner().unwrap();
    let name = image_name(&bench.run_labels, "root");
    docker.import(&path, &name).await.unwrap();
    // Docker's newer image store tells what it takes up compressed.
    assert!(docker.image(&name).await.unwrap().unwrap().size > 0);
    docker.remove_image(&name).await.unwrap();
    assert!(
        docker
            .import(&folder.path().join("none.tar"), &name)
            .await
            .is_err()
    );
    bench.close().await;
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_out_of_reach() {
    let Some(bench) = Bench::open() else { return };
    let image = ImageName::new("127.0.0.1:9/engine-test:1").unwrap();
    let error = bench.docker.pull(&image, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable, "{error}");
    assert!(error.to_string().contains("connection refused"), "{error}");
    bench.close().await;
}

/// A registry that takes connections and says nothing.
#[tokio::test]
async fn a_pull_that_stalls_is_tried_again_and_then_given_up() {
    let Some(bench) = Bench::open() else { return };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let image = ImageName::new(&format!("127.0.0.1:{port}/engine-test:1")).unwrap();
    let told = RefCell::new(Vec::new());
    let tell = |progress: PullProgress| told.borrow_mut().push(progress.status);
    let pulled = bench
        .docker
        .pull_within(&image, Duration::from_secs(1), &tell)
        .await;
    let error = pulled.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable, "{error}");
    let retries: Vec<_> = told
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
    bench.close().await;
}
