//! Replaces references to captured values, `${name}`, in the strings of a step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::lab::steps::model::{
    AmqpOperation, AmqpProbe, Binding, ClientInput, ExecProbe, Fault, FileChange, FileProbe,
    HttpBody, HttpProbe, LogProbe, Login, MongoProbe, Publish, RatioProbe, RedisProbe, Restart,
    SqlProbe, SqlText, StepKind, TcpProbe,
};

impl StepKind {
    /// Returns the step with each `${name}` of a captured value replaced. A value that looks like a reference is not
    /// replaced again.
    pub fn with_captures(&self, captures: &BTreeMap<String, String>) -> Self {
        let mut step = self.clone();
        if !captures.is_empty() {
            for_each_string(&mut step, &mut |string| {
                if string.contains("${") {
                    *string = replace(string, captures);
                }
            });
        }
        step
    }
}

impl StepKind {
    /// Returns the names that the strings of a step refer to, as in `${name}`.
    pub(crate) fn references(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for_each_string(&mut self.clone(), &mut |string| {
            names.extend(references(string))
        });
        names
    }

    /// Returns whether any string of a step is such a text.
    pub(crate) fn has_text(&self, is_such: &dyn Fn(&str) -> bool) -> bool {
        let mut has = false;
        for_each_string(&mut self.clone(), &mut |string| has |= is_such(string));
        has
    }
}

/// Returns the names that a text refers to.
pub(crate) fn references(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split("${").skip(1);
    parts.filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
}

