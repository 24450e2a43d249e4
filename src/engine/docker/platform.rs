//! Which images run on which machines. Pure.

/// Returns the architecture of this program, as the engine names it.
pub(super) fn own() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Returns whether a machine runs images for an architecture. Images that were not built by an engine may not name one.
pub(super) fn runs_on(machine: &str, image: &str) -> bool {
    machine == image
        || matches!(image, "" | "unknown")
        || matches!((machine, image), ("amd64", "386") | ("arm64", "arm"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_runs_on_a_machine_of_its_architecture() {
        for (machine, image) in [("amd64", "amd64"), ("arm64", "arm"), ("amd64", "")] {
            assert!(runs_on(machine, image), "{image} on {machine}");
        }
        for (machine, image) in [("amd64", "arm64"), ("arm64", "amd64"), ("arm", "arm64")] {
            assert!(!runs_on(machine, image), "{image} on {machine}");
        }
    }
}
