//! The Korean catalogue, a gettext PO file in the program. It is parsed when the first Korean text is shown.

use std::collections::HashMap;
use std::sync::LazyLock;

const KOREAN: &str = include_str!("../translations/ko.po");

static MESSAGES: LazyLock<HashMap<String, String>> = LazyLock::new(|| parse(KOREAN));

/// Returns the Korean template of an English one.
pub(super) fn korean(english: &str) -> Option<&'static str> {
    MESSAGES.get(english).map(String::as_str)
}

/// Returns the translated templates by their English ones. A plural is found by its singular: Korean has one form.
fn parse(po: &str) -> HashMap<String, String> {
    let Ok(catalogue) = polib::po_file::parse_from_reader(po.as_bytes()) else {
        return HashMap::new();
    };
    let messages = catalogue.messages();
    let translated = messages.filter(|message| message.is_translated() && !message.is_fuzzy());
    translated
        .filter_map(|message| {
            let korean = match message.is_plural() {
                true => message.msgstr_plural().ok()?.first()?.clone(),
                false => message.msgstr().ok()?.to_owned(),
            };
            Some((message.msgid().to_owned(), korean))
        })
        .collect()
}

/// Returns the messages of the catalogue: English, the English plural, Korean.
#[cfg(test)]
pub(crate) fn messages() -> Vec<(String, Option<String>, String)> {
    let catalogue = polib::po_file::parse_from_reader(KOREAN.as_bytes()).expect("a PO file");
    let messages = catalogue.messages().map(|message| {
        let (plural, korean) = match message.is_plural() {
            true => (
                message.msgid_plural().ok().map(str::to_owned),
                message
                    .msgstr_plural()
                    .ok()
                    .and_then(|forms| forms.first().cloned()),
            ),
            false => (None, message.msgstr().ok().map(str::to_owned)),
        };
        (
            message.msgid().to_owned(),
            plural,
            korean.unwrap_or_default(),
        )
    });
    messages.collect()
}
