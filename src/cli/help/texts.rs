//! The words of `--help`: which commands belong together, what each promises, and lines that can be typed as they stand.

/// What a command's help says beyond its own line.
pub(super) struct CommandHelp {
    /// The command's words, such as `images pull`.
    pub(super) command: &'static str,
    /// What it does in a few words, for the screen of all commands; empty below a command.
    pub(super) summary: &'static str,
    /// What it promises, in two or three lines.
    pub(super) description: &'static str,
    pub(super) examples: &'static [&'static str],
}

/// The screen of all commands: the first half of the groups stands on the left.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    (
        "Learn",
        &[
            "list", "roadmap", "show", "run", "check", "hint", "solve", "answer",
        ],
    ),
    ("Write labs", &["new", "schema", "validate", "test"]),
    (
        "Services",
        &[
            "up", "status", "logs", "shell", "open", "restart", "reset", "down",
        ],
    ),
    (
        "This machine",
        &["doctor", "images", "engine", "gc", "completions", "man"],
    ),
];

pub(super) const COMMANDS: &[CommandHelp] = &[
    CommandHelp {
        command: "list",
        summary: "labs and your progress",
        description: "Labs are looked for in `--labs`, ./labs, your data folder, and last in roadlab itself.\n\
                  Nothing is started, and no engine is needed.",
        examples: &["roadlab list", "roadlab list --lang ko"],
    },
    CommandHelp {
        command: "roadmap",
        summary: "topics, labs for them",
        description: "The data engineer's roadmap as a tree: which labs cover a topic, how far you are, what has no lab yet.\n\
                  A topic is done once one of its labs is solved. No engine is needed.",
        examples: &["roadlab roadmap", "roadlab roadmap --lang ko"],
    },
    CommandHelp {
        command: "show",
        summary: "what a lab teaches",
        description: "Introduction, services and exercises of a lab; with an exercise, its text and what is checked.\n\
                  Nothing is started, and no engine is needed.",
        examples: &["roadlab show redis", "roadlab show redis settings"],
    },
    CommandHelp {
        command: "up",
        summary: "start, wait until ready",
        description: "Gets the images, starts the services in order and waits until each answers in its own protocol.\n\
                  Twice is a no-op; after an edit only what changed is made again. What did not come up is removed.",
        examples: &[
            "roadlab up redis",
            "roadlab up redis --instance second   # the same lab once more, beside the first",
            "roadlab up redis --ttl 2h   # goes by itself after two hours",
            "roadlab up redis --dry-run",
        ],
    },
    CommandHelp {
        command: "run",
        summary: "a guided session",
        description: "Starts the lab and goes through it: text, live checks, hints, solutions. What was solved stays solved.\n\
                  At the end you are asked whether the lab stays; `--keep` and `--down` decide without asking.",
        examples: &[
            "roadlab run redis",
            "roadlab run redis --lang ko",
            "roadlab run redis --auto --yes   # plays itself, without a terminal",
        ],
    },
    CommandHelp {
        command: "check",
        summary: "what is solved so far",
        description: "Asks the services themselves, over their own protocols, and changes nothing in them.\n\
                  What does not hold is told with what was expected, what was seen, and the hint that fits. Exit code 1 then.",
        examples: &[
            "roadlab check redis",
            "roadlab check redis settings",
            "roadlab check redis --watch   # again and again as the services change",
            "roadlab check redis --junit result.xml",
        ],
    },
    CommandHelp {
        command: "hint",
        summary: "the next hint",
        description: "First what the checks see now, then the next of the exercise's hints: a nudge first, almost the answer last.\n\
                  Works while the lab is down, too.",
        examples: &["roadlab hint redis settings"],
    },
    CommandHelp {
        command: "solve",
        summary: "play a solution",
        description: "Plays the solutions of the exercises this one builds on, then its own, in the running lab.\n\
                  Progress notes that roadlab solved it, not you.",
        examples: &["roadlab solve redis settings"],
    },
    CommandHelp {
        command: "answer",
        summary: "answer a quiz",
        description: "A right choice solves the exercise and tells what is behind it; a wrong one gets its hint and exit code 1.\n\
                  No engine is needed.",
        examples: &["roadlab answer redis quiz-when sessions"],
    },
    CommandHelp {
        command: "reset",
        summary: "back to the start",
        description: "Brings the services to the lab's starting point in well under a second and proves that they are healthy.\n\
                  Your progress stays; files of the workspace are put back.",
        examples: &[
            "roadlab reset redis",
            "roadlab reset redis --to memory-ceiling   # to where this exercise begins",
            "roadlab reset redis --hard",
        ],
    },
    CommandHelp {
        command: "restart",
        summary: "restart, keeping data",
        description: "Stops and starts services, or kills them as a crash would, and waits until they answer again.\n\
                  What survives that is the lesson: volumes stay.",
        examples: &[
            "roadlab restart redis",
            "roadlab restart redis redis --kill",
        ],
    },
    CommandHelp {
        command: "down",
        summary: "remove all of it",
        description: "Finds what is yours by its labels, without the lab's files, and removes nothing else. Nothing there is success.\n\
                  Your progress and your files stay unless `--forget` is given.",
        examples: &[
            "roadlab down redis",
            "roadlab down --all",
            "roadlab down redis --forget",
            "roadlab down redis --orphan",
        ],
    },
    CommandHelp {
        command: "status",
        summary: "what runs, and where",
        description: "Every lab and instance of yours: services, state, health, memory, uptime, addresses, progress. Each service\n\
                  is asked in its own protocol. With `--watch` it goes on until Ctrl-C; over a pipe it tells each change.",
        examples: &[
            "roadlab status",
            "roadlab status redis --json",
            "roadlab status --watch",
        ],
    },
    CommandHelp {
        command: "logs",
        summary: "what services wrote",
        description: "The last lines of all services of a lab, or of those named, in the order in which they were written.\n\
                  With `--follow` it goes on, over restarts too, until the last service has ended or Ctrl-C.",
        examples: &[
            "roadlab logs redis",
            "roadlab logs redis redis --tail 20 --follow",
            "roadlab logs prometheus-grafana --since 10m",
        ],
    },
    CommandHelp {
        command: "shell",
        summary: "a service's own client",
        description: "Opens redis-cli, psql, mongosh or what the service has, inside its container: nothing is installed here.\n\
                  After `--` stands a command to run instead; its exit code becomes roadlab's.",
        examples: &[
            "roadlab shell redis",
            "roadlab shell redis -- redis-cli GET greeting",
            "echo PING | roadlab shell redis   # works over pipes too",
        ],
    },
    CommandHelp {
        command: "open",
        summary: "its web interface",
        description: "Opens the web interface of a lab's service in the browser. Its address and login are printed anyway, and are\n\
                  all there is where no browser can be shown. Of several services that have one, name the one you want.",
        examples: &[
            "roadlab open rabbitmq",
            "roadlab open prometheus-grafana prometheus",
        ],
    },
    CommandHelp {
        command: "test",
        summary: "a lab proves itself",
        description: "In an instance of its own: every check fails at the start, every wrong answer fails with its hint, every\n\
                  solution passes, and passes twice, and after a reset every check fails again. Removed at the end.",
        examples: &[
            "roadlab test redis",
            "roadlab test ./labs/my-lab --junit proof.xml",
        ],
    },
    CommandHelp {
        command: "validate",
        summary: "find all mistakes",
        description: "All problems of all files at once, each with its line, what is allowed there and the nearest name.\n\
                  No engine is needed and nothing is started.",
        examples: &["roadlab validate", "roadlab validate labs/my-lab"],
    },
    CommandHelp {
        command: "doctor",
        summary: "can labs run here?",
        description: "Looks at engine, limits, memory, disk, ports, proxies and clock, and says for each what was seen and the fix.\n\
                  Nothing is pulled or started. Exit code 3 if a lab asked for cannot run here.",
        examples: &["roadlab doctor", "roadlab doctor airflow --json"],
    },
    CommandHelp {
        command: "images",
        summary: "images ahead of time",
        description: "An official image is pulled; where no registry can be reached, it is built from the recipe.\n\
                  `up` and `run` do so by themselves: this is for doing it earlier, or elsewhere.",
        examples: &["roadlab images list", "roadlab images pull redis"],
    },
    CommandHelp {
        command: "images pull",
        summary: "",
        description: "Pulls or builds every image of the labs that is missing, so that `up` works without a network.\n\
                  Registries that could not be reached a short while ago are asked again.",
        examples: &["roadlab images pull redis rabbitmq"],
    },
    CommandHelp {
        command: "images list",
        summary: "",
        description: "For each service the official image, and the one that is used here.\n\
                  Nothing is pulled or built.",
        examples: &["roadlab images list", "roadlab images list redis"],
    },
    CommandHelp {
        command: "images remove",
        summary: "",
        description: "Removes images that roadlab built from recipes; what was pulled stays.\n\
                  An image that a container uses is not removed.",
        examples: &["roadlab images remove redis"],
    },
    CommandHelp {
        command: "images export",
        summary: "",
        description: "Writes one tar file, as `docker save` does, with the images of all services of the labs under the names\n\
                  by which `up` looks for them. Missing images are got first. The file appears when it is whole.",
        examples: &[
            "roadlab images export labs.tar redis rabbitmq",
            "roadlab images export redis.tar redis --offline",
        ],
    },
    CommandHelp {
        command: "images import",
        summary: "",
        description: "Loads the images of a file that `images export` wrote; no registry and no network is needed.\n\
                  Then `roadlab up LAB --offline` works on this machine.",
        examples: &["roadlab images import labs.tar"],
    },
    CommandHelp {
        command: "engine",
        summary: "the container engine",
        description: "Labs run in Docker Engine, or another engine that speaks its API.\n\
                  Every command finds it by itself: this shows which, installs one, or stops it.",
        examples: &["roadlab engine status", "roadlab engine up --yes"],
    },
    CommandHelp {
        command: "engine status",
        summary: "",
        description: "The socket, who named it, and what answers there; or why nothing does.\n\
                  Changes nothing.",
        examples: &["roadlab engine status --json"],
    },
    CommandHelp {
        command: "engine up",
        summary: "",
        description: "Starts the engine that is there; else installs Docker Engine with the system's package manager.\n\
                  Asks before it installs; `--yes` agrees, and is needed without a terminal.",
        examples: &["roadlab engine up --yes"],
    },
    CommandHelp {
        command: "engine down",
        summary: "",
        description: "Stops the engine only if roadlab started it.\n\
                  An engine that was running before is left alone.",
        examples: &["roadlab engine down"],
    },
    CommandHelp {
        command: "gc",
        summary: "clean up after a kill",
        description: "Removes what is left of runs whose roadlab was killed before it could clean up.\n\
                  Every command that uses the engine does so as it starts; nothing of anybody else's is touched.",
        examples: &["roadlab gc"],
    },
    CommandHelp {
        command: "completions",
        summary: "completion for a shell",
        description: "The shell then asks roadlab what can stand at the cursor: commands, options, labs, exercises, services,\n\
                  instances, quiz choices. Put the line of your shell into its start file, here and now:",
        examples: &[
            "echo 'source <(roadlab completions bash)' >> ~/.bashrc",
            "echo 'source <(roadlab completions zsh)' >> ~/.zshrc     # below compinit",
            "echo 'roadlab completions fish | source' >> ~/.config/fish/config.fish",
        ],
    },
    CommandHelp {
        command: "man",
        summary: "the manual",
        description: "To standard output: the page of roadlab. Into a folder: that page, and one for each command.\n\
                  They are made from the same texts as `--help`.",
        examples: &[
            "roadlab man | man -l -",
            "roadlab man ~/.local/share/man/man1",
        ],
    },
    CommandHelp {
        command: "schema",
        summary: "JSON Schema for editors",
        description: "With it an editor completes and explains the keys of lab.yaml, or of x-roadlab in a compose.yaml, and marks\n\
                  mistakes while you type. `roadlab validate` goes further: it knows what only all files together show.",
        examples: &[
            "roadlab schema > lab.schema.json",
            "roadlab schema compose > compose.schema.json",
        ],
    },
    CommandHelp {
        command: "new",
        summary: "begin a lab of your own",
        description: "Makes a folder with a small lab on Redis that proves itself at once, in English and Korean, with comments that\n\
                  teach the format. Works anywhere. Never overwrites: if the folder is there, nothing is done.",
        examples: &["roadlab new my-lab", "roadlab new my-lab ~/labs"],
    },
];
