//! The commands: each is a thin face of the application layer, which parses what was typed and shows the result.
//!
//! No command uses another. What several of them show alike is in `check_output`, `closing`, `error_output`, `format`, `junit`,
//! `next_output`, `played_output` and `quiz_output`.

mod add;
mod added_output;
mod answer;
mod author;
mod browser;
mod case;
mod catalogue;
mod check;
mod check_output;
mod check_watch;
mod closing;
mod complete;
mod completions;
mod confirmation;
mod dispute;
mod doctor;
mod down;
mod engine;
mod error_output;
mod explain;
mod fault;
mod format;
mod gc;
mod hint;
mod images;
mod images_file;
mod junit;
mod lab_report;
mod list;
mod logs;
mod man;
mod measure;
mod measure_output;
mod new;
mod next;
mod next_output;
mod open;
mod orphans;
mod pack;
mod pause;
mod played_output;
mod quiz_output;
mod reap;
mod remove;
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
mod up;
mod update;
mod validate;
mod web;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

pub(crate) use complete::complete;
pub(crate) use error_output::{report_end, report_failure};

use crate::app::{
    App, DrawOf, InitialData, LabSource, LogQuery, OpenedLab, Options, ProofOptions, ResetKind,
    Trust, WhichHints, lab_name,
};
use crate::cli::{self, Cli, Color, Command, GlobalOptions, REAP};
use crate::engine::{Consent, Follow};
use crate::exit::Exit;
use crate::lab::{Instance, InvalidName, Lab, Lang, RestartMode};
use crate::localized;
use crate::report::{self, Paint, Reporter, Timeline, Wording, sanitize};
use crate::runner::{Failure, OnFailure, PullPolicy, ReaperCommand, Strictness};
use crate::store::Paths;
use crate::text;
use crate::text::Language;
use crate::web::NetworkOptions;

/// The default of `--instance`, and that of `author`.
const MAIN_INSTANCE: &str = "main";
const AUTHOR_INSTANCE: &str = "author";

/// The application, and how its results are shown.
pub(crate) struct Context {
    pub(crate) app: App,
    pub(crate) global: GlobalOptions,
    pub(crate) paint: Paint,
    pub(crate) reporter: Rc<Reporter>,
    /// The parts of a start, if they are to be shown.
    pub(crate) timeline: Rc<RefCell<Timeline>>,
    /// Whether the parts belong to the result of this command.
    pub(crate) with_timings: bool,
    /// When this command began.
    pub(crate) begun: Instant,
    /// The languages of the guides of a new lab, if `--lang` lists them.
    pub(crate) languages: Vec<Lang>,
}

