//! Finds matchers that can never hold on what their probe returns. Only what is certain is a problem.

use serde_json::Value;

use crate::expect::{Decimal, Matcher, Typing, ValuePath, ValueType};
use crate::lab::steps::matcher::{exact_json, read_matcher};
use crate::lab::steps::model::{AmqpOperation, OutputFormat, StepKind};
use crate::lab::yaml::{Kind, Node, Problems};
use crate::problem::{Problem, code_list};
use crate::text;
use crate::text::Text;

/// Reads a matcher of what a step returns. It is a problem if it can never hold; of a step that cannot be read, nothing is known.
pub(super) fn read_matcher_of(
    node: &Node,
    act: Option<&StepKind>,
    problems: &mut Problems,
) -> Matcher {
    let before = problems.len();
    let matcher = read_matcher(node, problems);
    if let Some(act) = act
        && problems.len() == before
    {
        check_matcher(node, act, problems);
    }
    matcher
}

/// The forms that a value can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Forms(u8);

impl Forms {
    const TEXT: Self = Self(1);
    const NUMBER: Self = Self(1 << 1);
    const BOOLEAN: Self = Self(1 << 2);
    const LIST: Self = Self(1 << 3);
    const OBJECT: Self = Self(1 << 4);
    const NULL: Self = Self(1 << 5);
    /// A list whose elements are objects, such as the rows of a query.
    const ROWS: Self = Self(1 << 6);
    const ANY: Self = Self(0b0111_1111);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the form of a value that is written in a matcher. A date or a decimal of extended JSON is an object.
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::TEXT,
            Value::Array(items) if items.iter().all(Value::is_object) => Self::LIST.or(Self::ROWS),
            Value::Array(_) => Self::LIST,
            Value::Object(fields) if fields.contains_key("$numberDecimal") => {
                Self::OBJECT.or(Self::NUMBER)
            }
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// Returns the forms with what equals them where a protocol transfers text.
    fn read_as(self, typing: Typing) -> Self {
        let numeric = Self::TEXT.or(Self::NUMBER);
        match typing {
            Typing::TextOnly if self.meets(numeric) => self.or(numeric),
            Typing::TextOnly | Typing::Typed => self,
        }
    }
}

/// What is certain about the results of a probe.
#[derive(Debug, Clone, Copy)]
struct Returns {
    forms: Forms,
    status: bool,
    /// Whether the service has errors of its own.
    error: bool,
    typing: Typing,
    /// Whether a value can have columns.
    table: bool,
}

/// Redis commands whose reply always has the same form. Source: the command reference of Redis 8.
const INTEGERS: &[&str] = &[
    "BITCOUNT",
    "DBSIZE",
    "EXISTS",
    "EXPIRETIME",
    "HEXISTS",
    "HLEN",
    "HSTRLEN",
    "LLEN",
    "PEXPIRETIME",
    "PFCOUNT",
    "PTTL",
    "SCARD",
    "SINTERCARD",
    "SISMEMBER",
    "STRLEN",
    "TTL",
    "XLEN",
    "ZCARD",
    "ZCOUNT",
    "ZLEXCOUNT",
];
const TEXTS: &[&str] = &["GET", "GETRANGE", "HGET", "LINDEX", "TYPE"];
const LISTS: &[&str] = &[
    "HKEYS",
    "HMGET",
    "HVALS",
    "KEYS",
    "LRANGE",
    "MGET",
    "SINTER",
    "SMEMBERS",
    "SMISMEMBER",
    "SUNION",
    "SDIFF",
    "XRANGE",
    "XREVRANGE",
    "ZRANGE",
];
const MAPS: &[&str] = &["HGETALL"];

