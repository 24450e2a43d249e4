//! `roadlab web`: the labs in a browser.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::app::{DrawOf, InitialData, UpOptions};
use crate::commands::browser::{BrowserResult, open_in_browser};
use crate::commands::{Context, reaper_command};
use crate::exit::Exit;
use crate::localized;
use crate::report::{self, error, output_unwrapped};
use crate::runner::{Expiry, Failure, OnFailure};
use crate::signals::Signals;
use crate::store::{Lifetime, WebSession};
use crate::text;
use crate::web::{BrowserLanguage, NetworkOptions, Place, Secret, Server, Settings};

/// How long a browser can use what it once got from an address.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// What the page shows first.
pub(crate) enum Shown {
    All,
    /// A lab, by its name or the path of its folder.
    Lab(String),
    /// A lab that is started before.
    Started(String),
}

pub(crate) async fn web(
    context: &Context,
    shown: Shown,
    port: Option<u16>,
    network: Option<NetworkOptions>,
) -> Result<Exit, Failure> {
    let place = match &network {
        Some(options) => Place::network(options)?,
        None => Place::ThisMachine,
    };
    if let Shown::Started(name) = &shown {
        start(context, name).await?;
    }
    // Programs in containers would not end with this one.
    let mut signals = Signals::listen().map_err(|error| {
        Failure::Environment(text!("cannot listen for signals: {error}", error))
    })?;
    let lab = match shown {
        Shown::Lab(name) | Shown::Started(name) => Some((context.lab(&name)?.id, name)),
        Shown::All => None,
    };
    let app = &context.app;
    // A page of this machine that is still open works again. Who was let in from another machine is not let in again, and the
    // secret of this machine is none for the network.
    let (state, instance) = (&app.paths.state, &app.instance);
    let before = match place {
        Place::ThisMachine => WebSession::read(state, instance),
        Place::Network(_) => None,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let usable = before
        .as_ref()
        .filter(|before| now.abs_diff(before.made) < SESSION.as_secs());
    let made = usable.map_or(now, |before| before.made);
    let secret = usable.and_then(|before| Secret::stored(&before.secret));
    let no_secret =
        |error| Failure::Environment(text!("cannot get random numbers: {error}", error));
    let secret = match secret {
        Some(secret) => secret,
        None => Secret::new().map_err(no_secret)?,
    };
    let settings = Settings {
        options: app.options.clone(),
        paths: app.paths.clone(),
        instance: instance.clone(),
        lang: app.lang.clone(),
        browser_language: match context.global.lang {
            Some(_) => BrowserLanguage::Ignored,
            None => BrowserLanguage::Used,
        },
        reaper: reaper_command(&context.global, &app.paths),
        lab,
    };
    let before = before.map(|before| before.port);
    let wanted = port.or(before);
    let server = Server::bind(settings, &place, wanted, secret.clone()).await?;
    if let Some(port) = port.filter(|port| *port != server.port()) {
        return Err(Failure::Environment(text!(
            "port {port} is in use; without `--port`, a free one is chosen",
            port
        )));
    }
    let session = WebSession {
        port: server.port(),
        made,
        secret: secret.as_str().to_owned(),
    };
    // The pages of a server that still runs find that one again.
    let others = before.filter(|port| *port != server.port() && is_in_use(*port));
    // Without the file, a page does not outlive its server.
    if others.is_none()
        && matches!(place, Place::ThisMachine)
        && let Err(problem) = session.write(state, instance)
    {
        error(&report::sanitize(&format!("{problem:#}")));
    }
    context.reporter.finish();
    let address = server.address();
    // The address works once, and the browser that is meant is on another machine.
    let opened = match place {
        Place::ThisMachine => open_in_browser(&address),
        Place::Network(_) => BrowserResult::Elsewhere,
    };
    if let Place::Network(_) = place {
        error(&localized!(
            "warning: other machines can reach this page. The first who opens the address controls the labs of this machine, has terminals in their containers, and can read and change your files of the labs"
        ));
    }
    if context.global.json {
        report::line(&json!({
            "address": address,
            "port": server.port(),
            "opened": opened == BrowserResult::InBrowser,
        }));
    } else {
        output_unwrapped(&address);
        error(&opened.describe());
        match place {
            Place::ThisMachine => error(&localized!(
                "the address works once, in one browser on this machine; Ctrl-C ends the page, and labs stay up"
            )),
            Place::Network(_) => error(&localized!(
                "the address works once, in one browser; Ctrl-C ends the page, and labs stay up"
            )),
        }
    }
    let signal = server.run(signals.next()).await;
    Ok(Exit::Signal(signal.number()))
}

/// Returns whether something listens at a port of this machine.
fn is_in_use(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// Starts a lab that stays up.
async fn start(context: &Context, name: &str) -> Result<(), Failure> {
    let app = &context.app;
    let lab = context.lab_with(name, &DrawOf::NewRun)?;
    app.require_memory(&lab)?;
    let engine = app.engine().await?;
    let options = UpOptions {
        lifetime: Lifetime::Persistent,
        expiry: Expiry::Unchanged,
        on_failure: OnFailure::TearDown,
        initial_data: InitialData::Copied,
    };
    let started = app.up(&engine, &lab, options).await?;
    started.running.live.connections.close().await;
    Ok(())
}