/// Runs a command.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    suggest::check(&context.app, &command)?;
    match command {
        Command::List => list::list(context),
        Command::Roadmap => roadmap::roadmap(context),
        Command::Next => next::next(context),
        Command::Show { lab, exercise } => show::show(context, &lab, exercise.as_deref()).await,
        Command::Up {
            lab,
            dry_run,
            retain,
            ttl,
            // `Context::timings` has them.
            timings: _,
            trace,
            fresh,
        } => {
            let mode = if dry_run {
                up::Mode::DryRun
            } else {
                up::Mode::Start
            };
            let on_failure = if retain {
                OnFailure::Retain
            } else {
                OnFailure::TearDown
            };
            let lab = match mode {
                up::Mode::Start => context.added(lab).await?,
                up::Mode::DryRun => context.not_a_package(lab)?,
            };
            let initial_data = match fresh {
                true => InitialData::New,
                false => InitialData::Copied,
            };
            let how = up::HowToStart {
                mode,
                on_failure,
                initial_data,
            };
            up::up(context, &lab, how, ttl, trace.as_deref()).await
        }
        Command::Run {
            lab,
            auto,
            keep,
            down,
            ttl,
            web,
        } => {
            if web {
                let lab = context.added(lab).await?;
                return web::web(context, web::Shown::Started(lab), None, None).await;
            }
            let mode = if auto {
                run::Mode::Auto
            } else {
                run::Mode::Guided
            };
            let after_session = match (keep, down) {
                (true, _) => run::AfterSession::Keep,
                (_, true) => run::AfterSession::TearDown,
                (false, false) => run::AfterSession::Prompt,
            };
            let lab = context.added(lab).await?;
            run::run(context, &lab, mode, after_session, ttl).await
        }
        Command::Check {
            lab,
            exercises,
            watch: true,
            junit: _,
        } => check_watch::check_watch(context, &lab, &exercises).await,
        Command::Check {
            lab,
            exercises,
            watch: _,
            junit,
        } => check::check(context, &lab, &exercises, junit.as_deref()).await,
        Command::Hint {
            lab,
            exercise,
            again,
        } => {
            let which = match again {
                true => WhichHints::Again,
                false => WhichHints::Next,
            };
            hint::hint(context, &lab, exercise.as_deref(), which).await
        }
        Command::Measure {
            lab,
            exercise,
            rounds,
        } => measure::measure(context, &lab, exercise.as_deref(), rounds.into()).await,
        Command::Report { lab, csv, name } => {
            let form = if csv {
                lab_report::Form::Csv
            } else {
                lab_report::Form::Text
            };
            lab_report::report(context, &lab, name, form)
        }
        Command::Solve { lab, exercise } => solve::solve(context, &lab, &exercise).await,
        Command::Answer {
            lab,
            exercise,
            choice,
        } => answer::answer(context, &lab, exercise.as_deref(), choice.as_deref()).await,
        Command::Reset {
            lab,
            to,
            hard,
            progress,
        } => {
            let kind = if hard {
                ResetKind::Recreate
            } else {
                ResetKind::RunStart
            };
            let progress = if progress {
                reset::Progress::Forget
            } else {
                reset::Progress::Keep
            };
            reset::reset(context, &lab, to.as_deref(), kind, progress).await
        }
        Command::Restart {
            lab,
            services,
            kill,
        } => {
            let mode = if kill {
                RestartMode::Kill
            } else {
                RestartMode::Stop
            };
            restart::restart(context, &lab, &services, mode).await
        }
        Command::Pause { lab } => pause::pause(context, &lab).await,
        Command::Fault {
            lab,
            action,
            service,
            path,
        } => fault::fault(context, &lab, action, service.as_deref(), path.as_deref()).await,
        Command::Down {
            names,
            all,
            forget,
            orphan,
        } => {
            // At most one of the two options is given.
            let which = match (all, orphan) {
                (_, true) => down::Which::Orphans,
                (true, false) => down::Which::All,
                (false, false) => down::Which::Named,
            };
            let forget = down::forget(forget);
            down::down(context, &names, which, forget).await
        }
        Command::Status { lab, watch } => {
            let lab = lab.map(|lab| lab_name(&lab));
            status::status(context, lab.as_deref(), status::Watch::of(watch)).await
        }
        Command::Logs {
            lab,
            services,
            follow,
            tail,
            since,
        } => {
            let query = LogQuery {
                follow: if follow { Follow::Yes } else { Follow::No },
                tail,
                since,
            };
            logs::logs(context, &lab, &services, query).await
        }
        Command::Open { lab, service } => open::open(context, &lab, service.as_deref()).await,
        Command::Shell {
            lab,
            service,
            command,
        } => shell::shell(context, &lab, service.as_deref(), &command).await,
        Command::Test {
            names,
            case: Some(case),
            ..
        } => case::case(context, &names, &case),
        Command::Test {
            names,
            only,
            answer: Some(answer),
            keep,
            ..
        } => test::test_answer(context, names, only, &answer, keep).await,
        Command::Test {
            names,
            all: _,
            jobs,
            within,
            mut only,
            strict,
            keep,
            junit,
            case: None,
            answer: None,
        } => {
            let (names, exercises) = test::labs_and_exercises(&context.app, names)?;
            only.extend(exercises);
            let request = test::TestRequest {
                names,
                options: ProofOptions {
                    only,
                    keep,
                    jobs,
                    within,
                },
                strictness: match strict {
                    true => Strictness::Strict,
                    false => Strictness::Normal,
                },
                junit,
            };
            test::test(context, &request).await
        }
        Command::Dispute {
            lab,
            exercise,
            message,
        } => dispute::dispute(context, &lab, &exercise, message).await,
        Command::Validate { paths } => validate::validate(context, &paths),
        Command::Images { command } => images::images(context, command).await,
        Command::Engine { command } => engine::engine(context, command).await,
        Command::Doctor { names } => doctor::doctor(context, &names).await,
        Command::Gc {
            everything: true, ..
        } => gc::everything(context).await,
        Command::Gc { images: true, .. } => gc::images(context).await,
        Command::Gc { .. } => gc::gc(context).await,
        Command::Reap => reap::reap(context).await,
        Command::Completions { shell } => completions::completions(shell),
        Command::Man { folder } => man::man(folder.as_deref()),
        Command::Schema { of } => schema::schema(of),
        Command::Explain { code } => explain::explain(context, code.as_deref()),
        Command::New {
            name,
            folder,
            services,
            compose,
            variables,
        } => {
            let source = match compose {
                Some(file) => LabSource::Compose {
                    file,
                    variables: variables.into_iter().collect(),
                },
                None => LabSource::Catalogue(distinct(services)?),
            };
            new::new(context, &name, folder, source)
        }
        Command::Author {
            lab,
            exercises,
            keep,
        } => author::author(context, &lab, exercises, keep).await,
        Command::Catalogue { command } => catalogue::catalogue(context, &command),
        Command::Pack {
            lab,
            output,
            no_images,
        } => {
            let images = match no_images {
                true => pack::Images::LeftOut,
                false => pack::Images::Included,
            };
            pack::pack(context, &lab, output.as_deref(), images).await
        }
        Command::Add { source, lab } => add::add(context, &source, lab.as_deref()).await,
        Command::Update { names } => update::update(context, &names).await,
        Command::Web {
            lab,
            port,
            listen,
            certificate,
            key,
            host,
        } => {
            let shown = match lab {
                Some(lab) => web::Shown::Lab(context.added(lab).await?),
                None => web::Shown::All,
            };
            // The three are given together or not at all.
            let network = listen.zip(certificate.zip(key));
            let network = network.map(|(address, (certificate, key))| NetworkOptions {
                address,
                certificate,
                key,
                host,
            });
            web::web(context, shown, port, network).await
        }
        Command::Remove { lab } => remove::remove(context, &lab).await,
    }
}

