//! The variable `WORKSPACE` of Compose files.

use crate::lab::variables::Variables;

/// The value of `WORKSPACE`. No normalized path begins with two slashes.
pub(crate) const WORKSPACE_PLACEHOLDER: &str = "//workspace";

/// Returns the variables that a Compose file may refer to: those of the lab, and `WORKSPACE`.
pub(crate) fn compose_variables(variables: &Variables) -> Variables {
    let mut variables = variables.clone();
    variables.insert("WORKSPACE".to_owned(), WORKSPACE_PLACEHOLDER.to_owned());
    variables
}
