//! Whether a step can write, judged by its form alone. Checks, `health` and `ready` must not change what they inspect.
//!
//! What is not known to read counts as writing. Probes enforce the same at run time where the service can: an SQL probe
//! runs in a read-only transaction, or in one that is rolled back.

use serde_json::Value;

use crate::lab::steps::model::{AmqpOperation, FileChange, StepKind};
use crate::lab::steps::sql_form::{self, Statement};
use crate::problem::code_list;
use crate::text;
use crate::text::Text;

/// What a step can do to its service, judged by its form.
#[derive(Debug, Clone)]
pub enum Effect {
    /// It only reads.
    Reads,
    /// It runs a program, which can do anything. The author of the lab must see to it that it only reads.
    RunsProgram,
    /// It can write, unless the author knows why not and explains it with `read_only`.
    CanWrite(Reason),
    /// It writes, whatever the author explains.
    Writes(Reason),
}

/// Why a step is not a read, and what to write instead.
#[derive(Debug, Clone)]
pub struct Reason {
    pub what: Text,
    pub help: Text,
}

impl StepKind {
    /// Returns what the step can do to its service.
    pub fn effect(&self) -> Effect {
        let reason = match self {
            StepKind::Log(_) | StepKind::Ratio(_) => None,
            StepKind::Exec(_) => return Effect::RunsProgram,
            StepKind::Redis(probe) => redis(&probe.command),
            StepKind::Http(probe) => http(&probe.method),
            StepKind::Tcp(probe) => probe.send.as_ref().map(|_| Reason {
                what: text!("a `tcp` probe with `send` can write"),
                help: explain(),
            }),
            StepKind::Sql(probe) => return sql(probe.text.as_str()),
            StepKind::Mongo(probe) => mongo(&probe.command),
            StepKind::Amqp(probe) => amqp(&probe.operation),
            StepKind::File(probe) => match probe.change {
                FileChange::Nothing => None,
                FileChange::Write(_) | FileChange::CopyFrom(_) | FileChange::Remove => {
                    return Effect::Writes(Reason {
                        what: text!("`write`, `copy_from` and `remove` change a file"),
                        help: text!("use them in `start` or `solution`"),
                    });
                }
            },
            StepKind::Client(_) => {
                return Effect::Writes(Reason {
                    what: text!("the input of `client` can change the service"),
                    help: text!("use it in `start`, `solution`, `right` or `wrong`"),
                });
            }
            StepKind::Restart(_) => {
                return Effect::Writes(Reason {
                    what: text!("`restart` is an action"),
                    help: text!("use it in `start` or `solution`"),
                });
            }
            StepKind::Fault(fault) => {
                return Effect::Writes(Reason {
                    what: text!("`{key}` is an action", key = fault.kind.key()),
                    help: text!("use it in `start`, `solution`, `right` or `wrong`"),
                });
            }
        };
        reason.map_or(Effect::Reads, Effect::CanWrite)
    }
}

/// The advice where nothing better is known.
fn explain() -> Text {
    text!("use a step that only reads, or explain with `read_only: TEXT` why it changes nothing")
}

