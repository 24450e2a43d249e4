//! The command line: commands, options and their help. `commands/` does the work.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

mod help;
mod translate;
mod usage_error;

#[cfg(test)]
pub(crate) use help::table_texts;
pub(crate) use help::{command, exit_codes};

use crate::app::Jobs;
use crate::exit::Exit;
use crate::lab::{Lang, parse_duration};
use crate::localized;
use crate::report::{OutputMode, error, output};
use crate::text::Language;

/// The name of the program.
pub(crate) const NAME: &str = "roadlab";

/// The version, in a release build with the commit and its date.
pub(crate) const VERSION: &str = env!("ROADLAB_VERSION");

/// Hands-on data engineering labs: real services in containers, verified exercises, instant reset
#[derive(Debug, Parser)]
#[command(name = NAME, version = VERSION, propagate_version = true, max_term_width = 100, subcommand_value_name = "COMMAND")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalOptions {
    /// Use the labs in this folder instead of ./labs, the data folder and the built-in labs
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ROADLAB_LABS",
        help_heading = "Global options"
    )]
    pub(crate) labs: Option<PathBuf>,
    /// Language of guides and messages: en or ko
    #[arg(
        long,
        global = true,
        value_name = "LANG",
        env = "ROADLAB_LANG",
        help_heading = "Global options"
    )]
    pub(crate) lang: Option<String>,
    /// Name of the lab instance, to run the same lab more than once
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "main",
        help_heading = "Global options"
    )]
    pub(crate) instance: String,
    /// Print JSON to standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Show the exact values that checks compare
    #[arg(long, short = 'v', global = true, help_heading = "Global options")]
    pub(crate) verbose: bool,
    /// Color the output; `auto` does so on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Global options")]
    pub(crate) color: Color,
    /// Agree to install packages, start the engine and remove what a command asks about
    #[arg(long, short = 'y', global = true, help_heading = "Global options")]
    pub(crate) yes: bool,
    /// Use local images only; do not contact registries
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) offline: bool,
    /// Engine to connect to: a socket path or unix:// URL
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        help_heading = "Global options"
    )]
    pub(crate) engine: Option<String>,
    /// Grant the extra permissions that a lab requests; review them first
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) trust: bool,
}

impl GlobalOptions {
    pub(crate) fn output_mode(&self) -> OutputMode {
        match self.json {
            true => OutputMode::Json,
            false => OutputMode::Text,
        }
    }
}

/// What `roadlab fault` does to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FaultAction {
    Cut,
    Pause,
    Stop,
    Kill,
    Fill,
    Heal,
}

