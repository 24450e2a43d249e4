//! The texts of `--help`: groups of commands, and for each command a description and examples.

/// The help of a command beyond its first line.
pub(super) struct CommandHelp {
    /// The command with its parents, such as `images pull`.
    pub(super) command: &'static str,
    /// What it does, in at most 25 columns, for the overview; empty for subcommands.
    pub(super) summary: &'static str,
    /// What it does, in one paragraph of two or three sentences.
    pub(super) description: &'static str,
    pub(super) examples: &'static [&'static str],
}

/// The summaries of lines of the overview that have several commands.
pub(super) const SHARED: &[(&str, &str)] = &[
    ("roadmap, next", "topics and next lab"),
    ("run, web", "guided session, web page"),
    ("hint, solve", "show a hint, a solution"),
    ("pause, down", "pause or remove labs"),
    ("validate, explain", "check lab files"),
    ("add, update, remove", "shared labs"),
    ("schema, completions, man", "for tools"),
];

/// The groups of the overview; the first half stands on the left. A line can have several commands.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    (
        "Learn",
        &[
            "list",
            "roadmap, next",
            "show",
            "run, web",
            "check",
            "hint, solve",
            "answer",
            "measure",
            "report",
            "dispute",
        ],
    ),
    (
        "Write labs",
        &[
            "new",
            "catalogue",
            "author",
            "validate, explain",
            "test",
            "pack",
        ],
    ),
    (
        "Services",
        &[
            "up",
            "status",
            "logs",
            "shell",
            "open",
            "restart",
            "fault",
            "reset",
            "pause, down",
        ],
    ),
    (
        "This machine",
        &[
            "add, update, remove",
            "doctor",
            "images",
            "engine",
            "gc",
            "schema, completions, man",
        ],
    ),
];

