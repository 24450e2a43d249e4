//! The terminals of the page in a real browser: where code is typed, what is seen of lines that have scrolled away, and what
//! keys, the mouse and an input method do.

use serde_json::{Value, json};

use super::chromium::Browser;
use super::http::WebServer;
use crate::support::engine_lab::{EngineLab, SERVICE};

/// The screen in front.
const SCREEN: &str = "document.querySelector('.panel:not([hidden]) .screen')";

/// The rows of the screen in front that show something.
const ROWS: &str = "[...document.querySelectorAll('.panel:not([hidden]) .row')].map((row) => row.textContent).filter(Boolean)";

/// The place for what is composed.
const INPUT: &str = "document.querySelector('.panel:not([hidden]) .keys')";

/// The tiny lab, which is up, with a service whose client is a shell, and the page of an exercise with code for Redis.
fn opened() -> (EngineLab, WebServer, Browser) {
    let lab = EngineLab::tiny();
    let desk = "  desk:\n    extends: { file: ../../compose/redis/compose.yaml, service: redis }\n    volumes: !override []\n    \
        x-roadlab: { shell: !override [sh] }\n";
    lab.copy
        .change("compose.yaml", SERVICE, &format!("{SERVICE}{desk}"));
    let text = "Store `hello` under `greeting`.";
    let with_code = format!("{text}\n\n```\nSET greeting hello\n```");
    lab.copy.change("guide.en.md", text, &with_code);
    lab.run("up LAB", 0);
    let server = WebServer::start(&mut lab.command("web LAB --json"));
    let mut page = Browser::on(&server);
    page.open(&format!(
        "{}/labs/{}/exercises/greet",
        server.origin(),
        lab.copy.id
    ));
    page.wait_for("watching, 1 of 2 checks pass");
    // What the page sends to the server, and the last frame that it got.
    page.value(
        "window.sent = []; window.frame = null; \
         document.addEventListener('to-server', (event) => window.sent.push(event.detail)); \
         document.addEventListener('from-server', (event) => { window.frame = event.detail.frame ?? window.frame }); true",
    );
    (lab, server, page)
}

/// Opens a terminal of a service and waits for its prompt.
#[track_caller]
fn open(page: &mut Browser, service: &str, prompt: &str) {
    let tabs = page.value("document.querySelectorAll('.tab').length");
    page.click(&format!("button[data-service='{service}']"));
    page.wait_until(
        "a terminal",
        &format!(
            "document.querySelectorAll('.tab').length > {tabs} && \
             document.querySelector('.tab:last-child').getAttribute('aria-selected') === 'true'"
        ),
    );
    let at_prompt = format!("{ROWS}.at(-1)?.trimEnd().endsWith({})", Value::from(prompt));
    page.wait_until("a prompt", &at_prompt);
}

/// Opens a shell.
#[track_caller]
fn open_shell(page: &mut Browser) {
    open(page, "desk", "$");
}

/// Runs a command in the shell in front and waits until a row shows exactly this.
#[track_caller]
fn run(page: &mut Browser, command: &str, row: &str) {
    page.type_line(command);
    page.wait_until(row, &format!("{ROWS}.includes({})", Value::from(row)));
}

/// The keys that the page has sent.
fn keys(page: &mut Browser) -> Value {
    page.value("window.sent.filter((one) => one.do === 'key').map((one) => one.key)")
}

/// Turns the wheel over the screen in front. Returns whether that is left to the page.
fn wheel(page: &mut Browser, event: &str) -> bool {
    let turned = page.value(&format!(
        "{SCREEN}.dispatchEvent(new WheelEvent('wheel', {{ {event}, bubbles: true, cancelable: true }}))"
    ));
    turned == true
}

/// Turns the wheel with the mouse in the middle of the screen in front.
fn turn(page: &mut Browser, down: i32) {
    let place = page.value(&format!(
        "(() => {{ const b = {SCREEN}.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()"
    ));
    page.call(
        "Input.dispatchMouseEvent",
        json!({ "type": "mouseWheel", "x": place[0], "y": place[1], "deltaX": 0, "deltaY": down }),
    );
}

