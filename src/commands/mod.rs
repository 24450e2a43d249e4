//! One file per verb: from what was typed to what is done and said. Decisions live in the layers below.

mod answer;
mod check;
mod complete;
mod completions;
mod doctor;
mod down;
mod engine;
mod error_output;
mod gc;
mod hint;
mod images;
mod images_file;
mod leftovers;
mod list;
mod logs;
mod man;
mod new;
mod open;
mod reap;
mod reset;
mod restart;
mod roadmap;
mod run;
mod schema;
mod shell;
mod show;
mod solve;
mod status;
mod suggest;
mod test;
mod trust;
mod up;
mod validate;
mod watch;

use std::path::PathBuf;

pub(crate) use complete::complete;
pub(crate) use error_output::report_failure;

use crate::cli::{Cli, Color, Command, GlobalOptions, REAP};
use crate::engine::docker::Docker;
use crate::engine::{Consent, Engine, Setup};
use crate::event::Event;
use crate::exit::Exit;
use crate::lab::{Exercise, ExerciseId, Instance, InvalidName, Lab, LabId, Lang, load};
use crate::machine;
use crate::plan::{self, Need, Severity};
use crate::problem::{Problem, suggestion};
use crate::report::{self, Paint, Reporter};
use crate::runner::{Failure, ImageBuilder, PullPolicy, ReaperCommand, RunGuard, Runner};
use crate::store::{Journal, LabFolders, Paths, Progress, RecordingFs, Workspace};
use crate::text;

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) global: GlobalOptions,
    pub(crate) paths: Paths,
    pub(crate) owner: String,
    pub(crate) instance: Instance,
    pub(crate) lang: Lang,
    pub(crate) paint: Paint,
    pub(crate) reporter: Reporter,
    /// The runs that must be gone if we end now, and who sees to it.
    pub(crate) watch: RunGuard,
}

/// Does what was typed.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    suggest::check(context, &command)?;
    match command {
        Command::List => list::list(context),
        Command::Roadmap => roadmap::roadmap(context),
        Command::Show { lab, exercise } => show::show(context, &lab, exercise.as_deref()).await,
        Command::Up {
            lab,
            dry_run,
            retain,
            ttl,
        } => up::up(context, &lab, dry_run, retain, ttl).await,
        Command::Run {
            lab,
            auto,
            keep,
            down,
            ttl,
        } => {
            let mode = if auto {
                run::Mode::Auto
            } else {
                run::Mode::Guided
            };
            let after_session = match (keep, down) {
                (true, _) => run::AfterSession::Keep,
                (_, true) => run::AfterSession::TearDown,
                (false, false) => run::AfterSession::Ask,
            };
            run::run(context, &lab, mode, after_session, ttl).await
        }
        Command::Check {
            lab,
            exercises,
            watch,
            junit,
        } => check::check(context, &lab, &exercises, watch, junit.as_deref()).await,
        Command::Hint { lab, exercise } => hint::hint(context, &lab, &exercise).await,
        Command::Solve { lab, exercise } => solve::solve(context, &lab, &exercise).await,
        Command::Answer {
            lab,
            exercise,
            choice,
        } => answer::answer(context, &lab, &exercise, &choice),
        Command::Reset { lab, to, hard } => reset::reset(context, &lab, to.as_deref(), hard).await,
        Command::Restart {
            lab,
            services,
            kill,
        } => restart::restart(context, &lab, &services, kill).await,
        Command::Down { names, all, forget } => down::down(context, &names, all, forget).await,
        Command::Status { lab, watch } => {
            status::status(context, lab.as_deref(), status::Watch::of(watch)).await
        }
        Command::Logs {
            lab,
            services,
            follow,
            tail,
            since,
        } => {
            let wanted = logs::LogQuery::new(follow, tail, since);
            logs::logs(context, &lab, &services, wanted).await
        }
        Command::Open { lab, service } => open::open(context, &lab, service.as_deref()).await,
        Command::Shell {
            lab,
            service,
            command,
        } => shell::shell(context, &lab, service.as_deref(), &command).await,
        Command::Test { names, junit } => test::test(context, &names, junit.as_deref()).await,
        Command::Validate { paths } => validate::validate(context, &paths),
        Command::Images { command } => images::images(context, command).await,
        Command::Engine { command } => engine::engine(context, command).await,
        Command::Doctor { names } => doctor::doctor(context, &names).await,
        Command::Gc => gc::gc(context).await,
        Command::Reap => reap::reap(context).await,
        Command::Completions { shell } => completions::completions(shell),
        Command::Man { folder } => man::man(folder.as_deref()),
        Command::Schema { of } => schema::schema(of),
        Command::New { name, folder } => new::new(context, &name, folder.as_deref()),
    }
}

