//! The server: it accepts connections, checks who sends each request, and answers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;

use crate::app::DrawOf;
use crate::engine::clock::timeout;
use crate::engine::docker::TerminalSize;
use crate::lab::{ExerciseId, LabId, Lang, ServiceName};
use crate::localized;
use crate::runner::Failure;
use crate::store::MAX_EDITED;
use crate::text::Language;
use crate::web::access::{Access, Claims, Denied, Purpose, Secret, named_cookies};
use crate::web::actions::{self, Form};
use crate::web::failures::failure_lines;
use crate::web::live::{Attention, LivePage};
use crate::web::live_overview::LiveOverview;
use crate::web::logs::LiveLogs;
use crate::web::messages::{self, Message};
use crate::web::place::Place;
use crate::web::reply::{self, Reply};
use crate::web::route::{NoRoute, Overview, Route};
use crate::web::services::LiveServices;
use crate::web::site::{BrowserLanguage, InLanguage, Settings, Site};
use crate::web::terminals::PageTerminals;
use crate::web::update::{NoteKind, Update};
use crate::web::{assets, files, lab_page, labs_page, leave, map_page, socket};
use crate::{text, text::Text};

/// The most connections at the same time whose sender is not known.
const MAX_UNKNOWN: usize = 256;

/// The largest form, in bytes.
const MAX_FORM: usize = 64 << 10;

/// The largest form with a file, in bytes: encoded, each byte of a text takes up to three.
const MAX_FILE_FORM: usize = 4 * MAX_EDITED as usize;

/// How long a browser may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How many ports are tried until one is free on both addresses of this machine.
const PORT_ATTEMPTS: usize = 16;

/// A server that listens.
pub(crate) struct Server {
    listeners: Vec<TcpListener>,
    shared: Rc<Shared>,
}

/// What all connections share.
struct Shared {
    site: Rc<Site>,
    /// The token that the address has, until it is used.
    token: RefCell<Option<Secret>>,
    /// What encrypts the connections.
    tls: Option<TlsAcceptor>,
    unknown: Unknown,
}

/// The connections that have not shown yet that they are the browser's. If there are too many, the oldest is closed: a browser
/// sends its cookie with the first words.
#[derive(Default)]
struct Unknown {
    next: Cell<u64>,
    /// By number; the oldest is the first.
    all: RefCell<BTreeMap<u64, AbortHandle>>,
}

impl Unknown {
    /// Returns the number of a new connection.
    fn next(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// Adds a new connection.
    fn add(&self, number: u64, connection: AbortHandle) {
        let mut all = self.all.borrow_mut();
        all.insert(number, connection);
        if all.len() > MAX_UNKNOWN
            && let Some((_, oldest)) = all.pop_first()
        {
            oldest.abort();
        }
    }

    /// Removes a connection that has ended or whose sender is known.
    fn remove(&self, number: u64) {
        self.all.borrow_mut().remove(&number);
    }
}

impl Server {
    /// Listens at a place, at `port` if that is free.
    pub(crate) async fn bind(
        settings: Settings,
        place: &Place,
        port: Option<u16>,
        session: Secret,
    ) -> Result<Self, Failure> {
        let addresses = place.addresses();
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Environment(text!(
                "cannot listen on {address}: {why}",
                address = addresses[0],
                why = error
            ))
        };
        let listening = listen(&addresses, port).await;
        let (listeners, port) = listening.map_err(|error| failed(&error))?;
        let token = Secret::new().map_err(|error| failed(&error))?;
        let access = Access::new(place.origin(port), session);
        let shared = Shared {
            site: Rc::new(Site::new(settings, access)),
            tls: place.tls(),
            token: RefCell::new(Some(token)),
            unknown: Unknown::default(),
        };
        Ok(Self {
            listeners,
            shared: Rc::new(shared),
        })
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        let address = self.listeners.first().map(TcpListener::local_addr);
        address
            .and_then(Result::ok)
            .map_or(0, |address| address.port())
    }

