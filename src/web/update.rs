//! What changes in a page: the same for answers to buttons and for what the server sends by itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use maud::Markup;
use serde_json::{Map, Value, json};

/// A change of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Update {
    /// The new content of elements, by id.
    parts: Vec<(Cow<'static, str>, Markup)>,
    /// A sentence that a screen reader reads.
    announcement: Option<String>,
    /// A sentence about what was done, or why it was not.
    note: Option<(NoteKind, String)>,
    /// A line about a job that runs.
    job_line: Option<String>,
    /// All lines about a job so far, in place of those that are shown.
    job_lines: Option<Vec<String>>,
    /// Whether the page must be loaded again, because its texts depend on what changed.
    reload: bool,
}

/// The id of the element that a screen reader reads from.
const ANNOUNCEMENT: &str = "announcement";

/// The parts of a page as they were sent last, by id.
pub(super) type SentParts = BTreeMap<Cow<'static, str>, String>;

/// Whether a note is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteKind {
    Done,
    Failed,
}

impl Update {
    /// Replaces what an element contains.
    pub(super) fn part(mut self, id: impl Into<Cow<'static, str>>, content: Markup) -> Self {
        self.parts.push((id.into(), content));
        self
    }

    pub(super) fn announce(mut self, sentence: impl Into<String>) -> Self {
        self.announcement = Some(sentence.into());
        self
    }

    pub(super) fn note(mut self, kind: NoteKind, sentence: impl Into<String>) -> Self {
        self.note = Some((kind, sentence.into()));
        self
    }

    /// Adds lines to the sentence about what was done.
    pub(super) fn add_to_note(mut self, lines: &[String]) -> Self {
        if let Some((_, sentence)) = &mut self.note {
            for line in lines {
                sentence.push('\n');
                sentence.push_str(line);
            }
        }
        self
    }

    pub(super) fn job_line(mut self, line: impl Into<String>) -> Self {
        self.job_line = Some(line.into());
        self
    }

    pub(super) fn job_lines(mut self, lines: Vec<String>) -> Self {
        self.job_lines = Some(lines);
        self
    }

    pub(super) fn reload(mut self) -> Self {
        self.reload = true;
        self
    }

    /// Returns whether what was wanted failed.
    pub(super) fn failed(&self) -> bool {
        matches!(self.note, Some((NoteKind::Failed, _)))
    }

    /// Returns the update without the parts that `sent` has, which then has these, too; `None` if nothing is left. A sentence for
    /// a screen reader only comes with parts, and not twice in a row.
    pub(super) fn without_sent(&self, sent: &mut SentParts) -> Option<Self> {
        let mut rest = self.clone();
        rest.parts.retain(|(id, content)| {
            let known = sent.insert(id.clone(), content.0.clone());
            known.as_ref() != Some(&content.0)
        });
        let is_empty = rest.note.is_none()
            && rest.job_line.is_none()
            && rest.job_lines.is_none()
            && !rest.reload;
        if !rest.parts.is_empty()
            && let Some(sentence) = rest.announcement.take()
        {
            let last = sent.insert(ANNOUNCEMENT.into(), sentence.clone());
            rest.announcement = Some(sentence).filter(|sentence| last.as_ref() != Some(sentence));
        }
        (!rest.parts.is_empty() || !is_empty).then_some(rest)
    }

    pub(super) fn to_json(&self) -> Value {
        let parts = self.parts.iter();
        let parts = parts.map(|(id, content)| (id.to_string(), Value::from(content.0.as_str())));
        let note = self.note.as_ref();
        json!({
            "parts": parts.collect::<Map<String, Value>>(),
            "announcement": self.announcement,
            "note": note.map(|(_, sentence)| sentence),
            "failed": self.failed(),
            "jobLine": self.job_line,
            "jobLines": self.job_lines,
            "reload": self.reload,
        })
    }
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    #[test]
    fn what_a_page_shows_is_not_sent_again() {
        let update = |text: &str| {
            Update::default()
                .part("checks", html! { (text) })
                .announce(text)
        };
        let mut sent = SentParts::new();
        assert!(update("1").without_sent(&mut sent).is_some());
        assert!(update("1").without_sent(&mut sent).is_none());
        assert!(update("2").without_sent(&mut sent).is_some());
        assert!(update("2").reload().without_sent(&mut sent).is_some());
        let other = update("2").part("score", html! { "3" });
        let other = other.without_sent(&mut sent).unwrap();
        assert_eq!(other.announcement, None, "it was read already");
    }

    #[test]
    fn an_update_is_a_document_with_escaped_content() {
        let update = Update::default()
            .part("checks", html! { p { ("<b>") } })
            .note(NoteKind::Failed, "no <engine>");
        let expected = json!({
            "parts": { "checks": "<p>&lt;b&gt;</p>" },
            "announcement": null,
            "note": "no <engine>",
            "failed": true,
            "jobLine": null,
            "jobLines": null,
            "reload": false,
        });
        assert_eq!(update.to_json(), expected);
    }
}
