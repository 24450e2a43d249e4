//! What a machine can check of WCAG 2.2 at AA, on every kind of page: axe-core, as `vendor/README.md` describes it.

use std::sync::LazyLock;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::chromium::Browser;
use super::http::WebServer;
use crate::support::engine_lab::EngineLab;
use crate::support::offline::tiny;
use crate::support::{LabCopy, eventually};

/// The text of axe-core 4.14.1, which is exactly the published one.
static AXE: LazyLock<&str> = LazyLock::new(|| {
    const DIGEST: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";
    let text = include_str!("vendor/axe.min.js");
    let digest = Sha256::digest(text.as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, DIGEST, "tests/web/vendor/axe.min.js was changed");
    text
});

/// The rules of WCAG up to 2.2, levels A and AA.
const RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa']";

/// Asserts that axe-core finds nothing on the page as it is now, in a window in which nothing is scrolled away.
#[track_caller]
fn assert_accessible(page: &mut Browser, what: &str) {
    page.resize(1280, 5000);
    page.value(&format!("{}; true", *AXE));
    let found = page.value(&format!(
        "axe.run(document, {{ runOnly: {RULES} }}).then((found) => found.violations.flatMap((rule) => \
         rule.nodes.map((node) => `${{rule.id}}: ${{node.html.slice(0, 200)}} ${{node.failureSummary}}`)))"
    ));
    assert_eq!(found, Value::Array(Vec::new()), "{what}");
}

/// Switches the language as the buttons of the page do.
fn switch(page: &mut Browser, lang: &str) {
    page.click(&format!(".language button[lang='{lang}']"));
    page.wait_until(lang, &format!("document.documentElement.lang === '{lang}'"));
}

#[apply(offline_browser_test)]
fn axe_finds_nothing_on_any_kind_of_page() {
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    for lang in ["en", "ko"] {
        switch(&mut page, lang);
        for theme in ["light", "dark"] {
            page.theme(theme);
            for path in [
                "/",
                "/map",
                "/labs/tiny",
                "/labs/tiny/exercises/greet",
                "/labs/tiny/exercises/when",
                "/labs/none",
            ] {
                page.open(&format!("{}{path}", server.origin()));
                assert_accessible(&mut page, &format!("{path}, {lang}, {theme}"));
            }
        }
    }
}

#[apply(offline_browser_test)]
fn axe_finds_nothing_on_the_files_the_hints_and_an_answer() {
    let copy = LabCopy::of("tests/labs/probes", |_| "probes".to_owned());
    let folder = copy.path("roadlab-probes");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("note.txt"), "changed\n").unwrap();
    std::fs::write(folder.join("own.txt"), "own\n").unwrap();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    page.wait_for("no container engine");
    page.click("#files > summary");
    page.click("#file-list button");
    page.wait_until(
        "its text",
        "document.querySelector('#editor textarea').value === 'changed\\n'",
    );
    page.click("[data-diff]");
    page.click("#logs > summary");
    for lang in ["en", "ko"] {
        switch(&mut page, lang);
        page.wait_until(
            "the file is open again",
            "document.querySelector('#editor textarea')?.value === 'changed\\n'",
        );
        for theme in ["light", "dark"] {
            page.theme(theme);
            assert_accessible(&mut page, &format!("files, {lang}, {theme}"));
        }
    }
    page.click("[data-delete]");
    page.wait_until("a question", "document.querySelector('dialog')?.open");
    assert_accessible(&mut page, "a question");
    let copy = tiny();
    let server = WebServer::without_engine(&copy, "LAB");
    let mut page = Browser::on(&server);
    page.open(&format!("{}/labs/tiny/exercises/greet", server.origin()));
    page.click("form[action$='/hint'] button");
    page.wait_for("One command is enough.");
    assert_accessible(&mut page, "a hint");
    page.click("form[action$='/up'] button");
    page.wait_until("why not", "!document.querySelector('#note').hidden");
    assert_accessible(&mut page, "a note");
    for choice in ["scans", "pairs"] {
        page.open(&format!("{}/labs/tiny/exercises/when", server.origin()));
        page.click(&format!("input[value='{choice}']"));
        page.click(".quiz button");
        page.wait_until("an outcome", "document.querySelector('#quiz .state')");
        assert_accessible(&mut page, choice);
    }
}

#[apply(browser_test)]
fn axe_finds_nothing_while_a_lab_runs() {
    let lab = EngineLab::tiny();
    lab.run("up LAB", 0);
    let server = WebServer::start(&mut lab.command("web LAB --json"));
    let mut page = Browser::on(&server);
    let path = format!("{}/labs/{}/exercises/greet", server.origin(), lab.copy.id);
    page.open(&path);
    page.wait_for("watching, 1 of 2 checks pass");
    page.wait_until(
        "the services",
        "document.querySelector('.services .dot.good')",
    );
    page.click("button[data-service='redis']");
    page.wait_until(
        "a prompt",
        "document.querySelector('.screen')?.innerText.includes('6379>')",
    );
    page.type_line("SET greeting hallo");
    page.wait_for("It is an English greeting.");
    page.click("#logs > summary");
    page.wait_until(
        "lines",
        "document.querySelectorAll('#log-lines div').length",
    );
    for theme in ["light", "dark"] {
        page.theme(theme);
        assert_accessible(&mut page, theme);
    }
    page.click(".tab");
    page.type_line("SET greeting hello");
    page.wait_for("solved 1 of 2");
    assert_accessible(&mut page, "solved");
    page.open(&format!("{}/map", server.origin()));
    assert_accessible(&mut page, "the map while a lab runs");
    assert!(eventually(|| page.errors.is_empty()), "{:?}", page.errors);
    lab.run("down LAB", 0);
}
