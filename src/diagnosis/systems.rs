//! The systems that labs may run on, and how far each was tried. `doctor` and `docs/src/systems.md` show this table.

use crate::text;
use crate::text::Text;

/// How far roadlab was tried on a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Experience {
    /// Labs and tests ran there and passed.
    Run,
    /// Tests ran there, and some failed or some were left out.
    RunInPart,
    /// Nothing ran there. What is known comes from documentation.
    ReadAbout,
    /// Nothing ran there and nothing is known.
    NotRun,
}

impl Experience {
    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Experience::Run => "run",
            Experience::RunInPart => "run_in_part",
            Experience::ReadAbout => "read_about",
            Experience::NotRun => "not_run",
        }
    }

    /// Returns the words of the table.
    pub fn text(self) -> Text {
        match self {
            Experience::Run => text!("tested"),
            Experience::RunInPart => text!("partly tested"),
            Experience::ReadAbout => text!("documentation only"),
            Experience::NotRun => text!("not tested"),
        }
    }
}

/// A kind of machine and engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    LinuxDocker,
    LinuxPodman,
    RootlessDocker,
    RootlessPodman,
    Arm64,
    OtherProcessor,
    DockerDesktop,
    Wsl,
    MacOs,
}

/// What decides which system a machine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The operating system for which this program was built, such as `linux`.
    pub os: String,
    /// Whether the kernel is that of the Windows Subsystem for Linux.
    pub wsl: bool,
    /// The processor of the engine's machine as engines name it, such as `amd64`.
    pub processor: String,
    pub podman: bool,
    pub rootless: bool,
    /// Whether the engine is Docker Desktop, which runs in a virtual machine.
    pub desktop: bool,
}

impl Host {
    /// Returns the system. Of several properties the one counts that differs most from what was tried.
    pub fn system(&self) -> System {
        match (self.podman, self.rootless) {
            _ if self.os != "linux" => System::MacOs,
            _ if self.desktop => System::DockerDesktop,
            _ if self.wsl => System::Wsl,
            _ if self.processor == "arm64" => System::Arm64,
            _ if self.processor != "amd64" => System::OtherProcessor,
            (true, true) => System::RootlessPodman,
            (false, true) => System::RootlessDocker,
            (true, false) => System::LinuxPodman,
            (false, false) => System::LinuxDocker,
        }
    }
}

impl System {
    /// Every system, in the order of the table.
    pub const ALL: [Self; 9] = [
        System::LinuxDocker,
        System::LinuxPodman,
        System::RootlessDocker,
        System::RootlessPodman,
        System::Arm64,
        System::OtherProcessor,
        System::DockerDesktop,
        System::Wsl,
        System::MacOs,
    ];

    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            System::LinuxDocker => "linux_docker",
            System::LinuxPodman => "linux_podman",
            System::RootlessDocker => "rootless_docker",
            System::RootlessPodman => "rootless_podman",
            System::Arm64 => "arm64",
            System::OtherProcessor => "other_processor",
            System::DockerDesktop => "docker_desktop",
            System::Wsl => "wsl",
            System::MacOs => "macos",
        }
    }

    pub fn experience(self) -> Experience {
        match self {
            System::LinuxDocker => Experience::Run,
            System::LinuxPodman => Experience::RunInPart,
            System::RootlessDocker
            | System::RootlessPodman
            | System::Arm64
            | System::DockerDesktop
            | System::Wsl => Experience::ReadAbout,
            System::OtherProcessor | System::MacOs => Experience::NotRun,
        }
    }

    /// Returns the system in words.
    pub fn text(self) -> Text {
        match self {
            System::LinuxDocker => text!("Linux on amd64, Docker Engine"),
            System::LinuxPodman => text!("Linux on amd64, Podman as root"),
            System::RootlessDocker => text!("Linux on amd64, rootless Docker"),
            System::RootlessPodman => text!("Linux on amd64, rootless Podman"),
            System::Arm64 => text!("Linux on arm64"),
            System::OtherProcessor => text!("Linux on another processor"),
            System::DockerDesktop => text!("Docker Desktop on Linux, or with WSL 2 on Windows"),
            System::Wsl => text!("WSL 2 on Windows, Docker Engine in the distribution"),
            System::MacOs => text!("macOS with Docker Desktop"),
        }
    }

    /// Returns what ran there, or what to expect.
    pub fn remark(self) -> Text {
        match self {
            System::LinuxDocker => text!(
                "every lab and every test ran with Docker 20.10; the engine tests and one lab with 26.1 and 28.5"
            ),
            System::LinuxPodman => text!(
                "the engine tests and one lab ran with Podman 4.3, 5.4 and 5.8; on Podman 5 the port of a lab was unreachable in some runs"
            ),
            System::RootlessDocker => {
                text!("limits on memory and processes need cgroup v2 and systemd")
            }
            System::RootlessPodman => text!(
                "limits need cgroup v2 and systemd; files that a service creates may belong to another user id"
            ),
            System::Arm64 => text!(
                "the official images exist for arm64; the recipes for images were built on amd64 only"
            ),
            System::OtherProcessor => {
                text!("some images do not exist for it; recipes may build them")
            }
            System::DockerDesktop => text!(
                "the engine runs in a virtual machine: its memory and disk count, and only shared folders can be mounted"
            ),
            System::Wsl => text!(
                "keep labs and your files in the file system of Linux, not below `/mnt/c`; memory is limited by `.wslconfig`"
            ),
            System::MacOs => text!(
                "roadlab is a program for Linux and does not compile on macOS; use it in a virtual machine with Linux"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux() -> Host {
        Host {
            os: "linux".into(),
            processor: "amd64".into(),
            ..Host::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Host), expected: System) {
        let mut host = linux();
        change(&mut host);
        assert_eq!(host.system(), expected, "{host:?}");
    }

    #[test]
    fn a_machine_is_the_system_that_differs_most() {
        check(|_| (), System::LinuxDocker);
        check(|host| host.podman = true, System::LinuxPodman);
        check(|host| host.rootless = true, System::RootlessDocker);
        let both = |host: &mut Host| (host.podman, host.rootless) = (true, true);
        check(both, System::RootlessPodman);
        check(|host| host.processor = "arm64".into(), System::Arm64);
        check(
            |host| host.processor = "riscv64".into(),
            System::OtherProcessor,
        );
        check(|host| host.wsl = true, System::Wsl);
        let desktop = |host: &mut Host| (host.wsl, host.desktop) = (true, true);
        check(desktop, System::DockerDesktop);
        check(|host| host.os = "macos".into(), System::MacOs);
    }

    #[test]
    fn every_system_stands_in_the_table_once() {
        let names: std::collections::BTreeSet<_> = System::ALL.map(System::name).into();
        assert_eq!(names.len(), System::ALL.len());
    }
}
