//! Which images run on which machine. Pure.

/// This program's own architecture in the engine's words.
pub(super) fn own() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Whether a machine runs images of an architecture, which an image made by hand may not tell.
pub(super) fn runs_on(machine: &str, image: &str) -> bool {
    machine == image
        || matches!(image, "" | "unknown")
        || matches!((machine, image), ("amd64", "386") | ("arm64", "arm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_runs_on_a_machine_of_its_kind() {
        for (machine, image) in [("amd64", "amd64"), ("arm64", "arm"), ("amd64", "")] {
            assert!(runs_on(machine, image), "{image} on {machine}");
        }
        for (machine, image) in [("amd64", "arm64"), ("arm64", "amd64"), ("arm", "arm64")] {
            assert!(!runs_on(machine, image), "{image} on {machine}");
        }
    }
}
