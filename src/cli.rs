//! What can be typed. Only shapes and help texts live here; `commands/` does the work.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};

mod help;

pub(crate) use help::{EXIT_CODES, command};

/// What the program is called.
pub(crate) const NAME: &str = "roadlab";

use crate::lab::parse_duration;

/// Hands-on data engineering labs: real services in containers, verified exercises, instant reset.
#[derive(Debug, Parser)]
#[command(name = NAME, version, propagate_version = true, max_term_width = 100, subcommand_value_name = "COMMAND")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalOptions {
    /// Folder of labs to use instead of ./labs, your data folder and the built-in ones
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ROADLAB_LABS",
        help_heading = "Global options"
    )]
    pub(crate) labs: Option<PathBuf>,
    /// Language of the guides and of roadlab itself, such as en or ko
    #[arg(
        long,
        global = true,
        value_name = "LANG",
        env = "ROADLAB_LANG",
        help_heading = "Global options"
    )]
    pub(crate) lang: Option<String>,
    /// Which copy of the lab, to have the same lab several times
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "main",
        help_heading = "Global options"
    )]
    pub(crate) instance: String,
    /// Print machine-readable JSON on standard output
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Global options")]
    pub(crate) color: Color,
    /// Agree to installing packages and starting the engine
    #[arg(long, short = 'y', global = true, help_heading = "Global options")]
    pub(crate) yes: bool,
    /// Never ask a registry; use what is on this machine
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) offline: bool,
    /// Address of the engine: a path or unix:// URL
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        help_heading = "Global options"
    )]
    pub(crate) engine: Option<String>,
    /// Grant what a lab asks for beyond the usual; read what it is first
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) trust: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the labs: level, minutes, memory, progress
    List,
    /// Show the roadmap: what labs cover, what is done, what has no lab yet
    Roadmap,
    /// Show what a lab teaches and runs
    Show {
        lab: String,
        /// One exercise: its text and what is checked
        exercise: Option<String>,
    },
    /// Start a lab's services and wait until they really answer
    Up {
        lab: String,
        /// Print the plan and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Keep what was made when the lab does not come up
        #[arg(long)]
        retain: bool,
        /// Remove the lab by itself after this time, such as 90m or 2h
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        ttl: Option<Duration>,
    },
    /// Go through a lab: text, checks, hints; it is removed at the end
    Run {
        lab: String,
        /// Play all solutions without a terminal: the demo, and the proof
        #[arg(long)]
        auto: bool,
        /// Leave the lab up at the end, without asking
        #[arg(long, conflicts_with = "down")]
        keep: bool,
        /// Remove the lab at the end, without asking
        #[arg(long)]
        down: bool,
        /// Remove the lab by itself when it has been left for this time, such as 90m or 2h
        #[arg(long, value_name = "DURATION", value_parser = duration, requires = "keep")]
        ttl: Option<Duration>,
    },
    /// Check exercises: all of a lab, or those named
    Check {
        lab: String,
        #[arg(value_name = "EXERCISE")]
        exercises: Vec<String>,
        /// Look again whenever the services change, until all checks hold
        #[arg(long, short, conflicts_with = "junit")]
        watch: bool,
        /// Also write the result as JUnit XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Show the next hint of an exercise
    Hint { lab: String, exercise: String },
    /// Play the solution of an exercise, and of those it builds on
    Solve { lab: String, exercise: String },
    /// Answer a quiz
    Answer {
        lab: String,
        exercise: String,
        choice: String,
    },
    /// Put a running lab back to its start
    Reset {
        lab: String,
        /// Play the solutions of everything before this exercise
        #[arg(long, value_name = "EXERCISE")]
        to: Option<String>,
        /// Make containers and volumes anew
        #[arg(long)]
        hard: bool,
    },
    /// Restart a lab's services, keeping their data
    Restart {
        lab: String,
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Kill instead of stop, as a crash does
        #[arg(long)]
        kill: bool,
    },
    /// Remove labs: containers, networks, volumes
    Down {
        #[arg(value_name = "LAB")]
        names: Vec<String>,
        /// Every lab and instance of yours
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Also remove the learner's folder and progress
        #[arg(long)]
        forget: bool,
        /// Remove runs of these labs that belong to another state folder
        #[arg(long, requires = "names", conflicts_with_all = ["all", "forget"])]
        orphan: bool,
    },
    /// Show what runs: services, addresses, progress
    Status {
        lab: Option<String>,
        /// Go on: drawn anew every second on a terminal, printed at each change over a pipe
        #[arg(long, short)]
        watch: bool,
    },
    /// Show the log of a lab's services
    Logs {
        lab: String,
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Go on as new lines come
        #[arg(long, short)]
        follow: bool,
        /// How many of the last lines
        #[arg(long, default_value_t = 100, value_name = "LINES")]
        tail: u32,
        /// Only lines that are not older, such as 90s, 10m or 2h
        #[arg(long, value_name = "TIME", value_parser = ago)]
        since: Option<Duration>,
    },
    /// Open a service's own client inside its container
    Shell {
        lab: String,
        service: Option<String>,
        /// A command to run instead
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Open a service's web interface in the browser, or print its address
    Open {
        lab: String,
        /// Which service, if several have one
        service: Option<String>,
    },
    /// Make labs prove themselves: checks can fail, solutions pass, resets reset
    Test {
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
        /// Also write the result as JUnit XML
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
    /// Find everything that is wrong with lab files, without an engine
    Validate {
        /// Folders of labs, a folder of them, or a catalogue; default: all labs
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Get the images of labs ahead of time
    Images {
        #[command(subcommand)]
        command: ImagesCommand,
    },
    /// See, install, start or stop the container engine
    Engine {
        #[command(subcommand)]
        command: EngineCommand,
    },
    /// Look at this machine: can the labs run here, and if not, what helps
    #[command(
        after_help = "Changes nothing. Without --offline a registry is asked for the time. Exit code 3 if a lab cannot run."
    )]
    Doctor {
        /// Default: all labs
        #[arg(value_name = "LAB")]
        names: Vec<String>,
    },
    /// Remove what runs left behind whose process was killed
    Gc,
    /// See to runs when the program that made them is gone; roadlab starts this by itself
    #[command(name = REAP, hide = true)]
    Reap,
    /// Print what makes a shell complete commands, labs, exercises and services
    Completions {
        /// Whose start file it is for
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one for each command into a folder
    Man {
        /// Where to write `roadlab.1`, `roadlab-up.1`, …
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Print the JSON Schema of lab files, for editors
    Schema {
        /// Which file it is for
        #[arg(value_enum, default_value_t = SchemaKind::Lab, value_name = "FILE")]
        of: SchemaKind,
    },
    /// Make a lab of your own: small, commented, and sound at once
    New {
        /// The lab's id: lower case letters, digits and `-`
        #[arg(value_name = "NAME")]
        name: String,
        /// The folder of labs to make it in; default: `--labs`, else `labs`
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// The reaper's command, which nobody types.
pub(crate) const REAP: &str = "__reap";

/// A time as Compose writes it, from one second to a year.
fn duration(text: &str) -> Result<Duration, String> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    parse_duration(text)
        .filter(|time| (Duration::from_secs(1)..=YEAR).contains(time))
        .ok_or_else(|| "write a time such as 30s, 90m, 2h or 1h30m".to_owned())
}

fn ago(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "use a time such as 90s, 10m or 2h".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// Pull or build the images of labs; asks registries again that could not be reached
    Pull {
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
    },
    /// Remove the images that were built from recipes for labs
    Remove {
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
    },
    /// Show which images labs use and whether they are here
    List {
        #[arg(value_name = "LAB")]
        names: Vec<String>,
    },
    /// Write the images of labs into a file, for a machine without a network
    Export {
        /// The tar file to write
        file: PathBuf,
        #[arg(required = true, value_name = "LAB")]
        names: Vec<String>,
    },
    /// Take the images out of such a file
    Import {
        /// The tar file to read
        file: PathBuf,
    },
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaKind {
    /// A lab's lab.yaml
    Lab,
    /// The x-roadlab block of a compose.yaml
    Compose,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Which engine is used and why, and whether it answers
    Status,
    /// Find an engine; else, with consent, install Docker Engine and start it
    Up,
    /// Stop the engine, if roadlab started it
    Down,
}

/// What was typed; a mistake ends the program with what is wrong and exit code 2.
pub(crate) fn parse() -> Cli {
    Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_fits_together() {
        super::command().debug_assert();
        for words in [
            vec!["roadlab", "down", "redis"],
            vec!["roadlab", "test", "a", "b"],
            vec!["roadlab", "images", "list"],
        ] {
            super::command().try_get_matches_from(words).unwrap();
        }
    }
}
