//! The test harness: it runs every registered test, as `cargo test` users know it, and reports a test whose needs this
//! machine does not meet as ignored.
//!
//! A test is registered by the attribute in front of it:
//!
//! ```ignore
//! #[apply(test)]                  // needs nothing
//! #[apply(engine_test)]           // needs a container engine
//! #[apply(private_daemon_test)]   // needs a Docker daemon of its own
//! ```
//!
//! The attributes are the `macro_rules!` at the end of this file; another need is a variant of [`Need`] and another of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use crate::support::private_daemon;

/// A test, as the attributes register it.
pub(crate) struct Test {
    /// The path of the function, with the name of this crate in front.
    pub(crate) path: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(),
}

inventory::collect!(Test);

impl Test {
    /// The name by which the test is listed and filtered: `isolation::two_instances_run_side_by_side`.
    pub(crate) fn name(&self) -> &'static str {
        self.path
            .split_once("::")
            .map_or(self.path, |(_, name)| name)
    }
}

/// What a test needs that not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Need {
    /// A container engine that responds.
    Engine,
    /// An engine that is Docker, not Podman.
    Docker,
    /// The right and the programs to start a Docker daemon in namespaces of its own.
    PrivateDaemon,
    /// Root, and `unshare`, to mount file systems that only the test sees.
    Mounts,
    /// A way to run a program as a user who is not root.
    OtherUser,
    /// Root and `mmdebstrap`, to create a root file system.
    Mmdebstrap,
    /// Chromium, for the pages of `roadlab web`.
    Browser,
    /// The images of the lab `airflow`, which take minutes to build.
    AirflowImages,
    Zsh,
}

impl Need {
    fn describe(self) -> &'static str {
        match self {
            Self::Engine => "a container engine",
            Self::Docker => "Docker",
            Self::PrivateDaemon => "a private Docker daemon",
            Self::Mounts => "private mounts",
            Self::OtherUser => "another user",
            Self::Mmdebstrap => "mmdebstrap",
            Self::Browser => "Chromium",
            Self::AirflowImages => "the images of the lab airflow",
            Self::Zsh => "zsh",
        }
    }

    /// The reason why this machine does not meet the need.
    fn missing(self) -> Option<String> {
        match self {
            Self::Engine => engine_status().err(),
            Self::Docker => not_docker(),
            Self::PrivateDaemon => private_daemon::unavailable(),
            Self::Mounts if !is_root() => Some("only root can mount".to_owned()),
            Self::Mounts => fails("unshare", &["--mount", "true"]),
            // Without root, the user of the tests is such a user.
            Self::OtherUser if !is_root() => None,
            Self::OtherUser => fails("setpriv", &["--reuid=65534", "--clear-groups", "true"]),
            Self::Mmdebstrap if !is_root() => Some("only root can create devices".to_owned()),
            Self::Mmdebstrap => fails("mmdebstrap", &["--version"]),
            Self::Browser => fails("chromium", &["--version"]),
            Self::AirflowImages => airflow_images_missing(),
            Self::Zsh => fails("zsh", &["-fc", ":"]),
        }
    }

    /// How many tests with this need run at the same time. The limit on engine tests keeps the load of one engine bounded on a
    /// machine with many cores; a private daemon takes as much as several of the other tests.
    fn parallel(self) -> usize {
        match self {
            Self::Engine => 4,
            Self::PrivateDaemon => 1,
            // A browser takes as much memory as a lab.
            Self::Browser => 2,
            Self::Docker
            | Self::Mounts
            | Self::OtherUser
            | Self::Mmdebstrap
            | Self::AirflowImages
            | Self::Zsh => usize::MAX,
        }
    }
}

/// What `roadlab engine status` reports of an engine that responds, or why none does.
fn engine_status() -> Result<Value, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_roadlab"))
        .args(["engine", "status", "--json"])
        .output()
        .map_err(|error| error.to_string())?;
    let status: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`roadlab engine status --json` prints no JSON: {error}"))?;
    match (status["answers"] == true, status["problem"].as_str()) {
        (true, _) => Ok(status),
        (false, problem) => Err(problem.unwrap_or("it does not respond").to_owned()),
    }
}

