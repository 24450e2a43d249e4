//! What all pages of a server share: the settings, the jobs that run, and the pages that are open.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::app::{App, DrawOf, EventSink, Options};
use crate::event::Event;
use crate::lab::{ExerciseId, Instance, Lab, LabId, Lang};
use crate::runner::{Failure, ReaperCommand};
use crate::store::Paths;
use crate::text::{Language, Text};
use crate::web::access::Access;
use crate::web::by_language::ByLanguage;
use crate::web::image_count::ImageCount;
use crate::web::job_progress::JobProgress;
use crate::web::parts::id;
use crate::web::terminals::Terminals;
use crate::web::update::Update;

/// What the person who started the server decided.
pub(crate) struct Settings {
    pub(crate) options: Options,
    pub(crate) paths: Paths,
    pub(crate) instance: Instance,
    /// The language until another one is chosen on the page.
    pub(crate) lang: Lang,
    pub(crate) browser_language: BrowserLanguage,
    pub(crate) reaper: ReaperCommand,
    /// The lab that was named, and how: by its name or the path of its folder.
    pub(crate) lab: Option<(LabId, String)>,
}

/// The shortest time between two messages about how far a job is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Whether a browser that prefers another language gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BrowserLanguage {
    Used,
    /// The person who started the server chose one.
    Ignored,
}

/// What all pages share.
pub(super) struct Site {
    pub(super) settings: Settings,
    pub(super) access: Access,
    jobs: RefCell<BTreeMap<LabId, JobState>>,
    /// How the last job of a lab ended, if no page of it was open then.
    outcomes: RefCell<BTreeMap<LabId, ByLanguage<Update>>>,
    pages: RefCell<BTreeMap<u64, OpenPage>>,
    next_page: Cell<u64>,
    /// Until when the time of each exercise is counted.
    counted: RefCell<BTreeMap<(LabId, ExerciseId), Instant>>,
    changes: watch::Sender<u64>,
    pub(super) terminals: Rc<Terminals>,
    /// How many images of each lab were on this machine when they were counted last.
    pub(super) images: RefCell<BTreeMap<LabId, ImageCount>>,
}

/// A job that runs.
struct JobState {
    what: Text,
    progress: ByLanguage<JobProgress>,
    /// When pages were sent last how far it is.
    sent: Option<Instant>,
}

/// A page that is open in a browser.
struct OpenPage {
    /// `None` for the map, which shows all labs.
    lab: Option<LabId>,
    language: Language,
    updates: UnboundedSender<String>,
}

/// Keeps a page among those that get updates, until it is dropped.
pub(super) struct Subscription<'a> {
    site: &'a Site,
    page: u64,
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.site.pages.borrow_mut().remove(&self.page);
    }
}

/// Something long that is done with a lab, until it is dropped.
pub(super) struct Job<'a> {
    site: &'a Site,
    lab: LabId,
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        self.site.jobs.borrow_mut().remove(&self.lab);
        self.site.changed();
    }
}

impl Site {
    pub(super) fn new(settings: Settings, access: Access) -> Self {
        Self {
            settings,
            access,
            jobs: RefCell::default(),
            outcomes: RefCell::default(),
            pages: RefCell::default(),
            next_page: Cell::new(0),
            counted: RefCell::default(),
            changes: watch::Sender::new(0),
            terminals: Rc::default(),
            images: RefCell::default(),
        }
    }

    /// Returns the application in a language.
    pub(super) fn app(&self, lang: &Lang, events: EventSink) -> App {
        let settings = &self.settings;
        App::new(
            settings.options.clone(),
            settings.paths.clone(),
            settings.instance.clone(),
            lang.clone(),
            settings.reaper.clone(),
            events,
        )
    }

    /// Returns the application in a language, for what emits no events.
    pub(super) fn quiet_app(&self, lang: &Lang) -> App {
        self.app(lang, Box::new(|_| {}))
    }

    /// Reads a lab.
    pub(super) fn lab(&self, app: &App, id: &LabId, draw: &DrawOf) -> Result<Lab, Failure> {
        let given = self.settings.lab.as_ref().filter(|(given, _)| given == id);
        let name = given.map_or(id.as_str(), |(_, argument)| argument);
        Ok(app.open_with(name, draw)?.lab)
    }