impl Context {
    /// Reads who we are and where things lie.
    pub(crate) fn new(cli: &Cli) -> Result<Self, Failure> {
        let global = cli.global.clone();
        let paths = Paths::find().map_err(|error| Failure::Environment(format!("{error:#}")))?;
        let instance = Instance::new(&global.instance).map_err(bad_name("--instance"))?;
        let lang = match &global.lang {
            Some(asked) => {
                let known = || {
                    Failure::Usage(format!(
                        "`{}` is not a language: en, ko",
                        asked.escape_debug()
                    ))
                };
                Lang::parse(asked).ok_or_else(known)?
            }
            None => ["LC_ALL", "LC_MESSAGES", "LANG"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
                .and_then(|locale| Lang::parse(&locale))
                .unwrap_or_else(Lang::english),
        };
        // Programs read English, whoever sits there.
        report::set_language(if global.json { "en" } else { lang.as_str() });
        let paint = paint(&global);
        let events = matches!(cli.command, Command::Up { .. } | Command::Test { .. });
        let reporter = match (global.json, events) {
            (true, true) => Reporter::Json,
            (true, false) => Reporter::Quiet,
            (false, _) => Reporter::for_people(paint),
        };
        let owner = paths.owner();
        let watch = RunGuard::new(launch(&global, &paths), paths.runs());
        Ok(Self {
            global,
            paths,
            owner,
            instance,
            lang,
            paint,
            reporter,
            watch,
        })
    }

    pub(crate) fn emit(&self, event: Event) {
        // How tests see that a fault of our own leaves nothing behind: the event at which we fail.
        if let Ok(part) = std::env::var("ROADLAB_TEST_PANIC") {
            assert!(
                !format!("{event:?}").contains(&part),
                "made to fail at {part}"
            );
        }
        self.reporter.emit(&event);
    }

    /// Every lab that can be found.
    pub(crate) fn labs(&self) -> Result<LabFolders, Failure> {
        LabFolders::find(&self.paths, self.global.labs.as_deref())
            .map_err(|error| Failure::Usage(format!("{error:#}")))
    }

    /// A lab without problems. What needs trust is a problem unless trust was given.
    pub(crate) fn lab(&self, name: &str) -> Result<Lab, Failure> {
        let folder = self
            .labs()?
            .folder(name)
            .map_err(|problem| Failure::Problems(vec![problem]))?;
        let files = RecordingFs::default();
        let loaded = load(&folder, &files).map_err(|problems| {
            Failure::Problems(trust::unresolved(problems, self.global.trust))
        })?;
        let missing = trust::grant(self, &folder, &files, loaded.needs_trust)?;
        match missing.is_empty() {
            true => Ok(loaded.lab),
            false => Err(Failure::Problems(missing)),
        }
    }

    /// Refuses a lab that this machine's memory clearly cannot hold.
    pub(crate) fn require_memory(&self, lab: &Lab) -> Result<(), Failure> {
        let found = plan::memory(machine::memory(), &Need::of(lab, 0));
        match found.filter(|found| found.state() == Severity::Problem) {
            Some(found) => Err(Failure::TooSmall(Box::new(found))),
            None => Ok(()),
        }
    }

    /// An engine that answers. If there is none, it is installed and started with consent.
    pub(crate) async fn engine(&self) -> Result<Docker, Failure> {
        let mut on_line = |line: &str| {
            self.emit(Event::BuildLine {
                image: "engine".to_owned(),
                line: line.to_owned(),
            })
        };
        let (docker, _) = self
            .setup()
            .connect(&mut on_line)
            .await
            .map_err(engine::no_engine)?;
        self.collect_garbage(&docker).await;
        Ok(docker)
    }

    /// How this machine may be changed.
    pub(crate) fn setup(&self) -> Setup {
        let consent = if self.global.yes {
            Consent::Given
        } else {
            Consent::NotGiven
        };
        Setup::new(self.global.engine.clone(), consent, &self.paths.state)
    }

    pub(crate) fn image_making(&self) -> ImageBuilder {
        ImageBuilder {
            cache: self.paths.cache.clone(),
            setup: self.setup(),
        }
    }

    pub(crate) fn runner<'a, E: Engine>(
        &'a self,
        engine: &'a E,
        lab: &'a Lab,
        emit: &'a dyn Fn(Event),
    ) -> Runner<'a, E> {
        Runner {
            engine,
            lab,
            instance: &self.instance,
            owner: &self.owner,
            emit,
        }
    }

    /// The learner's folder: where it was made, else where it would be made now.
    pub(crate) fn workspace(&self, lab: &Lab) -> Option<Workspace> {
        let original = lab.workspace.as_deref()?;
        let journal = Journal::find(&self.paths.runs(), &lab.id, &self.instance);
        if let Some(path) = journal.and_then(|journal| journal.workspace) {
            return Some(Workspace::at(path, original));
        }
        let here = std::env::current_dir().unwrap_or_default();
        Some(Workspace::below(&here, &lab.id, &self.instance, original))
    }

    pub(crate) fn progress(&self, lab: &LabId) -> Result<Progress, Failure> {
        Ok(Progress::read(&self.paths.progress(), lab, &self.instance)?)
    }

    pub(crate) fn pull_policy(&self) -> PullPolicy {
        match self.global.offline {
            true => PullPolicy::Offline,
            false => PullPolicy::Usual,
        }
    }

    /// ` --instance NAME` for commands that are shown, if it is not the usual one.
    pub(crate) fn instance_option(&self) -> String {
        match self.instance.is_main() {
            true => String::new(),
            false => format!(" --instance {}", self.instance),
        }
    }

    /// The width of the terminal that results go to; `None` for a pipe.
    pub(crate) fn width(&self) -> Option<usize> {
        let terminal = console::Term::stdout();
        terminal.is_term().then(|| terminal.size().1.into())
    }
}