/// Commands of Redis that only read: those with the server's flag `readonly`, except `TOUCH`, which changes the idle time, and
/// those that inspect the server. Commands of a container, such as `XINFO`, are in [`REDIS_SUBCOMMANDS`].
const REDIS: &[&str] = &[
    // Keys and strings.
    "BITCOUNT",
    "BITFIELD_RO",
    "BITPOS",
    "DBSIZE",
    "DIGEST",
    "DUMP",
    "EXISTS",
    "EXPIRETIME",
    "GET",
    "GETBIT",
    "GETRANGE",
    "KEYS",
    "LCS",
    "MGET",
    "PEXPIRETIME",
    "PTTL",
    "RANDOMKEY",
    "SCAN",
    "SORT_RO",
    "STRLEN",
    "SUBSTR",
    "TTL",
    "TYPE",
    // The probe counts the key twice, which does not update the cached count.
    "PFCOUNT",
    // Collections.
    "HEXISTS",
    "HEXPIRETIME",
    "HGET",
    "HGETALL",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HPEXPIRETIME",
    "HPTTL",
    "HRANDFIELD",
    "HSCAN",
    "HSTRLEN",
    "HTTL",
    "HVALS",
    "LINDEX",
    "LLEN",
    "LPOS",
    "LRANGE",
    "SCARD",
    "SDIFF",
    "SINTER",
    "SINTERCARD",
    "SISMEMBER",
    "SMEMBERS",
    "SMISMEMBER",
    "SRANDMEMBER",
    "SSCAN",
    "SUNION",
    "ZCARD",
    "ZCOUNT",
    "ZDIFF",
    "ZINTER",
    "ZINTERCARD",
    "ZLEXCOUNT",
    "ZMSCORE",
    "ZRANDMEMBER",
    "ZRANGE",
    "ZRANGEBYLEX",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREVRANGE",
    "ZREVRANGEBYLEX",
    "ZREVRANGEBYSCORE",
    "ZREVRANK",
    "ZSCAN",
    "ZSCORE",
    "ZUNION",
    // Streams and places.
    "XLEN",
    "XPENDING",
    "XRANGE",
    "XREAD",
    "XREVRANGE",
    "GEODIST",
    "GEOHASH",
    "GEOPOS",
    "GEORADIUS_RO",
    "GEORADIUSBYMEMBER_RO",
    "GEOSEARCH",
    // Vector sets.
    "VCARD",
    "VDIM",
    "VEMB",
    "VGETATTR",
    "VINFO",
    "VISMEMBER",
    "VLINKS",
    "VRANDMEMBER",
    "VRANGE",
    "VSIM",
    // Scripts that must not write.
    "EVAL_RO",
    "EVALSHA_RO",
    "FCALL_RO",
    // The server.
    "ECHO",
    "INFO",
    "LASTSAVE",
    "LOLWUT",
    "PING",
    "ROLE",
    "TIME",
    "WAIT",
    "WAITAOF",
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    // JSON, search, time series and probabilistic types.
    "JSON.ARRINDEX",
    "JSON.ARRLEN",
    "JSON.GET",
    "JSON.MGET",
    "JSON.OBJKEYS",
    "JSON.OBJLEN",
    "JSON.RESP",
    "JSON.STRLEN",
    "JSON.TYPE",
    "FT._LIST",
    "FT.AGGREGATE",
    "FT.DICTDUMP",
    "FT.EXPLAIN",
    "FT.EXPLAINCLI",
    "FT.INFO",
    "FT.PROFILE",
    "FT.SEARCH",
    "FT.SPELLCHECK",
    "FT.SUGGET",
    "FT.SUGLEN",
    "FT.SYNDUMP",
    "FT.TAGVALS",
    "TS.GET",
    "TS.INFO",
    "TS.MGET",
    "TS.MRANGE",
    "TS.MREVRANGE",
    "TS.QUERYINDEX",
    "TS.RANGE",
    "TS.REVRANGE",
    "BF.CARD",
    "BF.EXISTS",
    "BF.INFO",
    "BF.MEXISTS",
    "BF.SCANDUMP",
    "CF.COUNT",
    "CF.EXISTS",
    "CF.INFO",
    "CF.MEXISTS",
    "CF.SCANDUMP",
    "CMS.INFO",
    "CMS.QUERY",
    "TOPK.COUNT",
    "TOPK.INFO",
    "TOPK.LIST",
    "TOPK.QUERY",
    "TDIGEST.BYRANK",
    "TDIGEST.BYREVRANK",
    "TDIGEST.CDF",
    "TDIGEST.INFO",
    "TDIGEST.MAX",
    "TDIGEST.MIN",
    "TDIGEST.QUANTILE",
    "TDIGEST.RANK",
    "TDIGEST.REVRANK",
    "TDIGEST.TRIMMED_MEAN",
];

