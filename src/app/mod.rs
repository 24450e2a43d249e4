//! The application layer: everything that roadlab can do, once, for every face of it.
//!
//! A face (the commands, the terminal session, a web page) builds an [`App`] from what the person wants and calls its
//! methods. [`App::open`] reads a lab, [`App::engine`] connects to an engine, and [`App::up`] or [`App::running`] give a
//! [`RunningLab`], which checks exercises, shows hints, runs solutions and resets. Results are values. What happens on the way
//! is emitted as [`Event`]s to the sink of the face.
//!
//! Nothing here prints, reads the command line, or knows how anything is shown. No progress is held: it is read when it is
//! needed, and every change is a locked update of the file.

mod addresses;
mod author;
mod baselines;
mod catalogue;
mod cleanup;
mod client;
mod dispute;
mod down;
mod engine_control;
mod everything;
mod exercise;
mod fault;
mod git;
mod hint;
mod images;
mod lab_list;
mod lab_report;
mod logs;
mod machine_check;
mod measure;
mod new_lab;
mod next_labs;
mod open;
mod orphans;
mod output_file;
mod packed_images;
mod packing;
mod pause;
mod proof;
mod quiz;
mod reset;
mod roadmap;
mod running;
mod score;
mod session_end;
mod sharing;
mod shell;
mod single_answer;
mod solve;
mod status;
mod test_instance;
#[cfg(test)]
pub(crate) mod testing;
mod trust;
mod up;
mod validation;
mod workspace;

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

pub use addresses::WebPage;
pub use author::{AuthorEvent, AuthorOptions};
pub use catalogue::{CATALOGUE_FOLDER, Catalogue, CatalogueEntry, ENTRY_FILE};
pub use cleanup::GarbageReport;
pub use client::{ClientCommand, client_command};
pub use dispute::read_dispute;
pub use down::{Belongings, DownReport, Forget};
pub use engine_control::EngineStatus;
pub use everything::{Everything, EverythingReport, UnusedReport};
pub use exercise::{clients, find_exercise, lab_name, select_exercises, select_services};
pub use hint::{Hint, OrderedHint, WhichHints};
pub use images::{BuiltImages, ExportedImages, FoundImage, LabImage, file_size};
pub use lab_list::{LabEntry, LabList};
pub use lab_report::{ExerciseReport, LabReport, SolvedBy, local_time, utc};
pub use logs::{LogEvent, LogQuery, LogSource, ServiceLogs};
pub use machine_check::MachineReport;
pub use measure::MeasureReport;
pub use new_lab::{CreatedLab, CreatedService, LabSource, NewLab};
pub use next_labs::{AfterLab, NextLab, NextLabs, NextReason};
pub use open::{DrawOf, OpenedLab};
pub use output_file::{OutputKind, Replaced, replaced_by, write_trace};
pub use packing::PackReport;
pub use pause::PauseReport;
pub use proof::{Jobs, ProofOptions, ProofReport};
pub use quiz::QuizAnswer;
pub use reset::{ResetKind, ResetReport};
pub use roadmap::{
    PathLab, RoadmapReport, TopicContent, TopicCounts, TopicLab, TopicReport, TopicState,
};
pub use running::RunningLab;
pub use score::{Holding, Score};
pub use session_end::SessionEnd;
pub use sharing::{AddReport, ExerciseChanges, LabChange, LabUpdate, RemovedLab};
pub use shell::{RecordedTag, ShellTarget};
pub use single_answer::{SingleAnswer, SingleAnswerReport};
pub use solve::{Obstacle, SolveFrom, SolveOutcome, SolveReport, TypedSolution};
pub use status::{Row, Run, RunJournal, ServiceFault, Status, StatusCollector, Stopped};
pub use up::{InitialData, MissingImage, PlannedUp, Started, UpOptions};
pub use validation::ValidationReport;

use crate::engine::{Consent, Engine, EngineSetup};
use crate::event::Event;
use crate::lab::{Instance, Lab, LabId, Lang};
use crate::plan::Observed;
use crate::runner::{Failure, ImageBuilder, PullPolicy, ReaperCommand, RunGuard, Runner};
use crate::store::{
    Journal, LabFolders, LabsOption, LockHolder, Paths, Progress, VolumeCopies, Workspace,
};

/// Receives every event, in order.
pub type EventSink = Box<dyn Fn(Event)>;

/// Whether the person grants what a lab requests beyond the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    Granted,
    NotGranted,
}

/// What the person decided for all operations.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of labs to use instead of the default ones.
    pub labs: Option<PathBuf>,
    /// The address of the engine: a path or a `unix://` URL.
    pub engine: Option<String>,
    /// Whether an engine may be installed and started.
    pub consent: Consent,
    pub trust: Trust,
    /// How missing images are obtained.
    pub pull_policy: PullPolicy,
}

/// One user's roadlab, in one instance and one language.
pub struct App {
    pub options: Options,
    pub paths: Paths,
    /// The owner label of this user's resources on an engine.
    pub owner: String,
    pub instance: Instance,
    /// The language of the guides.
    pub lang: Lang,
    /// The runs that are removed if this process ends, and the reaper that removes them.
    pub run_guard: RunGuard,
    /// The option `--labs` for the commands in texts.
    labs_option: LabsOption,
    /// The copies of volumes that starts begin with.
    pub volume_copies: VolumeCopies,
    events: EventSink,
    preparing: Rc<Cell<bool>>,
    /// Tells the locks of this application from those of others in this process.
    lock_holder: LockHolder,
}