    /// Begins a job; `None` if there is one for this lab.
    pub(super) fn begin(&self, lab: &LabId, what: Text) -> Option<Job<'_>> {
        let mut jobs = self.jobs.borrow_mut();
        if jobs.contains_key(lab) {
            return None;
        }
        let state = JobState {
            what,
            progress: ByLanguage::new(JobProgress::default),
            sent: None,
        };
        jobs.insert(lab.clone(), state);
        self.outcomes.borrow_mut().remove(lab);
        self.changed();
        Some(Job {
            site: self,
            lab: lab.clone(),
        })
    }

    /// Returns what is done with a lab just now.
    pub(super) fn job(&self, lab: &LabId) -> Option<String> {
        let jobs = self.jobs.borrow();
        jobs.get(lab).map(|job| job.what.localized())
    }

    /// Returns how many jobs run.
    pub(super) fn job_count(&self) -> usize {
        self.jobs.borrow().len()
    }

    /// Returns how far a job is.
    pub(super) fn job_progress(&self, lab: &LabId) -> Option<JobProgress> {
        let jobs = self.jobs.borrow();
        jobs.get(lab)?.progress.current().cloned()
    }

    /// Shows an event of a job on every page of its lab, and on the map.
    pub(super) fn report_job_event(&self, lab: &LabId, event: &Event) {
        let mut jobs = self.jobs.borrow_mut();
        let Some(job) = jobs.get_mut(lab) else {
            return;
        };
        let now = Instant::now();
        let due = job.sent.is_none_or(|sent| now - sent >= PROGRESS_INTERVAL);
        let is_shown = due || !matches!(event, Event::PullProgress { .. });
        if is_shown {
            job.sent = Some(now);
        }
        for (language, progress) in job.progress.iter_mut() {
            let of_lab =
                |page: &OpenPage| page.language == language && page.lab.as_ref() == Some(lab);
            for line in language.scope(|| progress.add(event)) {
                self.publish(&Update::default().job_line(line), of_lab);
            }
            if is_shown {
                let shown = language.scope(|| progress.markup());
                self.publish(&Update::default().part(id::PROGRESS, shown.clone()), of_lab);
                let update = Update::default().part(id::map_progress(lab), shown);
                self.publish(&update, |page| {
                    page.language == language && page.lab.is_none()
                });
            }
        }
    }

    /// Shows how a job ended on every page of its lab, or else on the next one that is opened: the page that wanted it may have
    /// been left.
    pub(super) fn report_outcome(&self, lab: &LabId, outcome: ByLanguage<Update>) {
        let mut is_shown = false;
        for (language, update) in outcome.iter() {
            is_shown |= self.publish(update, |page| {
                page.language == language && page.lab.as_ref() == Some(lab)
            });
        }
        if !is_shown {
            self.outcomes.borrow_mut().insert(lab.clone(), outcome);
        }
    }

    /// Takes how the last job of a lab ended, if no page has shown it.
    pub(super) fn take_outcome(&self, lab: &LabId) -> Option<Update> {
        let outcome = self.outcomes.borrow_mut().remove(lab)?;
        outcome.current().cloned()
    }

    /// Shows every page that a job has begun or ended, or that progress was made on another page.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Returns how many of the last `seconds` no page has counted for an exercise yet, and counts them.
    pub(super) fn claim_time(&self, lab: &LabId, exercise: &ExerciseId, seconds: u64) -> u64 {
        let now = Instant::now();
        let begun = now.checked_sub(Duration::from_secs(seconds)).unwrap_or(now);
        let mut counted = self.counted.borrow_mut();
        let until = counted
            .entry((lab.clone(), exercise.clone()))
            .or_insert(begun);
        let from = begun.max(*until);
        let claimed = (now - from).as_secs();
        *until = from + Duration::from_secs(claimed);
        claimed
    }

    /// Returns what waits for calls of [`changed`](Self::changed).
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Adds a page of a lab, or the map, to those that get updates.
    pub(super) fn subscribe(
        &self,
        lab: Option<&LabId>,
        updates: UnboundedSender<String>,
    ) -> Subscription<'_> {
        let page = self.next_page.get();
        self.next_page.set(page + 1);
        let opened = OpenPage {
            lab: lab.cloned(),
            language: Language::current(),
            updates,
        };
        self.pages.borrow_mut().insert(page, opened);
        Subscription { site: self, page }
    }

    /// Sends an update to the pages that want it, and returns whether there are any.
    fn publish(&self, update: &Update, wants: impl Fn(&OpenPage) -> bool) -> bool {
        let text = update.to_json().to_string();
        let pages = self.pages.borrow();
        let sent = pages.values().filter(|page| wants(page)).map(|page| {
            // A page that is being closed receives nothing any more.
            page.updates.send(text.clone()).is_ok()
        });
        sent.fold(false, |any, one| any | one)
    }
}

/// Returns the language of the page's own texts beside guides in a language.
pub(super) fn language(lang: &Lang) -> Language {
    Language::from_code(lang.as_str()).unwrap_or(Language::English)
}

/// A future whose texts are in a language.
pub(super) struct InLanguage<F> {
    language: Language,
    work: Pin<Box<F>>,
}

impl<F> InLanguage<F> {
    pub(super) fn new(lang: &Lang, work: F) -> Self {
        Self {
            language: language(lang),
            work: Box::pin(work),
        }
    }
}

impl<F: Future> Future for InLanguage<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let language = self.language;
        language.scope(|| self.work.as_mut().poll(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::localized;

    #[tokio::test]
    async fn two_pages_have_their_languages_at_the_same_time() {
        let text = async || {
            let before = localized!("solved");
            tokio::task::yield_now().await;
            (before, localized!("solved"))
        };
        let [english, korean] = ["en", "ko"].map(|code| Lang::parse(code).unwrap());
        let both = futures_util::future::join(
            InLanguage::new(&english, text()),
            InLanguage::new(&korean, text()),
        );
        let (english, korean) = both.await;
        assert_eq!(english, ("solved".to_owned(), "solved".to_owned()));
        assert_ne!(korean.0, "solved");
        assert_eq!(korean.0, korean.1);
        assert_eq!(localized!("solved"), "solved");
    }
}