    /// Returns the address that opens the page once.
    pub(crate) fn address(&self) -> String {
        let site = &self.shared.site;
        let path = match &site.settings.lab {
            Some((lab, _)) => lab_page::path(lab, None),
            None => "/".to_owned(),
        };
        let token = self.shared.token.borrow();
        let token = token.as_ref().map_or("", Secret::as_str);
        format!("{}{path}?token={token}", site.access.origin())
    }

    /// Answers until `stop` returns something, and then ends the programs of all terminals.
    pub(crate) async fn run<T>(self, stop: impl Future<Output = T>) -> T {
        let tasks = LocalSet::new();
        let answering = async {
            let accepting = self
                .listeners
                .iter()
                .map(|listener| accept(listener, &self.shared));
            let accepting = futures_util::future::join_all(accepting);
            let mut stop = pin!(stop);
            let stopped = tokio::select! {
                _ = accepting => (&mut stop).await,
                stopped = &mut stop => stopped,
            };
            self.shared.site.terminals.close_all().await;
            stopped
        };
        tasks.run_until(answering).await
    }
}

/// Listens at the same port of all addresses, since another program must not get what is meant for this one. The machine may
/// lack all but the first of them, such as ::1.
async fn listen(addresses: &[IpAddr], wanted: Option<u16>) -> io::Result<(Vec<TcpListener>, u16)> {
    let mut ports = wanted
        .into_iter()
        .chain(std::iter::repeat_n(0, PORT_ATTEMPTS));
    loop {
        let Some(port) = ports.next() else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        match listen_at(addresses, port).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            listening => return listening,
        }
    }
}

async fn listen_at(addresses: &[IpAddr], port: u16) -> io::Result<(Vec<TcpListener>, u16)> {
    let (mut listeners, mut port) = (Vec::new(), port);
    for address in addresses {
        match TcpListener::bind((*address, port)).await {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error) if listeners.is_empty() || error.kind() == io::ErrorKind::AddrInUse => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    Ok((listeners, port))
}

/// Accepts connections of a listener, for ever.
async fn accept(listener: &TcpListener, shared: &Rc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let number = shared.unknown.next();
                let connection = connection(Rc::clone(shared), number, stream);
                shared
                    .unknown
                    .add(number, spawn_local(connection).abort_handle());
            }
            // There are too many open files, or the browser has gone.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(shared: Rc<Shared>, number: u64, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    match &shared.tls {
        None => serve(&shared, number, stream).await,
        // Who does not speak TLS gets no answer.
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                serve(&shared, number, stream).await;
            }
        }
    }
    shared.unknown.remove(number);
}

/// Answers the requests of a connection.
async fn serve<S>(shared: &Rc<Shared>, number: u64, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let shared = Rc::clone(shared);
        async move { Ok::<_, Infallible>(answer(&shared, number, request).await) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let served = server
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A browser that goes away is no error.
    let _ = served.await;
}

/// Answers a request in the language of its page.
async fn answer(shared: &Rc<Shared>, connection: u64, request: Request<Incoming>) -> Reply {
    let site = &shared.site;
    let lang = lang(site, request.headers());
    let reply = InLanguage::new(&lang, checked(shared, connection, &lang, request)).await;
    reply::protected(reply, site.access.origin())
}

/// Answers a request after checking who sent it.
async fn checked(
    shared: &Rc<Shared>,
    connection: u64,
    lang: &Lang,
    request: Request<Incoming>,
) -> Reply {
    let site = &shared.site;
    let headers = request.headers();
    let is_upgrade = headers.contains_key(header::UPGRADE);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD) && !is_upgrade;
    let one = |name: header::HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next()?.to_str().unwrap_or_default();
        Some(if all.next().is_some() { "" } else { first })
    };
    let claims = Claims {
        purpose: if reads {
            Purpose::Read
        } else {
            Purpose::Change
        },
        // An address in place of a path names another host.
        host: one(header::HOST).filter(|_| request.uri().authority().is_none()),
        origin: one(header::ORIGIN),
        fetch_site: one(header::HeaderName::from_static("sec-fetch-site")),
        cookies: one(header::COOKIE).unwrap_or_default(),
    };
    if let Err(denied) = site.access.check_place(&claims) {
        return refused(site, denied);
    }
    let path = request.uri().path();
    let query = form(request.uri().query().unwrap_or_default().as_bytes());
    // A preview of an address must not use up its token.
    let enters = *request.method() == Method::GET && !is_upgrade;
    if let Some(token) = query.get("token").filter(|_| enters) {
        return enter(shared, &claims, token, path);
    }
    if let Err(denied) = site.access.check(&claims) {
        return refused(site, denied);
    }
    shared.unknown.remove(connection);
    match Route::parse(request.method(), path) {
        Ok(route) => routed(site, lang, route, &query, request).await,
        Err(NoRoute::NotFound) => {
            reply::text(StatusCode::NOT_FOUND, &localized!("there is no such page"))
        }
        Err(NoRoute::Method) => reply::text(
            StatusCode::METHOD_NOT_ALLOWED,
            &localized!("this request is not supported"),
        ),
    }
}

