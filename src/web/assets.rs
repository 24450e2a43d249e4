//! The styles, scripts and pictures of the pages. They are compiled in; nothing is loaded from elsewhere.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::hex;

/// A file of the pages.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

const ASSETS: [Asset; 5] = [
    Asset {
        name: "page.css",
        content_type: "text/css; charset=utf-8",
        content: include_bytes!("assets/page.css"),
    },
    Asset {
        name: "page.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("assets/page.js"),
    },
    Asset {
        name: "terminal.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("assets/terminal.js"),
    },
    Asset {
        name: "files.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("assets/files.js"),
    },
    Asset {
        name: "icon.svg",
        content_type: "image/svg+xml",
        content: include_bytes!("assets/icon.svg"),
    },
];

/// The beginning of the digest of all files, which changes their addresses when one of them changes.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    ASSETS.iter().for_each(|asset| digest.update(asset.content));
    hex::encode(&digest.finalize()[..6])
});

/// Returns the path of a file, which names its version.
pub(super) fn path(name: &str) -> String {
    format!("/assets/{}-{name}", *VERSION)
}

/// Returns the type and the content of a file by the last part of its path.
pub(super) fn find(versioned: &str) -> Option<(&'static str, &'static [u8])> {
    let name = versioned
        .strip_prefix(VERSION.as_str())?
        .strip_prefix('-')?;
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    Some((asset.content_type, asset.content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_path_only() {
        for asset in ASSETS {
            let path = path(asset.name);
            let found = find(path.strip_prefix("/assets/").unwrap());
            assert_eq!(found, Some((asset.content_type, asset.content)));
            assert_eq!(find(asset.name), None);
        }
        assert_eq!(find("../lib.rs"), None);
    }

    /// The pages work on any machine, offline: what is ours names no other address.
    #[test]
    fn no_file_loads_anything_from_elsewhere() {
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.content).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for word in ["http:", "https:", "@import", "//cdn", "eval("] {
                assert!(!text.contains(word), "{}: {word}", asset.name);
            }
        }
    }
}
