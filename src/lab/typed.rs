//! Steps as a learner types them: where to type, and the lines. Nothing here reads files or services.

mod mongosh;
mod pika;
mod words;

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::expect::ValueNames;
use crate::lab::id::ServiceName;
use crate::lab::model::Lab;
use crate::lab::steps::{
    ExecProbe, FaultKind, FileChange, FileProbe, HttpBody, HttpProbe, RestartMode, SqlProbe,
    SqlText, Step, StepKind,
};
use crate::lab::template::Addresses;
use crate::lab::typed::words::{WIDTH, command, divided, redis_word, word};
use crate::text;
use crate::text::Text;

/// JSON that is longer than this takes several lines.
const LONG_JSON: usize = 60;

/// Lines that are typed at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedBlock {
    /// Where the lines are typed, for people.
    pub place: String,
    /// The service in whose client they are typed; `None` for any other place.
    pub client: Option<ServiceName>,
    pub lines: Vec<String>,
}

/// What a lab's steps are typed with.
pub struct TypingContext<'a> {
    pub lab: &'a Lab,
    /// The addresses of the services.
    pub addresses: &'a Addresses,
    /// The lab with the option that selects the instance, as commands of roadlab take it.
    pub name: &'a str,
    /// Files of the workspace as the learner has them, by path.
    pub workspace: BTreeMap<String, String>,
    /// Files of the lab that steps copy, by path.
    pub lab_files: BTreeMap<String, String>,
    /// What the guide calls values.
    pub names: &'a ValueNames,
}

/// Where a step is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// On this machine.
    Machine,
    /// A shell in the container of a service.
    Container(ServiceName),
    /// The client of a service, with what has to be chosen there first.
    Client(ServiceName, Option<String>),
    /// Python with pika.
    Pika(ServiceName),
    /// An editor, in the learner's folder.
    Editor,
}