/// Gives the session to the browser that has the token, once.
fn enter(shared: &Shared, claims: &Claims<'_>, token: &str, path: &str) -> Reply {
    let site = &shared.site;
    let mut expected = shared.token.borrow_mut();
    let valid = expected.as_ref().is_some_and(|known| known.matches(token));
    // The page may be loaded again with its first address.
    let known = || site.access.check(claims).is_ok();
    if !valid && !known() {
        return refused(site, Denied::Session);
    }
    // Only a path of the page itself: `//` would lead to another host.
    let path = match Route::parse(&Method::GET, path) {
        Ok(_) => path,
        Err(_) => "/",
    };
    if !valid {
        return reply::redirect(path);
    }
    *expected = None;
    reply::with_cookie(reply::redirect(path), &site.access.session_cookie())
}

fn refused(site: &Site, denied: Denied) -> Reply {
    let (status, sentence): (_, Text) = match denied {
        Denied::Host => (
            StatusCode::MISDIRECTED_REQUEST,
            text!(
                "this page is at {address} only",
                address = site.access.origin()
            ),
        ),
        Denied::Origin => (
            StatusCode::FORBIDDEN,
            text!("another page sent this request"),
        ),
        Denied::Session => (
            StatusCode::FORBIDDEN,
            text!(
                "open the page with the address that `roadlab web` prints; each address works once, in one browser"
            ),
        ),
    };
    reply::closing(reply::text(status, &sentence.localized()))
}