impl Returns {
    fn of(act: &StepKind) -> Self {
        let any = Self {
            forms: Forms::ANY,
            status: false,
            error: false,
            typing: act.typing(),
            table: false,
        };
        let text = Self {
            forms: Forms::TEXT,
            ..any
        };
        match act {
            StepKind::Redis(probe) => Self {
                forms: redis_reply(&probe.command),
                error: true,
                ..any
            },
            StepKind::Exec(probe) => Self {
                // Without success, the value is a text.
                forms: match probe.format {
                    OutputFormat::Text => Forms::TEXT,
                    OutputFormat::Json => Forms::ANY,
                    OutputFormat::Lines => Forms::LIST.or(Forms::TEXT),
                    OutputFormat::Table => Forms::ROWS.or(Forms::TEXT),
                },
                status: true,
                table: probe.format == OutputFormat::Table,
                ..any
            },
            StepKind::Ratio(_) => Self {
                forms: Forms::NUMBER,
                ..any
            },
            StepKind::Client(_) => Self {
                status: true,
                ..text
            },
            StepKind::Log(_) => text,
            StepKind::Tcp(_) | StepKind::File(_) => Self {
                forms: Forms::TEXT.or(Forms::NULL),
                ..any
            },
            StepKind::Http(_) => Self {
                status: true,
                table: true,
                ..any
            },
            StepKind::Sql(_) => Self {
                forms: Forms::ROWS,
                status: true,
                error: true,
                table: true,
                ..any
            },
            StepKind::Mongo(_) => Self {
                forms: Forms::OBJECT,
                error: true,
                ..any
            },
            StepKind::Amqp(probe) => Self {
                forms: match &probe.operation {
                    AmqpOperation::Get { .. } => Forms::OBJECT.or(Forms::NULL),
                    AmqpOperation::Queue(_) => Forms::OBJECT,
                    _ => Forms::ANY,
                },
                error: true,
                ..any
            },
            StepKind::Restart(_) | StepKind::Fault(_) => any,
        }
    }
}

fn redis_reply(command: &[String]) -> Forms {
    let name = command.first().map(|name| name.to_ascii_uppercase());
    let name = name.unwrap_or_default();
    let listed = |commands: &[&str]| commands.contains(&name.as_str());
    match () {
        () if listed(INTEGERS) => Forms::NUMBER,
        () if listed(TEXTS) => Forms::TEXT.or(Forms::NULL),
        () if listed(LISTS) => Forms::LIST,
        () if listed(MAPS) => Forms::LIST.or(Forms::OBJECT),
        () => Forms::ANY,
    }
}

/// Reports every matcher of a step that can never hold.
pub(crate) fn check_matcher(node: &Node, act: &StepKind, problems: &mut Problems) {
    Checker {
        act,
        probe: Returns::of(act),
        problems,
    }
    .matcher(node, Returns::of(act));
}

struct Checker<'a> {
    act: &'a StepKind,
    probe: Returns,
    problems: &'a mut Problems,
}

