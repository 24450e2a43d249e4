//! Opens web pages in the browser.

use crate::localized;
use crate::report::sanitize;

/// What happened to a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BrowserResult {
    InBrowser,
    /// There is no display that a browser could use.
    NoDisplay,
    /// The page is for a browser on another machine.
    Elsewhere,
    Failed(String),
}

impl BrowserResult {
    /// Returns what happened, in words.
    pub(super) fn describe(&self) -> String {
        match self {
            BrowserResult::InBrowser => localized!("opened in the browser"),
            BrowserResult::NoDisplay => {
                localized!("no browser available; open the address yourself")
            }
            BrowserResult::Elsewhere => {
                localized!("open the address in the browser of the other machine")
            }
            BrowserResult::Failed(why) => localized!(
                "cannot open the browser: {why}; open the address yourself",
                why = sanitize(why)
            ),
        }
    }
}

/// Opens a page and does not wait for the browser.
pub(super) fn open_in_browser(address: &str) -> BrowserResult {
    if !has_display(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        return BrowserResult::NoDisplay;
    }
    match open::that_detached(address) {
        Ok(()) => BrowserResult::InBrowser,
        Err(error) => BrowserResult::Failed(error.to_string()),
    }
}

/// Returns whether a browser can show itself. Without a display, `xdg-open` starts one that takes over the terminal.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    let names = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"];
    cfg!(target_os = "macos") || names.into_iter().any(is_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_a_display_or_a_variable_that_names_it() {
        assert!(!has_display(|name| ["TERM", "HOME"].contains(&name)));
        assert!(has_display(|name| name == "WAYLAND_DISPLAY"));
        assert!(has_display(|name| name == "BROWSER"));
    }
}
