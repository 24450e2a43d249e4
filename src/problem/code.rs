//! The stable codes of problems, and their explanations for `roadlab explain`.

use crate::text;
use crate::text::Text;

macro_rules! rows {
    ($($variant:ident $name:literal $explanation:literal;)*) => {
        /// The rule that a problem breaks. Names stay as they are, because people search for them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($variant,)*
        }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// Returns the name, such as `unknown-key`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$variant => $name,)*
                }
            }

            /// Says what the rule is and how to follow it.
            pub fn explanation(self) -> Text {
                match self {
                    $(Code::$variant => text!($explanation),)*
                }
            }
        }
    };
}

rows! {
    UnknownKey "unknown-key" "A mapping has a key that is not read there. It is usually misspelt, or indented too little or too much. Keys of Compose files that begin with `x-` are free; `x-roadlab` is read.";
    WrongType "wrong-type" "A value has another type than its key needs: a list `[a, b]`, a mapping `{{ a: b }}`, a number, `true` or `false`, a duration such as `2s`, or a text.";
    MissingKey "missing-key" "A required key is missing from a mapping. `roadlab schema` prints the keys of every mapping.";
    DuplicateName "duplicate-name" "Two things that must differ have the same name: keys of a mapping, exercises, checks, hints, services. Rename one of them everywhere it is used.";
    UnknownName "unknown-name" "Something is referred to that is not defined: a service, exercise, check, hint, choice, volume, network, config or a name in a template. Define it or correct the spelling.";
    InvalidName "invalid-name" "A name has characters that it cannot have, or is too long. Ids and names of services consist of lower case letters, digits, `-` and `_`.";
    Syntax "syntax" "A file is not valid YAML. The place is where the reader gave up; the cause is there or on the line above: indentation, a quote or a bracket that is not closed, a tab.";
    UnreadableFile "unreadable-file" "A file does not exist, is too large, or cannot be read. Paths are relative to the file that names them.";
    UndefinedVariable "undefined-variable" "A reference such as `${{name}}` has no value. Values come from `vars` in lab.yaml and from `.env` of the lab, never from the environment of this machine. `${{name:-default}}` has a default.";
    InvalidReference "invalid-reference" "A dollar sign begins a reference that is not complete. In Compose files write `$$` for a dollar sign, in lab.yaml `$${{` for the characters `${{`.";
    Refused "refused" "The lab requests something that no lab from a stranger should have, such as root access to this machine or files outside the lab. No flag allows it; docs/src/reference/compose-keys.md says why for each key.";
    NeedsTrust "needs-trust" "The lab requests more than labs usually need, such as a port that other machines can reach. `--trust` grants it, if you trust the author.";
    Note "note" "Nothing is wrong. A key of a Compose file has no effect here, or another one than in Compose; docs/src/reference/compose-keys.md lists them. Or a value under `random` is not used.";
    GuideMismatch "guide-mismatch" "A guide lacks what lab.yaml has, or has more: sections, checks, hints and choices must be the same in lab.yaml and in every language.";
    GuideHeading "guide-heading" "A heading of a guide has braces that are not understood, or stands at the wrong level. `## Title {{#exercise}}` begins an exercise; `### Title {{.hint}}`, `.checks`, `.choices`, `.after` and `.solution` are its parts.";
    Template "template" "A name in `{{{{ … }}}}` is unknown, or the braces contain more than a name. Write literal braces as `{{{{ '{{{{' }}}}`, or between `{{% raw %}}` and `{{% endraw %}}`.";
    Port "port" "A port is not valid, is published twice, or is used without being published under `ports`.";
    Order "order" "Exercises, services and labs form an order: an exercise needs earlier ones only, and neither `depends_on` of services nor `after` of labs has a cycle.";
    Health "health" "A service waits for the health of another one, and nothing says when that is healthy. Add `ready` to its `x-roadlab`, or a `healthcheck`.";
    Exercise "exercise" "An exercise or quiz cannot be judged: it needs a check that fails at the start, a solution and a wrong answer; a quiz needs at least two choices and one answer among them.";
    Limit "limit" "A number is too large or too small, or a file has too much of something. The message names the limit.";
    InvalidLab "invalid-lab" "A part of the lab is not valid, for the reason that the message names. `roadlab schema` describes every key.";
}