impl Context {
    /// Reads the options, the environment and the folders of this user.
    pub(crate) fn new(cli: &Cli) -> Result<Self, Failure> {
        let mut global = cli.global.clone();
        let languages = match cli.command {
            Command::New { .. } => listed_languages(&mut global)?,
            _ => Vec::new(),
        };
        let paths = Paths::find()
            .map_err(|error| Failure::Environment(text::Text::verbatim(format!("{error:#}"))))?;
        // An author's instance is reset all the time, so it is not the one of the learner.
        if matches!(cli.command, Command::Author { .. }) && global.instance == MAIN_INSTANCE {
            global.instance = AUTHOR_INSTANCE.to_owned();
        }
        let instance = Instance::new(&global.instance).map_err(bad_name("--instance"))?;
        let lang = language(&global)?;
        let paint = paint(&global);
        let events = matches!(
            cli.command,
            Command::Up { .. } | Command::Test { .. } | Command::Author { .. }
        );
        let reporter = Rc::new(match (global.json, events) {
            (true, true) => Reporter::Json,
            (true, false) => Reporter::Quiet,
            (false, _) => Reporter::for_people(paint, wording(&global)),
        });
        let options = Options {
            labs: global.labs.clone(),
            engine: global.engine.clone(),
            consent: if global.yes {
                Consent::Given
            } else {
                Consent::NotGiven
            },
            trust: if global.trust {
                Trust::Granted
            } else {
                Trust::NotGranted
            },
            pull_policy: if global.offline {
                PullPolicy::Offline
            } else {
                PullPolicy::Missing
            },
        };
        let reaper = reaper_command(&global, &paths);
        let begun = Instant::now();
        let timeline = Rc::<RefCell<Timeline>>::default();
        let (sink, parts) = (Rc::clone(&reporter), Rc::clone(&timeline));
        // A start has few parts; a test of many labs has hundreds of thousands.
        let timed = matches!(cli.command, Command::Up { .. });
        let events = Box::new(move |event| {
            if timed {
                parts.borrow_mut().record(&event, begun.elapsed());
            }
            sink.report(&event);
        });
        Ok(Self {
            app: App::new(options, paths, instance, lang, reaper, events),
            global,
            paint,
            reporter,
            timeline,
            with_timings: matches!(cli.command, Command::Up { timings: true, .. }),
            begun,
            languages,
        })
    }

    /// Adds a lab that is given as a package, and returns the name or path that it has then.
    async fn added(&self, lab: String) -> Result<String, Failure> {
        if !App::is_package(&lab) {
            return Ok(lab);
        }
        let added = self.app.add_file(Path::new(&lab)).await?;
        self.app.report_added(&added);
        Ok(added.folder.display().to_string())
    }

    /// Refuses a package, for commands that change nothing.
    fn not_a_package(&self, lab: String) -> Result<String, Failure> {
        match App::is_package(&lab) {
            false => Ok(lab),
            true => Err(Failure::Usage(text!(
                "`--dry-run` changes nothing, so add the lab first: `roadlab add {file}`",
                file = lab
            ))),
        }
    }

    /// Opens a lab and shows what the person granted to it.
    pub(crate) fn lab(&self, name: &str) -> Result<Lab, Failure> {
        self.lab_with(name, &DrawOf::Run)
    }

    /// Opens a lab like [`lab`](Self::lab), with certain random values.
    pub(crate) fn lab_with(&self, name: &str, draw: &DrawOf) -> Result<Lab, Failure> {
        let opened = self.app.open_with(name, draw)?;
        self.report_granted(&opened);
        Ok(opened.lab)
    }