impl FaultAction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            FaultAction::Cut => "cut",
            FaultAction::Pause => "pause",
            FaultAction::Stop => "stop",
            FaultAction::Kill => "kill",
            FaultAction::Fill => "fill",
            FaultAction::Heal => "heal",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List labs with level, duration, memory and progress
    List,
    /// Show the roadmap and which topics the labs cover
    Roadmap,
    /// Show which lab fits next, and how long it takes
    Next,
    /// Show details of a lab or an exercise
    Show {
        lab: String,
        /// Show this exercise: its text and its checks
        exercise: Option<String>,
    },
    /// Start the services of a lab and wait until they are ready
    Up {
        lab: String,
        /// Print the plan without changing anything
        #[arg(long)]
        dry_run: bool,
        /// Keep the containers if the lab does not start
        #[arg(long)]
        retain: bool,
        /// Create the initial data again instead of using the copy of an earlier start
        #[arg(long)]
        fresh: bool,
        /// Remove the lab automatically after this time (e.g. 90m, 2h)
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        ttl: Option<Duration>,
        /// Show where the time went: a bar for each part of the start
        #[arg(long, conflicts_with = "dry_run")]
        timings: bool,
        /// Write the parts of the start to a file for a trace viewer
        #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
        trace: Option<PathBuf>,
    },
    /// Run a guided session: text, checks and hints
    Run {
        lab: String,
        /// Play all solutions without a terminal, as a demo; wipes the services' data, and asks first if the lab is up
        #[arg(long)]
        auto: bool,
        /// Keep the lab up at the end without asking
        #[arg(long, conflicts_with = "down")]
        keep: bool,
        /// Remove the lab at the end without asking
        #[arg(long)]
        down: bool,
        /// Remove the lab automatically this long after the session (e.g. 90m, 2h); needs `--keep`
        #[arg(long, value_name = "DURATION", value_parser = duration, requires = "keep")]
        ttl: Option<Duration>,
        /// Show the lab in a browser in place of the terminal, as `web` does; the lab stays up
        #[arg(long, conflicts_with_all = ["auto", "keep", "down"])]
        web: bool,
    },
    /// Open the labs in a browser: text, checks and hints on one page
    Web {
        /// Lab to open; without it, all labs are shown
        lab: Option<String>,
        /// Port to listen on; a free one by default
        #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
        port: Option<u16>,
        /// IP address to listen on, for a browser on another machine; needs a certificate
        #[arg(long, value_name = "ADDRESS", requires_all = ["certificate", "key"])]
        listen: Option<IpAddr>,
        /// PEM file with the certificate chain of the page, its own certificate first
        #[arg(long, value_name = "FILE", requires = "listen")]
        certificate: Option<PathBuf>,
        /// PEM file with the private key of the certificate
        #[arg(long, value_name = "FILE", requires = "listen")]
        key: Option<PathBuf>,
        /// Host in the address of the page; by default the IP address if the certificate has it, else its first host name
        #[arg(long, value_name = "HOST", requires = "listen")]
        host: Option<String>,
    },
    /// Check the exercises of a lab
    Check {
        lab: String,
        #[arg(value_name = "EXERCISE")]
        exercises: Vec<String>,
        /// Check again on every change until all checks pass
        #[arg(long, short, conflicts_with = "junit")]
        watch: bool,
        /// Write the results to a JUnit XML file
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Show the next hint of an exercise
    Hint {
        lab: String,
        /// Default: the exercise that `run` goes on with
        exercise: Option<String>,
        /// Show the hints that were shown before again, and no further one
        #[arg(long)]
        again: bool,
    },
    /// Compare how long each way of an exercise takes
    Measure {
        lab: String,
        /// Default: the only exercise that measures something
        exercise: Option<String>,
        /// The number of measured rounds
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        rounds: u16,
    },
    /// Report what a learner solved, with points, hints and times
    Report {
        lab: String,
        /// Print comma-separated values for a spreadsheet
        #[arg(long)]
        csv: bool,
        /// Name of the learner; the user of this machine by default
        #[arg(id = "learner", long = "name", value_name = "NAME")]
        name: Option<String>,
    },
    /// Play the solution of an exercise
    Solve { lab: String, exercise: String },
    /// Answer a quiz
    Answer {
        lab: String,
        /// The quiz; without it, the quizzes of the lab are listed
        exercise: Option<String>,
        /// A choice, by its name or its number; without it, the choices are listed
        choice: Option<String>,
    },
    /// Reset a running lab to its initial state
    Reset {
        lab: String,
        /// Reset to the start of this exercise by playing the solutions before it
        #[arg(long, value_name = "EXERCISE")]
        to: Option<String>,
        /// Recreate containers and volumes
        #[arg(long)]
        hard: bool,
        /// Also forget what you solved, answered and were shown in this lab
        #[arg(long)]
        progress: bool,
    },
    /// Restart the services of a lab
    Restart {
        lab: String,
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Kill the services instead of stopping them
        #[arg(long)]
        kill: bool,
    },
    /// Stop the services of a lab and keep everything
    Pause { lab: String },
    /// Cut off, pause, stop or kill a service, fill its disk, or heal it
    Fault {
        lab: String,
        /// What to do
        action: FaultAction,
        /// Service of the lab; `heal` without one heals all
        service: Option<String>,
        /// Disk to fill, if the service has several
        path: Option<String>,
    },
    /// Remove the containers, networks and volumes of labs
    Down {
        #[arg(value_name = "LAB")]
        names: Vec<String>,
        /// Remove all labs and instances
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Also forget the progress and delete your files of the lab
        #[arg(long)]
        forget: bool,
        /// Remove labs started by another user or with another state folder
        #[arg(long, requires = "names", conflicts_with_all = ["all", "forget"])]
        orphan: bool,
    },
    /// Show running labs with services and addresses
    Status {
        lab: Option<String>,
        /// Keep watching and show changes
        #[arg(long, short)]
        watch: bool,
    },
    /// Show the logs of services
    Logs {
        lab: String,
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Follow log output
        #[arg(long, short)]
        follow: bool,
        /// Number of lines to show from the end of the logs
        #[arg(long, default_value_t = 100, value_name = "LINES", value_parser = line_count)]
        tail: u32,
        /// Show logs since a relative time (e.g. 90s, 10m, 2h)
        #[arg(long, value_name = "TIME", value_parser = ago)]
        since: Option<Duration>,
    },
    /// Open the client of a service in its container
    Shell {
        lab: String,
        service: Option<String>,
        /// Command to run instead of the client
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Open the web interface of a service
    Open {
        lab: String,
        /// Service to open if several have a web interface
        service: Option<String>,
    },
    /// Test labs: checks, solutions, hints and resets
    Test {
        /// Labs by name or path; words after a single lab select its exercises
        #[arg(required_unless_present = "all", value_name = "LAB")]
        names: Vec<String>,
        /// Test every lab
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Test in up to this many instances at the same time, as far as memory allows; `auto`: two for each processor
        #[arg(long, value_name = "N", value_parser = jobs, default_value = "1")]
        jobs: Jobs,
        /// Start no exercise that would probably end later than this (e.g. 40m); the first labs are preferred
        #[arg(long, value_name = "TIME", value_parser = duration)]
        within: Option<Duration>,
        /// Test only this exercise, as if named after the lab; repeatable
        #[arg(long, value_name = "EXERCISE")]
        only: Vec<String>,
        /// Play only this answer of one exercise and show what each check sees: `solution`, a name, or the number of a wrong answer
        #[arg(id = "one_answer", long = "answer", value_name = "ANSWER", conflicts_with_all = ["all", "jobs", "within", "strict", "junit"])]
        answer: Option<String>,
        /// Fail on notes too, such as an exercise with fewer than two other right answers
        #[arg(long)]
        strict: bool,
        /// Keep the instance of the test up
        #[arg(long)]
        keep: bool,
        /// Write the results to a JUnit XML file
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Judge a file of `roadlab dispute` by the checks of the lab, without an engine
        #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "jobs", "within", "only", "one_answer", "strict", "keep", "junit"])]
        case: Option<PathBuf>,
    },
    /// Write what the checks of an exercise see to a file, for the author of the lab
    Dispute {
        lab: String,
        exercise: String,
        /// Why the verdict is wrong
        #[arg(long, short, value_name = "TEXT")]
        message: Option<String>,
    },
    /// Validate lab files
    Validate {
        /// Lab folders, folders of labs, or catalogues; all labs by default
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Manage the images of labs
    #[command(disable_help_subcommand = true)]
    Images {
        #[command(subcommand)]
        command: ImagesCommand,
    },
    /// Manage the container engine
    #[command(disable_help_subcommand = true)]
    Engine {
        #[command(subcommand)]
        command: EngineCommand,
    },
    /// Check whether labs can run on this machine
    Doctor {
        /// Labs to check for; all labs by default
        #[arg(value_name = "LAB")]
        names: Vec<String>,
    },
    /// Remove the leftovers of interrupted runs
    Gc {
        /// Remove all labs, images and caches, after a question; your progress, your files and labs that you added stay
        #[arg(long)]
        everything: bool,
        /// Remove the images that roadlab built and no lab uses, and the copies of initial data
        #[arg(long, conflicts_with = "everything")]
        images: bool,
    },
    /// Remove runs whose process is gone (started by roadlab itself)
    #[command(name = REAP, hide = true)]
    Reap,
    /// Generate a shell completion script
    Completions {
        /// Shell to generate the completion script for
        shell: clap_complete::Shell,
    },
    /// Generate man pages
    Man {
        /// Folder to write one page per command to
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Explain the code of a problem
    Explain {
        /// The code, such as `unknown-key`; without it, all are listed
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
    /// Print a JSON Schema
    Schema {
        /// What the schema describes
        #[arg(value_enum, default_value_t = SchemaKind::Lab, value_name = "KIND")]
        of: SchemaKind,
    },
    /// Create a new lab
    New {
        /// Name of the new lab: lowercase letters, digits, `-` and `_`
        #[arg(value_name = "NAME")]
        name: String,
        /// Folder to create the lab in; `--labs` or ./labs by default
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Entry of the catalogue that the lab uses; may be given several times
        #[arg(
            id = "entries",
            long = "service",
            value_name = "NAME",
            default_value = "redis"
        )]
        services: Vec<String>,
        /// Start from this Compose file and what it refers to
        #[arg(
            id = "compose",
            long = "from-compose",
            value_name = "FILE",
            conflicts_with = "entries"
        )]
        compose: Option<PathBuf>,
        /// Value of a variable in the Compose file; may be given several times
        #[arg(id = "variables", long = "var", value_name = "NAME=VALUE", value_parser = variable, requires = "compose")]
        variables: Vec<(String, String)>,
    },
    /// Keep a lab up and test what you save
    Author {
        lab: String,
        /// Exercises to test at once, before anything is saved
        #[arg(value_name = "EXERCISE")]
        exercises: Vec<String>,
        /// Keep the lab up at the end
        #[arg(long)]
        keep: bool,
    },
    /// Pack a lab with its images into one file
    Pack {
        lab: String,
        /// File to write; named after the lab and its version by default
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
        /// Leave out the images
        #[arg(long)]
        no_images: bool,
    },
    /// Add a lab from a file or a Git repository
    Add {
        /// File of `roadlab pack`, or the address of a Git repository; `@REF` names a branch, tag or commit
        #[arg(value_name = "SOURCE", value_hint = ValueHint::FilePath)]
        source: String,
        /// Lab to add from a repository with several
        #[arg(id = "repository_lab", long = "name", value_name = "LAB")]
        lab: Option<String>,
    },
    /// Update labs that were added
    Update {
        #[arg(value_name = "LAB")]
        names: Vec<String>,
    },
    /// Remove a lab that was added
    Remove { lab: String },
    /// Show the services that labs include
    #[command(disable_help_subcommand = true)]
    Catalogue {
        #[command(subcommand)]
        command: CatalogueCommand,
    },
}