impl TypingContext<'_> {
    fn is_mysql(&self, service: &ServiceName) -> bool {
        let service = self.lab.services.get(service);
        let url = service.and_then(|service| service.interface.url.as_deref());
        url.is_some_and(|url| url.starts_with("mysql:") || url.starts_with("mariadb:"))
    }

    /// Returns the steps as blocks of lines, in order.
    pub fn blocks(mut self, steps: &[Step]) -> Vec<TypedBlock> {
        let mut blocks: Vec<(Place, Vec<String>)> = Vec::new();
        let mut database = 0;
        for step in steps {
            let (place, mut lines) = self.typed(step);
            if blocks.last().is_none_or(|(last, _)| *last != place) {
                database = 0;
            }
            if let Some((wanted, left)) = self.redis_databases(&step.act) {
                if wanted != database {
                    lines.insert(0, format!("SELECT {wanted}"));
                }
                database = left;
            }
            match blocks.last_mut().filter(|(last, _)| *last == place) {
                Some((_, block)) => block.extend(lines),
                None => {
                    let first = match &place {
                        Place::Client(_, Some(choose)) => vec![choose.clone()],
                        _ => Vec::new(),
                    };
                    blocks.push((place, first.into_iter().chain(lines).collect()));
                }
            }
        }
        let blocks = blocks.into_iter();
        blocks
            .map(|(place, lines)| TypedBlock {
                place: self.place_text(&place).localized(),
                client: match place {
                    Place::Client(service, _) => Some(service),
                    Place::Machine | Place::Container(_) | Place::Pika(_) | Place::Editor => None,
                },
                lines,
            })
            .collect()
    }

    /// Returns the database in which a step is typed in redis-cli, and the one that it leaves selected there.
    fn redis_databases(&self, kind: &StepKind) -> Option<(i64, i64)> {
        match kind {
            StepKind::Redis(redis) if self.has_redis_cli(&redis.service) => {
                Some((redis.db, redis.db))
            }
            StepKind::Client(client) if self.has_redis_cli(&client.service) => {
                let mut selected = client.input.lines().rev().filter_map(|line| {
                    let (name, number) = line.trim().split_once(' ')?;
                    let number = number.trim().parse().ok()?;
                    name.eq_ignore_ascii_case("SELECT").then_some(number)
                });
                Some((0, selected.next().unwrap_or(0)))
            }
            _ => None,
        }
    }

    fn has_redis_cli(&self, service: &ServiceName) -> bool {
        let service = self.lab.services.get(service);
        let shell = service.and_then(|service| service.interface.shell.as_ref());
        shell.is_some_and(|shell| shell.len() == 1 && shell[0] == "redis-cli")
    }

    fn place_text(&self, place: &Place) -> Text {
        let name = self.name;
        match place {
            Place::Machine => text!("in a terminal"),
            Place::Container(service) => text!(
                "in the container of `{service}`: `roadlab shell {name} {service} -- sh`",
                service,
                name
            ),
            Place::Client(service, _) => text!(
                "in the client of `{service}`: `roadlab shell {name} {service}`",
                service,
                name
            ),
            Place::Pika(service) => text!(
                "in `python3` with `pika`, where `ch` is a channel to `{service}`",
                service
            ),
            Place::Editor => text!("in your folder, as a diff"),
        }
    }

    fn typed(&mut self, step: &Step) -> (Place, Vec<String>) {
        let (place, mut lines) = self.typed_kind(&step.act);
        let expected = match step.expect.rules.is_empty() {
            true => Some(text!("a successful response").localized()),
            false => step.expect.expectation(self.names),
        };
        if step.within.is_some() {
            let comment = match &expected {
                Some(expected) => text!("repeat until: {expected}", expected),
                None => text!("repeat until it works"),
            };
            lines.insert(0, self.comment(&place, &comment.localized()));
        }
        if let Some(time) = step.holds_for {
            let time = time.as_secs_f64();
            let comment = match &expected {
                Some(expected) => text!("repeat for {time} s: {expected}", time, expected),
                None => text!("repeat for {time} s", time),
            };
            lines.insert(0, self.comment(&place, &comment.localized()));
        }
        if let Some(capture) = &step.capture {
            let variable = format!("${{{}}}", capture.name);
            let comment = match &capture.path {
                Some(path) => match path.words() {
                    Some(path) => text!(
                        "`{path}` of the answer is `{variable}` from here on",
                        path,
                        variable
                    ),
                    None => text!(
                        "a part of the answer is `{variable}` from here on",
                        variable
                    ),
                },
                None => text!("the answer is `{variable}` from here on", variable),
            };
            lines.push(self.comment(&place, &comment.localized()));
        }
        (place, lines)
    }

    /// Returns a comment in the language of a place.
    fn comment(&self, place: &Place, text: &str) -> String {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_mongo = |service: &ServiceName| {
            let service = self.lab.services.get(service);
            let url = service.and_then(|service| service.interface.url.as_deref());
            url.is_some_and(|url| url.starts_with("mongodb"))
        };
        match place {
            Place::Client(service, _) if is_mongo(service) => format!("// {text}"),
            Place::Client(service, _) if self.has_redis_cli(service) => format!("# {text}"),
            Place::Client(..) => format!("-- {text}"),
            Place::Machine | Place::Container(_) | Place::Pika(_) | Place::Editor => {
                format!("# {text}")
            }
        }
    }

    fn typed_kind(&mut self, kind: &StepKind) -> (Place, Vec<String>) {
        match kind {
            StepKind::Redis(redis) if self.has_redis_cli(&redis.service) => {
                let words: Vec<String> = redis.command.iter().map(|one| redis_word(one)).collect();
                (
                    Place::Client(redis.service.clone(), None),
                    vec![words.join(" ")],
                )
            }
            StepKind::Redis(redis) => {
                let mut words = vec!["redis-cli".to_owned()];
                if redis.db != 0 {
                    words.extend(["-n".to_owned(), redis.db.to_string()]);
                }
                words.extend(redis.command.iter().cloned());
                (Place::Container(redis.service.clone()), command(&words))
            }
            StepKind::Exec(exec) => (Place::Container(exec.service.clone()), program(exec)),
            StepKind::Http(http) => (Place::Machine, self.curl(http)),
            StepKind::Tcp(tcp) => {
                let port = self.port(&tcp.service, tcp.port);
                let connect = format!("nc 127.0.0.1 {port}");
                let line = match &tcp.send {
                    Some(sent) => format!("printf %s {} | {connect}", word(sent)),
                    None => connect,
                };
                (
                    Place::Machine,
                    line.split('\n').map(str::to_owned).collect(),
                )
            }
            StepKind::Ratio(_) => {
                let line = format!("roadlab measure {}", self.name);
                (Place::Machine, vec![line])
            }
            StepKind::Log(log) => {
                let line = format!(
                    "roadlab logs {} {} --tail {}",
                    self.name, log.service, log.tail
                );
                (Place::Machine, vec![line])
            }
            StepKind::File(file) => self.file(file),
            StepKind::Sql(sql) => {
                let choose = match self.is_mysql(&sql.service) {
                    true => use_database(sql),
                    false => choose_database(sql),
                };
                (Place::Client(sql.service.clone(), choose), statements(sql))
            }
            StepKind::Mongo(mongo) => {
                let database = mongo.database.as_deref();
                let choose = database.map(|database| format!("use {database}"));
                let lines = mongosh::lines(&mongo.command, database);
                (Place::Client(mongo.service.clone(), choose), lines)
            }
            StepKind::Amqp(amqp) => (
                Place::Pika(amqp.service.clone()),
                pika::lines(&amqp.operation),
            ),
            StepKind::Client(client) => {
                let lines = client.input.trim_end().lines().map(str::to_owned);
                (Place::Client(client.service.clone(), None), lines.collect())
            }
            StepKind::Fault(fault) => {
                let (action, path) = match &fault.kind {
                    FaultKind::Cut => ("cut", None),
                    FaultKind::Reconnect | FaultKind::Start | FaultKind::FreeDisk(_) => {
                        ("heal", None)
                    }
                    FaultKind::Pause => ("pause", None),
                    FaultKind::Stop(RestartMode::Stop) => ("stop", None),
                    FaultKind::Stop(RestartMode::Kill) => ("kill", None),
                    FaultKind::FillDisk(path) => ("fill", Some(path)),
                };
                let line = format!("roadlab fault {} {action} {}", self.name, fault.service);
                let path = path.map(|path| format!(" {}", word(path)));
                (Place::Machine, vec![line + &path.unwrap_or_default()])
            }
            StepKind::Restart(restart) => {
                let kill = match restart.how {
                    RestartMode::Stop => "",
                    RestartMode::Kill => " --kill",
                };
                let line = format!("roadlab restart {} {}{kill}", self.name, restart.service);
                (Place::Machine, vec![line])
            }
        }
    }

    /// Returns the host port of a service, or its container port while it is unknown.
    fn port(&self, service: &ServiceName, wanted: Option<u16>) -> String {
        let address = self.addresses.get(service);
        let container = wanted.or_else(|| address?.first);
        let host = container.and_then(|port| address?.ports.get(&port).copied());
        host.or(container)
            .map_or_else(|| "PORT".to_owned(), |port| port.to_string())
    }

    fn curl(&self, http: &HttpProbe) -> Vec<String> {
        let port = self.port(&http.service, http.port);
        let reads = http.method == "GET";
        let has_body = http.body != HttpBody::Nothing;
        let mut words = vec!["curl".to_owned()];
        // An option stays in one line with its value.
        let option = |name: &str, value: &str| format!("{name} {}", word(value));
        let fields = |fields: &[(String, String)]| -> Vec<String> {
            let fields = fields.iter();
            let fields =
                fields.map(|(name, value)| option("--data-urlencode", &format!("{name}={value}")));
            fields.collect()
        };
        let is_implied = reads || (http.method == "POST" && has_body);
        if !is_implied {
            words.push(option("-X", &http.method));
        } else if reads && !http.query.is_empty() {
            words.push("-G".to_owned());
        }
        if let Some(login) = &http.auth {
            words.push(option("-u", &format!("{}:{}", login.user, login.password)));
        }
        if let Some(token) = &http.bearer {
            words.push(option("-H", &format!("Authorization: Bearer {token}")));
        }
        let headers = http.headers.iter();
        words.extend(headers.map(|(name, value)| option("-H", &format!("{name}: {value}"))));
        let mut names = http.headers.iter().map(|(name, _)| name);
        let has_type = names.any(|name| name.eq_ignore_ascii_case("content-type"));
        match &http.body {
            HttpBody::Nothing => {}
            HttpBody::Text(text) => words.push(option("--data-binary", text)),
            HttpBody::Json(json) => {
                if !has_type {
                    words.push(option("-H", "Content-Type: application/json"));
                }
                let short = json.to_string();
                let text = match short.chars().count() > LONG_JSON {
                    true => serde_json::to_string_pretty(json).unwrap_or(short),
                    false => short,
                };
                words.push(option("-d", &text));
            }
            HttpBody::Form(form) => words.extend(fields(form)),
        }
        let mut address = format!("http://127.0.0.1:{port}{}", http.path);
        if reads {
            words.extend(fields(&http.query));
        } else if !http.query.is_empty() {
            let parts = http.query.iter();
            let parts = parts.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
            address = format!("{address}?{}", parts.collect::<Vec<_>>().join("&"));
        }
        words.push(word(&address));
        divided(&words)
    }

    fn file(&mut self, file: &FileProbe) -> (Place, Vec<String>) {
        let path = word(&file.path);
        if let Some(service) = &file.service {
            let lines = match &file.change {
                FileChange::Nothing => vec![format!("cat {path}")],
                FileChange::Remove => vec![format!("rm -f {path}")],
                FileChange::Write(_) | FileChange::CopyFrom(_) => {
                    let content = self.new_content(&file.change);
                    let first = format!("cat > {path} <<'END'");
                    let content = content.lines().map(str::to_owned);
                    let mut lines: Vec<String> = std::iter::once(first).chain(content).collect();
                    lines.push("END".to_owned());
                    lines
                }
            };
            return (Place::Container(service.clone()), lines);
        }
        let lines = match &file.change {
            FileChange::Nothing => vec![format!("# cat {path}")],
            FileChange::Remove => {
                self.workspace.remove(&file.path);
                vec![format!("# rm {path}")]
            }
            FileChange::Write(_) | FileChange::CopyFrom(_) => {
                let new = self.new_content(&file.change);
                let old = self.workspace.insert(file.path.clone(), new.clone());
                diff(&file.path, old.as_deref(), &new)
            }
        };
        (Place::Editor, lines)
    }

    fn new_content(&self, change: &FileChange) -> String {
        match change {
            FileChange::Write(text) => text.clone(),
            FileChange::CopyFrom(from) => self.lab_files.get(from).cloned().unwrap_or_default(),
            FileChange::Nothing | FileChange::Remove => String::new(),
        }
    }
}

