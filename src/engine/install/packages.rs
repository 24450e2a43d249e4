//! How each package manager is asked for what we need.

/// A package manager, with what tells apart the systems that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageManager {
    Apt,
    /// With the name of the engine's package: Fedora's is not Amazon's.
    Dnf(&'static str),
    Pacman,
    Apk,
    Zypper,
}

/// Something to install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Package {
    Engine,
    /// Makes Debian file systems.
    Mmdebstrap,
}

impl PackageManager {
    /// The program that shows it is there, in the order of looking.
    pub(super) const PROGRAMS: [&str; 5] = ["apt-get", "dnf", "pacman", "apk", "zypper"];

    /// By its program, and `ID` of `os-release`.
    pub(super) fn named(program: &str, system: &str) -> Option<Self> {
        match program {
            "apt-get" => Some(Self::Apt),
            "dnf" if system == "amzn" => Some(Self::Dnf("docker")),
            "dnf" => Some(Self::Dnf("moby-engine")),
            "pacman" => Some(Self::Pacman),
            "apk" => Some(Self::Apk),
            "zypper" => Some(Self::Zypper),
            _ => None,
        }
    }

    /// The names a package has here; empty if there is none.
    pub(super) fn names(self, package: Package) -> Vec<&'static str> {
        match (package, self) {
            // Without the recommended ones, pulls would find no certificates.
            (Package::Engine, Self::Apt) => vec!["docker.io", "ca-certificates"],
            (Package::Engine, Self::Dnf(name)) => vec![name],
            (Package::Engine, Self::Pacman | Self::Apk | Self::Zypper) => vec!["docker"],
            // The keys come along because Ubuntu does not have Debian's, `mount` because it is only recommended.
            (Package::Mmdebstrap, Self::Apt) => {
                vec!["mmdebstrap", "debian-archive-keyring", "mount"]
            }
            (Package::Mmdebstrap, Self::Dnf(_)) => vec!["mmdebstrap", "debian-keyring"],
            (Package::Mmdebstrap, Self::Pacman | Self::Apk | Self::Zypper) => vec![],
        }
    }

    /// Brings the lists of packages up to date, where that is a step of its own.
    pub(super) fn refresh(self) -> Option<Vec<String>> {
        match self {
            Self::Apt => Some(words(&["apt-get", "update"])),
            Self::Dnf(_) | Self::Pacman | Self::Apk | Self::Zypper => None,
        }
    }

    /// Installs packages, asking nothing.
    pub(super) fn install(self, names: &[&str]) -> Vec<String> {
        let mut command = words(match self {
            // An update in the background may hold the lock on a machine that has just started.
            Self::Apt => &[
                "apt-get",
                "install",
                "-y",
                "--no-install-recommends",
                "-o",
                "DPkg::Lock::Timeout=120",
            ],
            Self::Dnf(_) => &["dnf", "install", "-y"],
            Self::Pacman => &["pacman", "-Sy", "--needed", "--noconfirm"],
            Self::Apk => &["apk", "add", "--update-cache"],
            Self::Zypper => &["zypper", "--non-interactive", "install"],
        });
        command.extend(words(names));
        command
    }
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