/// Commands of Redis with subcommands, and those that only read.
const REDIS_SUBCOMMANDS: &[(&str, &[&str])] = &[
    (
        "ACL",
        &["CAT", "DRYRUN", "GETUSER", "LIST", "USERS", "WHOAMI"],
    ),
    (
        "CLIENT",
        &["GETNAME", "GETREDIR", "ID", "INFO", "LIST", "TRACKINGINFO"],
    ),
    (
        "CLUSTER",
        &[
            "COUNTKEYSINSLOT",
            "COUNT-FAILURE-REPORTS",
            "GETKEYSINSLOT",
            "INFO",
            "KEYSLOT",
            "LINKS",
            "MYID",
            "MYSHARDID",
            "NODES",
            "REPLICAS",
            "SHARDS",
            "SLAVES",
            "SLOTS",
        ],
    ),
    (
        "COMMAND",
        &[
            "COUNT",
            "DOCS",
            "GETKEYS",
            "GETKEYSANDFLAGS",
            "INFO",
            "LIST",
        ],
    ),
    ("CONFIG", &["GET"]),
    ("FT.CONFIG", &["GET"]),
    ("FUNCTION", &["DUMP", "LIST", "STATS"]),
    ("JSON.DEBUG", &["MEMORY"]),
    (
        "LATENCY",
        &["DOCTOR", "GRAPH", "HISTOGRAM", "HISTORY", "LATEST"],
    ),
    ("MEMORY", &["DOCTOR", "MALLOC-STATS", "STATS", "USAGE"]),
    ("MODULE", &["LIST"]),
    ("OBJECT", &["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"]),
    (
        "PUBSUB",
        &[
            "CHANNELS",
            "NUMPAT",
            "NUMSUB",
            "SHARDCHANNELS",
            "SHARDNUMSUB",
        ],
    ),
    ("SCRIPT", &["EXISTS"]),
    ("SLOWLOG", &["GET", "LEN"]),
    ("XINFO", &["CONSUMERS", "GROUPS", "STREAM"]),
];

fn redis(command: &[String]) -> Option<Reason> {
    let words: Vec<String> = command
        .iter()
        .map(|word| word.to_ascii_uppercase())
        .collect();
    let name = words.first().map_or("", String::as_str);
    let has = |word: &str| words.iter().any(|other| other == word);
    let subcommands = REDIS_SUBCOMMANDS
        .iter()
        .find(|(command, _)| *command == name);
    let reads = match (name, subcommands) {
        ("SORT" | "GEORADIUS" | "GEORADIUSBYMEMBER", _) => !has("STORE") && !has("STOREDIST"),
        ("BITFIELD", _) => !has("SET") && !has("INCRBY"),
        ("COMMAND", _) if words.len() == 1 => true,
        ("ACL", _) if words.get(1).is_some_and(|word| word == "LOG") => !has("RESET"),
        (_, Some((_, reading))) => words
            .get(1)
            .is_some_and(|word| word == "HELP" || reading.contains(&word.as_str())),
        (_, None) => REDIS.contains(&name),
    };
    if reads {
        return None;
    }
    let shown = match subcommands.and(words.get(1)) {
        Some(subcommand) => format!("{name} {subcommand}"),
        None => name.to_owned(),
    };
    let instead: &[&str] = match name {
        "EVAL" => &["EVAL_RO"],
        "EVALSHA" => &["EVALSHA_RO"],
        "FCALL" => &["FCALL_RO"],
        "GETEX" | "GETDEL" | "GETSET" => &["GET"],
        "XREADGROUP" | "XAUTOCLAIM" | "XCLAIM" | "XACK" => &["XRANGE", "XPENDING", "XINFO"],
        "LPOP" | "RPOP" | "BLPOP" | "BRPOP" | "LMPOP" | "BLMPOP" | "LMOVE" | "RPOPLPUSH" => {
            &["LRANGE", "LINDEX", "LPOS"]
        }
        "SPOP" => &["SMEMBERS", "SRANDMEMBER"],
        "ZPOPMIN" | "ZPOPMAX" | "BZPOPMIN" | "BZPOPMAX" | "ZMPOP" | "BZMPOP" => &["ZRANGE"],
        "TOUCH" => &["EXISTS"],
        "HGETDEL" | "HGETEX" => &["HGET", "HMGET"],
        _ => &[],
    };
    Some(Reason {
        what: text!("the Redis command `{command}` can write", command = shown),
        help: match instead {
            [] => explain(),
            instead => text!(
                "use {instead}, or explain with `read_only: TEXT` why it changes nothing",
                instead = code_list(instead.iter().copied())
            ),
        },
    })
}