/// The hidden command that runs the reaper.
pub(crate) const REAP: &str = "__reap";

/// Parses a duration in the notation of Compose, from one second to a year.
fn duration(text: &str) -> Result<Duration, String> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    parse_duration(text)
        .filter(|time| (Duration::from_secs(1)..=YEAR).contains(time))
        .ok_or_else(|| localized!("use a duration such as 30s, 90m, 2h or 1h30m"))
}

/// Parses `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let name_and_value = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = name_and_value.ok_or_else(|| localized!("use the form NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Parses the number of instances of a test.
fn jobs(text: &str) -> Result<Jobs, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Jobs::Auto),
        (_, Ok(count)) if count > 0 => Ok(Jobs::Count(count)),
        _ => Err(localized!("specify `auto` or a whole number from 1")),
    }
}

fn line_count(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| localized!("specify a whole number, such as 20"))
}

fn ago(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| localized!("use a duration such as 90s, 10m or 2h"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// Pull or build the missing images of labs
    Pull {
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
    },
    /// Remove the images that were built for labs
    Remove {
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
    },
    /// List the images of labs and whether they are present
    List {
        #[arg(value_name = "LAB")]
        names: Vec<String>,
    },
    /// Export the images of labs to a file
    Export {
        /// Tar file to write
        file: PathBuf,
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
    },
    /// Import images from a file
    Import {
        /// Tar file to read
        file: PathBuf,
    },
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// lab.yaml of a lab
    Lab,
    /// x-roadlab block of a compose.yaml
    Compose,
    /// Events that --json prints
    Events,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogueCommand {
    /// List the entries with image, ports and readiness
    List,
    /// Show an entry and how to include it
    Show {
        /// Entry of the catalogue, as `roadlab catalogue list` shows it
        #[arg(id = "entry", value_name = "NAME")]
        name: String,
    },
    /// Copy an entry into the folder of a lab
    Copy {
        /// Entry of the catalogue, as `roadlab catalogue list` shows it
        #[arg(id = "entry", value_name = "NAME")]
        name: String,
        lab: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Show the engine in use and its state
    Status,
    /// Start the engine; install Docker Engine if there is none
    Up,
    /// Stop the engine if roadlab started it
    Down,
}

/// Parses the command line. Help and version are printed here, as is what is wrong with the arguments; the error is the exit
/// code that is left.
pub(crate) fn parse() -> Result<Cli, Exit> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let language = requested_language(&arguments);
    language.set();
    let parsed = command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let parsed = parsed.map_err(usage_error::with_closest_first);
    parsed.map_err(|problem| {
        let text = match problem.kind() {
            // clap shows this help by itself unless a variable of the environment gives an option.
            ErrorKind::MissingSubcommand => help_of(&problem),
            _ => usage_error::render(&problem, language),
        };
        let text = text.trim_end_matches('\n');
        match problem.use_stderr() {
            true => {
                error(text);
                Exit::Usage
            }
            false => {
                output(text);
                Exit::Success
            }
        }
    })
}

/// Returns the help of the command whose subcommand is missing, such as `roadlab images`.
fn help_of(problem: &clap::Error) -> String {
    let mut root = command();
    root.build();
    let mut found = &mut root;
    let named = match problem.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => name.as_str(),
        _ => NAME,
    };
    for name in named.split(' ').skip(1) {
        match found.find_subcommand(name).is_some() {
            true => found = found.find_subcommand_mut(name).expect("it was found"),
            false => break,
        }
    }
    found.render_help().to_string()
}

/// Returns the language of messages, before the arguments are parsed: `--lang`, else `ROADLAB_LANG`, else the locale. Programs
/// that read `--json` always get English.
fn requested_language(arguments: &[OsString]) -> Language {
    let own = arguments.iter().take_while(|argument| *argument != "--");
    let own: Vec<&str> = own.filter_map(|argument| argument.to_str()).collect();
    if own.contains(&"--json") {
        return Language::English;
    }
    let option = own.iter().enumerate().find_map(|(at, argument)| {
        let inline = argument.strip_prefix("--lang=").map(str::to_owned);
        let next = || (*argument == "--lang").then(|| own.get(at + 1).map(ToString::to_string))?;
        inline.or_else(next)
    });
    let variable = || {
        std::env::var("ROADLAB_LANG")
            .ok()
            .filter(|value| !value.is_empty())
    };
    let lang = match option.or_else(variable) {
        // `roadlab new` takes several, of which the first is that of the messages.
        Some(lang) => Lang::parse(lang.split(',').next().unwrap_or_default()),
        None => locale(),
    };
    lang.and_then(|lang| Language::from_code(lang.as_str()))
        .unwrap_or(Language::English)
}

/// Returns the language of the locale, from the variables of setlocale(3) in their order.
pub(crate) fn locale() -> Option<Lang> {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .and_then(|locale| Lang::parse(&locale))
}

#[cfg(test)]
mod tests {
    use crate::text::Language;

    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
        for words in [
            vec!["roadlab", "down", "redis"],
            vec!["roadlab", "test", "a", "b"],
            vec!["roadlab", "images", "list"],
        ] {
            super::command().try_get_matches_from(words).unwrap();
        }
    }

    #[test]
    fn the_language_comes_from_the_option_and_programs_get_english() {
        let check = |words: &[&str], expected| {
            let words: Vec<_> = words.iter().map(Into::into).collect();
            assert_eq!(super::requested_language(&words), expected, "{words:?}");
        };
        check(&["roadlab", "list", "--lang", "ko"], Language::Korean);
        check(&["roadlab", "--lang=ko_KR.UTF-8", "list"], Language::Korean);
        check(
            &["roadlab", "--lang", "ko", "list", "--json"],
            Language::English,
        );
        check(
            &["roadlab", "new", "a", "--lang", "ko,en"],
            Language::Korean,
        );
        check(&["roadlab", "--lang", "xx"], Language::English);
        check(&["roadlab", "--lang"], Language::English);
    }
}
