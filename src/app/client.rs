//! The command line of a client in a service's container: what was typed, with the login that the service's `x-roadlab` has.

use crate::lab::Service;

/// A command to run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCommand {
    pub argv: Vec<String>,
    /// Variables as `NAME=value`.
    pub env: Vec<String>,
}

/// Returns the service's own client if nothing was typed, else what was typed. User, password and database of the service's
/// `url` are in the environment of a PostgreSQL client (`PGUSER` and so on), and in the options of a client of MySQL or MongoDB,
/// which read no environment, unless some were typed.
pub fn client_command(service: &Service, url: Option<&str>, typed: &[String]) -> ClientCommand {
    let login = url.and_then(Url::parse);
    let own = service.interface.shell.clone();
    let argv = match typed {
        [] => own.unwrap_or_else(|| vec!["sh".to_owned()]),
        typed => match &login {
            Some(url) if url.scheme == "mongodb" => with_mongo_login(typed, url),
            Some(url) if is_mysql(url) => with_mysql_login(typed, url),
            _ => typed.to_vec(),
        },
    };
    let env = match login {
        Some(url) if matches!(url.scheme, "postgres" | "postgresql") => url.postgres_env(),
        // Unlike an option, it cannot be seen in the list of processes.
        Some(url) if is_mysql(&url) => vec![format!("MYSQL_PWD={}", url.password)],
        _ => Vec::new(),
    };
    ClientCommand { argv, env }
}

/// The parts of `scheme://user:password@host:port/database`.
#[derive(Debug, Clone, Copy)]
struct Url<'a> {
    scheme: &'a str,
    user: &'a str,
    password: &'a str,
    database: &'a str,
}

impl<'a> Url<'a> {
    /// Returns the parts of a URL with a user, a password and a database.
    fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (login, rest) = rest.split_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (_, path) = rest.split_once('/')?;
        let database = path.split('?').next()?;
        Some(Self {
            scheme,
            user,
            password,
            database,
        })
    }

    fn postgres_env(self) -> Vec<String> {
        vec![
            format!("PGUSER={}", self.user),
            format!("PGPASSWORD={}", self.password),
            format!("PGDATABASE={}", self.database),
        ]
    }
}

fn is_mysql(url: &Url<'_>) -> bool {
    matches!(url.scheme, "mysql" | "mariadb")
}