/// Answers a request whose sender is known.
async fn routed(
    site: &Rc<Site>,
    lang: &Lang,
    route: Route,
    query: &Form,
    request: Request<Incoming>,
) -> Reply {
    match route {
        Route::Asset(name) => match assets::find(&name) {
            Some((content_type, content)) => reply::asset(content_type, content),
            None => reply::text(StatusCode::NOT_FOUND, &localized!("there is no such page")),
        },
        Route::Leave => match query.get("to").and_then(|to| leave::target(to)) {
            Some(target) => reply::leave(&target),
            None => reply::text(StatusCode::NOT_FOUND, &localized!("there is no such page")),
        },
        Route::Map => map_page::map_page(site, lang),
        Route::OverviewSocket(overview) => open_overview_socket(site, lang, overview, request),
        Route::Labs => labs_page::labs_page(site, lang),
        Route::Lab(lab) => lab_page::lab_page(site, lang, &lab, None).await,
        Route::Exercise(lab, exercise) => {
            lab_page::lab_page(site, lang, &lab, Some(&exercise)).await
        }
        Route::Socket(lab, exercise) => {
            let run = query.get("run").cloned().unwrap_or_default();
            open_socket(site, lang, lab, exercise, run, request)
        }
        Route::Files(lab) => files::list(site, &site.quiet_app(lang), &lab).await,
        Route::File(lab) => files::read(site, &site.quiet_app(lang), &lab, query).await,
        Route::SaveFile(lab) => match read_form(request, MAX_FILE_FORM).await {
            Ok((form, _)) => files::save(site, &site.quiet_app(lang), &lab, &form).await,
            Err(reply) => *reply,
        },
        Route::CompareFile(lab) => match read_form(request, MAX_FILE_FORM).await {
            Ok((form, _)) => files::compare(site, &site.quiet_app(lang), &lab, &form).await,
            Err(reply) => *reply,
        },
        Route::DeleteFile(lab) => match read_form(request, MAX_FORM).await {
            Ok((form, _)) => files::delete(site, &site.quiet_app(lang), &lab, &form).await,
            Err(reply) => *reply,
        },
        Route::RestoreFile(lab) => match read_form(request, MAX_FORM).await {
            Ok((form, _)) => files::restore(site, &site.quiet_app(lang), &lab, &form).await,
            Err(reply) => *reply,
        },
        Route::Language => match read_form(request, MAX_FORM).await {
            Ok((form, _)) => choose_language(site, &form),
            Err(reply) => *reply,
        },
        Route::LabAction(lab, action) => {
            let (_, kind) = match read_form(request, MAX_FORM).await {
                Ok(read) => read,
                Err(reply) => return *reply,
            };
            let back = lab_page::path(&lab, None);
            let (site, lang) = (Rc::clone(site), lang.clone());
            let done = async move { actions::lab_action(&site, &lang, &lab, &action).await };
            to_the_end(kind, &back, done).await
        }
        Route::ExerciseAction(lab, exercise, action) => {
            let (form, kind) = match read_form(request, MAX_FORM).await {
                Ok(read) => read,
                Err(reply) => return *reply,
            };
            let back = lab_page::path(&lab, Some(&exercise));
            let (site, lang) = (Rc::clone(site), lang.clone());
            let done = async move {
                actions::exercise_action(&site, &lang, &lab, &exercise, action, &form).await
            };
            to_the_end(kind, &back, done).await
        }
    }
}

/// Who sent a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// The script of the page, which shows the answer.
    Script,
    /// The browser itself, which shows a page.
    Browser,
}

/// Does an action to its end, also if the browser does not wait for the answer.
async fn to_the_end(
    sender: Sender,
    back: &str,
    action: impl Future<Output = Update> + 'static,
) -> Reply {
    let language = Language::current();
    let lang = Lang::parse(language.code()).unwrap_or_else(Lang::english);
    let done = spawn_local(InLanguage::new(&lang, action)).await;
    let update = done.unwrap_or_else(|_| {
        Update::default().note(NoteKind::Failed, localized!("internal error in roadlab"))
    });
    match sender {
        Sender::Script => reply::json(StatusCode::OK, &update.to_json()),
        Sender::Browser if update.failed() => reply::json(StatusCode::CONFLICT, &update.to_json()),
        Sender::Browser => reply::redirect(back),
    }
}

fn choose_language(site: &Site, form: &Form) -> Reply {
    let chosen = form.get("lang").map_or("", String::as_str);
    let path = form.get("path").map_or("/", String::as_str);
    let path = match Route::parse(&Method::GET, path) {
        Ok(_) => path,
        Err(_) => "/",
    };
    let reply = reply::redirect(path);
    match Language::from_code(chosen) {
        Some(language) => {
            let name = site.access.cookie_name("language");
            let cookie = format!(
                "{name}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000",
                language.code()
            );
            reply::with_cookie(reply, &cookie)
        }
        None => reply,
    }
}

