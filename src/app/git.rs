//! Labs in Git repositories, by the program `git`.
//!
//! A repository comes from a stranger. It is never checked out: one commit is fetched into a bare repository in a temporary
//! folder, its list of files is read, and the files of one lab are written here. So no hook, filter, attribute or submodule of
//! the repository has an effect, and `git` may use https, ssh and files of this machine only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::engine::clock;
use crate::lab::LabId;
use crate::runner::Failure;
use crate::store::{MAX_BYTES, MAX_FILES, is_plain_path};
use crate::text;
use crate::text::Text;

/// The longest time that one call of `git` may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Settings that hold whatever the user's own are.
const SETTINGS: [&str; 9] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "fetch.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.version=2",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
];

/// Variables of a `git` that may have started this program.
const REMOVED: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_TEMPLATE_DIR",
];

/// A repository, and a branch, tag or commit of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GitAddress {
    pub(super) address: String,
    pub(super) reference: Option<String>,
}

/// A commit that was fetched.
pub(super) struct Commit {
    repository: PathBuf,
    pub(super) id: String,
    files: BTreeMap<String, GitFile>,
}

/// A file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GitFile {
    kind: GitFileKind,
    object: String,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GitFileKind {
    Regular,
    Executable,
    Link,
    Submodule,
}

impl GitAddress {
    /// Reads `ADDRESS` or `ADDRESS@REFERENCE`; `None` if it is neither an URL, nor `user@host:path`, nor a folder.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let whole = Self {
            address: text.to_owned(),
            reference: None,
        };
        let path_at = path_begin(text);
        let split = text.rsplit_once('@').filter(|(before, reference)| {
            !reference.is_empty() && path_at.is_none_or(|begin| before.len() > begin)
        });
        match (path_at, split) {
            (None, _) if Path::new(text).is_dir() => Some(whole),
            (Some(_), None) => Some(whole),
            (_, Some((address, reference))) if path_at.is_some() || Path::new(address).is_dir() => {
                Some(Self {
                    address: address.to_owned(),
                    reference: Some(reference.to_owned()),
                })
            }
            _ => None,
        }
    }

    /// Returns whether the repository is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address.starts_with("file://") || path_begin(&self.address).is_none()
    }

    /// Returns the name that a folder with the repository has by default.
    pub(super) fn name(&self) -> String {
        let address = self.address.trim_end_matches('/');
        let last = address.rsplit(['/', ':']).next().unwrap_or_default();
        last.strip_suffix(".git").unwrap_or(last).to_lowercase()
    }
}

/// Returns where the path begins in an URL or in `user@host:path`; `None` for a path of this machine.
fn path_begin(address: &str) -> Option<usize> {
    if let Some(at) = address.find("://") {
        let begin = at + 3;
        let slash = address[begin..].find('/')?;
        return Some(begin + slash);
    }
    let colon = address.find(':')?;
    let is_path = address[..colon].contains('/');
    (!is_path && colon > 0).then_some(colon)
}

/// Fetches a commit into a folder, which must exist.
pub(super) async fn fetch(address: &GitAddress, folder: &Path) -> Result<Commit, Failure> {
    let GitAddress { address, reference } = address;
    let reference = reference.as_deref().unwrap_or("HEAD");
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/+#".contains(c);
    if !reference.chars().all(plain) || reference.starts_with(['-', '+']) {
        return Err(Failure::Usage(text!(
            "`{reference}` is not a branch, tag or commit",
            reference = reference.escape_debug()
        )));
    }
    let repository = folder.join("repository");
    let git = Git {
        repository: &repository,
        folder,
    };
    git.run(&["init", "--quiet", "--bare", "--template="], Stdio::null())
        .await?;
    if let Err(failure) = git.fetch(address, reference).await {
        if !is_abbreviated_commit(reference) {
            return Err(failure);
        }
        // A server gives a commit by its whole name only.
        let heads = git
            .run(&["ls-remote", "--", address], Stdio::null())
            .await?;
        let Some(whole) = whole_commit(&read_text(&heads)?, reference) else {
            return Err(Failure::Usage(text!(
                "`{reference}` is neither a branch nor a tag of {address}, and begins no commit at the end of one: write the commit with all of its digits",
                reference,
                address
            )));
        };
        git.fetch(address, &whole).await?;
    }
    let id = git
        .run(
            &["rev-parse", "--verify", "FETCH_HEAD^{commit}"],
            Stdio::null(),
        )
        .await?;
    let id = read_text(&id)?.trim().to_owned();
    let list = ["ls-tree", "-r", "-z", "--long", "--full-tree", id.as_str()];
    let list = git.run(&list, Stdio::null()).await?;
    let files = parse_files(&read_text(&list)?);
    Ok(Commit {
        repository,
        id,
        files,
    })
}