/// Adds the user, and for the interactive client the database, unless a user was typed.
fn with_mysql_login(typed: &[String], url: &Url<'_>) -> Vec<String> {
    let Some((program, arguments)) = typed.split_first() else {
        return Vec::new();
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_client = (name.starts_with("mysql") || name.starts_with("mariadb"))
        && !matches!(name, "mysqld" | "mariadbd");
    let has = |options: &[&str]| {
        arguments.iter().any(|argument| {
            options.iter().any(|option| {
                argument == option
                    || option.strip_prefix("--").is_some()
                        && argument.starts_with(&format!("{option}="))
                    || option.strip_prefix("--").is_none() && argument.starts_with(option)
            })
        })
    };
    if !is_client
        || has(&[
            "-u",
            "--user",
            "--help",
            "--version",
            "--no-defaults",
            "--defaults-file",
        ])
    {
        return typed.to_vec();
    }
    let mut argv = vec![program.clone(), format!("--user={}", url.user)];
    if matches!(name, "mysql" | "mariadb") && !has(&["-D", "--database"]) {
        // A database that was typed without an option comes later, and so replaces this one.
        argv.push(format!("--database={}", url.database));
    }
    argv.extend(arguments.iter().cloned());
    argv
}

/// Options of mongosh that have no value.
const FLAGS: [&str; 8] = [
    "--quiet",
    "--norc",
    "--shell",
    "--verbose",
    "--tls",
    "--json",
    "--retryWrites",
    "--skipStartupWarnings",
];

fn with_mongo_login(typed: &[String], url: &Url<'_>) -> Vec<String> {
    let Some((program, arguments)) = typed.split_first() else {
        return Vec::new();
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_client = name.starts_with("mongo") && !matches!(name, "mongod" | "mongos");
    let has_login = arguments.iter().any(|argument| {
        let option = argument.split('=').next().unwrap_or(argument);
        matches!(
            option,
            "-u" | "--username" | "-p" | "--password" | "--nodb" | "--uri" | "--help" | "--version"
        ) || argument.starts_with("mongodb://")
            || argument.starts_with("mongodb+srv://")
    });
    if !is_client || has_login {
        return typed.to_vec();
    }
    let login = [
        "--username",
        url.user,
        "--password",
        url.password,
        "--authenticationDatabase",
        "admin",
    ];
    let mut argv = vec![program.clone()];
    argv.extend(login.map(str::to_owned));
    if name == "mongosh" && !names_database(arguments) {
        argv.push(url.database.to_owned());
    }
    argv.extend(arguments.iter().cloned());
    argv
}

/// Returns whether the arguments of mongosh have a word that is neither an option, nor its value, nor a script.
fn names_database(arguments: &[String]) -> bool {
    let mut is_value = false;
    arguments.iter().any(|argument| {
        let of_option = std::mem::replace(
            &mut is_value,
            argument.starts_with('-')
                && !argument.contains('=')
                && !FLAGS.contains(&argument.as_str()),
        );
        let is_script = [".js", ".mongodb"]
            .iter()
            .any(|end| argument.ends_with(end));
        !of_option && !argument.starts_with('-') && !is_script
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::testing::{COMPOSE, lab};

    #[track_caller]
    fn check(url: &str, typed: &str, argv: &str, env: &str) {
        let lab = lab(COMPOSE);
        let service = lab.services.values().next().unwrap();
        let typed: Vec<String> = typed.split_whitespace().map(str::to_owned).collect();
        let command = client_command(service, Some(url), &typed);
        assert_eq!(command.argv.join(" "), argv);
        assert_eq!(command.env.join(" "), env);
    }

    #[test]
    fn a_postgres_client_has_the_login_in_its_environment() {
        let url = "postgres://lab:secret@127.0.0.1:5432/shop?sslmode=disable";
        let env = "PGUSER=lab PGPASSWORD=secret PGDATABASE=shop";
        check(url, "psql -c x", "psql -c x", env);
        check(url, "pg_dump", "pg_dump", env);
    }

    #[test]
    fn a_mongo_client_has_the_login_in_its_options_unless_one_was_typed() {
        let url = "mongodb://lab:secret@127.0.0.1:27017/lab?authSource=admin";
        let login = "--username lab --password secret --authenticationDatabase admin";
        for (typed, argv) in [
            ("mongosh --eval x", format!("mongosh {login} lab --eval x")),
            (
                "mongosh lab --eval x",
                format!("mongosh {login} lab --eval x"),
            ),
            (
                "mongosh --quiet other",
                format!("mongosh {login} --quiet other"),
            ),
            (
                "mongosh --quiet a.js",
                format!("mongosh {login} lab --quiet a.js"),
            ),
            ("mongodump --db lab", format!("mongodump {login} --db lab")),
            ("mongosh -u root", "mongosh -u root".to_owned()),
            ("mongosh mongodb://x", "mongosh mongodb://x".to_owned()),
            ("mongod --version", "mongod --version".to_owned()),
            ("ls /data", "ls /data".to_owned()),
        ] {
            check(url, typed, &argv, "");
        }
    }

    #[test]
    fn a_mysql_client_has_the_login_in_its_options_unless_one_was_typed() {
        let url = "mysql://lab:secret@127.0.0.1:3306/shop";
        let env = "MYSQL_PWD=secret";
        let login = "--user=lab --database=shop";
        check(url, "mysql -e x", &format!("mysql {login} -e x"), env);
        check(url, "mariadb other", &format!("mariadb {login} other"), env);
        check(
            url,
            "mysql --database=other",
            "mysql --user=lab --database=other",
            env,
        );
        check(url, "mysqldump shop", "mysqldump --user=lab shop", env);
        check(url, "mysql -uroot", "mysql -uroot", env);
        check(url, "mysql --user root", "mysql --user root", env);
        check(url, "mysqld --verbose", "mysqld --verbose", env);
        check(url, "ls /data", "ls /data", env);
    }

    #[test]
    fn other_services_need_no_login() {
        check(
            "redis://127.0.0.1:6379",
            "redis-cli PING",
            "redis-cli PING",
            "",
        );
    }
}
