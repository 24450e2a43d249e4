//! The page of a lab in Chromium: how soon it is painted, how soon a key is seen, how soon a check is green, the memory of the
//! server, and all that while a program writes without end.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::program::{Program, memory};
use crate::table::{Table, Target, Unit, median};

/// How often a page is painted and a check made green, and how many keys are typed.
const ROUNDS: usize = 7;
const KEYS: usize = 200;

/// The pause before a check is made green: what fails is waited for, and a learner does one thing after another.
const PAUSE: Duration = Duration::from_secs(4);

/// The terminals that are open when the memory is measured.
const TERMINALS: usize = 5;

/// How long a program writes without end.
const FLOOD_TIME: Duration = Duration::from_secs(60);

/// How long anything on the page is waited for.
const LIMIT: Duration = Duration::from_secs(300);

/// Types a letter and resolves to the milliseconds until the screen shows it; after some, the line is cleared.
const ECHO: &str = "(async () => {
    const panel = document.querySelector('.panel:not([hidden])');
    const [input, screen, times] = [panel.querySelector('.keys'), panel.querySelector('.screen'), []];
    const changed = () => new Promise((resolve) => {
        const observer = new MutationObserver(() => { observer.disconnect(); resolve(performance.now()); });
        observer.observe(screen, { childList: true, subtree: true, characterData: true });
    });
    for (let key = 0; key < KEYS; key++) {
        const [shown, begun] = [changed(), performance.now()];
        if (key % 40 === 39) input.dispatchEvent(new KeyboardEvent('keydown', { key: 'u', ctrlKey: true }));
        else { input.value = 'x'; input.dispatchEvent(new InputEvent('input', { data: 'x' })); }
        times.push(await shown - begun);
        await new Promise((resolve) => setTimeout(resolve, 40));
    }
    return times;
})()";

/// Sends a line to the client and resolves to the milliseconds until a check changes to a state.
const DEED: &str = "(async () => {
    const input = document.querySelector('.panel:not([hidden]) .keys');
    const is = () => document.querySelectorAll('#checks .pass').length === COUNT;
    const begun = performance.now();
    input.value = LINE;
    input.dispatchEvent(new InputEvent('input', { data: LINE }));
    input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
    while (!is()) await new Promise((resolve) => requestAnimationFrame(resolve));
    return performance.now() - begun;
})()";

/// Lets the client write without end, each line another number, and interrupts it. Resolves to the milliseconds between the
/// frames of the screen, then the one figure of how long it still wrote after Ctrl-C.
const FLOOD: &str = "(async () => {
    const panel = document.querySelector('.panel:not([hidden])');
    const [input, screen, times] = [panel.querySelector('.keys'), panel.querySelector('.screen'), []];
    let last = null;
    const observer = new MutationObserver(() => {
        const now = performance.now();
        if (last !== null) times.push(now - last);
        last = now;
    });
    observer.observe(screen, { childList: true, subtree: true, characterData: true });
    const line = '1000000000 INCR flood';
    input.value = line;
    input.dispatchEvent(new InputEvent('input', { data: line }));
    input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
    await new Promise((resolve) => setTimeout(resolve, TIME));
    const frames = times.slice();
    const begun = performance.now();
    input.dispatchEvent(new KeyboardEvent('keydown', { key: 'c', ctrlKey: true }));
    while (!document.querySelector('.tab.over')) await new Promise((resolve) => requestAnimationFrame(resolve));
    observer.disconnect();
    return [...frames, performance.now() - begun];
})()";