/// The program `git` for a repository; what it prints goes to files in a folder.
struct Git<'a> {
    repository: &'a Path,
    folder: &'a Path,
}

/// Returns whether a reference can be the beginning of a commit's name.
fn is_abbreviated_commit(reference: &str) -> bool {
    let is_hex = reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex && (4..40).contains(&reference.len())
}

/// Returns the only commit that a list of `git ls-remote` has and whose name begins like this.
fn whole_commit(list: &str, begin: &str) -> Option<String> {
    let begin = begin.to_lowercase();
    let ids = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let found: BTreeSet<&str> = ids.filter(|id| id.starts_with(&begin)).collect();
    match found.len() {
        1 => found.first().map(|id| (*id).to_owned()),
        _ => None,
    }
}

impl Git<'_> {
    /// Fetches what a reference names, without its history.
    async fn fetch(&self, address: &str, reference: &str) -> Result<(), Failure> {
        let options = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--",
            address,
            reference,
        ];
        self.run(&options, Stdio::null()).await.map(drop)
    }

    /// Runs a command and returns the file with its output. Fails with what it wrote to standard error.
    async fn run(&self, words: &[&str], input: Stdio) -> Result<PathBuf, Failure> {
        let output = self.folder.join(format!("output-{}", words[0]));
        let error_file = self.folder.join("errors");
        let create = |path: &Path| {
            let file = File::create(path);
            file.map_err(|error| Failure::cannot_write(path, &error))
        };
        let mut command = Command::new("git");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.arg("--git-dir").arg(self.repository);
        command.args(words);
        for variable in REMOVED {
            command.env_remove(variable);
        }
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        let child = command
            .env("GIT_ALLOW_PROTOCOL", "https:ssh:file")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_HTTP_LOW_SPEED_LIMIT", "1000")
            .env("GIT_HTTP_LOW_SPEED_TIME", "30")
            .env("LC_ALL", "C")
            .stdin(input)
            .stdout(create(&output)?)
            .stderr(create(&error_file)?)
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::Environment(text!(
                "`git` is needed for this and is not installed; install the package `git`"
            )),
            _ => Failure::Other(error.into()),
        })?;
        let ended = clock::timeout(TIMEOUT, child.wait()).await;
        match ended {
            Err(_) => Err(Failure::Environment(text!(
                "`git {command}` did not end within {seconds} s",
                command = words[0],
                seconds = TIMEOUT.as_secs()
            ))),
            Ok(Ok(status)) if status.success() => Ok(output),
            Ok(Ok(_)) => {
                let errors = std::fs::read(&error_file).unwrap_or_default();
                let errors = String::from_utf8_lossy(&errors);
                let lines = errors.lines().map(|line| {
                    let line = line.strip_prefix("fatal: ").unwrap_or(line);
                    line.strip_prefix("error: ").unwrap_or(line)
                });
                let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).take(4).collect();
                Err(Failure::Environment(text!(
                    "`git {command}` failed: {reason}",
                    command = words[0],
                    reason = Text::quotation(lines.join("; "))
                )))
            }
            Ok(Err(error)) => Err(Failure::Other(error.into())),
        }
    }
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::Other(error.into()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads the output of `git ls-tree -r -z --long`.
fn parse_files(list: &str) -> BTreeMap<String, GitFile> {
    let entries = list.split('\0').filter_map(|entry| {
        let (about, path) = entry.split_once('\t')?;
        let mut words = about.split_whitespace();
        let (mode, _, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let kind = match mode {
            "100755" => GitFileKind::Executable,
            "120000" => GitFileKind::Link,
            "160000" => GitFileKind::Submodule,
            _ => GitFileKind::Regular,
        };
        let file = GitFile {
            kind,
            object: object.to_owned(),
            size: size.parse().unwrap_or(0),
        };
        Some((path.to_owned(), file))
    });
    entries.collect()
}

impl Commit {
    /// Returns the labs of the commit, each with its folders; `name` is that of a lab at the top.
    pub(super) fn labs(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let folders = self.files.keys().filter_map(|path| match path.as_str() {
            "lab.yaml" => Some(""),
            path => path.strip_suffix("/lab.yaml"),
        });
        let mut labs: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for folder in folders {
            let last = folder.rsplit('/').next().filter(|last| !last.is_empty());
            let folders = labs.entry(last.unwrap_or(name).to_owned()).or_default();
            folders.push(folder.to_owned());
        }
        labs
    }

    /// Writes a lab and the catalogue beside its folder of labs into an empty folder, and returns the folder of the lab.
    pub(super) async fn write_lab(
        &self,
        lab: &LabId,
        folder: &str,
        target: &Path,
    ) -> Result<PathBuf, Failure> {
        let mut parts = vec![(prefix(folder), format!("labs/{lab}/"))];
        let above: Vec<&str> = folder.rsplitn(3, '/').collect();
        match above.as_slice() {
            [_, _, above] => parts.push((format!("{above}/compose/"), "compose/".to_owned())),
            [_, _] => parts.push(("compose/".to_owned(), "compose/".to_owned())),
            _ => {}
        }
        let mut chosen = BTreeMap::new();
        for (from, to) in &parts {
            for (path, file) in &self.files {
                if let Some(below) = path.strip_prefix(from.as_str()) {
                    chosen.insert(format!("{to}{below}"), (path, file));
                }
            }
        }
        refuse(&chosen).map_err(refused)?;
        let list = self.repository.with_file_name("objects");
        let objects: String = chosen
            .values()
            .map(|(_, file)| format!("{}\n", file.object))
            .collect();
        std::fs::write(&list, objects).map_err(|error| Failure::cannot_write(&list, &error))?;
        let input = File::open(&list).map_err(|error| Failure::Other(error.into()))?;
        let work = self.repository.parent().unwrap_or(Path::new("."));
        let git = Git {
            repository: &self.repository,
            folder: work,
        };
        let content = git.run(&["cat-file", "--batch"], input.into()).await?;
        let content = File::open(content).map_err(|error| Failure::Other(error.into()))?;
        let mut content = BufReader::new(content);
        for (to, (path, file)) in &chosen {
            let bytes = next_object(&mut content, file);
            let bytes = bytes.map_err(|error| Failure::Other(error.into()))?;
            let bytes = bytes.ok_or_else(|| {
                refused(text!(
                    "`{path}` is not in the repository",
                    path = path.escape_debug()
                ))
            })?;
            let path = target.join(to);
            write_file(&path, &bytes, file.kind)
                .map_err(|error| Failure::cannot_write(&path, &error))?;
            tokio::task::yield_now().await;
        }
        Ok(target.join("labs").join(lab.as_str()))
    }
}

fn prefix(folder: &str) -> String {
    match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    }
}

fn refused(what: Text) -> Failure {
    let problem = crate::problem::Problem::new(what);
    Failure::Problems(vec![problem.kind(crate::problem::ProblemKind::Refused)])
}

/// Returns why files must not be written.
fn refuse(chosen: &BTreeMap<String, (&String, &GitFile)>) -> Result<(), Text> {
    for (to, (path, file)) in chosen {
        let path = path.escape_debug().to_string();
        match file.kind {
            GitFileKind::Link => {
                return Err(text!(
                    "`{path}` is a link, and a lab may contain files only",
                    path
                ));
            }
            GitFileKind::Submodule => {
                return Err(text!(
                    "`{path}` is a submodule, and a lab may contain files only",
                    path
                ));
            }
            GitFileKind::Regular | GitFileKind::Executable if !is_plain_path(to) => {
                return Err(text!("`{path}` leads out of the lab", path));
            }
            GitFileKind::Regular | GitFileKind::Executable => {}
        }
    }
    let mut sizes = chosen.values().map(|(_, file)| file.size);
    let bytes = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size));
    match bytes.is_some_and(|bytes| bytes <= MAX_BYTES) && chosen.len() <= MAX_FILES {
        true => Ok(()),
        false => Err(text!(
            "it is too large: a lab has at most {files} files and {mebibytes} MiB beside its images",
            files = MAX_FILES,
            mebibytes = MAX_BYTES >> 20
        )),
    }
}

