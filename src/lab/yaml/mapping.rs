//! The mappings that lab files and Compose files contain.

use crate::text;
use crate::text::Text;

macro_rules! mappings {
    ($($variant:ident => $name:literal, $noun:literal;)*) => {
        /// A kind of mapping, named in problems and in the JSON Schema.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Mapping {
            $($variant,)*
        }

        impl Mapping {
            /// Returns the name of the definition in the JSON Schema.
            #[cfg(test)]
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Mapping::$variant => $name,)*
                }
            }

            /// Returns whether the mapping is defined by Compose.
            pub(crate) fn is_compose(self) -> bool {
                self >= Mapping::ComposeFile
            }

            /// Returns the noun for problems, with its article.
            pub(crate) fn noun(self) -> Text {
                match self {
                    $(Mapping::$variant => text!($noun),)*
                }
            }
        }
    };
}

mappings! {
    Lab => "lab", "a lab";
    RandomValue => "random-value", "a random value";
    Exercise => "exercise", "an exercise";
    Check => "check", "a check";
    Unchanged => "unchanged", "`unchanged`";
    Step => "step", "a step";
    Hint => "hint", "a hint";
    Capture => "capture", "a capture";
    Matcher => "matcher", "a matcher";
    RightAnswer => "right-answer", "a right answer";
    WrongAnswer => "wrong-answer", "a wrong answer";
    TrialExercise => "trial-exercise", "an exercise of `trial.yaml`";
    TrialAnswer => "trial-answer", "a wrong answer";
    Quiz => "quiz", "a quiz";
    Measurement => "measurement", "a measurement";
    Side => "side", "a side of a measurement";
    Touched => "touched", "`touched`";
    RedisProbe => "redis-probe", "a `redis` probe";
    ExecProbe => "exec-probe", "an `exec` probe";
    HttpProbe => "http-probe", "an `http` probe";
    TcpProbe => "tcp-probe", "a `tcp` probe";
    LogProbe => "log-probe", "a `log` probe";
    FileProbe => "file-probe", "a `file` probe";
    SqlProbe => "sql-probe", "an `sql` probe";
    MongoProbe => "mongo-probe", "a `mongo` probe";
    AmqpProbe => "amqp-probe", "an `amqp` probe";
    RestartAction => "restart-action", "a `restart` action";
    NetworkAction => "network-action", "a `network` action";
    PauseAction => "pause-action", "a `pause` action";
    StopAction => "stop-action", "a `stop` action";
    StartAction => "start-action", "a `start` action";
    DiskAction => "disk-action", "a `disk` action";
    ClientAction => "client-action", "a `client` action";
    Login => "login", "a login";
    Publish => "publish", "a `publish` operation";
    DeclareQueue => "declare_queue", "a `declare_queue` operation";
    DeclareExchange => "declare_exchange", "a `declare_exchange` operation";
    Binding => "binding", "a binding";
    Topic => "topic", "a topic";
    XRoadlab => "x-roadlab", "`x-roadlab`";
    WebInterface => "web-interface", "a web interface";
    ComposeFile => "compose-file", "a Compose file";
    Include => "include", "an `include` entry";
    Extends => "extends", "an `extends` entry";
    Service => "service", "a service";
    Build => "build", "a build";
    EnvFile => "env_file", "an `env_file` entry";
    Dependency => "dependency", "a dependency";
    Network => "network", "a network";
    Attachment => "attachment", "a network of a service";
    Volume => "volume", "a volume";
    Mount => "mount", "a volume of a service";
    Config => "config", "a config or secret";
    FileReference => "file-reference", "a config or secret of a service";
    Tmpfs => "tmpfs", "a `tmpfs` entry";
    Port => "port", "a port";
    Healthcheck => "healthcheck", "a health check";
    Deploy => "deploy", "`deploy`";
    RestartPolicy => "restart_policy", "`restart_policy`";
    Reservations => "reservations", "`reservations`";
    Resources => "resources", "`resources`";
    Limits => "limits", "`limits`";
    Ulimit => "ulimit", "a ulimit";
}