fn http(method: &str) -> Option<Reason> {
    let reads = ["GET", "HEAD", "OPTIONS"]
        .iter()
        .any(|safe| method.eq_ignore_ascii_case(safe));
    (!reads).then(|| Reason {
        what: text!("an HTTP request with `{method}` can write", method),
        help: text!("use `GET`, or explain with `read_only: TEXT` why it changes nothing"),
    })
}

fn amqp(operation: &AmqpOperation) -> Option<Reason> {
    let name = match operation {
        AmqpOperation::Queue(_) | AmqpOperation::Exchange(_) | AmqpOperation::Stream { .. } => {
            return None;
        }
        AmqpOperation::Get { .. } => {
            return Some(Reason {
                what: text!(
                    "the AMQP operation `get` changes the message that it gets: it is marked as redelivered, and a quorum queue counts the delivery"
                ),
                help: text!(
                    "use `queue` for the numbers of messages and consumers, or `stream` to read the messages of a stream"
                ),
            });
        }
        AmqpOperation::Publish(_) => "publish",
        AmqpOperation::DeclareQueue { .. } => "declare_queue",
        AmqpOperation::DeclareExchange { .. } => "declare_exchange",
        AmqpOperation::Bind(_) => "bind",
        AmqpOperation::Unbind(_) => "unbind",
        AmqpOperation::Purge(_) => "purge",
        AmqpOperation::DeleteQueue(_) => "delete_queue",
        AmqpOperation::DeleteExchange(_) => "delete_exchange",
    };
    Some(Reason {
        what: text!(
            "the AMQP operation `{operation}` can write",
            operation = name
        ),
        help: text!(
            "use `queue`, `exchange` or `stream`, or explain with `read_only: TEXT` why it changes nothing"
        ),
    })
}

fn sql(script: &str) -> Effect {
    let statements = sql_form::statements(script);
    let ends = statements.iter().find_map(|statement| match statement {
        Statement::EndsTransaction(word) => Some(word),
        Statement::Reads | Statement::CanWrite(_) => None,
    });
    if let Some(word) = ends {
        return Effect::Writes(Reason {
            what: text!(
                "the SQL statement `{statement}` begins or ends a transaction",
                statement = word
            ),
            help: text!("omit it: the step runs in a transaction that is always rolled back"),
        });
    }
    let writing = statements.iter().find_map(|statement| match statement {
        Statement::CanWrite(word) => Some(word),
        Statement::Reads | Statement::EndsTransaction(_) => None,
    });
    writing.map_or(Effect::Reads, |word| {
        Effect::CanWrite(Reason {
            what: text!("the SQL statement `{statement}` can write", statement = word),
            help: text!(
                "to only try it, explain so with `read_only: TEXT`: the step is then always rolled back"
            ),
        })
    })
}

/// Commands of MongoDB that only read.
const MONGO: &[&str] = &[
    "buildInfo",
    "buildinfo",
    "collStats",
    "collstats",
    "connPoolStats",
    "connectionStatus",
    "count",
    "currentOp",
    "dataSize",
    "dbHash",
    "dbStats",
    "dbhash",
    "dbstats",
    "distinct",
    "explain",
    "features",
    "find",
    "getClusterParameter",
    "getCmdLineOpts",
    "getDefaultRWConcern",
    "getLog",
    "getParameter",
    "hello",
    "hostInfo",
    "isMaster",
    "ismaster",
    "isdbgrid",
    "listCollections",
    "listCommands",
    "listDatabases",
    "listIndexes",
    "lockInfo",
    "ping",
    "planCacheListFilters",
    "replSetGetConfig",
    "replSetGetStatus",
    "rolesInfo",
    "serverStatus",
    "shardConnPoolStats",
    "top",
    "usersInfo",
    "validate",
    "whatsmyuri",
];

/// Commands of MongoDB that the probe runs in a transaction, where it can abort them.
pub(crate) const MONGO_TRANSACTIONAL: [&str; 5] = [
    "insert",
    "update",
    "delete",
    "findAndModify",
    "findandmodify",
];