/// Opens the WebSocket of a page of a lab.
fn open_socket(
    site: &Rc<Site>,
    lang: &Lang,
    lab: LabId,
    exercise: Option<ExerciseId>,
    run: String,
    mut request: Request<Incoming>,
) -> Reply {
    let (reply, upgrade) = match socket::accept(&mut request) {
        Ok(accepted) => accepted,
        Err(refused) => return *refused,
    };
    let (site, in_lang) = (Rc::clone(site), lang.clone());
    let page = async move {
        if let Some(socket) = socket::open(upgrade).await {
            live_page(&site, &in_lang, &lab, exercise.as_ref(), &run, socket).await;
        }
    };
    drop(spawn_local(InLanguage::new(lang, page)));
    reply
}

/// Opens the WebSocket of a page of all labs.
fn open_overview_socket(
    site: &Rc<Site>,
    lang: &Lang,
    overview: Overview,
    mut request: Request<Incoming>,
) -> Reply {
    let (reply, upgrade) = match socket::accept(&mut request) {
        Ok(accepted) => accepted,
        Err(refused) => return *refused,
    };
    let (site, in_lang) = (Rc::clone(site), lang.clone());
    let page = async move {
        let Some(socket) = socket::open(upgrade).await else {
            return;
        };
        let app = site.quiet_app(&in_lang);
        let (updates, texts) = mpsc::unbounded_channel();
        let _subscription = site.subscribe(None, updates.clone());
        let attention = Attention::new();
        let page = LiveOverview {
            site: &site,
            app: &app,
            overview,
            updates,
            attention: &attention,
            sent: RefCell::default(),
        };
        let (sink, stream) = socket.split();
        let on_text = |text: &str| {
            if let Some(Message::Visible { visible }) = Message::parse(text) {
                attention.set(visible);
            }
        };
        tokio::select! {
            () = socket::send(sink, texts) => {}
            () = socket::receive(stream, on_text) => {}
            never = page.follow() => match never {},
        }
    };
    drop(spawn_local(InLanguage::new(lang, page)));
    reply
}