/// Presses the key of a letter.
fn press_letter(page: &mut Browser, letter: &str) {
    let code = letter.to_uppercase().bytes().next().map(u32::from);
    for kind in ["keyDown", "keyUp"] {
        let text = if kind == "keyDown" { letter } else { "" };
        let event =
            json!({ "type": kind, "key": letter, "text": text, "windowsVirtualKeyCode": code });
        page.call("Input.dispatchKeyEvent", event);
    }
}

/// Selects the text of the first row that contains a text, with the mouse.
#[track_caller]
fn select_row(page: &mut Browser, text: &str) {
    let row = format!(
        "[...document.querySelectorAll('.panel:not([hidden]) .row')].find((row) => row.textContent.includes({}))",
        Value::from(text)
    );
    let place = page.value(&format!(
        "(() => {{ const row = {row}; const range = document.createRange(); range.selectNodeContents(row); \
         const b = range.getBoundingClientRect(); return [b.left + 1, b.right + 4, b.y + b.height / 2] }})()"
    ));
    for (kind, x) in [
        ("mousePressed", &place[0]),
        ("mouseMoved", &place[1]),
        ("mouseReleased", &place[1]),
    ] {
        let event = json!({ "type": kind, "x": x, "y": place[2], "button": "left", "buttons": 1, "clickCount": 1 });
        page.call("Input.dispatchMouseEvent", event);
    }
    page.wait_until(
        "a selection",
        &format!(
            "getSelection().toString().includes({})",
            Value::from(text.trim())
        ),
    );
}

/// Ends the page before its lab.
fn down(lab: &EngineLab, page: &Browser) {
    assert_eq!(page.errors, [""; 0]);
    lab.run("down LAB", 0);
}

#[apply(browser_test)]
fn code_is_not_typed_elsewhere_if_its_terminal_does_not_open() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    lab.run("fault LAB stop redis", 0);
    page.click(".code-buttons button");
    page.wait_for("`redis` is not running");
    // Another terminal that is opened or selected then.
    open_shell(&mut page);
    page.click(".tab");
    run(&mut page, "echo $((40 + 2))", "42");
    // Code is typed when the screen has been still for a moment.
    page.value("new Promise((done) => setTimeout(done, 1500))");
    for at in ["0", "1"] {
        let screen = page.value(&format!(
            "document.querySelectorAll('.screen')[{at}].innerText"
        ));
        let screen = screen.as_str().expect("two terminals");
        assert!(!screen.contains("SET greeting"), "{screen}");
    }
    let pasted = page.value("window.sent.filter((one) => one.do === 'paste')");
    assert_eq!(pasted, json!([]));
    lab.run("fault LAB heal redis", 0);
    down(&lab, &page);
}

#[apply(browser_test)]
fn code_is_typed_into_the_terminal_that_was_opened_for_it() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    // Another terminal is selected while it is opened.
    page.value("document.querySelector('.code-buttons button').click(); document.querySelector('.tab').click()");
    page.wait_for("solved 1 of 2");
    page.click(".tab");
    let shell = page.value(&format!("{SCREEN}.innerText"));
    let shell = shell.as_str().expect("a text");
    assert!(!shell.contains("SET greeting"), "{shell}");
    down(&lab, &page);
}

#[apply(browser_test)]
fn the_wheel_sends_no_keys_to_a_prompt() {
    let (lab, _server, mut page) = opened();
    open(&mut page, "redis", "6379>");
    for event in [
        "deltaY: -100",
        "deltaY: 100",
        "deltaX: 100",
        "deltaY: -100, ctrlKey: true",
    ] {
        assert!(wheel(&mut page, event), "the page gets {event}");
    }
    assert_eq!(keys(&mut page), json!([]));
    // On its second screen a program scrolls by itself.
    open_shell(&mut page);
    page.type_line("printf '\\033[?1049h'");
    page.wait_until("the second screen", "window.frame?.alternate");
    page.value("window.sent = []");
    assert!(wheel(&mut page, "deltaX: 100"));
    assert!(wheel(&mut page, "deltaY: 100, ctrlKey: true"));
    assert_eq!(keys(&mut page), json!([]));
    assert!(!wheel(&mut page, "deltaY: -100"));
    assert_eq!(keys(&mut page), json!(["ArrowUp", "ArrowUp", "ArrowUp"]));
    down(&lab, &page);
}

