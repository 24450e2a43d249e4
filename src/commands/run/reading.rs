//! The text of an exercise, page by page where it does not fit above the panel.

use super::exercise_view::{ExerciseView, PanelSize};
use super::session::Session;
use super::view::{highest_panel, onwards};
use crate::engine::Engine;
use crate::lab::{Exercise, Task};
use crate::report::Screen;
use crate::{localized, text_plural};

/// The rows that neither the text nor the panel has: an empty one between them, and that of the cursor.
const OTHERS: usize = 2;

impl<E: Engine> Session<'_, E> {
    /// Shows the text of an exercise from its beginning. One that does not fit above the panel has the screen until it is read.
    pub(super) fn show_task(
        &self,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
    ) {
        let lines = self.task_lines(exercise, view);
        let rows = Screen::size().1;
        view.size = size_beside(Screen::rows_of(&lines.join("\n")), rows);
        view.unread = lines;
        self.show_page(screen, exercise, view);
    }

    /// Shows the text of an exercise again on a screen that was cleared. Checks that were in sight stay so.
    pub(super) fn show_task_again(
        &self,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
    ) {
        match view.size {
            PanelSize::Reading | PanelSize::Folded => self.show_task(screen, exercise, view),
            PanelSize::Whole => {
                view.unread = self.task_lines(exercise, view);
                self.show_page(screen, exercise, view);
            }
        }
    }

    /// Shows as many of the unread lines as fit above the panel.
    pub(super) fn show_page(
        &self,
        screen: &mut Screen,
        exercise: &Exercise,
        view: &mut ExerciseView,
    ) {
        let (columns, rows) = Screen::size();
        let panel = match view.size {
            PanelSize::Whole => highest_panel(rows),
            PanelSize::Folded | PanelSize::Reading => {
                let panel = self.panel(exercise, view);
                panel.lines(columns, rows, self.context.paint).len()
            }
        };
        let heights = view.unread.iter().map(|line| Screen::rows_of(line));
        let heights: Vec<usize> = heights.collect();
        let page = onwards(&heights, 0, rows.saturating_sub(panel + OTHERS)).end;
        let page: Vec<String> = view.unread.drain(..page.min(heights.len())).collect();
        screen.print_above(&page.join("\n"));
        if view.unread.is_empty() {
            screen.print_above("");
        }
    }

    /// Shows texts above the panel. While the text of the exercise is read, they follow its last page.
    pub(super) fn show_below_task(
        &self,
        screen: &mut Screen,
        view: &mut ExerciseView,
        texts: &[String],
    ) {
        match view.size {
            PanelSize::Reading => view.unread.extend(lines_of(texts)),
            PanelSize::Whole | PanelSize::Folded => {
                texts.iter().for_each(|text| screen.print_above(text));
            }
        }
    }

    /// Returns how to read on, or how to see the checks, if they are not in sight.
    pub(super) fn read_on(&self, exercise: &Exercise, view: &ExerciseView) -> Option<String> {
        let has_checks = matches!(exercise.task, Task::Practical { .. })
            && self.running.live.is_available(exercise);
        match (view.unread.len(), view.size) {
            (0, PanelSize::Reading) if has_checks => {
                Some(localized!("press Space to see the checks"))
            }
            (0, _) => None,
            (count, _) => {
                let text = text_plural!(
                    "↓ {count} more line: press Space",
                    "↓ {count} more lines: press Space",
                    count
                );
                Some(text.localized())
            }
        }
    }

    fn task_lines(&self, exercise: &Exercise, view: &ExerciseView) -> Vec<String> {
        let mut texts = Vec::new();
        self.task(&mut |text| texts.push(text.to_owned()), view.at, exercise);
        lines_of(&texts)
    }
}

/// Returns the size of the panel below a text that takes so many rows, in a terminal with so many.
fn size_beside(text: usize, rows: usize) -> PanelSize {
    match text + highest_panel(rows) + OTHERS > rows {
        true => PanelSize::Reading,
        false => PanelSize::Whole,
    }
}

/// Returns the lines of texts without the empty ones at their end.
fn lines_of(texts: &[String]) -> Vec<String> {
    let lines = texts.iter().flat_map(|text| text.split('\n'));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_leaves_no_room_for_the_checks_is_read_first() {
        assert_eq!(size_beside(10, 24), PanelSize::Whole);
        assert_eq!(size_beside(11, 24), PanelSize::Reading);
        assert_eq!(size_beside(1, 6), PanelSize::Reading);
    }

    #[test]
    fn empty_lines_at_the_end_are_not_read() {
        let texts = ["\nA title\n", "a\n\nb", ""].map(str::to_owned);
        assert_eq!(lines_of(&texts), ["", "A title", "", "a", "", "b"]);
        assert_eq!(lines_of(&["".to_owned()]), [""; 0]);
    }
}