/// Returns a unified diff.
fn diff(path: &str, old: Option<&str>, new: &str) -> Vec<String> {
    if old == Some(new) {
        return vec![format!("# {path}")];
    }
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new);
    let before = match old {
        Some(_) => path,
        None => "/dev/null",
    };
    let text = diff
        .unified_diff()
        .context_radius(3)
        .missing_newline_hint(false)
        .header(before, path)
        .to_string();
    text.lines().map(str::to_owned).collect()
}

/// Returns a program with its environment and folder, as typed in a shell of its container.
fn program(exec: &ExecProbe) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    if let Some(folder) = &exec.workdir {
        words.extend(["cd".to_owned(), word(folder), "&&".to_owned()]);
    }
    if let Some(user) = &exec.user {
        words.extend([
            "runuser".to_owned(),
            "-u".to_owned(),
            word(user),
            "--".to_owned(),
        ]);
        if !exec.env.is_empty() {
            words.push("env".to_owned());
        }
    }
    let variables = exec.env.iter();
    words.extend(variables.map(|(name, value)| format!("{name}={}", word(value))));
    words.extend(exec.run.iter().map(|one| word(one)));
    let mut lines = divided(&words);
    if let (Some(input), Some(last)) = (&exec.input, lines.last_mut()) {
        last.push_str(" <<'END'");
        lines.extend(input.lines().map(str::to_owned));
        lines.push("END".to_owned());
    }
    lines
}