#[apply(browser_test)]
fn lines_that_are_scrolled_back_to_and_selected_stay_while_new_ones_come() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    // Lines come all the time, and more than are kept.
    page.type_line("seq 1 2500; n=5000; while sleep 0.05; do n=$((n + 1)); echo $n; done");
    page.wait_until("new lines", &format!("{ROWS}.includes('5003')"));
    turn(&mut page, -100);
    page.wait_until(
        "lines above",
        "document.querySelector('.panel.scrolled:not([hidden])')",
    );
    let first = page.value(&format!("{ROWS}[0]"));
    let first = first.as_str().expect("a row").to_owned();
    select_row(&mut page, &first);
    let back = page.value("window.frame.history[1]");
    let back = back.as_u64().expect("a number");
    page.wait_until(
        "more lines",
        &format!("window.frame.history[1] >= {}", back + 20),
    );
    assert_eq!(page.value(&format!("{ROWS}[0]")), first.as_str());
    let selected = page.value("getSelection().toString().trim()");
    assert_eq!(selected, first.as_str());
    // Back at the end, the page scrolls.
    for _ in 0..3 {
        turn(&mut page, -100);
    }
    page.wait_until(
        "older lines",
        &format!("Number({ROWS}[0]) < Number({first})"),
    );
    // Ctrl-C after a selection only copies; a key then ends the selection, shows where it goes, and goes there.
    press_letter(&mut page, "q");
    page.wait_until(
        "the end",
        "!document.querySelector('.panel:not([hidden])').classList.contains('scrolled')",
    );
    page.press("c", 2);
    page.wait_until("a prompt", &format!("{ROWS}.at(-1)?.startsWith('$')"));
    assert!(wheel(&mut page, "deltaY: 100"), "the page scrolls");
    assert!(!wheel(&mut page, "deltaY: -100"), "the terminal scrolls");
    down(&lab, &page);
}

#[apply(browser_test)]
fn a_key_after_a_selection_goes_to_the_program() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    run(&mut page, "echo sel''ected", "selected");
    select_row(&mut page, "echo sel");
    page.press("c", 2);
    assert_eq!(
        keys(&mut page).as_array().map(Vec::len),
        Some(1),
        "Ctrl-C copies; Enter was the only key"
    );
    press_letter(&mut page, "x");
    page.wait_until("the letter", &format!("{ROWS}.at(-1) === '$ x'"));
    assert_eq!(page.value("getSelection().toString()"), "");
    // What is selected elsewhere is no reason to copy.
    page.value(&format!(
        "(() => {{ getSelection().selectAllChildren(document.querySelector('main')); \
         {SCREEN}.parentElement.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'c', ctrlKey: true, bubbles: true, cancelable: true }})) }})()"
    ));
    page.wait_until(
        "Ctrl-C",
        "window.sent.some((one) => one.key === 'c' && one.ctrl)",
    );
    down(&lab, &page);
}

#[apply(browser_test)]
fn a_line_of_several_rows_is_copied_as_one() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    page.type_line("printf 'ab cd %.0s' $(seq 1 40); echo; echo; echo end''ed");
    page.wait_until("the lines", &format!("{ROWS}.includes('ended')"));
    page.wait_until(
        "several rows",
        &format!(
            "document.querySelectorAll('.wrapped').length >= 2 && {ROWS}.at(-1).startsWith('$')"
        ),
    );
    let copied = page.value(&format!(
        "(() => {{ const data = new DataTransfer(); getSelection().selectAllChildren({SCREEN}); \
         {SCREEN}.firstChild.dispatchEvent(new ClipboardEvent('copy', {{ clipboardData: data, bubbles: true, cancelable: true }})); \
         return data.getData('text/plain') }})()"
    ));
    let copied = copied.as_str().expect("a text");
    let line = "ab cd ".repeat(40);
    let expected = format!("\n{}\n\nended\n", line.trim_end());
    let trimmed = copied.replace(" \n", "\n");
    assert!(trimmed.contains(&expected), "{copied:?}");
    down(&lab, &page);
}