/// Reads the next object of `git cat-file --batch`; `None` if it is not the one that is expected.
fn next_object(content: &mut impl BufRead, file: &GitFile) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    content.read_line(&mut line)?;
    if line.trim_end() != format!("{} blob {}", file.object, file.size) {
        return Ok(None);
    }
    let mut bytes = vec![0; file.size as usize + 1];
    content.read_exact(&mut bytes)?;
    bytes.pop();
    Ok(Some(bytes))
}

fn write_file(path: &Path, content: &[u8], kind: GitFileKind) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    std::fs::write(path, content)?;
    let mode = match kind {
        GitFileKind::Executable => 0o755,
        _ => 0o644,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_an_optional_reference() {
        #[track_caller]
        fn check(text: &str, expected: Option<(&str, Option<&str>)>) {
            let parsed = GitAddress::parse(text);
            let parsed = parsed.as_ref();
            let parsed = parsed.map(|it| (it.address.as_str(), it.reference.as_deref()));
            assert_eq!(parsed, expected, "{text}");
        }
        let https = "https://example.org/course/labs.git";
        check(https, Some((https, None)));
        check(&format!("{https}@v1.2"), Some((https, Some("v1.2"))));
        check(&format!("{https}@a/b"), Some((https, Some("a/b"))));
        let user = "https://kim@example.org/labs";
        check(user, Some((user, None)));
        check(&format!("{user}@main"), Some((user, Some("main"))));
        let ssh = "git@example.org:course/labs.git";
        check(ssh, Some((ssh, None)));
        check(&format!("{ssh}@v1"), Some((ssh, Some("v1"))));
        check("/nowhere/labs", None);
        check("redis", None);
        check("redis@v1", None);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        check(folder, Some((folder, None)));
        check(&format!("{folder}@v1"), Some((folder, Some("v1"))));
    }

    #[test]
    fn an_abbreviated_commit_is_one_of_a_list() {
        for (reference, expected) in [
            ("3947fbe", true),
            ("ABCD", true),
            ("main", false),
            ("abc", false),
            ("a".repeat(40).as_str(), false),
        ] {
            assert_eq!(is_abbreviated_commit(reference), expected, "{reference}");
        }
        let list = "aa11bb\tHEAD\naa11bb\trefs/heads/main\naa22cc\trefs/tags/v1\n";
        assert_eq!(whole_commit(list, "AA11").as_deref(), Some("aa11bb"));
        assert_eq!(whole_commit(list, "aa2").as_deref(), Some("aa22cc"));
        assert_eq!(whole_commit(list, "aa"), None);
        assert_eq!(whole_commit(list, "bb"), None);
    }

    #[test]
    fn the_list_of_files_has_kind_size_and_path() {
        let list = "100644 blob aaaa      12\tlabs/x/lab.yaml\0\
            100755 blob bbbb       3\tlabs/x/a b.sh\0\
            120000 blob cccc       9\tlabs/x/link\0\
            160000 commit dddd       -\tsub\0";
        let files = parse_files(list);
        let kinds: Vec<_> = files
            .iter()
            .map(|(path, file)| (path.as_str(), file.kind, file.size))
            .collect();
        assert_eq!(
            kinds,
            [
                ("labs/x/a b.sh", GitFileKind::Executable, 3),
                ("labs/x/lab.yaml", GitFileKind::Regular, 12),
                ("labs/x/link", GitFileKind::Link, 9),
                ("sub", GitFileKind::Submodule, 0),
            ]
        );
        let commit = Commit {
            repository: PathBuf::new(),
            id: String::new(),
            files,
        };
        let labs = commit.labs("top");
        assert_eq!(
            labs,
            BTreeMap::from([("x".to_owned(), vec!["labs/x".to_owned()])])
        );
    }
}