/// Returns the line that chooses the database of a statement in the client of MySQL, which cannot change the user.
fn use_database(sql: &SqlProbe) -> Option<String> {
    let user = sql.user.as_ref().map(|user| format!("-- user {user}"));
    let database = sql.database.as_ref().map(|name| format!("USE {name};"));
    let lines: Vec<String> = user.into_iter().chain(database).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Returns the line that chooses the database and user of a statement in psql.
fn choose_database(sql: &SqlProbe) -> Option<String> {
    match (&sql.database, &sql.user) {
        (None, None) => None,
        (database, user) => {
            let database = database.as_deref().unwrap_or("-");
            let user = user.as_ref().map(|user| format!(" {user}"));
            Some(format!("\\c {database}{}", user.unwrap_or_default()))
        }
    }
}

/// Returns statements as they are typed in psql.
fn statements(sql: &SqlProbe) -> Vec<String> {
    let (SqlText::Query(text) | SqlText::Script(text)) = &sql.text;
    let text = text.trim_end();
    let indent = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indent = indent
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let mut lines: Vec<String> = Vec::new();
    for (at, line) in text.trim_start().lines().enumerate() {
        let line = match at {
            0 => line,
            _ => line.get(indent..).unwrap_or_default(),
        };
        lines.extend(divided_sql(line.trim_end()));
    }
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with(';')) {
        last.push(';');
    }
    lines
}

