//! `roadlab explain`: says what a code of a problem means.

use serde_json::json;

use crate::commands::Context;
use crate::exit::Exit;
use crate::problem::{Code, suggestion};
use crate::report::{self, output};
use crate::runner::Failure;
use crate::text;

/// Explains a code, or lists all.
pub(crate) fn explain(context: &Context, code: Option<&str>) -> Result<Exit, Failure> {
    let codes: Vec<Code> = match code {
        None => Code::ALL.to_vec(),
        Some(name) => {
            let found = Code::ALL.iter().find(|code| code.name() == name);
            let Some(code) = found else {
                let help = suggestion(name, Code::ALL.iter().map(|code| code.name()));
                return Err(Failure::Usage(text!(
                    "no such code: `{name}`; {help}",
                    name,
                    help
                )));
            };
            vec![*code]
        }
    };
    if context.global.json {
        let documents: Vec<_> = codes
            .iter()
            .map(|code| json!({ "code": code.name(), "explanation": code.explanation().localized() }))
            .collect();
        report::document(&json!({ "codes": documents }));
        return Ok(Exit::Success);
    }
    for (at, code) in codes.iter().enumerate() {
        if at > 0 {
            output("");
        }
        output(&context.paint.bold(code.name()));
        output(&format!("  {}", code.explanation().localized()));
    }
    Ok(Exit::Success)
}
