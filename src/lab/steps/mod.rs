//! Steps and checks: their model, and how they are read from YAML.

mod amqp;
mod captures;
mod display;
mod faults;
mod matcher;
mod measurement;
mod model;
mod possible;
mod probes;
mod ratio;
mod read_only;
mod reader;
mod service_field;
mod sql_form;
mod volatile;

pub(crate) use captures::references;
#[cfg(any(test, fuzzing))]
pub(crate) use matcher::read_matcher;
pub use measurement::{Measurement, Side, Touched, Unit};
pub(crate) use measurement::{check_ratios, read_measurements};
pub use model::{
    AmqpOperation, AmqpProbe, Binding, Capture, Check, CheckRole, ClientInput, ConditionalHint,
    DEFAULT_TIMEOUT, ExecProbe, Fault, FaultKind, FileChange, FileProbe, HttpBody, HttpProbe,
    LogProbe, Login, MongoProbe, Necessity, OutputFormat, Publish, RatioProbe, RedisProbe, Restart,
    RestartMode, Secrecy, SqlProbe, SqlText, Step, StepKind, StreamOffset, TcpProbe, Unchanged,
};
pub(crate) use probes::check_server_path;
pub(crate) use read_only::MONGO_TRANSACTIONAL;
pub use read_only::{Effect, Reason};
pub(crate) use reader::{StepList, read_check, read_steps};
pub use sql_form::{line_of_character, not_undone_by_mysql, statement_line};
