//! A real browser, driven over the DevTools protocol: each step is what a person does or sees.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use super::http::WebServer;
use crate::support::TIME_LIMIT;

/// How often the mouse is pressed on what has moved away meanwhile.
const PRESSES: usize = 5;

/// A browser with one tab.
pub(super) struct Browser {
    child: Child,
    /// Removed with the browser.
    _profile: tempfile::TempDir,
    socket: WebSocket<TcpStream>,
    session: String,
    next: u64,
    /// What the console of the page and the browser reported as errors.
    pub(super) errors: Vec<String>,
}

impl Browser {
    /// Starts a browser with a window of this size.
    pub(super) fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut child = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--remote-debugging-port=0",
                "--lang=en-US",
                // The name in the certificate of the tests.
                "--host-resolver-rules=MAP lab.example.test 127.0.0.1",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            // What it starts ends with it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromium can be run");
        let stderr = BufReader::new(child.stderr.take().expect("its output is piped"));
        let mut lines = stderr.lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let address = line.strip_prefix("DevTools listening on ")?;
            Some(address.to_owned())
        });
        // It would be stopped by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let request = address
            .expect("an address")
            .into_client_request()
            .expect("an address");
        let port = request.uri().port_u16().expect("a port");
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream
            .set_read_timeout(Some(TIME_LIMIT))
            .expect("a timeout");
        let (socket, _) = client(request, stream).expect("a WebSocket");
        let mut browser = Self {
            child,
            _profile: profile,
            socket,
            session: String::new(),
            next: 0,
            errors: Vec::new(),
        };
        let tab = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = tab["targetId"].clone();
        let attached = browser.call(
            "Target.attachToTarget",
            json!({ "targetId": target, "flatten": true }),
        );
        browser.session = attached["sessionId"]
            .as_str()
            .expect("a session")
            .to_owned();
        for domain in ["Page", "Runtime", "Log", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.resize(1280, 900);
        browser
    }

    /// Opens the address that a server printed, and returns the browser.
    pub(super) fn on(server: &WebServer) -> Self {
        let mut browser = Self::start();
        browser.open(&format!("{}{}", server.origin(), server.entry));
        browser
    }

    /// Calls a method of the protocol and waits for its result.
    #[track_caller]
    pub(super) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let number = self.next;
        let mut call = json!({ "id": number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            call["sessionId"] = self.session.clone().into();
        }
        self.socket
            .send(Message::text(call.to_string()))
            .expect("the browser reads");
        loop {
            let message = match self.socket.read() {
                Ok(Message::Text(text)) => {
                    serde_json::from_str::<Value>(&text).expect("a document")
                }
                Ok(_) => continue,
                Err(error) => panic!("{error} in {method}"),
            };
            match message["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.errors.push(message["params"].to_string()),
                Some("Log.entryAdded") if message["params"]["entry"]["level"] == "error" => {
                    self.errors
                        .push(message["params"]["entry"]["text"].to_string());
                }
                _ => {}
            }
            if message["id"] == number {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    pub(super) fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": address }));
        self.wait_until(
            "the page is loaded",
            "document.readyState === 'complete' && location.href !== 'about:blank'",
        );
    }

    pub(super) fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Uses the light or the dark theme.
    pub(super) fn theme(&mut self, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// Returns the value of an expression on the page.
    #[track_caller]
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let call = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", call);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Waits until an expression on the page is true.
    #[track_caller]
    pub(super) fn wait_until(&mut self, what: &str, expression: &str) {
        let begun = Instant::now();
        // While a page is loaded, there is none.
        let guarded =
            format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        while begun.elapsed() < TIME_LIMIT {
            let call = json!({ "expression": guarded, "returnByValue": true });
            if self.call("Runtime.evaluate", call)["result"]["value"] == true {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
        let file = std::env::temp_dir().join(format!("roadlab-web-{}.png", std::process::id()));
        self.picture(&file);
        let text = self.value("document.body.innerText");
        panic!(
            "{what} did not happen: {expression}\npicture: {}\n{}",
            file.display(),
            text.as_str().unwrap_or_default()
        );
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(super) fn wait_for(&mut self, text: &str) {
        let quoted = Value::from(text);
        self.wait_until(text, &format!("document.body.innerText.includes({quoted})"));
    }

    /// Clicks on the first element that a selector finds, with the mouse.
    #[track_caller]
    pub(super) fn click(&mut self, selector: &str) {
        let quoted = Value::from(selector);
        self.wait_until(
            selector,
            &format!("document.querySelector({quoted})?.checkVisibility()"),
        );
        let find = format!(
            "(() => {{ const e = document.querySelector({quoted}); e.scrollIntoView({{ block: 'center' }}); \
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()"
        );
        // The page may also move between the press and the release: then the click is that of an element around both.
        let watch = format!(
            "window.pressed = false; window.clicked = undefined; \
             for (const kind of ['mousedown', 'click']) document.addEventListener(kind, (event) => {{ \
               window[kind === 'click' ? 'clicked' : 'pressed'] = event.target.closest({quoted}) !== null \
             }}, {{ capture: true, once: true }})"
        );
        for _ in 0..PRESSES {
            // What comes in above it moves it.
            let mut place = self.value(&find);
            loop {
                std::thread::sleep(std::time::Duration::from_millis(60));
                let now = self.value(&find);
                if now == place {
                    break;
                }
                place = now;
            }
            self.value(&watch);
            let button = |kind: &str| json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", button("mousePressed"));
            let pressed = self.value("window.pressed") == true;
            self.call("Input.dispatchMouseEvent", button("mouseReleased"));
            // A click that left the page has left nothing.
            if pressed && self.value("window.clicked === false") != true {
                return;
            }
        }
        panic!("{selector} was never where the mouse was");
    }

    /// Drags from the middle of the first element that a selector finds, by so many pixels.
    #[track_caller]
    pub(super) fn drag(&mut self, selector: &str, right: f64, down: f64) {
        let quoted = Value::from(selector);
        let place = self.value(&format!(
            "(() => {{ const b = document.querySelector({quoted}).getBoundingClientRect(); \
             return [b.x + b.width / 2, b.y + b.height / 2] }})()"
        ));
        let at = |index: usize| place[index].as_f64().expect("a number");
        let (x, y) = (at(0), at(1));
        for (kind, x, y) in [
            ("mousePressed", x, y),
            ("mouseMoved", x + right / 2.0, y + down / 2.0),
            ("mouseMoved", x + right, y + down),
            ("mouseReleased", x + right, y + down),
        ] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key that is no letter, such as `Enter`, with modifiers as the protocol counts them.
    pub(super) fn press(&mut self, key: &str, modifiers: u32) {
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "Escape" => 27,
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "ArrowRight" => 39,
            "F6" => 117,
            letter => letter.to_uppercase().bytes().next().map_or(0, u32::from),
        };
        let text = match key {
            "Enter" => "\r",
            " " => " ",
            _ => "",
        };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({
                "type": kind, "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers,
                "text": if kind == "keyDown" { text } else { "" },
            });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Types text into what has the focus.
    pub(super) fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.call("Input.insertText", json!({ "text": letter.to_string() }));
        }
    }

    /// Types a line into the terminal that is shown.
    pub(super) fn type_line(&mut self, line: &str) {
        self.type_text(line);
        self.press("Enter", 0);
    }

    /// Writes a picture of the page to a file.
    pub(super) fn picture(&mut self, file: &Path) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = base64(picture["data"].as_str().unwrap_or_default());
        std::fs::write(file, bytes).expect("the picture can be written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Decodes what the protocol sends for bytes.
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').collect();
    let groups = bytes.chunks(4).flat_map(|group| {
        let all = group
            .iter()
            .fold(0_u32, |all, byte| all << 6 | u32::from(digit(*byte)));
        let all = all << (6 * (4 - group.len()));
        let count = group.len() * 6 / 8;
        all.to_be_bytes()[1..=count].to_vec()
    });
    groups.collect()
}