/// The words that begin a clause, before which a long statement is divided.
const CLAUSES: [&str; 20] = [
    "ADD",
    "ALTER",
    "AS",
    "CHECK",
    "DROP",
    "FROM",
    "GROUP",
    "HAVING",
    "JOIN",
    "LEFT",
    "ON",
    "ORDER",
    "PARTITION",
    "REFERENCES",
    "RETURNING",
    "SELECT",
    "SET",
    "UPDATE",
    "VALUES",
    "WHERE",
];

/// Divides a line of SQL after statements, and a long statement before a clause or after a comma, else between words. Quoted text
/// stays in one line.
fn divided_sql(line: &str) -> Vec<String> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let statements = divided_statements(line.trim_start());
    let mut lines = Vec::new();
    for statement in statements {
        let mut rest = statement.as_str();
        let mut pad = indent.to_owned();
        while pad.chars().count() + rest.chars().count() > WIDTH {
            let Some(at) = break_of(rest, WIDTH - pad.chars().count()) else {
                break;
            };
            lines.push(format!("{pad}{}", rest[..at].trim_end()));
            rest = rest[at..].trim_start();
            pad = format!("{indent}  ");
        }
        lines.push(format!("{pad}{rest}"));
    }
    lines
}

/// Divides a line after each `;` that is not quoted.
fn divided_statements(line: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        quoted ^= letter == '\'';
        let last = statements.last_mut().expect("it begins with one");
        if last.is_empty() && letter == ' ' {
            continue;
        }
        last.push(letter);
        if letter == ';' && !quoted {
            statements.push(String::new());
        }
    }
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// Returns where a statement is divided so that the first part has at most `room` characters, if it can be.
fn break_of(statement: &str, room: usize) -> Option<usize> {
    let mut quoted = false;
    let (mut word, mut good) = (None, None);
    let mut before = ' ';
    for (count, (at, letter)) in statement.char_indices().enumerate() {
        quoted ^= letter == '\'';
        if letter == ' ' && !quoted && at > 0 {
            if count > room {
                // A quoted text that is too long is not divided.
                word = word.or(Some(at));
                break;
            }
            word = Some(at);
            let next = statement[at..].split_whitespace().next();
            if before == ',' || next.is_some_and(|next| CLAUSES.contains(&next)) {
                good = Some(at);
            }
        }
        before = letter;
    }
    // A line that is nearly empty is no better.
    good.filter(|at| *at > room / 3).or(word)
}

