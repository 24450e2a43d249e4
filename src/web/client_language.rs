//! What the client of a service understands, so that the page does not type SQL into a shell.

/// The language of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientLanguage {
    Sql,
    /// JavaScript of mongosh.
    Js,
    Cypher,
    /// Commands of Redis.
    Redis,
    /// A shell, or a client that is not known.
    Shell,
}

impl ClientLanguage {
    /// Returns the language of a client by its command line.
    pub(super) fn of(client: &[String]) -> Self {
        let program = client.first().map_or("", String::as_str);
        match program.rsplit('/').next().unwrap_or(program) {
            "psql" | "mysql" | "mariadb" | "duckdb" | "sqlite3" | "cqlsh" => Self::Sql,
            "mongosh" => Self::Js,
            "cypher-shell" => Self::Cypher,
            "redis-cli" => Self::Redis,
            _ => Self::Shell,
        }
    }

    /// Returns the name that the page's script knows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Js => "js",
            Self::Cypher => "cypher",
            Self::Redis => "redis",
            Self::Shell => "shell",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_known_by_its_program() {
        for (client, language) in [
            ("psql --username lab", "sql"),
            ("/usr/bin/mariadb lab", "sql"),
            ("mongosh --quiet", "js"),
            ("cypher-shell -u neo4j", "cypher"),
            ("redis-cli", "redis"),
            ("setpriv --reuid=learner bash -l", "shell"),
            ("sh /lab/session", "shell"),
            ("", "shell"),
        ] {
            let client: Vec<String> = client.split_whitespace().map(str::to_owned).collect();
            assert_eq!(ClientLanguage::of(&client).name(), language);
        }
    }
}