/// Shows that the preparation of an exercise runs, until it is dropped.
pub struct Preparing(Rc<Cell<bool>>);

impl Drop for Preparing {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl App {
    /// Creates the application. `reaper` is the command that removes runs after this process has died.
    pub fn new(
        options: Options,
        paths: Paths,
        instance: Instance,
        lang: Lang,
        reaper: ReaperCommand,
        events: EventSink,
    ) -> Self {
        let variable = std::env::var_os("ROADLAB_LABS").filter(|folder| !folder.is_empty());
        let variable = variable.map(PathBuf::from);
        Self {
            owner: paths.owner(),
            labs_option: LabsOption::new(options.labs.clone(), variable, &paths),
            run_guard: RunGuard::new(reaper, paths.runs()),
            volume_copies: VolumeCopies::new(&paths.cache),
            options,
            paths,
            instance,
            lang,
            events,
            preparing: Rc::default(),
            lock_holder: LockHolder::another(),
        }
    }

    /// Returns whether the preparation of an exercise runs. A check that does this must not be cut off: what ran half could
    /// neither be gone on with nor repeated.
    pub fn is_preparing(&self) -> bool {
        self.preparing.get()
    }

    /// Shows that the preparation of an exercise runs, until what this returns is dropped.
    pub(crate) fn begin_preparing(&self) -> Preparing {
        self.preparing.set(true);
        Preparing(Rc::clone(&self.preparing))
    }

    /// Reports an event to the sink.
    pub fn emit(&self, event: Event) {
        (self.events)(event);
    }

    /// Finds the folders of all labs.
    pub fn labs(&self) -> Result<LabFolders, Failure> {
        let mut labs = LabFolders::find(&self.paths, self.options.labs.as_deref())
            .map_err(|error| Failure::Usage(crate::text::Text::verbatim(format!("{error:#}"))))?;
        for journal in Journal::all(&self.paths.runs()) {
            labs.add_running(journal.lab.as_str(), journal.folder);
        }
        Ok(labs)
    }

    /// Returns how an engine is found, and installed where that is agreed to.
    pub fn setup(&self) -> EngineSetup {
        EngineSetup::new(
            self.options.engine.clone(),
            self.options.consent,
            &self.paths.state,
        )
    }

    /// Returns how images of a lab are built, and which of them came with it.
    pub fn image_builder(&self, lab: &Lab) -> ImageBuilder {
        ImageBuilder {
            cache: self.paths.cache.clone(),
            state: self.paths.state.clone(),
            setup: self.setup(),
            packed: self.packed_images_of(lab),
        }
    }

    /// Returns the runner of a lab in this instance.
    pub fn runner<'a, E: Engine>(&'a self, engine: &'a E, lab: &'a Lab) -> Runner<'a, E> {
        Runner {
            engine,
            lab,
            instance: &self.instance,
            owner: &self.owner,
            labs: &self.labs_option,
            emit: &*self.events,
        }
    }

    /// Returns the journal of this instance of a lab. `observed` is what the engine has of it.
    pub(crate) fn journal(
        &self,
        lab: &LabId,
        observed: &Observed,
    ) -> Result<Option<Journal>, Failure> {
        let runs = observed.runs();
        let journal = Journal::find(&self.paths.runs(), lab, &self.instance, &runs)?;
        Ok(journal)
    }

    /// Returns the learner's folder: where the run has it, or below the current folder before there is a run.
    pub fn workspace(&self, lab: &Lab, journal: Option<&Journal>) -> Option<Workspace> {
        match journal.and_then(|journal| journal.workspace.clone()) {
            Some(path) => Workspace::at(path, lab),
            None => {
                let folder = std::env::current_dir().unwrap_or_default();
                Workspace::below(&folder, lab, &self.instance)
            }
        }
    }

    /// Reads the learner's progress in a lab.
    pub fn progress(&self, lab: &LabId) -> Result<Progress, Failure> {
        Ok(Progress::read(&self.paths.progress(), lab, &self.instance)?)
    }

    /// Changes the learner's progress in a lab, as it is on disk at this moment, and returns it as it is then.
    pub fn update_progress(
        &self,
        lab: &LabId,
        change: impl FnOnce(&mut Progress),
    ) -> Result<Progress, Failure> {
        let folder = self.paths.progress();
        let (progress, ()) = Progress::update(&folder, lab, &self.instance, change)?;
        Ok(progress)
    }

    /// Returns the name of a lab with the options that it needs, as it is typed after a command.
    pub fn lab_argument(&self, lab: &LabId) -> String {
        format!(
            "{lab}{}{}",
            self.instance_option(),
            self.labs_option.of(lab)
        )
    }

    /// Returns ` --instance NAME` for commands in texts, or nothing in the default instance.
    pub fn instance_option(&self) -> String {
        match self.instance.is_main() {
            true => String::new(),
            false => format!(" --instance {}", self.instance),
        }
    }
}
