//! The lines of a text.

/// The offset of each line, so that a text is searched once for all the places in it.
#[derive(Debug)]
pub(crate) struct LineStarts(Vec<usize>);

impl LineStarts {
    pub(crate) fn of(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self([0].into_iter().chain(breaks).collect())
    }

    /// Returns the line of an offset, counted from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at)
    }

    /// Returns the offset of a line, which is counted from 1.
    pub(crate) fn start(&self, line: usize) -> Option<usize> {
        self.0.get(line.wrapping_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_on_the_line_that_begins_before_it() {
        let text = "ab\n\nc\n";
        let starts = LineStarts::of(text);
        let lines: Vec<usize> = (0..=text.len()).map(|at| starts.line(at)).collect();
        assert_eq!(lines, [1, 1, 1, 2, 3, 3, 4]);
        let starts = [0, 1, 2, 3, 4, 5].map(|line| starts.start(line));
        assert_eq!(starts, [None, Some(0), Some(3), Some(4), Some(6), None]);
    }
}