fn airflow_images_missing() -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_roadlab"))
        .args(["images", "list", "airflow", "--json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let images: Option<Value> = output
        .ok()
        .and_then(|output| serde_json::from_slice(&output.stdout).ok());
    let there = images.is_some_and(|images| {
        let images = images.as_array();
        images.is_some_and(|images| images.iter().all(|image| !image["id"].is_null()))
    });
    (!there).then(|| "get them first: roadlab images pull airflow".to_owned())
}

fn not_docker() -> Option<String> {
    let product = engine_status().ok()?["product"].take();
    (product != "Docker").then(|| format!("the engine is {product}"))
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The reason why a program cannot be run, or why it fails.
pub(crate) fn fails(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let text = text.trim().to_owned();
            Some(format!("{program}: {text} ({})", output.status))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Some(format!("`{program}` is not installed"))
        }
        Err(error) => Some(format!("{program}: {error}")),
    }
}

/// All registered tests, in the order of their names.
pub(crate) fn tests() -> Vec<&'static Test> {
    let mut tests: Vec<&Test> = inventory::iter::<Test>().collect();
    tests.sort_by_key(|test| test.name());
    tests
}

/// Runs the tests that the command line selects. The last lines of the output list the ignored tests by reason.
pub(crate) fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Tests mostly wait for containers, and the needs limit how many of them run at the same time.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads.get_or_insert(2 * cores);
    let mut needs = Needs::default();
    let mut ignored = BTreeMap::<Need, usize>::new();
    let mut trials = Vec::new();
    let mut tests = tests();
    if !arguments.list {
        spread(&mut tests);
    }
    for test in tests {
        let groups = needs.groups(test);
        let trial = Trial::test(test.name(), move || run(test, &groups));
        if arguments.is_filtered_out(&trial) && !arguments.ignored {
            continue;
        }
        let missing = needs.missing(test);
        let trial = trial.with_ignored_flag(missing.is_some());
        if let Some(need) = missing.filter(|_| arguments.is_ignored(&trial)) {
            *ignored.entry(need).or_default() += 1;
        }
        trials.push(trial);
    }
    keep_panic_messages();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        needs.summarize(&ignored);
    }
    conclusion.exit_code()
}

/// Puts the tests that wait for one another at equal distances, so that the threads always have other tests to run.
fn spread(tests: &mut Vec<&'static Test>) {
    let is_serial = |test: &&Test| test.needs.iter().any(|need| need.parallel() == 1);
    let (serial, others): (Vec<_>, Vec<_>) = tests.drain(..).partition(is_serial);
    let distance = others.len() / serial.len().max(1);
    let mut serial = serial.into_iter();
    for (index, test) in others.into_iter().enumerate() {
        if index % distance.max(1) == 0 {
            tests.extend(serial.next());
        }
        tests.push(test);
    }
    tests.extend(serial);
}

/// What is known about the needs: whether they are met, and how many tests with them run.
#[derive(Default)]
struct Needs {
    missing: HashMap<Need, Option<String>>,
    groups: BTreeMap<Need, Arc<Group>>,
}

impl Needs {
    /// The first need of a test that is not met; each need is looked into once.
    fn missing(&mut self, test: &Test) -> Option<Need> {
        test.needs.iter().copied().find(|need| {
            let missing = self.missing.entry(*need);
            missing.or_insert_with(|| need.missing()).is_some()
        })
    }

    /// The groups that a test belongs to, in an order that is the same for all tests.
    fn groups(&mut self, test: &Test) -> Vec<Arc<Group>> {
        let mut needs = test.needs.to_vec();
        needs.sort_by_key(|need| need.parallel());
        let group = |need| {
            let group = self.groups.entry(need);
            Arc::clone(group.or_insert_with(|| Arc::new(Group::new(need.parallel()))))
        };
        needs.into_iter().map(group).collect()
    }

    fn summarize(&self, ignored: &BTreeMap<Need, usize>) {
        if ignored.is_empty() {
            return;
        }
        let total: usize = ignored.values().sum();
        let mut lines = vec![format!(
            "{total} tests were ignored because of missing requirements"
        )];
        for (need, count) in ignored {
            let (what, reason) = (need.describe(), &self.missing[need]);
            let reason = reason.as_deref().unwrap_or_default();
            lines.push(format!("  {what} ({count}): {reason}"));
        }
        lines.push("run them anyway: cargo test --test integration -- --ignored\n".to_owned());
        // A closed standard output needs no message.
        let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
    }
}