/// Keeps a page up to date until it is closed.
async fn live_page(
    site: &Rc<Site>,
    lang: &Lang,
    lab: &LabId,
    exercise: Option<&ExerciseId>,
    run: &str,
    socket: socket::Socket,
) {
    let app = site.quiet_app(lang);
    let (updates, texts) = mpsc::unbounded_channel();
    let _subscription = site.subscribe(Some(lab), updates.clone());
    if let Some(outcome) = site.take_outcome(lab) {
        let _ = updates.send(outcome.to_json().to_string());
    }
    let attention = Attention::new();
    let page = LivePage {
        site,
        app: &app,
        lab,
        exercise,
        run,
        updates,
        attention: &attention,
        sent: RefCell::default(),
    };
    let (sink, stream) = socket.split();
    let terminals = PageTerminals::new(Rc::clone(&site.terminals), lab, page.updates.clone());
    let terminals = Rc::new(terminals);
    let services = LiveServices {
        site,
        app: &app,
        lab,
        updates: page.updates.clone(),
        attention: &attention,
    };
    let logs = LiveLogs {
        site,
        app: &app,
        lab,
        updates: page.updates.clone(),
        wanted: Cell::new(false),
        changed: Notify::new(),
        drawn: Notify::new(),
    };
    let on_text = |text: &str| match Message::parse(text) {
        Some(Message::Logs { wanted }) => logs.want(wanted),
        Some(Message::LogsDrawn) => logs.drawn.notify_one(),
        Some(Message::Visible { visible: now }) => attention.set(now),
        Some(Message::Open {
            request,
            service,
            size,
        }) => {
            let size = messages::size(size);
            let opened = open_terminal(site, lang, lab, &terminals, request, service, size);
            drop(spawn_local(InLanguage::new(lang, opened)));
        }
        Some(message) => terminals_message(&terminals, message),
        None => {}
    };
    let mut followed = pin!(page.follow());
    tokio::select! {
        () = socket::send(sink, texts) => {}
        () = socket::receive(stream, on_text) => {}
        () = terminals.follow_list() => {}
        never = services.follow() => match never {},
        never = logs.follow() => match never {},
        never = &mut followed => match never {},
    }
    // What runs half of it could neither be gone on with nor repeated.
    while app.is_preparing() {
        tokio::select! {
            never = &mut followed => match never {},
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

/// Opens a terminal and shows it on the page that wanted it.
fn open_terminal(
    site: &Rc<Site>,
    lang: &Lang,
    lab: &LabId,
    page: &Rc<PageTerminals>,
    request: u64,
    service: ServiceName,
    size: TerminalSize,
) -> impl Future<Output = ()> + use<> {
    let (site, lang, lab) = (Rc::clone(site), lang.clone(), lab.clone());
    let page = Rc::downgrade(page);
    async move {
        let app = site.quiet_app(&lang);
        let opened = async {
            let lab = site.lab(&app, &lab, &DrawOf::Run)?;
            site.terminals.open(&app, &lab, &service, size).await
        };
        let opened = opened.await;
        // The page may have been closed meanwhile; the terminal stays for the next one.
        if let Some(page) = page.upgrade() {
            match opened {
                Ok(number) => page.opened(request, number),
                Err(failure) => page.refused(request, &failure_lines(&failure).join("\n")),
            }
        }
    }
}

fn terminals_message(terminals: &PageTerminals, message: Message) {
    match message {
        Message::Visible { .. }
        | Message::Open { .. }
        | Message::Logs { .. }
        | Message::LogsDrawn => {}
        Message::Show { terminal, size } => terminals.show(terminal, messages::size(size)),
        Message::Hide { terminal } => terminals.hide(terminal),
        Message::Close { terminal } => terminals.close(terminal),
        Message::Drawn { terminal } => terminals.drawn(terminal),
        Message::Key { terminal, key } => terminals.key(terminal, &key),
        Message::Text { terminal, text } => terminals.text(terminal, &text),
        Message::Paste { terminal, text } => terminals.paste(terminal, &text),
        Message::Resize { terminal, size } => terminals.resize(terminal, messages::size(size)),
        Message::Scroll { terminal, lines } => terminals.scroll(terminal, lines),
    }
}

/// Returns the language of a request: the one that was chosen on the page, else the browser's, else that of the program.
fn lang(site: &Site, headers: &HeaderMap) -> Lang {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok());
    let name = site.access.cookie_name("language");
    let chosen = named_cookies(cookies.unwrap_or_default(), &name).find_map(Language::from_code);
    let preferred = || match site.settings.browser_language {
        // A machine that is set to Korean has said enough.
        BrowserLanguage::Used if site.settings.lang == Lang::english() => preferred(headers),
        BrowserLanguage::Used | BrowserLanguage::Ignored => None,
    };
    let language = chosen.or_else(preferred);
    let lang = language.and_then(|language| Lang::parse(language.code()));
    lang.unwrap_or_else(|| site.settings.lang.clone())
}

/// Returns the first language that a browser accepts and the program has. Browsers name the preferred ones first.
fn preferred(headers: &HeaderMap) -> Option<Language> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut tags = accepted.split(',').map(|tag| {
        let tag = tag.split(';').next().unwrap_or_default();
        tag.split('-').next().unwrap_or_default().trim()
    });
    tags.find_map(Language::from_code)
}

/// Reads a form, and who sent it. Fails with the answer to a form that is too large.
async fn read_form(request: Request<Incoming>, most: usize) -> Result<(Form, Sender), Box<Reply>> {
    let accepts = request.headers().get(header::ACCEPT);
    let accepts = accepts.and_then(|value| value.to_str().ok());
    let sender = match accepts.unwrap_or_default().contains("text/html") {
        true => Sender::Browser,
        false => Sender::Script,
    };
    match Limited::new(request.into_body(), most).collect().await {
        Ok(body) => Ok((form(&body.to_bytes()), sender)),
        Err(_) => Err(Box::new(reply::text(
            StatusCode::PAYLOAD_TOO_LARGE,
            &localized!("the form is too large"),
        ))),
    }
}

fn form(encoded: &[u8]) -> Form {
    let pairs = form_urlencoded::parse(encoded);
    pairs
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}
