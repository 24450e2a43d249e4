//! An event of one of several instances, with the instance.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::event::Event;

/// An event of an instance that a test uses.
#[derive(Debug, Clone)]
pub struct InstanceEvent {
    pub lab: String,
    pub instance: String,
    /// The exercise that is tested there; `None` if it is the lab as a whole, or nothing yet.
    pub exercise: Option<String>,
    pub event: Box<Event>,
}

impl Serialize for InstanceEvent {
    /// Writes the fields of the event, and those of the instance that it does not have itself.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serde_json::to_value(&self.event).map_err(serde::ser::Error::custom)?;
        if let Value::Object(fields) = &mut line {
            for (name, value) in [
                ("exercise", json!(self.exercise)),
                ("lab", json!(self.lab)),
                ("instance", json!(self.instance)),
            ] {
                fields.entry(name).or_insert(value);
            }
        }
        line.serialize(serializer)
    }
}

/// Returns the JSON Schema of the fields of the instance, which any event of a test may have.
pub(super) fn properties() -> Value {
    let of = |types: Value, description: &str| json!({ "type": types, "description": description });
    json!({
        "lab": of(json!(["string", "null"]), "The id of the lab, in an event that belongs to one."),
        "instance": of(json!("string"), "The instance of the lab in which `roadlab test` plays an answer."),
        "exercise": of(json!(["string", "null"]), "The id of the exercise; null if the event belongs to none."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_instance(event: Event) -> Value {
        let event = Event::OfInstance(InstanceEvent {
            lab: "redis".to_owned(),
            instance: "test-1-2".to_owned(),
            exercise: Some("ttl".to_owned()),
            event: Box::new(event),
        });
        serde_json::to_value(&event).unwrap()
    }

    #[test]
    fn an_event_of_an_instance_has_its_fields_too() {
        let step = of_instance(Event::Step {
            step: "SET a 1".to_owned(),
        });
        let expected = json!({ "event": "step", "step": "SET a 1", "exercise": "ttl", "lab": "redis", "instance": "test-1-2" });
        assert_eq!(step, expected);
    }

    #[test]
    fn the_fields_of_the_event_itself_stay() {
        let part = of_instance(Event::PartTested {
            exercise: None,
            answers: 0,
            problems: 0,
            millis: 5,
        });
        assert_eq!(
            (&part["exercise"], &part["lab"]),
            (&Value::Null, &json!("redis"))
        );
    }
}