/// Tests of which only some run at the same time.
struct Group {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Group {
    fn new(size: usize) -> Self {
        Self {
            free: Mutex::new(size),
            freed: Condvar::new(),
        }
    }

    /// Waits for a place; it is free again when the returned value is dropped.
    fn enter(&self) -> Place<'_> {
        let free = self.free.lock().expect("no thread panics with this lock");
        let waited = self.freed.wait_while(free, |free| *free == 0);
        *waited.expect("no thread panics with this lock") -= 1;
        Place(self)
    }
}

struct Place<'a>(&'a Group);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().expect("no thread panics with this lock") += 1;
        self.0.freed.notify_one();
    }
}

thread_local! {
    /// The last panic of this thread, with its place.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the message of a panic for the report of its test, which names the test too.
fn keep_panic_messages() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANIC.set(Some(panic.to_string()));
        print(panic);
    }));
}

/// How long a test may take, however busy the machine is. One that waits for ever would keep the whole run from ending.
const TIME_LIMIT: Duration = Duration::from_secs(1800);

fn run(test: &Test, groups: &[Arc<Group>]) -> Result<(), Failed> {
    let _places: Vec<Place<'_>> = groups.iter().map(|group| group.enter()).collect();
    let (_ended, ending) = mpsc::channel::<()>();
    let name = test.name();
    std::thread::spawn(move || {
        // The sender is dropped when the test ends.
        if ending.recv_timeout(TIME_LIMIT) == Err(RecvTimeoutError::Timeout) {
            let seconds = TIME_LIMIT.as_secs();
            let text = format!("test {name} has not ended after {seconds} s; the run is stopped\n");
            let _ = std::io::stderr().write_all(text.as_bytes());
            std::process::abort();
        }
    });
    catch_unwind(AssertUnwindSafe(test.run)).map_err(|_| {
        let message = PANIC.take();
        Failed::from(message.unwrap_or_else(|| "the test panicked".to_owned()))
    })
}

/// Registers a function as a test with needs. An asynchronous function gets a runtime of its own.
macro_rules! register {
    ([$($need:ident)*] $(#[$meta:meta])* fn $name:ident() $body:block) => {
        $(#[$meta])*
        fn $name() $body
        inventory::submit!(crate::harness::Test {
            path: concat!(module_path!(), "::", stringify!($name)),
            needs: &[$(crate::harness::Need::$need),*],
            run: $name,
        });
    };
    ([$($need:ident)*] $(#[$meta:meta])* async fn $name:ident() $body:block) => {
        crate::harness::register! {
            [$($need)*]
            $(#[$meta])*
            fn $name() {
                crate::harness::block_on(async $body)
            }
        }
    };
}
pub(crate) use register;

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

macro_rules! test {
    ($($item:tt)*) => { crate::harness::register! { [] $($item)* } };
}

macro_rules! engine_test {
    ($($item:tt)*) => { crate::harness::register! { [Engine] $($item)* } };
}

macro_rules! docker_test {
    ($($item:tt)*) => { crate::harness::register! { [Engine Docker] $($item)* } };
}

macro_rules! private_daemon_test {
    ($($item:tt)*) => { crate::harness::register! { [Engine PrivateDaemon] $($item)* } };
}

macro_rules! mount_test {
    ($($item:tt)*) => { crate::harness::register! { [Engine Mounts] $($item)* } };
}

macro_rules! private_mount_test {
    ($($item:tt)*) => { crate::harness::register! { [Mounts] $($item)* } };
}

macro_rules! other_user_test {
    ($($item:tt)*) => { crate::harness::register! { [OtherUser] $($item)* } };
}

macro_rules! mmdebstrap_test {
    ($($item:tt)*) => { crate::harness::register! { [Mmdebstrap] $($item)* } };
}

macro_rules! browser_test {
    ($($item:tt)*) => { crate::harness::register! { [Engine Browser] $($item)* } };
}

macro_rules! offline_browser_test {
    ($($item:tt)*) => { crate::harness::register! { [Browser] $($item)* } };
}

macro_rules! airflow_test {
    ($($item:tt)*) => { crate::harness::register! { [Engine Browser AirflowImages] $($item)* } };
}

macro_rules! zsh_test {
    ($($item:tt)*) => { crate::harness::register! { [Zsh] $($item)* } };
}