/// Returns a text as it is written in a query of an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::lab::steps::{StepList, read_steps};
    use crate::lab::template::ServiceAddress;
    use crate::lab::testing::lab;
    use crate::lab::yaml::Node;

    /// Reads steps, one a line.
    fn read_steps_for_tests(text: &str) -> Vec<Step> {
        let parse = |line: &str| Node::parse(Path::new("lab.yaml"), line.trim_start_matches("- "));
        let nodes: Vec<Node> = text.lines().map(|line| parse(line).unwrap()).collect();
        let mut problems = Vec::new();
        let steps = read_steps(
            &nodes.iter().collect::<Vec<_>>(),
            StepList::Solution,
            &mut problems,
        );
        assert!(problems.is_empty(), "{problems:?}");
        steps
    }

    /// Steps of a solution as blocks, each line after its place.
    #[track_caller]
    fn check(steps: &str, expected: &str) {
        check_in(
            "services: { redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m } }",
            steps,
            expected,
        );
    }

    #[track_caller]
    fn check_in(compose: &str, steps: &str, expected: &str) {
        let lab = lab(compose);
        let service = ServiceName::new("redis").unwrap();
        let address = ServiceAddress {
            host: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([(6379, 24030)]),
            first: Some(6379),
            url: None,
            container: "c".to_owned(),
        };
        let addresses = Addresses::from([(service, address)]);
        let context = TypingContext {
            lab: &lab,
            addresses: &addresses,
            name: "lab --instance two",
            workspace: BTreeMap::from([("a.py".to_owned(), "one\ntwo\n".to_owned())]),
            lab_files: BTreeMap::from([("files/b.py".to_owned(), "new\n".to_owned())]),
            names: &ValueNames::default(),
        };
        let blocks = context.blocks(&read_steps_for_tests(steps));
        let text: Vec<String> = blocks
            .iter()
            .map(|block| format!("[{}]\n{}", block.place, block.lines.join("\n")))
            .collect();
        assert_eq!(text.join("\n"), expected.trim());
    }

    #[test]
    fn redis_commands_are_typed_with_their_database() {
        check(
            "- redis: { service: redis, command: [SET, 'session:42', 'a cart', EX, '1800'] }
- redis: { service: redis, command: [SET, k, v], db: 2 }
- restart: { service: redis, kill: true }",
            "
[in the container of `redis`: `roadlab shell lab --instance two redis -- sh`]
redis-cli SET session:42 'a cart' EX 1800
redis-cli -n 2 SET k v
[in a terminal]
roadlab restart lab --instance two redis --kill",
        );
    }

    #[test]
    fn redis_commands_are_typed_in_redis_cli_if_it_is_the_client() {
        check_in(
            "services: { redis: { image: 'redis:8.0', ports: ['6379'], mem_limit: 64m, x-roadlab: { shell: [redis-cli] } } }",
            "- redis: { service: redis, command: [SET, 'session:42', 'a cart', EX, '1800'] }
- redis: { service: redis, command: [SET, k, v], db: 2 }
- redis: { service: redis, command: [SET, k, ''], db: 2 }
- client: { service: redis, input: \"GET k\\nSELECT 3\\nGET k\" }
- { redis: { service: redis, command: [PING] }, within: 2s }
- restart: { service: redis, kill: true }
- redis: { service: redis, command: [GET, k], db: 3 }",
            "
[in the client of `redis`: `roadlab shell lab --instance two redis`]
SET session:42 \"a cart\" EX 1800
SELECT 2
SET k v
SET k \"\"
SELECT 0
GET k
SELECT 3
GET k
SELECT 0
# repeat until: a successful response
PING
[in a terminal]
roadlab restart lab --instance two redis --kill
[in the client of `redis`: `roadlab shell lab --instance two redis`]
SELECT 3
GET k",
        );
    }

    #[test]
    fn what_is_waited_for_and_kept_is_named_in_words() {
        check(
            "- { http: { service: redis, path: /a }, expect: { path: '$.rows', rows: [[success, 1]] }, within: 2s }
- { http: { service: redis, path: /b }, expect: { matches: '^up.*' }, within: 2s }
- { http: { service: redis, path: /c }, capture: { name: one, path: '$.data[0].token' } }
- { http: { service: redis, path: /d }, capture: { name: two, path: '$.data[*].token' } }",
            "
[in a terminal]
# repeat until: rows: success, 1
curl http://127.0.0.1:24030/a
# repeat until it works
curl http://127.0.0.1:24030/b
curl http://127.0.0.1:24030/c
# `data, item 1, token` of the answer is `${one}` from here on
curl http://127.0.0.1:24030/d
# a part of the answer is `${two}` from here on",
        );
    }

    #[test]
    fn requests_go_to_the_real_address() {
        check(
            "- http: { service: redis, path: /q, query: { query: 'up{job=\"x\"}' }, bearer: '${token}' }
- http: { service: redis, method: PUT, path: /p, query: { a: 'b c' }, auth: { user: u, password: 'p w' }, json: { x: 1 } }
- http: { service: redis, method: POST, path: /f, form: { a: b } }",
            r#"
[in a terminal]
curl -G -H "Authorization: Bearer ${token}" \
  --data-urlencode 'query=up{job="x"}' http://127.0.0.1:24030/q
curl -X PUT -u 'u:p w' -H 'Content-Type: application/json' -d '{"x":1}' \
  'http://127.0.0.1:24030/p?a=b%20c'
curl --data-urlencode a=b http://127.0.0.1:24030/f"#,
        );
    }

    #[test]
    fn files_are_diffs_one_after_the_other() {
        check(
            "- file: { path: a.py, write: \"one\\nthree\\n\" }
- file: { path: b.py, copy_from: files/b.py }
- file: { path: a.py, write: \"one\\nthree\\nfour\\n\" }",
            "
[in your folder, as a diff]
--- a.py
+++ a.py
@@ -1,2 +1,2 @@
 one
-two
+three
--- /dev/null
+++ b.py
@@ -0,0 +1 @@
+new
--- a.py
+++ a.py
@@ -1,2 +1,3 @@
 one
 three
+four",
        );
    }

    #[test]
    fn sql_is_typed_in_psql() {
        check(
            "- sql: { service: redis, database: shop, query: \"SELECT 1\" }
- sql: { service: redis, database: shop, script: \"DROP TABLE IF EXISTS delivery; INSERT INTO delivery VALUES (1, 'Harbour  Bank', '2026-03-02', 6);\" }",
            "
[in the client of `redis`: `roadlab shell lab --instance two redis`]
\\c shop
SELECT 1;
DROP TABLE IF EXISTS delivery;
INSERT INTO delivery VALUES (1, 'Harbour  Bank', '2026-03-02', 6);",
        );
    }

    #[test]
    fn the_database_is_chosen_as_the_client_of_mysql_does() {
        let sql = |database: Option<&str>, user: Option<&str>| SqlProbe {
            service: ServiceName::new("mysql").unwrap(),
            text: SqlText::Query(String::new()),
            file: None,
            database: database.map(str::to_owned),
            user: user.map(str::to_owned),
            password: None,
        };
        let line = use_database(&sql(Some("shop"), Some("root")));
        assert_eq!(line.as_deref(), Some("-- user root\nUSE shop;"));
        assert_eq!(use_database(&sql(None, None)), None);
    }

    #[test]
    fn long_sql_is_divided_before_clauses_and_never_in_quoted_text() {
        let lines = divided_sql(
            "INSERT INTO t (id, note) SELECT id, 'a; b and c' FROM source WHERE id IN (1, 2, 3) AND note <> 'two words'; SELECT 1;",
        );
        assert_eq!(
            lines,
            [
                "INSERT INTO t (id, note) SELECT id, 'a; b and c' FROM source",
                "  WHERE id IN (1, 2, 3) AND note <> 'two words';",
                "SELECT 1;",
            ]
        );
        let long = format!("SELECT '{}' AS x, 2", "long text ".repeat(12));
        let divided = divided_sql(&long);
        let words =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(words(&divided.join(" ")), words(&long));
        assert!(
            divided
                .iter()
                .any(|line| line.contains(&"long text ".repeat(12)))
        );
    }

    #[test]
    fn programs_keep_their_line_breaks() {
        check(
            "- exec: { service: redis, run: [python3, -c, \"import pika\\nprint(1)\"], workdir: /shop, env: { A: 'b c' } }",
            "
[in the container of `redis`: `roadlab shell lab --instance two redis -- sh`]
cd /shop && A='b c' python3 -c 'import pika
print(1)'",
        );
    }
}
