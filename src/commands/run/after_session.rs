//! What happens to the lab when a session ends.

/// What happens to the lab when a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterSession {
    /// The learner is prompted, if there is a terminal.
    Prompt,
    Keep,
    TearDown,
}

impl AfterSession {
    /// Returns what happens if the learner cannot be prompted. `was_up` is whether the lab was running before the session: it is
    /// only removed then if the learner says so.
    pub(super) fn without_prompt(self, was_up: bool) -> Self {
        match (self, was_up) {
            (Self::Keep, _) | (Self::Prompt, true) => Self::Keep,
            (Self::TearDown, _) | (Self::Prompt, false) => Self::TearDown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AfterSession::{Keep, Prompt, TearDown};

    #[test]
    fn without_a_prompt_the_options_decide_before_the_state_of_the_lab() {
        for was_up in [true, false] {
            assert_eq!(Keep.without_prompt(was_up), Keep);
            assert_eq!(TearDown.without_prompt(was_up), TearDown);
        }
        assert_eq!(Prompt.without_prompt(true), Keep);
        assert_eq!(Prompt.without_prompt(false), TearDown);
    }
}