/// This program once more, as the process that survives it.
fn launch(global: &GlobalOptions, paths: &Paths) -> ReaperCommand {
    // The very file that runs, even if another was put in its place.
    let program = ["/proc/self/exe"].map(PathBuf::from).into_iter();
    let program = program
        .chain(std::env::current_exe())
        .find(|path| path.exists());
    let engine = global.engine.iter().flat_map(|engine| {
        // The reaper works in another folder.
        let engine = match engine.contains("://") {
            true => engine.clone(),
            false => std::path::absolute(engine)
                .map_or(engine.clone(), |path| path.display().to_string()),
        };
        ["--engine".to_owned(), engine]
    });
    ReaperCommand {
        program: program.unwrap_or_else(|| "roadlab".into()),
        arguments: engine.chain([REAP.to_owned()]).collect(),
        log: paths.state.join("reaper.log"),
    }
}

/// An exercise of a lab by name.
pub(crate) fn exercise<'a>(lab: &'a Lab, name: &str) -> Result<&'a Exercise, Failure> {
    let found = ExerciseId::new(name).ok().and_then(|id| lab.exercise(&id));
    found.ok_or_else(|| {
        let known = lab.exercises.iter().map(|exercise| exercise.id.as_str());
        let what = text!(
            "no such exercise in lab `{lab}`: `{name}`",
            lab = lab.id,
            name
        );
        Failure::Problems(vec![Problem::new(what).help(suggestion(name, known))])
    })
}

pub(crate) fn bad_name(what: &str) -> impl FnOnce(InvalidName) -> Failure {
    let what = what.to_owned();
    move |error| Failure::Usage(format!("{what}: {error}"))
}

/// NO_COLOR (no-color.org) and `--color` decide; else what standard output is.
fn paint(global: &GlobalOptions) -> Paint {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let wanted = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            !no_color && console::user_attended() && std::env::var("TERM").as_deref() != Ok("dumb")
        }
    };
    if wanted { Paint::Colored } else { Paint::Plain }
}
