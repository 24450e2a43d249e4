//! Renders the texts of a lab's guides.

use crate::lab::id::ServiceName;
use crate::lab::model::Lab;
use crate::lab::template::{Addresses, TemplateError, render_guide};

/// Renders a text of a guide. Names are `lab`, the lab's variables, and each service with `host`, `port`, `ports`, `url` and
/// `container`. The address of a service that is not in `addresses` says that it is not running.
///
/// # Errors
/// The first name that is unknown, or the first tag that is not a name.
pub fn render(text: &str, lab: &Lab, addresses: &Addresses) -> Result<String, TemplateError> {
    let services: Vec<&ServiceName> = lab.services.keys().collect();
    render_guide(text, &lab.id, &lab.vars, &services, addresses)
}