impl Checker<'_> {
    fn matcher(&mut self, node: &Node, returns: Returns) {
        let Kind::Map(entries) = &node.kind else {
            return;
        };
        let returns = match node.child("as") {
            Some(_) => Returns {
                typing: Typing::TextOnly,
                ..returns
            },
            None => returns,
        };
        let returns = match node.child("path") {
            Some(path) => self.selected(path, returns),
            None => returns,
        };
        let before = self.problems.len();
        for (key, value) in entries {
            if let Some(name) = key.as_string() {
                self.field(&name, key, value, returns);
            }
        }
        if self.problems.len() == before {
            self.range(node);
        }
    }

    /// Returns what a path selects.
    fn selected(&mut self, path: &Node, returns: Returns) -> Returns {
        let written = path.as_string().unwrap_or_default();
        let Ok(parsed) = ValuePath::parse(&written) else {
            return returns;
        };
        let inner = Forms::LIST.or(Forms::OBJECT).or(Forms::ROWS);
        if written != "$" && !returns.forms.meets(inner) {
            self.report(
                path,
                text!(
                    "`path` selects nothing in {value}",
                    value = self.value(returns)
                ),
                text!("remove `path`, or use `matches` to compare a part of a text"),
            );
        }
        Returns {
            forms: match (written.as_str(), parsed.is_singular()) {
                ("$", _) => returns.forms,
                (_, true) => Forms::ANY,
                (_, false) => Forms::LIST.or(Forms::ROWS),
            },
            ..returns
        }
    }

    fn field(&mut self, name: &str, key: &Node, value: &Node, returns: Returns) {
        let forms = returns.forms;
        let written = || Forms::of(&exact_json(value)).read_as(returns.typing);
        let scalar = || !matches!(value.kind, Kind::Map(_) | Kind::List(_));
        let items = || match &value.kind {
            Kind::List(items) => items.iter().map(exact_json).collect(),
            _ => Vec::new(),
        };
        let texts = match returns.typing {
            Typing::Typed => Forms::TEXT,
            Typing::TextOnly => Forms::TEXT.or(Forms::NUMBER).or(Forms::BOOLEAN),
        };
        let numbers = Forms::NUMBER.read_as(returns.typing);
        // The numbers of extended JSON are objects, which only a path can select.
        let numbers = match forms == Forms::ANY {
            true => Forms::ANY,
            false => numbers,
        };
        let lists = Forms::LIST.or(Forms::ROWS);
        let possible = match name {
            "equals" => forms.meets(written()),
            "one_of" => {
                let mut options = items().into_iter();
                options.any(|option| forms.meets(Forms::of(&option).read_as(returns.typing)))
            }
            "contains" => {
                let object = matches!(value.kind, Kind::Map(_));
                forms.meets(Forms::LIST)
                    || forms.meets(texts) && scalar()
                    || forms.meets(Forms::OBJECT.or(Forms::ROWS)) && object
            }
            "same_items" => {
                let objects = items().iter().all(Value::is_object);
                forms.meets(Forms::LIST) || forms.meets(Forms::ROWS) && objects
            }
            "matches" => forms.meets(texts),
            "at_least" | "at_most" => forms.meets(numbers),
            "length" => forms.meets(Forms::TEXT.or(Forms::OBJECT).or(lists)),
            "absent" | "exists" => {
                let absent = (name == "absent") == matches!(value.kind, Kind::Bool(true));
                let missing = node_is_selected(forms) || forms.meets(Forms::NULL);
                !absent || missing
            }
            "type" => self.type_is_possible(value, returns),
            "rows" | "columns" => returns.table || forms == Forms::ANY && self.is_document(),
            "status" => self.probe.status,
            "error" => self.probe.error,
            "all" | "any" => {
                if let Kind::List(matchers) = &value.kind {
                    matchers
                        .iter()
                        .for_each(|inner| self.matcher(inner, returns));
                }
                true
            }
            "not" => {
                self.matcher(value, returns);
                true
            }
            _ => true,
        };
        if possible {
            return;
        }
        let help = match name {
            "status" => text!("remove it, or compare the value, for example with `equals`"),
            "error" => match self.probe.status {
                true => text!("compare `status` instead"),
                false => text!("compare the value instead"),
            },
            "rows" | "columns" => text!("use `equals` or `same_items`, perhaps with a `path`"),
            "type" if matches!(self.act, StepKind::Sql(_)) => {
                text!("compare the name that `pg_typeof(column)` returns")
            }
            _ => text!("use another field, or a `path` to the part that is meant"),
        };
        let what = text!(
            "`{name}` can never hold here: {returned}",
            name,
            returned = self.returned(name, returns)
        );
        self.report(key, what, help);
    }

    fn is_document(&self) -> bool {
        matches!(self.act, StepKind::Mongo(_))
    }

    fn type_is_possible(&self, value: &Node, returns: Returns) -> bool {
        let forms = returns.forms;
        let nodes: Vec<&Node> = match &value.kind {
            Kind::List(items) => items.iter().collect(),
            _ => vec![value],
        };
        let extended = || match self.act {
            StepKind::Mongo(_) => forms == Forms::ANY,
            StepKind::Http(_) => true,
            _ => false,
        };
        nodes.into_iter().any(|node| {
            let name = node.as_string().unwrap_or_else(|| "null".to_owned());
            match name.parse::<ValueType>() {
                Ok(ValueType::String) => forms.meets(Forms::TEXT),
                Ok(ValueType::Number | ValueType::Integer) => {
                    forms.meets(Forms::NUMBER.read_as(returns.typing))
                }
                Ok(ValueType::Boolean) => forms.meets(Forms::BOOLEAN),
                Ok(ValueType::List) => forms.meets(Forms::LIST.or(Forms::ROWS)),
                Ok(ValueType::Object) => forms.meets(Forms::OBJECT),
                Ok(ValueType::Null) => forms.meets(Forms::NULL),
                Ok(ValueType::Date | ValueType::Decimal) => extended(),
                // It is reported already.
                Err(()) => true,
            }
        })
    }

    /// Reports a range that contains no number.
    fn range(&mut self, node: &Node) {
        let limit = |key: &str| {
            let limit = node.child(key)?;
            Some((limit, Decimal::parse(&limit.as_string()?)?))
        };
        if let (Some((_, least)), Some((at, most))) = (limit("at_least"), limit("at_most"))
            && least > most
        {
            let what = text!(
                "no number is at least {least} and at most {most}",
                least,
                most
            );
            self.report(at, what, text!("exchange the limits"));
        }
    }

    fn report(&mut self, node: &Node, what: Text, help: Text) {
        self.problems
            .push(Problem::new(what).at(node.place()).help(help));
    }

    /// Describes what the probe returns, as far as a field depends on it.
    fn returned(&self, name: &str, returns: Returns) -> Text {
        let kind = self.act.key();
        match name {
            "status" => text!("`{kind}` returns no status", kind),
            "error" => text!("`{kind}` returns no error of the service", kind),
            _ => text!(
                "`{kind}` returns {value}",
                kind,
                value = self.value(returns)
            ),
        }
    }

    fn value(&self, returns: Returns) -> Text {
        let names = [
            (Forms::TEXT, "text"),
            (Forms::NUMBER, "number"),
            (Forms::BOOLEAN, "boolean"),
            (Forms::ROWS, "rows"),
            (Forms::LIST, "list"),
            (Forms::OBJECT, "object"),
            (Forms::NULL, "null"),
        ];
        if returns.forms == Forms::ANY {
            return text!("another type");
        }
        let forms = names.iter().filter(|(form, _)| returns.forms.meets(*form));
        Text::verbatim(code_list(forms.map(|(_, name)| *name)))
    }
}