    /// Shows what the person granted to a lab just now.
    fn report_granted(&self, opened: &OpenedLab) {
        if !opened.granted.is_empty() {
            report::error(&localized!("granted until one of the lab's files changes:"));
        }
        for problem in &opened.granted {
            report::error(&sanitize(&format!("  {}", problem.what.localized())));
        }
    }

    /// Opens several labs.
    pub(crate) fn open_all(&self, names: &[String]) -> Result<Vec<Lab>, Failure> {
        names.iter().map(|name| self.lab(name)).collect()
    }

    /// Returns the parts of a start for `--json`, if they belong to the result.
    pub(crate) fn timings(&self) -> Option<serde_json::Value> {
        let parts = self.timeline.borrow();
        self.with_timings
            .then(|| parts.to_json(self.begun.elapsed()))
    }

    /// Returns how expected and actual values are shown.
    pub(crate) fn wording(&self) -> Wording {
        wording(&self.global)
    }

    /// Returns the width of the terminal that results go to; `None` for a pipe.
    pub(crate) fn width(&self) -> Option<usize> {
        let terminal = console::Term::stdout();
        terminal.is_term().then(|| terminal.size().1.into())
    }
}

fn wording(global: &GlobalOptions) -> Wording {
    match global.verbose {
        true => Wording::Technical,
        false => Wording::Plain,
    }
}

/// Returns the entries of the catalogue, of which none may be named twice.
fn distinct(entries: Vec<String>) -> Result<Vec<String>, Failure> {
    let mut seen = BTreeSet::new();
    match entries.iter().find(|entry| !seen.insert(entry.as_str())) {
        Some(entry) => Err(Failure::Usage(text!(
            "`--service {entry}` is given twice; a second service of one entry is added in compose.yaml with `extends`",
            entry
        ))),
        None => Ok(entries),
    }
}

/// Returns the languages that `--lang` lists, and leaves the first in the option. A variable of the environment is a habit of the
/// person, and says nothing about the guides of one lab.
fn listed_languages(global: &mut GlobalOptions) -> Result<Vec<Lang>, Failure> {
    let variable = std::env::var("ROADLAB_LANG").ok();
    let Some(listed) = global
        .lang
        .clone()
        .filter(|lang| Some(lang) != variable.as_ref())
    else {
        return Ok(Vec::new());
    };
    let names = listed.split(',').map(str::trim);
    let languages = names.map(|name| {
        Lang::parse_code(name).map_err(|meant| {
            let name = name.escape_debug();
            Failure::Usage(match meant {
                Some(meant) => text!(
                    "`{name}` is not the code of a language; did you mean `{candidate}`?",
                    name,
                    candidate = meant
                ),
                None => text!(
                    "`{name}` is not the code of a language (ISO 639-1); list languages such as en,ko",
                    name
                ),
            })
        })
    });
    let languages = languages.collect::<Result<Vec<Lang>, Failure>>()?;
    global.lang = languages.first().map(ToString::to_string);
    Ok(languages)
}

/// Returns the language of the guides: the one of `--lang`, else that of the locale, else English.
fn language(global: &GlobalOptions) -> Result<Lang, Failure> {
    let known = || Language::ALL.map(Language::code).join(", ");
    let Some(name) = &global.lang else {
        return Ok(cli::locale().unwrap_or_else(Lang::english));
    };
    let lang = Lang::parse(name).ok_or_else(|| {
        Failure::Usage(text!(
            "`{name}` is not a language; available languages: {known}",
            name = name.escape_debug(),
            known = known()
        ))
    })?;
    if !global.json && Language::from_code(lang.as_str()).is_none() {
        report::error(&localized!(
            "roadlab is not available in `{lang}` and uses English; available languages: {known}",
            lang,
            known = known()
        ));
    }
    Ok(lang)
}

/// Returns the command that starts this program again as the reaper.
fn reaper_command(global: &GlobalOptions, paths: &Paths) -> ReaperCommand {
    // The file that runs, even if another one has replaced it on disk.
    let program = ["/proc/self/exe"].map(PathBuf::from).into_iter();
    let program = program
        .chain(std::env::current_exe())
        .find(|path| path.exists());
    let engine = global.engine.iter().flat_map(|engine| {
        // The reaper runs in another folder.
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

/// A name that breaks the rules for names; `what` is where it was given.
pub(crate) fn bad_name(what: &str) -> impl FnOnce(InvalidName) -> Failure {
    let what = what.to_owned();
    move |error| Failure::Usage(text!("{what}: {error}", what, error))
}

/// Decides by `--color` and NO_COLOR (no-color.org), else by whether standard output is a terminal.
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