#[apply(browser_test)]
fn the_menu_of_the_mouse_pastes_into_the_terminal() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    let place = page.value(&format!(
        "(() => {{ const b = {SCREEN}.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()"
    ));
    page.value("document.activeElement.blur()");
    // The browser then finds what can be pasted into where the mouse is.
    let found = page.value(&format!(
        "(() => {{ const [x, y] = [{}, {}]; const at = () => document.elementFromPoint(x, y); \
         at().dispatchEvent(new MouseEvent('contextmenu', {{ clientX: x, clientY: y, button: 2, bubbles: true, cancelable: true }})); \
         return at() === {INPUT} && document.activeElement === {INPUT} }})()",
        place[0], place[1]
    ));
    assert_eq!(found, true);
    page.value(&format!(
        "(() => {{ const data = new DataTransfer(); data.setData('text/plain', 'echo $((40 + 2))\\n'); \
         {INPUT}.dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }})) }})()"
    ));
    page.wait_until("what was pasted", &format!("{ROWS}.includes('42')"));
    // A move of the mouse makes the text below selectable again.
    page.call(
        "Input.dispatchMouseEvent",
        json!({ "type": "mouseMoved", "x": place[0], "y": place[1] }),
    );
    page.wait_until(
        "the screen",
        &format!(
            "{SCREEN}.contains(document.elementFromPoint({}, {}))",
            place[0], place[1]
        ),
    );
    down(&lab, &page);
}

/// Composes a text step by step, as an input method does, without its end.
fn compose(page: &mut Browser, steps: &[&str]) {
    for text in steps {
        let length = text.chars().count();
        page.call(
            "Input.imeSetComposition",
            json!({ "text": text, "selectionStart": length, "selectionEnd": length }),
        );
    }
}

#[apply(browser_test)]
fn what_an_input_method_composes_is_typed_once() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    page.type_text("echo [");
    for (steps, text) in [(["ㅎ", "하", "한"], "한"), (["ㄱ", "그", "글"], "글")] {
        compose(&mut page, &steps);
        // It is seen where it will stand, and the program has nothing of it yet.
        page.wait_until("a composition", &format!("{INPUT}.value === '{text}'"));
        let shown = page.value(&format!(
            "[getComputedStyle({INPUT}).opacity, {SCREEN}.textContent.includes('{text}')]"
        ));
        assert_eq!(shown, json!(["1", false]));
        page.call("Input.insertText", json!({ "text": text }));
        page.wait_until("the text", &format!("{ROWS}.at(-1).includes('{text}')"));
    }
    run(&mut page, "]", "[한글]");
    let rows = page.value(ROWS);
    let rows: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let composed: Vec<&str> = rows.iter().copied().filter(|row| !row.is_ascii()).collect();
    assert_eq!(composed, ["$ echo [한글]", "[한글]"]);
    // In the last columns it is moved into sight.
    let columns = page.value("window.frame.size[1]");
    let columns = usize::try_from(columns.as_u64().expect("a number")).expect("a number");
    page.type_text(&"x".repeat(columns - 4));
    page.wait_until(
        "the last columns",
        &format!("window.frame.cursor[1] === {}", columns - 2),
    );
    compose(&mut page, &["한글한글"]);
    page.wait_until(
        "a composition within the panel",
        &format!(
            "{INPUT}.value === '한글한글' && {INPUT}.getBoundingClientRect().right <= {SCREEN}.getBoundingClientRect().right + 1"
        ),
    );
    down(&lab, &page);
}

#[apply(browser_test)]
fn a_terminal_gets_the_size_of_the_page_that_is_used() {
    let (lab, _server, mut page) = opened();
    open_shell(&mut page);
    page.wait_until("its size", "window.sent.some((one) => one.do === 'resize')");
    let rows = "document.querySelectorAll('.panel:not([hidden]) .row').length";
    let before = page.value(rows);
    assert_ne!(before, 5);
    // Another page gives it another size.
    page.value(
        "document.dispatchEvent(new CustomEvent('to-server', { detail: { do: 'resize', size: [5, 40], \
         terminal: Number(document.querySelector('.tab').id.split('-')[1]) } }))",
    );
    page.wait_until("the other size", &format!("{rows} === 5"));
    page.value("dispatchEvent(new Event('focus'))");
    page.wait_until("its own size", &format!("{rows} === {before}"));
    down(&lab, &page);
}