/// Adds the figures of the page to a table; without Chromium, a note.
pub(crate) fn measure(program: &Program, table: &mut Table) -> anyhow::Result<()> {
    if Command::new("chromium").arg("--version").output().is_err() {
        table
            .notes
            .push("Chromium was not found: the page is not measured".to_owned());
        return Ok(());
    }
    program.run(&["up", "redis"])?;
    let server = Server::start(program)?;
    let mut browser = Browser::start()?;
    browser.open(&server.address)?;
    let exercise = format!("{}/labs/redis/exercises/settings", server.origin());
    let mut paints = Vec::new();
    for _ in 0..ROUNDS {
        browser.open(&exercise)?;
        browser.wait("performance.getEntriesByName('first-contentful-paint').length")?;
        paints.push(
            browser
                .number("performance.getEntriesByName('first-contentful-paint')[0].startTime")?,
        );
    }
    browser.wait("document.querySelector('#checks .fail, #checks .pass')")?;
    browser.value("document.querySelector('#terminals button[data-service]').click()")?;
    browser.wait("document.querySelector('.screen')?.innerText.includes('6379>')")?;
    let keys = browser.value(&ECHO.replace("KEYS", &KEYS.to_string()))?;
    let keys: Vec<f64> = keys
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    // Clears what is left on the line.
    let clear = "document.querySelector('.keys').dispatchEvent(new KeyboardEvent('keydown', { key: 'u', ctrlKey: true }))";
    browser.value(clear)?;
    let passing = browser.number("document.querySelectorAll('#checks .pass').length")?;
    let mut deeds = Vec::new();
    for _ in 0..ROUNDS {
        let deed = |line: &str, count: f64| {
            let line = Value::from(line).to_string();
            DEED.replace("LINE", &line)
                .replace("COUNT", &format!("{count}"))
        };
        std::thread::sleep(PAUSE);
        deeds.push(browser.number(&deed(
            "SET config:checkout:banner \"Spring sale\"",
            passing + 1.0,
        ))?);
        browser.number(&deed("DEL config:checkout:banner", passing))?;
    }
    for _ in 1..TERMINALS {
        browser.value("document.querySelector('#terminals button[data-service]').click()")?;
    }
    browser.wait(&format!(
        "document.querySelectorAll('.tab').length === {TERMINALS}"
    ))?;
    let resident =
        memory(&server.child, "VmRSS:").context("the memory of the server is unknown")?;
    // What is typed before the prompt is lost.
    browser.wait(
        "document.querySelector('.panel:not([hidden]) .screen').innerText.includes('6379>')",
    )?;
    let flood = FLOOD.replace("TIME", &FLOOD_TIME.as_millis().to_string());
    let flood = browser.value(&flood)?;
    let mut frames: Vec<f64> = flood
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    let stopped = frames.pop().context("the flood has no end")?;
    let flooded = memory(&server.child, "VmRSS:").context("the memory of the server is unknown")?;
    let most = Target::Most;
    let row = |table: &mut Table, what: &str, value: f64, target: f64| {
        table.figure(what, Unit::Millis, value, most(target));
    };
    row(table, "page: first paint", median(&paints), 300.0);
    row(table, "page: key to echo", median(&keys), 30.0);
    row(
        table,
        "page: key to echo, p99",
        percentile(&keys, 99),
        100.0,
    );
    row(table, "page: deed to green", median(&deeds), 1000.0);
    let what = format!("page: memory of the server with {TERMINALS} terminals");
    table.figure(&what, Unit::Mebibytes, resident as f64 / 1024.0, most(60.0));
    let flood = format!("page: a program writes for {} s", FLOOD_TIME.as_secs());
    let part = |what: &str| format!("{flood}: {what}");
    let between = FLOOD_TIME.as_millis() as f64 / frames.len() as f64;
    // Thirty frames a second.
    row(table, &part("between frames"), between, 1000.0 / 30.0);
    let p99 = percentile(&frames, 99);
    row(table, &part("between frames, p99"), p99, 200.0);
    row(table, &part("Ctrl-C to the end"), stopped, 1000.0);
    let more = (flooded as f64 - resident as f64) / 1024.0;
    let what = part("more memory of the server");
    table.figure(&what, Unit::Mebibytes, more, most(10.0));
    drop(browser);
    drop(server);
    program.run(&["down", "redis"])?;
    Ok(())
}

/// The smallest figure that so many of a hundred do not exceed.
fn percentile(figures: &[f64], percent: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// `roadlab web` while it runs.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(program: &Program) -> anyhow::Result<Self> {
        let mut command = program.command(&["web", "redis", "--json"]);
        for variable in ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"] {
            command.env_remove(variable);
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let address = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let printed: Value = serde_json::from_str(&line).ok()?;
                printed["address"].as_str().map(str::to_owned)
            });
        let address = address.context("roadlab web prints no address")?;
        Ok(Self { child, address })
    }

    fn origin(&self) -> &str {
        let end = self.address.match_indices('/').nth(2).map(|(at, _)| at);
        &self.address[..end.unwrap_or(self.address.len())]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ = self.child.wait();
    }
}

/// Chromium with one tab, over the DevTools protocol.
struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    next: u64,
}

impl Browser {
    fn start() -> anyhow::Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut child = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("chromium")?;
        let stderr = child.stderr.take().context("its output is piped")?;
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| Some(line.strip_prefix("DevTools listening on ")?.to_owned()))
            .context("chromium listens nowhere")?;
        // It would be stopped by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let request = address.into_client_request()?;
        let port = request.uri().port_u16().context("a port")?;
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        let (socket, _) = client(request, stream).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut browser = Self {
            child,
            _profile: profile,
            socket,
            session: None,
            next: 0,
        };
        let tab = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &attach)?;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        let size = json!({ "width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", &size)?;
        Ok(browser)
    }

    fn call(&mut self, method: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.next += 1;
        let mut call = json!({ "id": self.next, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = session.as_str().into();
        }
        self.socket.send(Message::text(call.to_string()))?;
        loop {
            let Message::Text(text) = self.socket.read()? else {
                continue;
            };
            let message: Value = serde_json::from_str(&text)?;
            if message["id"] == self.next {
                return match message["error"].is_null() {
                    true => Ok(message["result"].clone()),
                    false => bail!("{method}: {}", message["error"]),
                };
            }
        }
    }

    fn open(&mut self, address: &str) -> anyhow::Result<()> {
        self.call("Page.navigate", &json!({ "url": address }))?;
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
    }

    fn value(&mut self, expression: &str) -> anyhow::Result<Value> {
        let call = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", &call)?;
        match result["exceptionDetails"].is_null() {
            true => Ok(result["result"]["value"].clone()),
            false => bail!("{expression}: {}", result["exceptionDetails"]),
        }
    }

    fn number(&mut self, expression: &str) -> anyhow::Result<f64> {
        let value = self.value(expression)?;
        value
            .as_f64()
            .with_context(|| format!("{expression}: {value}"))
    }

    fn wait(&mut self, expression: &str) -> anyhow::Result<()> {
        let guarded =
            format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            if self.value(&guarded).is_ok_and(|value| value == true) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the page never gets to: {expression}")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