pub(super) const COMMANDS: &[CommandHelp] = &[
    CommandHelp {
        command: "list",
        summary: "list labs and progress",
        description: "Searches `--labs`, ./labs, the data folder and the built-in labs. \
                  Nothing is started, and no engine is needed.",
        examples: &["roadlab list", "roadlab list --lang ko"],
    },
    CommandHelp {
        command: "roadmap",
        summary: "show topics and labs",
        description: "Shows the topics of the data engineer roadmap as a tree, with the labs that cover them and your progress. \
                  A topic is done when one of its labs is solved. No engine is needed.",
        examples: &["roadlab roadmap", "roadlab roadmap --lang ko"],
    },
    CommandHelp {
        command: "next",
        summary: "show the next lab",
        description: "Shows the labs that are not finished: what you began, then what fits next, then what builds on those. \
                  A lab counts as known once half of its exercises are solved. No engine is needed.",
        examples: &["roadlab next", "roadlab next --lang ko"],
    },
    CommandHelp {
        command: "show",
        summary: "show lab details",
        description: "Shows the introduction, services and exercises of a lab; for an exercise, its text and its checks. \
                  Nothing is started, and no engine is needed.",
        examples: &["roadlab show redis", "roadlab show redis settings"],
    },
    CommandHelp {
        command: "up",
        summary: "start a lab",
        description: "Pulls or builds missing images, starts the services in order and waits until each of them is ready. \
                  Leaves running services alone and recreates changed ones. If the start fails, removes what it created.",
        examples: &[
            "roadlab up redis",
            "roadlab up redis --instance second   # a second copy of the same lab",
            "roadlab up redis --ttl 2h   # removed after two hours",
            "roadlab up ./redis.lab   # a file of `roadlab pack`",
            "roadlab up redis --timings   # where the time went",
            "roadlab up redis --dry-run",
        ],
    },
    CommandHelp {
        command: "run",
        summary: "run a guided session",
        description: "Starts the lab and guides you through its exercises, with live checks, hints and solutions. \
                  At the end it asks whether to keep the lab; `--keep` and `--down` answer in advance. Progress is saved.",
        examples: &[
            "roadlab run redis",
            "roadlab run redis --lang ko",
            "roadlab run redis --auto --yes   # plays all solutions without a terminal",
        ],
    },
    CommandHelp {
        command: "web",
        summary: "learn in a browser",
        description: "Shows the labs on a page of this machine: the text of each exercise, checks that follow what you do, hints, quizzes \
                  and the services. Prints the address and opens it in the browser. \
                  Only the browser that opens the address first can use the page. Without `--listen`, it can be reached from this machine only.",
        examples: &[
            "roadlab web redis",
            "roadlab web",
            "roadlab web redis --port 4000   # always the same address",
        ],
    },
    CommandHelp {
        command: "check",
        summary: "check exercises",
        description: "Queries the services over their own protocols without changing anything. \
                  If a check fails, shows the expected value, the actual value and a hint, and exits with code 1.",
        examples: &[
            "roadlab check redis",
            "roadlab check redis settings",
            "roadlab check redis --watch   # checks again on every change",
            "roadlab check redis --junit result.xml",
        ],
    },
    CommandHelp {
        command: "hint",
        summary: "show the next hint",
        description: "Shows the hint for the first failed check, then the next general hint; the last one is close to the answer. \
                  Also works while the lab is down.",
        examples: &[
            "roadlab hint redis settings",
            "roadlab hint redis settings --again   # those that were shown before",
        ],
    },
    CommandHelp {
        command: "report",
        summary: "report points and hints",
        description: "Lists for each exercise its points, who solved it and when (the learner, or only the solution that was played), the hints that \
                  were shown until then, the attempts in a quiz, the time in sessions, and the draw of its random values. Reads the \
                  progress only; the lab need not be up.",
        examples: &[
            "roadlab report redis",
            "roadlab report redis --csv --name kim > kim.csv",
            "roadlab report redis --json --instance second",
        ],
    },
    CommandHelp {
        command: "solve",
        summary: "play a solution",
        description: "Plays the solutions of the exercises that this one builds on, then its own, in the running lab, and prints the commands. \
                  If that does not work from the present state, it asks and then resets the services to the start of the exercise. \
                  The progress records that the solution was played, not that you solved the exercise.",
        examples: &["roadlab solve redis settings"],
    },
    CommandHelp {
        command: "answer",
        summary: "answer a quiz",
        description: "The right choice solves the exercise and shows the explanation; a wrong one shows a hint and exits with code 1. \
                  No engine is needed.",
        examples: &["roadlab answer redis quiz-when sessions"],
    },
    CommandHelp {
        command: "measure",
        summary: "compare two ways",
        description: "Puts the same question to every side of an exercise, in turn, and shows how long each takes and how much it reads. \
                  Times are shown only if all sides give the same result. Nothing is changed. In the session, `m` does the same.",
        examples: &[
            "roadlab measure postgres-vs-mongodb four-questions",
            "roadlab measure postgres-vs-mongodb four-questions --rounds 100",
        ],
    },
    CommandHelp {
        command: "reset",
        summary: "reset a lab",
        description: "Restores the initial data of the services, and waits until the lab is healthy. \
                  Files that the lab brought are restored; your changed versions are kept beside them, and your other files stay. \
                  Progress is kept unless `--progress` is given, which requires confirmation.",
        examples: &[
            "roadlab reset redis",
            "roadlab reset redis --to memory-ceiling   # to the start of this exercise",
            "roadlab reset redis --hard",
            "roadlab reset redis --progress   # also forget what you solved",
        ],
    },
    CommandHelp {
        command: "restart",
        summary: "restart services",
        description: "Stops or kills services, starts them again and waits until they are ready. \
                  Volumes are kept.",
        examples: &[
            "roadlab restart redis",
            "roadlab restart redis redis --kill",
        ],
    },
    CommandHelp {
        command: "fault",
        summary: "break or heal a service",
        description: "`cut` disconnects a service from the other services; its client, its web interface and the checks still reach it. \
                  `pause` freezes its processes, `stop` and `kill` end them, and `fill` fills its disk in memory. \
                  `heal` ends all of this, for one service or for all; so do `reset` and `up`. \
                  `roadlab status` shows what is broken.",
        examples: &[
            "roadlab fault redis pause redis",
            "roadlab fault redis heal",
        ],
    },
    CommandHelp {
        command: "pause",
        summary: "pause a lab",
        description: "Stops the services in an orderly way, which frees their memory. Containers, data, progress and files stay, \
                  even if the engine or the machine restarts. `roadlab up` and `roadlab run` resume the lab. \
                  The time limit of `--ttl` keeps running.",
        examples: &[
            "roadlab pause redis",
            "roadlab up redis   # resumes the lab",
        ],
    },
    CommandHelp {
        command: "down",
        summary: "remove labs",
        description: "Finds containers, networks and volumes by their labels, even without the lab's files, and removes only yours. \
                  Progress and workspace files are kept unless `--forget` is given, which requires confirmation.",
        examples: &[
            "roadlab down redis",
            "roadlab down --all",
            "roadlab down redis --forget",
            "roadlab down redis --orphan",
        ],
    },
    CommandHelp {
        command: "status",
        summary: "show running labs",
        description: "Shows services, state, health, memory, uptime, addresses and progress of all running labs and instances. \
                  With `--watch`, redraws the terminal every second; to a pipe, prints each change.",
        examples: &[
            "roadlab status",
            "roadlab status redis --json",
            "roadlab status --watch",
        ],
    },
    CommandHelp {
        command: "logs",
        summary: "show service logs",
        description: "Shows the last lines of the named services, or of all services of the lab, in the order they were written. \
                  With `--follow`, continues through restarts until the last service exits.",
        examples: &[
            "roadlab logs redis",
            "roadlab logs redis redis --tail 20 --follow",
            "roadlab logs prometheus-grafana --since 10m",
        ],
    },
    CommandHelp {
        command: "shell",
        summary: "open a service client",
        description: "Opens redis-cli, psql, mongosh or another client of the service inside its container. \
                  After `--`, runs that command instead and exits with its exit code. Standard input is passed on to it.",
        examples: &[
            "roadlab shell redis",
            "roadlab shell redis -- redis-cli GET greeting",
            "echo PING | roadlab shell redis   # reads standard input",
        ],
    },
    CommandHelp {
        command: "open",
        summary: "open a web interface",
        description: "Opens the web interface of a service in the browser and prints its address and login. \
                  Without a browser, it only prints them.",
        examples: &[
            "roadlab open rabbitmq",
            "roadlab open prometheus-grafana prometheus",
        ],
    },
    CommandHelp {
        command: "test",
        summary: "test a lab",
        description: "Checks fail at the start, wrong answers fail with their hints, right answers and solutions pass, and solutions with \
                  a step left out fail. Finds checks that accept too much. Uses an instance of its own, removed at the end.",
        examples: &[
            "roadlab test redis",
            "roadlab test ./labs/my-lab --only sessions --keep",
            "roadlab test ./labs/my-lab --strict --junit proof.xml",
            "roadlab test redis sessions --answer 2   # shows what each check sees",
            "roadlab test redis --case dispute.json   # judge a disputed verdict",
        ],
    },
    CommandHelp {
        command: "dispute",
        summary: "disagree with a check",
        description: "Writes one file for the author of the lab: what each check saw, the versions, your changed files, and what you typed into \
                  the clients. Secrets are left out. Nothing is sent; read the file before you share it.",
        examples: &[
            "roadlab dispute redis sessions -m \"SETEX is right too\"",
            "roadlab dispute redis sessions",
        ],
    },
    CommandHelp {
        command: "validate",
        summary: "validate lab files",
        description: "Reports all problems of all files at once, with line, allowed values and suggestions. \
                  No engine is needed, and nothing is started.",
        examples: &["roadlab validate", "roadlab validate labs/my-lab"],
    },
    CommandHelp {
        command: "doctor",
        summary: "check this machine",
        description: "Checks engine, limits, memory, disk, ports, proxies and clock, and shows how to fix each problem. \
                  Changes nothing; without `--offline`, the clock is compared with a registry. Exit code 3 if a lab cannot run.",
        examples: &["roadlab doctor", "roadlab doctor airflow --json"],
    },
    CommandHelp {
        command: "images",
        summary: "manage images",
        description: "Pulls official images; where no registry can be reached, builds them from recipes. \
                  `up` and `run` do the same when they need an image.",
        examples: &["roadlab images list", "roadlab images pull redis"],
    },
    CommandHelp {
        command: "images pull",
        summary: "",
        description: "Pulls or builds every missing image of the labs, so that `up` works without a network. \
                  Registries that were unreachable before are tried again.",
        examples: &["roadlab images pull redis rabbitmq"],
    },
    CommandHelp {
        command: "images list",
        summary: "",
        description: "Shows the official image of each service and the image in use. \
                  Nothing is pulled or built.",
        examples: &["roadlab images list", "roadlab images list redis"],
    },
    CommandHelp {
        command: "images remove",
        summary: "",
        description: "Removes images that roadlab built from recipes; pulled images are kept. \
                  Images in use by a container are not removed.",
        examples: &["roadlab images remove redis"],
    },
    CommandHelp {
        command: "images export",
        summary: "",
        description: "Writes the images of all services of the labs to a tar file, as `docker save` does. \
                  Missing images are pulled or built first. The file appears when it is complete.",
        examples: &[
            "roadlab images export labs.tar redis rabbitmq",
            "roadlab images export redis.tar redis --offline",
        ],
    },
    CommandHelp {
        command: "images import",
        summary: "",
        description: "Loads the images of a file that `images export` wrote, without a registry. \
                  Then `roadlab up LAB --offline` works on this machine.",
        examples: &["roadlab images import labs.tar"],
    },
    CommandHelp {
        command: "engine",
        summary: "manage the engine",
        description: "Labs run in Docker Engine or in an engine with the same API; every command finds it automatically. \
                  Shows, installs, starts or stops that engine.",
        examples: &["roadlab engine status", "roadlab engine up --yes"],
    },
    CommandHelp {
        command: "engine status",
        summary: "",
        description: "Shows the address of the engine, where the address comes from, and the version; or why there is no connection. \
                  Changes nothing.",
        examples: &["roadlab engine status --json"],
    },
    CommandHelp {
        command: "engine up",
        summary: "",
        description: "Starts the engine; if there is none, installs Docker Engine with the package manager of the system. \
                  Without `--yes`, nothing is installed or started: the commands that would do it are printed.",
        examples: &["roadlab engine up --yes"],
    },
    CommandHelp {
        command: "engine down",
        summary: "",
        description: "Stops the engine if roadlab started it. \
                  An engine that was already running is left alone.",
        examples: &["roadlab engine down"],
    },
    CommandHelp {
        command: "gc",
        summary: "clean up leftovers",
        description: "Removes the leftovers of runs whose roadlab process was killed. \
                  Commands that use the engine do this when they start. Other users' containers are never removed.",
        examples: &[
            "roadlab gc",
            "roadlab gc --everything   # shows what it would remove, and asks",
        ],
    },
    CommandHelp {
        command: "completions",
        summary: "generate completions",
        description: "Completes commands, options, labs, exercises, services, instances and quiz choices. \
                  Run the line for your shell once; it adds the script to the startup file of the shell:",
        examples: &[
            "echo 'source <(roadlab completions bash)' >> ~/.bashrc",
            "echo 'source <(roadlab completions zsh)' >> ~/.zshrc     # below compinit",
            "echo 'roadlab completions fish | source' >> ~/.config/fish/config.fish",
        ],
    },
    CommandHelp {
        command: "man",
        summary: "generate man pages",
        description: "Prints the page of roadlab to standard output, or writes one page per command to a folder. \
                  The pages contain the same texts as `--help`.",
        examples: &[
            "roadlab man | man -l -",
            "roadlab man ~/.local/share/man/man1",
        ],
    },
    CommandHelp {
        command: "schema",
        summary: "print a JSON Schema",
        description: "Editors use the schemas of lab.yaml and of `x-roadlab` in a compose.yaml to complete, explain and check keys. \
                  `events` describes the events that `--json` prints, one per line.",
        examples: &[
            "roadlab schema > lab.schema.json",
            "roadlab schema events",
            "roadlab schema compose > compose.schema.json",
        ],
    },
    CommandHelp {
        command: "explain",
        summary: "explain a problem",
        description: "Every problem that `roadlab validate` reports has a code. Without a code, all are listed.",
        examples: &["roadlab explain unknown-key", "roadlab explain"],
    },
    CommandHelp {
        command: "new",
        summary: "create a lab",
        description: "Creates a valid lab with an example exercise for each service, from entries of the catalogue or from a Compose file. \
                  Guides are in English and Korean, or in the languages of `--lang`. Existing folders are never overwritten.",
        examples: &[
            "roadlab new my-lab",
            "roadlab new shop --service postgres --service rabbitmq --lang en,ko",
            "roadlab new course --from-compose ../course/docker-compose.yml --var TAG=16",
        ],
    },
    CommandHelp {
        command: "author",
        summary: "test what you save",
        description: "Starts the lab as instance `author` and waits. When you save a file, it validates the lab, applies changed services and tests \
                  the exercises that changed: for each answer, what every check saw, which fields hold and which hint is chosen. \
                  A lab with mistakes stays as it was. Ctrl-C ends it and removes the lab, unless it was up before or `--keep` is given.",
        examples: &[
            "roadlab author my-lab",
            "roadlab author ./labs/my-lab greeting --keep",
        ],
    },
    CommandHelp {
        command: "pack",
        summary: "pack a lab into a file",
        description: "Writes the lab, its part of the catalogue and the images of its services into one file, which `up` and `add` accept on any machine, \
                  even without a network. Every byte is covered by a checksum; the digest that is printed stands for the whole. \
                  Missing images are pulled or built first; `--no-images` leaves them out.",
        examples: &[
            "roadlab pack ./labs/my-lab -o my-lab.lab",
            "roadlab pack redis --no-images",
        ],
    },
    CommandHelp {
        command: "add",
        summary: "add a shared lab",
        description: "Copies a lab into the data folder, where every command finds it by name. A file that was changed or damaged is refused. \
                  Repositories are read by `git` over https or ssh, without hooks, filters and submodules; `@REF` names a branch, tag or commit. \
                  Adding a newer file updates the lab.",
        examples: &[
            "roadlab add redis-1.2.lab",
            "roadlab add https://example.org/course/labs.git@v1 --name redis",
        ],
    },
    CommandHelp {
        command: "update",
        summary: "update shared labs",
        description: "Updates added labs from their source, and shows what changed. Without names, updates all. \
                  Your progress and your files stay; what you solved in a renamed exercise counts for its new name. \
                  What you granted with `--trust` ends when a file or an image changes.",
        examples: &["roadlab update", "roadlab update redis"],
    },
    CommandHelp {
        command: "remove",
        summary: "remove a shared lab",
        description: "Removes the files of a lab that was added, and the images that came with it. Progress and workspace files stay, and are used \
                  if you add the lab again. Asks first if there is progress.",
        examples: &["roadlab remove redis"],
    },
    CommandHelp {
        command: "catalogue",
        summary: "services for labs",
        description: "Each entry is a service: its official image, where possible a recipe to build the image without a registry, \
                  and how roadlab connects to it. No engine is needed.",
        examples: &["roadlab catalogue list", "roadlab catalogue show postgres"],
    },
    CommandHelp {
        command: "catalogue list",
        summary: "",
        description: "Lists image, ports, whether there is a recipe, and the probe that says when the service is ready. \
                  Entries beside the folder of labs come first.",
        examples: &["roadlab catalogue list", "roadlab catalogue list --json"],
    },
    CommandHelp {
        command: "catalogue show",
        summary: "",
        description: "Shows an entry with its address, its client and its environment, and the lines that bring it into a lab. \
                  Paste them into the compose.yaml of the lab.",
        examples: &["roadlab catalogue show rabbitmq"],
    },
    CommandHelp {
        command: "catalogue copy",
        summary: "",
        description: "Copies the files of an entry into compose/NAME of the lab, so that the lab can be changed and shared without the catalogue. \
                  Nothing is overwritten, and the line to add to compose.yaml is printed.",
        examples: &["roadlab catalogue copy postgres ./labs/my-lab"],
    },
];
