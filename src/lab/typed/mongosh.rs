//! MongoDB commands as they are typed in mongosh.

use serde_json::{Map, Value};

use crate::lab::typed::words::{WIDTH, is_identifier};

/// The names that `db` has already, so that a collection of that name needs `getCollection`.
const MEMBERS: [&str; 6] = [
    "aggregate",
    "createCollection",
    "getCollection",
    "runCommand",
    "stats",
    "watch",
];

/// Returns the lines that do what a command does: calls of methods where these can express it, else `db.runCommand`.
pub(super) fn lines(command: &Value, database: Option<&str>) -> Vec<String> {
    let methods = command.as_object().and_then(methods);
    let calls = methods.unwrap_or_else(|| {
        let run = match database {
            Some("admin") => "db.adminCommand",
            _ => "db.runCommand",
        };
        vec![call(run, std::slice::from_ref(command))]
    });
    calls
        .iter()
        .flat_map(|call| call.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Returns calls of methods; `None` if the command has a part that no method takes.
fn methods(command: &Map<String, Value>) -> Option<Vec<String>> {
    let (name, of) = command.iter().next()?;
    let of = of.as_str()?;
    let on = |method: &str| format!("{}.{method}", collection(of));
    let only = |known: &[&str]| {
        command
            .keys()
            .skip(1)
            .all(|key| known.contains(&key.as_str()))
    };
    match name.as_str() {
        "insert" if only(&["documents", "ordered"]) => {
            let documents = command.get("documents")?.as_array()?;
            let ordered = command.get("ordered");
            Some(vec![match (documents.as_slice(), ordered) {
                ([one], None) => call(&on("insertOne"), std::slice::from_ref(one)),
                (_, None) => call(&on("insertMany"), &[Value::from(documents.clone())]),
                (_, Some(ordered)) => call(
                    &on("insertMany"),
                    &[
                        Value::from(documents.clone()),
                        object([("ordered", ordered.clone())]),
                    ],
                ),
            }])
        }
        "update" if only(&["updates", "ordered"]) => {
            let updates = command.get("updates")?.as_array()?;
            updates
                .iter()
                .map(|one| update(&on, one.as_object()?))
                .collect()
        }
        "delete" if only(&["deletes", "ordered"]) => {
            let deletes = command.get("deletes")?.as_array()?;
            let delete = |one: &Value| {
                let one = one.as_object()?;
                let known = one.keys().all(|key| matches!(key.as_str(), "q" | "limit"));
                let method = match one.get("limit")?.as_i64()? {
                    1 => "deleteOne",
                    _ => "deleteMany",
                };
                known.then(|| call(&on(method), &[one.get("q").cloned().unwrap_or_default()]))
            };
            deletes.iter().map(delete).collect()
        }
        "find"
            if only(&[
                "filter",
                "projection",
                "sort",
                "skip",
                "limit",
                "singleBatch",
            ]) =>
        {
            let empty = || Value::from(Map::new());
            let mut arguments = vec![command.get("filter").cloned().unwrap_or_else(empty)];
            arguments.extend(command.get("projection").cloned());
            let mut text = call(&on("find"), &arguments);
            for part in ["sort", "skip", "limit"] {
                if let Some(value) = command.get(part) {
                    text.push_str(&call(&format!(".{part}"), std::slice::from_ref(value)));
                }
            }
            Some(vec![text])
        }
        "aggregate" if only(&["pipeline", "cursor"]) => {
            let pipeline = command.get("pipeline")?.clone();
            Some(vec![call(&on("aggregate"), &[pipeline])])
        }
        "count" if only(&["query"]) => {
            let query = command.get("query").cloned();
            let query = query.unwrap_or_else(|| Value::from(Map::new()));
            Some(vec![call(&on("countDocuments"), &[query])])
        }
        "distinct" if only(&["key", "query"]) => {
            let mut arguments = vec![command.get("key")?.clone()];
            arguments.extend(command.get("query").cloned());
            Some(vec![call(&on("distinct"), &arguments)])
        }
        "createIndexes" if only(&["indexes"]) => {
            let indexes = command.get("indexes")?.as_array()?;
            indexes
                .iter()
                .map(|one| index(&on, one.as_object()?))
                .collect()
        }
        "dropIndexes" if only(&["index"]) => {
            let index = command.get("index")?;
            Some(vec![match index.as_str() {
                Some("*") => call(&on("dropIndexes"), &[]),
                _ => call(&on("dropIndex"), std::slice::from_ref(index)),
            }])
        }
        "drop" if only(&[]) => Some(vec![call(&on("drop"), &[])]),
        "create" if only(&["viewOn", "pipeline"]) && command.contains_key("viewOn") => {
            let arguments = [
                Value::from(of),
                command.get("viewOn")?.clone(),
                command.get("pipeline").cloned().unwrap_or_default(),
            ];
            Some(vec![call("db.createView", &arguments)])
        }
        "create" => {
            let options: Map<String, Value> = command.clone().into_iter().skip(1).collect();
            let mut arguments = vec![Value::from(of)];
            if !options.is_empty() {
                arguments.push(Value::from(options));
            }
            Some(vec![call("db.createCollection", &arguments)])
        }
        _ => None,
    }
}

fn update(on: &dyn Fn(&str) -> String, one: &Map<String, Value>) -> Option<String> {
    let known = [
        "q",
        "u",
        "multi",
        "upsert",
        "arrayFilters",
        "collation",
        "hint",
    ];
    if !one.keys().all(|key| known.contains(&key.as_str())) {
        return None;
    }
    let (filter, change) = (one.get("q")?, one.get("u")?);
    let is_replacement = change
        .as_object()
        .is_some_and(|change| !change.keys().any(|key| key.starts_with('$')));
    let method = match (one.get("multi").and_then(Value::as_bool), is_replacement) {
        (Some(true), _) => "updateMany",
        (_, true) => "replaceOne",
        (_, false) => "updateOne",
    };
    let mut options = one.clone();
    options.retain(|key, _| !matches!(key.as_str(), "q" | "u" | "multi"));
    let mut arguments = vec![filter.clone(), change.clone()];
    if !options.is_empty() {
        arguments.push(Value::from(options));
    }
    Some(call(&on(method), &arguments))
}

fn index(on: &dyn Fn(&str) -> String, one: &Map<String, Value>) -> Option<String> {
    let key = one.get("key")?;
    let parts = key.as_object()?.iter();
    let parts = parts.map(|(field, order)| match order {
        Value::String(kind) => format!("{field}_{kind}"),
        other => format!("{field}_{other}"),
    });
    let default_name = parts.collect::<Vec<_>>().join("_");
    let mut options = one.clone();
    options
        .retain(|name, value| name != "key" && (name != "name" || *value != default_name.as_str()));
    let mut arguments = vec![key.clone()];
    if !options.is_empty() {
        arguments.push(Value::from(options));
    }
    Some(call(&on("createIndex"), &arguments))
}

fn collection(name: &str) -> String {
    match is_identifier(name) && !MEMBERS.contains(&name) {
        true => format!("db.{name}"),
        false => format!("db.getCollection({})", Value::from(name)),
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter();
    fields.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Returns a call, in one line if it fits and else over several.
fn call(function: &str, arguments: &[Value]) -> String {
    let short: Vec<String> = arguments.iter().map(literal).collect();
    let one_line = format!("{function}({})", short.join(", "));
    if one_line.len() <= WIDTH {
        return one_line;
    }
    let long: Vec<String> = arguments.iter().map(|value| pretty(value, 0)).collect();
    match long.as_slice() {
        [only] => format!("{function}({only})"),
        several => {
            let lines = several.iter().map(|argument| {
                let indented = argument.replace('\n', "\n  ");
                format!("\n  {indented}")
            });
            format!("{function}({}\n)", lines.collect::<Vec<_>>().join(","))
        }
    }
}

/// Returns a value as JavaScript, over several lines where it does not fit one.
fn pretty(value: &Value, indent: usize) -> String {
    let short = literal(value);
    if short.len() + indent <= WIDTH || constructor(value).is_some() {
        return short;
    }
    let inner = indent + 2;
    let pad = " ".repeat(inner);
    let (open, close, parts): (_, _, Vec<String>) = match value {
        Value::Array(items) => {
            let items = items.iter().map(|item| pretty(item, inner));
            ('[', ']', items.collect())
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields =
                fields.map(|(name, value)| format!("{}: {}", key(name), pretty(value, inner)));
            ('{', '}', fields.collect())
        }
        _ => return short,
    };
    let parts = parts.iter().map(|part| format!("\n{pad}{part}"));
    let parts = parts.collect::<Vec<_>>().join(",");
    format!("{open}{parts}\n{}{close}", " ".repeat(indent))
}

/// Returns a value as JavaScript in one line.
fn literal(value: &Value) -> String {
    if let Some(constructor) = constructor(value) {
        return constructor;
    }
    match value {
        // In mongosh a number without a fraction is an integer.
        Value::Number(number)
            if number.is_f64() && number.as_f64().is_some_and(|n| n.fract() == 0.0) =>
        {
            format!("Double({})", number.as_f64().unwrap_or_default())
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| format!("{}: {}", key(name), literal(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    match is_identifier(name) {
        true => name.to_owned(),
        false => Value::from(name).to_string(),
    }
}

/// Returns the constructor for a type that extended JSON writes as an object.
fn constructor(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let mut fields_left = fields.iter();
    let (name, inner) = fields_left.next()?;
    let single = fields_left.next().is_none();
    if !single {
        return None;
    }
    let text = |function: &str| Some(format!("{function}({})", Value::from(inner.as_str()?)));
    match name.as_str() {
        "$date" => match inner {
            Value::String(_) => text("ISODate"),
            _ => {
                let millis = inner.get("$numberLong").and_then(Value::as_str)?;
                Some(format!("new Date({millis})"))
            }
        },
        "$oid" => text("ObjectId"),
        "$numberDecimal" => text("NumberDecimal"),
        "$numberLong" => text("NumberLong"),
        "$numberInt" => inner.as_str().map(|number| format!("NumberInt({number})")),
        "$numberDouble" => inner.as_str().map(|number| format!("Double({number})")),
        "$uuid" => text("UUID"),
        "$binary" => {
            let base64 = inner.get("base64")?.as_str()?;
            let subtype = u8::from_str_radix(inner.get("subType")?.as_str()?, 16).ok()?;
            Some(format!("BinData({subtype}, {})", Value::from(base64)))
        }
        "$regularExpression" => {
            let pattern = inner.get("pattern")?.as_str()?;
            let options = inner.get("options").and_then(Value::as_str).unwrap_or("");
            Some(format!("/{}/{options}", pattern.replace('/', "\\/")))
        }
        "$timestamp" => Some(format!(
            "Timestamp({{ t: {}, i: {} }})",
            inner.get("t")?,
            inner.get("i")?
        )),
        "$minKey" => Some("MinKey()".to_owned()),
        "$maxKey" => Some("MaxKey()".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(command: Value, expected: &[&str]) {
        assert_eq!(lines(&command, Some("lab")), expected);
    }

    #[test]
    fn commands_are_calls_of_methods() {
        check(
            json!({ "insert": "orders", "documents": [{ "_id": 1, "when": { "$date": "2026-03-02T00:00:00Z" } }] }),
            &[r#"db.orders.insertOne({ _id: 1, when: ISODate("2026-03-02T00:00:00Z") })"#],
        );
        check(
            json!({ "insert": "a-b", "documents": [{}, { "x.y": 1.5, "z": 4100.0 }] }),
            &[r#"db.getCollection("a-b").insertMany([{}, { "x.y": 1.5, z: Double(4100) }])"#],
        );
        check(
            json!({ "update": "c", "updates": [
                { "q": { "_id": 1 }, "u": { "$set": { "a": { "$numberDecimal": "1.10" } } }, "upsert": true },
                { "q": {}, "u": [{ "$set": { "b": "$a" } }], "multi": true },
                { "q": { "_id": 2 }, "u": { "a": 1 } } ] }),
            &[
                "db.c.updateOne(",
                "  { _id: 1 },",
                r#"  { $set: { a: NumberDecimal("1.10") } },"#,
                "  { upsert: true }",
                ")",
                r#"db.c.updateMany({}, [{ $set: { b: "$a" } }])"#,
                "db.c.replaceOne({ _id: 2 }, { a: 1 })",
            ],
        );
        check(
            json!({ "delete": "c", "deletes": [{ "q": {}, "limit": 0 }, { "q": { "a": 1 }, "limit": 1 }] }),
            &["db.c.deleteMany({})", "db.c.deleteOne({ a: 1 })"],
        );
        check(
            json!({ "createIndexes": "c", "indexes": [
                { "key": { "a": 1, "d": -1 }, "name": "a_1_d_-1" },
                { "key": { "a": 1 }, "name": "mine", "unique": true } ] }),
            &[
                "db.c.createIndex({ a: 1, d: -1 })",
                r#"db.c.createIndex({ a: 1 }, { name: "mine", unique: true })"#,
            ],
        );
        check(
            json!({ "find": "c", "filter": { "a": { "$gt": 1 } }, "sort": { "a": 1 }, "limit": 3 }),
            &["db.c.find({ a: { $gt: 1 } }).sort({ a: 1 }).limit(3)"],
        );
        check(json!({ "drop": "profile" }), &["db.profile.drop()"]);
        check(
            json!({ "create": "v", "viewOn": "c", "pipeline": [] }),
            &[r#"db.createView("v", "c", [])"#],
        );
    }

    #[test]
    fn a_command_that_no_method_expresses_is_run_as_it_is() {
        check(
            json!({ "insert": "c", "documents": [{}], "writeConcern": { "w": 1 } }),
            &[r#"db.runCommand({ insert: "c", documents: [{}], writeConcern: { w: 1 } })"#],
        );
        let admin = lines(&json!({ "serverStatus": 1 }), Some("admin"));
        assert_eq!(admin, ["db.adminCommand({ serverStatus: 1 })"]);
    }

    #[test]
    fn a_long_call_takes_several_lines() {
        check(
            json!({ "aggregate": "timesheet", "pipeline": [
                { "$match": { "day": { "$gte": { "$date": "2025-03-01T00:00:00Z" }, "$lt": { "$date": "2025-04-01T00:00:00Z" } } } },
                { "$out": { "db": "lab", "coll": "busy_clients" } } ], "cursor": {} }),
            &[
                "db.timesheet.aggregate([",
                "  {",
                "    $match: {",
                "      day: {",
                r#"        $gte: ISODate("2025-03-01T00:00:00Z"),"#,
                r#"        $lt: ISODate("2025-04-01T00:00:00Z")"#,
                "      }",
                "    }",
                "  },",
                r#"  { $out: { db: "lab", coll: "busy_clients" } }"#,
                "])",
            ],
        );
    }
}