fn mongo(command: &Value) -> Option<Reason> {
    let entries = command.as_object()?;
    let (name, first) = entries.iter().next()?;
    let is_true = |key: &str| {
        entries
            .get(key)
            .is_some_and(|value| *value == Value::Bool(true))
    };
    let shown = match name.as_str() {
        "aggregate" => {
            let stages = entries.get("pipeline").and_then(Value::as_array);
            let mut stages = stages.into_iter().flatten().filter_map(Value::as_object);
            let writing = stages.find_map(|stage| {
                stage
                    .keys()
                    .find(|key| matches!(key.as_str(), "$out" | "$merge"))
            });
            writing?.clone()
        }
        "mapReduce" | "mapreduce" => {
            let out = entries.get("out").and_then(Value::as_object);
            if out.is_some_and(|out| out.contains_key("inline")) {
                return None;
            }
            name.clone()
        }
        "profile" if first.as_i64() == Some(-1) => return None,
        "validate" if is_true("repair") || is_true("fixMultikey") => name.clone(),
        known if MONGO.contains(&known) => return None,
        _ => name.clone(),
    };
    let help = match MONGO_TRANSACTIONAL.contains(&shown.as_str()) {
        true => text!(
            "to only try it, explain so with `read_only: TEXT`: on a replica set it then runs in a transaction that is aborted"
        ),
        false => explain(),
    };
    Some(Reason {
        what: text!("the MongoDB command `{command}` can write", command = shown),
        help,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lab::steps::{StepList, read_steps};
    use crate::lab::yaml::Node;

    /// Compares the effect of a step, with its reason and its advice.
    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let node = Node::parse(Path::new("lab.yaml"), &format!("{{ {yaml} }}")).unwrap();
        let mut problems = Vec::new();
        let steps = read_steps(&[&node], StepList::Start, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let reason =
            |reason: &Reason| format!("{} ({})", reason.what.localized(), reason.help.localized());
        let printed = match steps[0].act.effect() {
            Effect::Reads => "reads".to_owned(),
            Effect::RunsProgram => "runs a program".to_owned(),
            Effect::CanWrite(why) => format!("can write: {}", reason(&why)),
            Effect::Writes(why) => format!("writes: {}", reason(&why)),
        };
        assert_eq!(printed, expected, "{yaml}");
    }

    #[track_caller]
    fn redis_reads(command: &str, reads: bool) {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(redis(&words).is_none(), reads, "{command}");
    }

    #[test]
    fn redis_commands_are_known_by_their_names() {
        for reading in [
            "get k",
            "TTL k",
            "OBJECT FREQ k",
            "object idletime k",
            "XINFO STREAM s FULL",
            "XPENDING s g",
            "EVAL_RO x 0",
            "FCALL_RO f 0",
            "CONFIG GET save",
            "CONFIG HELP",
            "SORT l",
            "SORT l ALPHA",
            "BITFIELD k GET u8 0",
            "COMMAND",
            "ACL LOG",
            "ACL LOG 3",
            "CLIENT LIST",
            "PFCOUNT k",
            "json.get k $",
            "FT.SEARCH i *",
            "INFO all",
            "XREAD STREAMS s 0",
            "MEMORY USAGE k",
            "SUBSCRIBE c",
        ] {
            redis_reads(reading, true);
        }
        for writing in [
            "SET k v",
            "GETEX k",
            "GETDEL k",
            "XREADGROUP GROUP g c STREAMS s >",
            "TOUCH k",
            "EVAL x 0",
            "FCALL f 0",
            "CONFIG SET a b",
            "CONFIG RESETSTAT",
            "CONFIG",
            "SORT l STORE m",
            "BITFIELD k SET u8 0 1",
            "ACL LOG RESET",
            "CLIENT KILL ID 3",
            "MEMORY PURGE",
            "XAUTOCLAIM s g c 0 0",
            "FUNCTION FLUSH",
            "SCRIPT LOAD x",
            "PUBLISH c m",
            "BLPOP l 0",
            "SHUTDOWN",
            "SAVE",
            "GEORADIUS k 1 1 1 m STORE x",
            "FLUSHALL",
            "",
            "MODULE.UNKNOWN k",
        ] {
            redis_reads(writing, false);
        }
    }

    #[test]
    fn every_kind_of_step_has_an_effect() {
        let explain =
            "use a step that only reads, or explain with `read_only: TEXT` why it changes nothing";
        check("redis: { service: s, command: [GET, k] }", "reads");
        check(
            "redis: { service: s, command: [config, set, a, b] }",
            &format!("can write: the Redis command `CONFIG SET` can write ({explain})"),
        );
        check(
            "redis: { service: s, command: [EVAL, x, '0'] }",
            "can write: the Redis command `EVAL` can write (use `EVAL_RO`, or explain with `read_only: TEXT` why it changes nothing)",
        );
        check("exec: { service: s, run: [rm, x] }", "runs a program");
        check("http: { service: s, path: / }", "reads");
        check("http: { service: s, path: /, method: head }", "reads");
        check(
            "http: { service: s, path: /, method: POST }",
            "can write: an HTTP request with `POST` can write (use `GET`, or explain with `read_only: TEXT` why it changes nothing)",
        );
        check("tcp: { service: s }", "reads");
        check(
            "tcp: { service: s, send: x }",
            &format!("can write: a `tcp` probe with `send` can write ({explain})"),
        );
        check("log: { service: s }", "reads");
        check("file: { path: x }", "reads");
        check(
            "file: { path: x, remove: true }",
            "writes: `write`, `copy_from` and `remove` change a file (use them in `start` or `solution`)",
        );
        check(
            "restart: { service: s }",
            "writes: `restart` is an action (use it in `start` or `solution`)",
        );
    }

    #[test]
    fn sql_can_be_tried_but_not_end_its_transaction() {
        check("sql: { service: s, query: 'SELECT 1' }", "reads");
        check(
            "sql: { service: s, query: 'DELETE FROM t' }",
            "can write: the SQL statement `DELETE` can write (to only try it, explain so with `read_only: TEXT`: the step is then always rolled back)",
        );
        check(
            "sql: { service: s, script: 'INSERT INTO t VALUES (1); commit' }",
            "writes: the SQL statement `COMMIT` begins or ends a transaction (omit it: the step runs in a transaction that is always rolled back)",
        );
    }

    #[test]
    fn mongodb_commands_are_known_by_their_names_and_stages() {
        for reading in [
            "find: c",
            "aggregate: c, pipeline: [ { $match: {} } ], cursor: {}",
            "count: c",
            "distinct: c, key: k",
            "explain: { delete: c }",
            "validate: c",
            "dbStats: 1",
            "serverStatus: 1",
            "listIndexes: c",
            "profile: -1",
            "mapReduce: c, out: { inline: 1 }",
        ] {
            check(
                &format!("mongo: {{ service: s, command: {{ {reading} }} }}"),
                "reads",
            );
        }
        let explain =
            "use a step that only reads, or explain with `read_only: TEXT` why it changes nothing";
        for (writing, name) in [
            (
                "aggregate: c, pipeline: [ { $match: {} }, { $out: d } ]",
                "$out",
            ),
            ("aggregate: c, pipeline: [ { $merge: d } ]", "$merge"),
            ("drop: c", "drop"),
            ("profile: 2", "profile"),
            ("validate: c, repair: true", "validate"),
            ("unknown: 1", "unknown"),
        ] {
            check(
                &format!("mongo: {{ service: s, command: {{ {writing} }} }}"),
                &format!("can write: the MongoDB command `{name}` can write ({explain})"),
            );
        }
        check(
            "mongo: { service: s, command: { insert: c, documents: [] } }",
            "can write: the MongoDB command `insert` can write (to only try it, explain so with `read_only: TEXT`: on a replica set it then runs in a transaction that is aborted)",
        );
    }

    #[test]
    fn amqp_reads_queues_exchanges_and_streams() {
        for reading in ["queue: q", "exchange: e", "stream: s, from: 7, limit: 2"] {
            check(&format!("amqp: {{ service: s, {reading} }}"), "reads");
        }
        check(
            "amqp: { service: s, purge: q }",
            "can write: the AMQP operation `purge` can write (use `queue`, `exchange` or `stream`, or explain with `read_only: TEXT` why it changes nothing)",
        );
        check(
            "amqp: { service: s, get: q }",
            "can write: the AMQP operation `get` changes the message that it gets: it is marked as redelivered, and a quorum queue counts the delivery (use `queue` for the numbers of messages and consumers, or `stream` to read the messages of a stream)",
        );
    }
}