/// Returns whether a value may be missing, because a path selects it.
fn node_is_selected(forms: Forms) -> bool {
    forms == Forms::ANY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::steps::{StepList, read_steps};
    use std::path::Path;

    #[track_caller]
    fn check(probe: &str, expect: &str, expected: &[&str]) {
        let yaml = format!("{probe}\nexpect: {expect}\n");
        let node = Node::parse(Path::new("s.yaml"), &yaml).unwrap();
        let mut problems = Vec::new();
        read_steps(&[&node], StepList::Solution, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected, "{probe} {expect}");
    }

    /// The matcher is possible.
    #[track_caller]
    fn possible(probe: &str, expect: &str) {
        check(probe, expect, &[]);
    }

    /// Exactly one field of the matcher is reported.
    #[track_caller]
    fn impossible(probe: &str, expect: &str, field: &str) {
        let yaml = format!("{probe}\nexpect: {expect}\n");
        let node = Node::parse(Path::new("s.yaml"), &yaml).unwrap();
        let mut problems = Vec::new();
        read_steps(&[&node], StepList::Solution, &mut problems);
        let printed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let reported = format!("`{field}` ");
        assert!(
            printed.len() == 1 && printed[0].contains(&reported),
            "{probe} {expect}: {printed:#?}"
        );
    }

    const GET: &str = "redis: { service: s, command: [GET, a] }";
    const LLEN: &str = "redis: { service: s, command: [LLEN, a] }";
    const LRANGE: &str = "redis: { service: s, command: [LRANGE, a, 0, -1] }";
    const EVAL: &str = "redis: { service: s, command: [EVAL, x, 0] }";
    const EXEC: &str = "exec: { service: s, run: [a] }";
    const HTTP: &str = "http: { service: s, path: / }";
    const LOG: &str = "log: { service: s }";
    const FILE: &str = "file: { path: a }";
    const SQL: &str = "sql: { service: s, query: q }";
    const MONGO: &str = "mongo: { service: s, command: { ping: 1 } }";
    const QUEUE: &str = "amqp: { service: s, queue: q }";

    #[test]
    fn the_problem_has_the_place_of_the_field_and_a_way_out() {
        check(
            GET,
            "{ status: 0 }",
            &[
                "s.yaml:2:11: `status` can never hold here: `redis` returns no status (remove it, or compare the value, for example with `equals`)",
            ],
        );
        check(
            LRANGE,
            "{ all: [ { length: 2 }, { at_least: 2 } ] }",
            &[
                "s.yaml:2:35: `at_least` can never hold here: `redis` returns `list` (use another field, or a `path` to the part that is meant)",
            ],
        );
        check(
            EXEC,
            "{ error: denied }",
            &[
                "s.yaml:2:11: `error` can never hold here: `exec` returns no error of the service (compare `status` instead)",
            ],
        );
        check(
            SQL,
            "{ path: '$[0].d', type: date }",
            &[
                "s.yaml:2:27: `type` can never hold here: `sql` returns another type (compare the name that `pg_typeof(column)` returns)",
            ],
        );
        check(
            FILE,
            "{ path: $.a, equals: 1 }",
            &[
                "s.yaml:2:17: `path` selects nothing in `text`, `null` (remove `path`, or use `matches` to compare a part of a text)",
            ],
        );
        check(
            GET,
            "{ at_least: 5, at_most: 4.9 }",
            &["s.yaml:2:33: no number is at least 5 and at most 4.9 (exchange the limits)"],
        );
    }

    #[test]
    fn a_status_and_an_error_exist_for_some_probes_only() {
        for probe in [EXEC, HTTP, SQL] {
            possible(probe, "{ status: 0 }");
        }
        for probe in [GET, MONGO, QUEUE, LOG, FILE] {
            impossible(probe, "{ status: 0 }", "status");
        }
        for probe in [GET, SQL, MONGO, QUEUE] {
            possible(probe, "{ error: x }");
        }
        for probe in [EXEC, HTTP, LOG, FILE] {
            impossible(probe, "{ error: x }", "error");
        }
    }

    #[test]
    fn rows_and_columns_need_a_table() {
        for probe in [SQL, HTTP] {
            possible(probe, "{ rows: [[1]] }");
        }
        for probe in [GET, LRANGE, EXEC, LOG, FILE, MONGO, QUEUE] {
            impossible(probe, "{ rows: [[1]] }", "rows");
            impossible(probe, "{ columns: [a] }", "columns");
        }
        possible(MONGO, "{ path: $.cursor.firstBatch, rows: [[1]] }");
    }

    #[test]
    fn a_value_has_the_forms_that_its_probe_returns() {
        // Text and numbers are alike where the protocol transfers text.
        for expect in [
            "{ equals: 5 }",
            "{ equals: a }",
            "{ at_least: 5 }",
            "{ matches: a }",
            "{ type: [list, integer] }",
        ] {
            possible(GET, expect);
        }
        possible(GET, "{ absent: true }");
        possible(LLEN, "{ equals: '5' }");
        impossible(LLEN, "{ absent: true }", "absent");
        impossible(LLEN, "{ exists: false }", "exists");
        possible(LLEN, "{ exists: true }");
        impossible(LLEN, "{ length: 2 }", "length");
        impossible(LLEN, "{ equals: [1] }", "equals");
        impossible(GET, "{ one_of: [[1], {}] }", "one_of");
        possible(GET, "{ one_of: [[1], 1] }");
        impossible(GET, "{ same_items: [a] }", "same_items");
        impossible(GET, "{ contains: { a: 1 } }", "contains");
        possible(GET, "{ contains: a }");
        possible(LRANGE, "{ contains: { a: 1 } }");
        impossible(LRANGE, "{ matches: a }", "matches");
        possible(LRANGE, "{ path: '$[0]', matches: a }");
        impossible(LRANGE, "{ path: '$[*]', matches: a }", "matches");
        impossible(LRANGE, "{ path: '$[*]', absent: true }", "absent");
        possible(LRANGE, "{ not_equals: a }");
        for expect in [
            "{ equals: [1] }",
            "{ at_least: 1 }",
            "{ contains: { a: 1 } }",
            "{ length: 1 }",
            "{ type: boolean }",
        ] {
            possible(EVAL, expect);
        }
    }

    #[test]
    fn rows_are_a_list_of_objects() {
        for expect in [
            "{ equals: 5 }",
            "{ equals: [1] }",
            "{ at_least: 1 }",
            "{ matches: a }",
            "{ contains: 5 }",
            "{ same_items: [5] }",
            "{ type: object }",
            "{ absent: true }",
        ] {
            let field = expect.split([' ', ':']).nth(1).unwrap();
            impossible(SQL, expect, field);
        }
        for expect in [
            "{ equals: [] }",
            "{ equals: [ { a: 1 } ] }",
            "{ contains: { a: 1 } }",
            "{ same_items: [ { a: 1 } ] }",
            "{ length: 2 }",
            "{ type: list }",
            "{ path: '$[0].n', at_least: 1 }",
            "{ path: '$[0].n', absent: true }",
        ] {
            possible(SQL, expect);
        }
    }

    #[test]
    fn documents_and_responses_may_contain_anything() {
        possible(MONGO, "{ path: $.n, type: [date, decimal] }");
        possible(MONGO, "{ path: $.n, equals: { $numberDecimal: '1.5' } }");
        possible(MONGO, "{ contains: { ok: 1 } }");
        impossible(MONGO, "{ equals: 1 }", "equals");
        impossible(MONGO, "{ at_least: 1 }", "at_least");
        for expect in [
            "{ equals: 1 }",
            "{ equals: ok }",
            "{ at_least: 1 }",
            "{ contains: a }",
            "{ path: $.a, absent: true }",
            "{ type: date }",
        ] {
            possible(HTTP, expect);
        }
        impossible(QUEUE, "{ equals: 3 }", "equals");
        possible(QUEUE, "{ path: $.messages, equals: 3 }");
    }

    #[test]
    fn a_text_has_no_parts() {
        impossible(
            EXEC,
            "{ type: [list, object, boolean, 'null', date] }",
            "type",
        );
        possible(EXEC, "{ type: number }");
        impossible(LOG, "{ absent: true }", "absent");
        possible(FILE, "{ absent: true }");
        impossible(EXEC, "{ not: { path: $.a, equals: 1 } }", "path");
        impossible(
            EXEC,
            "{ any: [ { equals: a }, { equals: [a] } ] }",
            "equals",
        );
    }
}