fn replace(text: &str, captures: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let reference = rest[start..].find('}').map(|end| start + end);
        let captured = reference.and_then(|end| Some((end, captures.get(&rest[start + 2..end])?)));
        let end = match captured {
            Some((end, value)) => {
                out.push_str(&rest[..start]);
                out.push_str(value);
                end + 1
            }
            None => {
                out.push_str(&rest[..start + 2]);
                start + 2
            }
        };
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Calls `change` with each string that may contain references. Every field is named, so that a new one is not forgotten.
fn for_each_string(step: &mut StepKind, change: &mut dyn FnMut(&mut String)) {
    match step {
        StepKind::Redis(RedisProbe {
            service: _,
            command,
            db: _,
        }) => command.iter_mut().for_each(change),
        StepKind::Exec(ExecProbe {
            service: _,
            run,
            user,
            workdir,
            env,
            input,
            format: _,
        }) => {
            let options = user.iter_mut().chain(workdir).chain(input);
            run.iter_mut()
                .chain(options)
                .chain(env.values_mut())
                .for_each(change);
        }
        StepKind::Http(HttpProbe {
            service: _,
            port: _,
            method,
            path,
            query,
            headers,
            auth,
            bearer,
            body,
        }) => {
            for (key, value) in query.iter_mut().chain(headers) {
                change(key);
                change(value);
            }
            if let Some(Login { user, password }) = auth {
                change(user);
                change(password);
            }
            [method, path]
                .into_iter()
                .chain(bearer)
                .for_each(&mut *change);
            match body {
                HttpBody::Nothing => {}
                HttpBody::Text(text) => change(text),
                HttpBody::Json(json) => in_json(json, change),
                HttpBody::Form(form) => {
                    for (key, value) in form {
                        change(key);
                        change(value);
                    }
                }
            }
        }
        StepKind::Tcp(TcpProbe {
            service: _,
            port: _,
            send,
        }) => send.iter_mut().for_each(change),
        StepKind::Log(LogProbe {
            service: _,
            tail: _,
        }) => {}
        StepKind::File(FileProbe {
            service: _,
            path,
            change: file_change,
        }) => {
            change(path);
            match file_change {
                FileChange::Write(text) | FileChange::CopyFrom(text) => change(text),
                FileChange::Nothing | FileChange::Remove => {}
            }
        }
        StepKind::Sql(SqlProbe {
            service: _,
            text: SqlText::Query(text) | SqlText::Script(text),
            file: _,
            database,
            user,
            password,
        }) => {
            let options = database.iter_mut().chain(user).chain(password);
            [text].into_iter().chain(options).for_each(change);
        }
        StepKind::Mongo(MongoProbe {
            service: _,
            database,
            command,
        }) => {
            database.iter_mut().for_each(&mut *change);
            in_json(command, change);
        }
        StepKind::Amqp(AmqpProbe {
            service: _,
            vhost,
            operation,
        }) => {
            vhost.iter_mut().for_each(&mut *change);
            in_operation(operation, change);
        }
        StepKind::Ratio(RatioProbe {
            measurement: _,
            slower: _,
            faster: _,
        })
        | StepKind::Restart(Restart { service: _, how: _ })
        | StepKind::Fault(Fault {
            service: _,
            kind: _,
        }) => {}
        StepKind::Client(ClientInput { service: _, input }) => change(input),
    }
}

fn in_operation(operation: &mut AmqpOperation, change: &mut dyn FnMut(&mut String)) {
    match operation {
        AmqpOperation::Queue(name)
        | AmqpOperation::Exchange(name)
        | AmqpOperation::Stream { queue: name, .. }
        | AmqpOperation::Get {
            queue: name,
            ack: _,
        }
        | AmqpOperation::Purge(name)
        | AmqpOperation::DeleteQueue(name)
        | AmqpOperation::DeleteExchange(name) => change(name),
        AmqpOperation::Publish(message) => {
            let Publish {
                exchange,
                routing_key,
                body,
                persistent: _,
                headers,
                expiration,
                mandatory: _,
            } = &mut **message;
            let strings = [exchange, routing_key, body].into_iter().chain(expiration);
            strings.for_each(&mut *change);
            in_json(headers, change);
        }
        AmqpOperation::DeclareQueue {
            name,
            durable: _,
            exclusive: _,
            auto_delete: _,
            arguments,
        } => {
            change(name);
            in_json(arguments, change);
        }
        AmqpOperation::DeclareExchange {
            name,
            kind,
            durable: _,
        } => {
            change(name);
            change(kind);
        }
        AmqpOperation::Bind(binding) | AmqpOperation::Unbind(binding) => {
            let Binding {
                queue,
                exchange,
                routing_key,
                arguments,
            } = binding;
            [queue, exchange, routing_key]
                .into_iter()
                .for_each(&mut *change);
            in_json(arguments, change);
        }
    }
}

fn in_json(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| in_json(item, change)),
        Value::Object(map) => map.values_mut().for_each(|item| in_json(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::id::ServiceName;
    use serde_json::json;

    #[track_caller]
    fn check(command: &str, captures: &[(&str, &str)], expected: &str) {
        let step = StepKind::Redis(RedisProbe {
            service: ServiceName::new("redis").unwrap(),
            command: vec!["GET".to_owned(), command.to_owned()],
            db: 0,
        });
        let captures = captures
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let StepKind::Redis(filled) = step.with_captures(&captures.collect()) else {
            panic!("the kind of the step changed");
        };
        assert_eq!(filled.command[1], expected);
    }

    #[test]
    fn references_to_captures_are_replaced() {
        check("order:${id}:${id}", &[("id", "7")], "order:7:7");
        check("${id}${other} $ ${", &[("id", "7")], "7${other} $ ${");
        check("${a ${id}", &[("id", "7")], "${a 7");
    }

    #[test]
    fn a_captured_value_in_the_form_of_a_reference_is_not_replaced() {
        let captures = [("a", "${b}"), ("b", "secret")];
        check("${a}", &captures, "${b}");
    }

    #[test]
    fn the_references_of_a_step_are_found() {
        let step = StepKind::Redis(RedisProbe {
            service: ServiceName::new("redis").unwrap(),
            command: vec!["${a}:${b".to_owned(), "${c}".to_owned(), "$d ${".to_owned()],
            db: 0,
        });
        assert_eq!(step.references(), ["a", "c"].map(str::to_owned).into());
    }

    #[test]
    fn references_in_json_are_replaced_in_values() {
        let mut json = json!({ "id": "${id}", "list": ["${id}", 1, null] });
        in_json(&mut json, &mut |text| *text = text.replace("${id}", "7"));
        assert_eq!(json, json!({ "id": "7", "list": ["7", 1, null] }));
    }
}
