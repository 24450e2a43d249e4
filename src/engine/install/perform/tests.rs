use std::path::Path;

use super::super::observe::observe;
use super::super::plan::{Goal, plan};
use super::super::record::Record;
use super::super::situation::Private;
use super::*;
use rustix::process::Signal;

fn site(folder: &Path) -> Site {
    Site {
        state: folder.join("state"),
        socket: folder.join("docker.sock"),
        pid_file: folder.join("docker.pid"),
        exec_root: folder.join("exec"),
        containerd_socket: None,
        private: None,
    }
}

/// What a command says and how it ends.
async fn check(script: &str, patience: Option<Duration>, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    std::fs::create_dir_all(&site.state).unwrap();
    let command = ["sh", "-c", script].map(str::to_owned);
    let mut said = vec![];
    let ended = run(&command, &site, patience, &mut |line| {
        said.push(line.to_owned())
    })
    .await;
    let ended = ended.map_err(|error| error.to_string());
    assert_eq!(format!("{said:?} {ended:?}"), expected);
}

#[tokio::test]
async fn a_command_s_output_comes_line_by_line_and_its_failure_with_the_last_of_it() {
    check("echo a; echo b >&2", None, r#"["a", "b"] Ok(())"#).await;
    check(
        "exit 3",
        None,
        r#"[] Err("`sh -c 'exit 3'` failed (exit status: 3), without a word")"#,
    )
    .await;
    check(
        "echo a; false",
        None,
        r#"["a"] Err("`sh -c 'echo a; false'` failed (exit status: 1); its last lines:\n  a")"#,
    )
    .await;
    check(
        "sleep 5",
        Some(Duration::ZERO),
        r#"[] Err("`sh -c 'sleep 5'` has not ended after 0 s: look at what it is doing, then try again")"#,
    )
    .await;
}

#[tokio::test]
async fn a_leftover_that_became_somebody_s_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path());
    let listener = tokio::net::UnixListener::bind(&site.socket).unwrap();
    let leftover = Leftover::Socket(site.socket.clone());
    // Two connections are made: one by the look at the daemon, which gets an end instead of an answer.
    let answer = async { drop(listener.accept().await.unwrap()) };
    let (cleaned, ()) = tokio::join!(clean(&leftover, &site), answer);
    cleaned.unwrap();
    assert!(site.socket.exists());

    drop(listener);
    clean(&leftover, &site).await.unwrap();
    assert!(!site.socket.exists());
    clean(&leftover, &site).await.unwrap();
}

#[tokio::test]
async fn a_program_that_dies_at_its_start_is_shown_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = site(folder.path());
    std::fs::create_dir_all(&site.state).unwrap();
    let command = ["sh", "-c", "echo no room; exit 1"].map(str::to_owned);
    let log = site.daemon_log();
    let error = daemon::start(&command, &log, &site).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "dockerd did not start (exit status: 1); its last lines:\n  no room"
    );
    assert!(!site.record().exists());

    site.state = folder.path().join("none");
    let error = daemon::start(&command, &site.daemon_log(), &site)
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("cannot start `sh -c "),
        "{error}"
    );
}

/// Kills what runs at a site when a test fails.
struct Killed<'a>(&'a Site);

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        if let Some(record) = Record::read(&self.0.record(), &self.0.socket) {
            let pid = rustix::process::Pid::from_raw(record.process.pid.cast_signed());
            let _ = rustix::process::kill_process(pid.unwrap(), Signal::KILL);
        }
    }
}

/// A real private daemon: up, killed with a container's leftovers, up again, down. Wants root and `dockerd`.
#[tokio::test]
#[ignore = "starts a second Docker daemon; run as root with --ignored"]
async fn a_real_daemon_is_started_found_killed_recovered_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let script = "ip link set lo up; mount -t tmpfs none /mnt; exec \"$@\"";
    let prefix = ["unshare", "--net", "--mount", "sh", "-c", script, "sh"];
    let site = Site {
        private: Some(Private {
            prefix: prefix.map(str::to_owned).to_vec(),
            data_root: folder.path().join("data"),
            extra_args: vec!["--storage-driver=overlay2".to_owned()],
        }),
        ..site(folder.path())
    };
    let _killed = Killed(&site);
    async fn wish(wish: Goal, site: &Site) -> Vec<String> {
        let situation = observe(site).await;
        let actions = plan(&situation, wish, site).unwrap();
        let mut said = vec![];
        perform(&actions, site, &mut |line| said.push(line.to_owned()))
            .await
            .unwrap();
        said
    }
    assert_eq!(wish(Goal::Running, &site).await.len(), 1);
    assert_eq!(
        wish(Goal::Running, &site).await,
        [""; 0],
        "it answers already"
    );
    let first = observe(&site).await.started.unwrap().process;

    // The worst that was seen: both pid files name somebody else by now.
    daemon::signal(first, Signal::KILL, CONTAINERD)
        .await
        .unwrap();
    let own = std::process::id().to_string();
    std::fs::write(&site.pid_file, &own).unwrap();
    std::fs::write(site.containerd_pid_file(), &own).unwrap();
    let situation = observe(&site).await;
    assert_eq!(
        (situation.daemon, &situation.started),
        (Daemon::Down, &None)
    );
    assert_eq!(situation.leftovers.len(), 3);
    assert_eq!(wish(Goal::Running, &site).await.len(), 4);
    let second = observe(&site).await.started.unwrap().process;
    assert_ne!(first, second);

    // Frozen: it runs, and it is waited for, not started again.
    daemon::signal(second, Signal::STOP, Duration::ZERO)
        .await
        .unwrap();
    // A signal takes effect when the kernel comes to it: an answer may still be on its way.
    let mut situation = observe(&site).await;
    while situation.daemon == Daemon::Answering {
        situation = observe(&site).await;
    }
    assert_eq!(situation.daemon, Daemon::Silent(Some(second.pid)));
    let actions = plan(&situation, Goal::Running, &site).unwrap();
    assert_eq!(actions, [Action::Wait]);
    daemon::signal(second, Signal::KILL, CONTAINERD)
        .await
        .unwrap();

    // A containerd that outlived its daemon.
    let mut orphan = std::process::Command::new("containerd")
        .arg("--config")
        .arg(site.exec_root.join("containerd/containerd.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::fs::write(site.containerd_pid_file(), orphan.id().to_string()).unwrap();
    let said = wish(Goal::Running, &site).await;
    assert_eq!(said[0], format!("$ kill {}", orphan.id()));
    orphan.wait().unwrap();
    let second = observe(&site).await.started.unwrap().process;
    let pid = rustix::process::Pid::from_raw(second.pid.try_into().unwrap());
    assert_eq!(
        rustix::process::getsid(pid).ok(),
        pid,
        "in a session of its own"
    );

    assert_eq!(
        wish(Goal::Stopped, &site).await,
        [format!("$ kill {}", second.pid)]
    );
    let situation = observe(&site).await;
    assert_eq!(
        (situation.daemon, situation.leftovers),
        (Daemon::Down, vec![])
    );
    assert!(!site.record().exists());
    assert_eq!(wish(Goal::Stopped, &site).await, [""; 0]);
}
