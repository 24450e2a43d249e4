//! Guesses by the image of a service how roadlab connects to it: its `x-roadlab`.
//!
//! A guess is made only where nothing says so already, and only for a container that runs the image's own server. It is
//! written into a file that the author reads, so a wrong guess can be mended.

use crate::app::new_lab::example::{Example, quoted};
use crate::lab::{Protocol, Service, StepKind};

/// What `x-roadlab` of a service is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess {
    /// The probe of `ready`, as in YAML; `None` if nothing can be probed.
    pub(super) ready: Option<String>,
    pub(super) ready_within: Option<&'static str>,
    pub(super) url: Option<String>,
    pub(super) shell: Vec<String>,
    /// The title and port of a web page.
    pub(super) web: Option<(&'static str, u16)>,
    /// The container port to publish, if the Compose file does not.
    pub(super) publish: Option<u16>,
    pub(super) example: Option<Example>,
}

/// A product that speaks HTTP: a part of the image's name, its port, the path that says that it is ready, and the title of its
/// page, empty if it has none.
struct HttpProduct(&'static str, u16, &'static str, &'static str);

/// The more special name comes first. Sources: the documentation of each product.
const HTTP_PRODUCTS: &[HttpProduct] = &[
    HttpProduct("cp-schema-registry", 8081, "/subjects", ""),
    HttpProduct("schema-registry", 8081, "/subjects", ""),
    HttpProduct("cp-kafka-rest", 8082, "/topics", ""),
    HttpProduct("cp-ksqldb-server", 8088, "/info", ""),
    HttpProduct("ksqldb-server", 8088, "/info", ""),
    HttpProduct("cp-enterprise-control-center", 9021, "/", "Control Center"),
    HttpProduct("kafka-connect", 8083, "/connectors", ""),
    HttpProduct("cp-server-connect", 8083, "/connectors", ""),
    HttpProduct("debezium/connect", 8083, "/connectors", ""),
    HttpProduct("debezium/server", 8080, "/q/health/ready", ""),
    HttpProduct("kafka-ui", 8080, "/actuator/health", "Kafka UI"),
    HttpProduct("akhq", 8080, "/", "AKHQ"),
    HttpProduct("kafdrop", 9000, "/", "Kafdrop"),
    HttpProduct("redpanda/console", 8080, "/", "Redpanda Console"),
    HttpProduct("grafana/grafana", 3000, "/api/health", "Grafana"),
    HttpProduct("grafana/loki", 3100, "/ready", ""),
    HttpProduct("grafana/tempo", 3200, "/ready", ""),
    HttpProduct("alertmanager", 9093, "/-/ready", "Alertmanager"),
    HttpProduct("pushgateway", 9091, "/-/ready", "Pushgateway"),
    HttpProduct("node-exporter", 9100, "/", ""),
    HttpProduct("blackbox-exporter", 9115, "/-/healthy", ""),
    HttpProduct("cadvisor", 8080, "/healthz", "cAdvisor"),
    HttpProduct("prometheus", 9090, "/-/ready", "Prometheus"),
    HttpProduct("kibana", 5601, "/", "Kibana"),
    HttpProduct("elasticsearch", 9200, "/", ""),
    HttpProduct("opensearch-dashboards", 5601, "/", "OpenSearch Dashboards"),
    HttpProduct("opensearch", 9200, "/", ""),
    HttpProduct("minio/minio", 9000, "/minio/health/live", ""),
    HttpProduct("localstack", 4566, "/_localstack/health", ""),
    HttpProduct("clickhouse", 8123, "/ping", ""),
    HttpProduct("influxdb", 8086, "/health", ""),
    HttpProduct("couchdb", 5984, "/_up", ""),
    HttpProduct("neo4j", 7474, "/", "Neo4j"),
    HttpProduct("trino", 8080, "/v1/info", "Trino"),
    HttpProduct("prestodb", 8080, "/v1/info", "Presto"),
    HttpProduct("flink", 8081, "/overview", "Flink"),
    HttpProduct("spark", 8080, "/", "Spark"),
    HttpProduct("namenode", 9870, "/", "HDFS"),
    HttpProduct("superset", 8088, "/health", "Superset"),
    HttpProduct("metabase", 3000, "/api/health", "Metabase"),
    HttpProduct("mlflow", 5000, "/health", "MLflow"),
    HttpProduct("airflow", 8080, "/", "Airflow"),
    HttpProduct("kestra", 8080, "/", "Kestra"),
    HttpProduct("jupyter", 8888, "/api", "Jupyter"),
    HttpProduct("nifi", 8080, "/nifi", "NiFi"),
    HttpProduct("consul", 8500, "/v1/status/leader", "Consul"),
    HttpProduct("etcd", 2379, "/health", ""),
    HttpProduct("jaegertracing", 16686, "/", "Jaeger"),
    HttpProduct("mailhog", 8025, "/", "MailHog"),
    HttpProduct("mailpit", 8025, "/", "Mailpit"),
    HttpProduct("pgadmin", 80, "/misc/ping", "pgAdmin"),
    HttpProduct("phpmyadmin", 80, "/", "phpMyAdmin"),
    HttpProduct("adminer", 8080, "/", "Adminer"),
    HttpProduct("mongo-express", 8081, "/", "mongo-express"),
    HttpProduct("wordpress", 80, "/", "WordPress"),
    HttpProduct("traefik", 8080, "/", "Traefik"),
    HttpProduct("nginx", 80, "/", "nginx"),
    HttpProduct("httpd", 80, "/", "Apache"),
    HttpProduct("caddy", 80, "/", "Caddy"),
];

/// A server whose protocol roadlab speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    Redis,
    Mongo,
    Rabbitmq,
}

/// Parts of image names, and programs that run the server.
const SERVERS: &[(&[&str], Server, &[&str])] = &[
    (
        &[
            "postgres",
            "postgresql",
            "postgis",
            "timescaledb",
            "pgvector",
            "timescale",
        ],
        Server::Postgres,
        &["postgres", "docker-entrypoint.sh"],
    ),
    (
        &["mysql", "mysql-server", "mariadb", "percona"],
        Server::Mysql,
        &["mysqld", "mariadbd", "mysqld_safe", "docker-entrypoint.sh"],
    ),
    (
        &[
            "redis",
            "valkey",
            "keydb",
            "redis-stack",
            "redis-stack-server",
            "dragonfly",
        ],
        Server::Redis,
        &[
            "redis-server",
            "valkey-server",
            "keydb-server",
            "docker-entrypoint.sh",
        ],
    ),
    (
        &[
            "mongo",
            "mongodb",
            "mongodb-community-server",
            "example-mongodb",
        ],
        Server::Mongo,
        &["mongod", "docker-entrypoint.sh"],
    ),
    (
        &["rabbitmq"],
        Server::Rabbitmq,
        &["rabbitmq-server", "docker-entrypoint.sh"],
    ),
];

/// The topics of the roadmap by parts of image names.
const TOPICS: &[(&str, &str)] = &[
    ("postgres", "postgresql"),
    ("postgis", "postgresql"),
    ("timescale", "postgresql"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("redis", "redis"),
    ("valkey", "redis"),
    ("mongo", "mongodb"),
    ("rabbitmq", "rabbitmq"),
    ("airflow", "airflow"),
    ("prometheus", "prometheus"),
    ("alertmanager", "prometheus"),
    ("pushgateway", "prometheus"),
    ("node-exporter", "prometheus"),
    ("grafana/grafana", "grafana"),
    ("cassandra", "cassandra"),
    ("hbase", "hbase"),
    ("neo4j", "neo4j"),
    ("couchdb", "couchdb"),
    ("minio", "s3"),
    ("kafka", "streaming"),
    ("flink", "streaming"),
    ("namenode", "hdfs"),
    ("jupyter", "jupyter"),
    ("jenkins", "jenkins"),
];

/// Returns the name of the image without its tag; empty for a service that is only built.
fn image(service: &Service) -> &str {
    service.image.as_ref().map_or("", |image| image.split().0)
}

/// Returns the topic of the roadmap that a service belongs to.
pub(super) fn topic(service: &Service) -> Option<&'static str> {
    let image = image(service);
    let found = TOPICS.iter().find(|(part, _)| image.contains(part));
    found.map(|(_, topic)| *topic)
}

/// Returns the exercise that a service with its own `x-roadlab` has in a new lab.
pub(super) fn example_of(service: &Service) -> Option<Example> {
    let ready = service.interface.ready.iter();
    ready.map(|step| &step.act).find_map(|act| match act {
        StepKind::Redis(_) => Some(Example::Redis),
        StepKind::Sql(_) => Some(Example::Sql),
        StepKind::Mongo(_) => Some(Example::Mongo),
        StepKind::Amqp(_) => Some(Example::Amqp),
        _ => None,
    })
}

/// Returns the first probe of `ready` of a service in words; `None` if there is none.
pub(super) fn ready_text(service: &Service) -> Option<String> {
    let ready = service.interface.ready.first()?;
    Some(ready.act.to_string())
}

/// Guesses how roadlab connects to a service. `None` if its Compose file says so, or if nothing is known of it.
pub(super) fn guess(service: &Service) -> Option<Guess> {
    let interface = &service.interface;
    if !interface.ready.is_empty() || interface.url.is_some() {
        return None;
    }
    let guessed = match server(service) {
        Some(server) => Some(of_server(service, server)),
        None => of_http(service),
    };
    guessed.or_else(|| of_port(service))
}

/// Returns the server that a container runs: its image is one of a server, and its command does not run something else.
fn server(service: &Service) -> Option<Server> {
    let image = image(service);
    let name = image.rsplit('/').next().unwrap_or(image);
    // An image of another name is made from one of a server if it is set up like that one.
    let derived = |server: Server| {
        let (word, variables): (_, &[&str]) = match server {
            Server::Postgres => ("postgres", &["POSTGRES_USER", "POSTGRES_PASSWORD"]),
            Server::Mysql => ("mysql", &["MYSQL_ROOT_PASSWORD", "MYSQL_DATABASE"]),
            Server::Mongo => ("mongo", &["MONGO_INITDB_ROOT_USERNAME"]),
            Server::Rabbitmq => ("rabbitmq", &["RABBITMQ_DEFAULT_USER"]),
            Server::Redis => return false,
        };
        let is_client = ["exporter", "admin", "express", "backup"];
        let is_client = is_client.iter().any(|word| name.contains(word));
        name.contains(word) && !is_client && variable(service, variables).is_some()
    };
    let (_, server, programs) = SERVERS
        .iter()
        .find(|(names, server, _)| names.contains(&name) || derived(*server))?;
    let runs_it = |words: &[String]| {
        let first = words.first().map_or("", String::as_str);
        let program = first.rsplit('/').next().unwrap_or(first);
        let is_option = first.starts_with('-') || first.ends_with(".conf");
        let in_shell = || {
            let last = words.last().map_or("", String::as_str);
            programs.iter().any(|program| last.contains(program))
        };
        words.is_empty() || is_option || programs.contains(&program) || in_shell()
    };
    let words = |words: &Option<Vec<String>>| runs_it(words.as_deref().unwrap_or_default());
    (words(&service.entrypoint) && words(&service.command)).then_some(*server)
}

/// Returns the container port that a service publishes: this one, or its first.
fn published(service: &Service, usual: u16) -> Option<u16> {
    let tcp = || {
        let ports = service.ports.iter();
        ports.filter(|port| port.protocol == Protocol::Tcp)
    };
    let usual = tcp().find(|port| port.container == usual);
    usual.or_else(|| tcp().next()).map(|port| port.container)
}

/// Returns the first variable of the container's environment that is set.
fn variable<'a>(service: &'a Service, names: &[&str]) -> Option<&'a str> {
    let found = names.iter().find_map(|name| service.environment.get(*name));
    found.map(String::as_str).filter(|value| !value.is_empty())
}

/// Returns whether a secret is read from a file, so that its value is unknown here.
fn in_file(service: &Service, names: &[&str]) -> bool {
    let mut names = names.iter();
    names.any(|name| service.environment.contains_key(&format!("{name}_FILE")))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn of_server(service: &Service, server: Server) -> Guess {
    let usual = match server {
        Server::Postgres => 5432,
        Server::Mysql => 3306,
        Server::Redis => 6379,
        Server::Mongo => 27017,
        Server::Rabbitmq => 5672,
    };
    let known = published(service, usual);
    let publish = known.is_none().then_some(usual);
    let port = known.unwrap_or(usual);
    let guess = match server {
        Server::Postgres => postgres(service),
        Server::Mysql => mysql(service),
        Server::Redis => redis(service),
        Server::Mongo => mongo(service),
        Server::Rabbitmq => rabbitmq(service),
    };
    // Without the password nothing can be asked, but a connection says that something listens.
    let guess = guess.unwrap_or_else(|| Guess {
        ready: Some(format!("tcp: {{ port: {port} }}")),
        ready_within: None,
        url: None,
        shell: words(&["sh"]),
        web: None,
        publish: None,
        example: None,
    });
    let first = service.ports.first().map(|one| one.container);
    let url = guess
        .url
        .map(|url| match first == Some(port) || publish.is_some() {
            true => url,
            false => url.replace("{{ port }}", &format!("{{{{ ports['{port}'] }}}}")),
        });
    Guess {
        publish,
        url,
        ..guess
    }
}

fn postgres(service: &Service) -> Option<Guess> {
    if in_file(
        service,
        &["POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRESQL_PASSWORD"],
    ) {
        return None;
    }
    let user = variable(service, &["POSTGRES_USER", "POSTGRESQL_USERNAME"]).unwrap_or("postgres");
    let password = variable(service, &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]);
    let database = variable(service, &["POSTGRES_DB", "POSTGRESQL_DATABASE"]).unwrap_or(user);
    Some(Guess {
        ready: Some("sql: { query: SELECT 1 AS up }".to_owned()),
        ready_within: Some("90s"),
        url: Some(url("postgres", Some((user, password)), &encoded(database))),
        shell: words(&["psql", "--username", user, "--dbname", database]),
        web: None,
        publish: None,
        example: Some(Example::Sql),
    })
}

fn mysql(service: &Service) -> Option<Guess> {
    const PASSWORD: [&str; 2] = ["MYSQL_PASSWORD", "MARIADB_PASSWORD"];
    const ROOT: [&str; 2] = ["MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"];
    if in_file(service, &PASSWORD) || in_file(service, &ROOT) {
        return None;
    }
    let user = variable(service, &["MYSQL_USER", "MARIADB_USER"]);
    let (user, password) = match user {
        Some(user) => (user, variable(service, &PASSWORD)),
        None => ("root", variable(service, &ROOT)),
    };
    let database = variable(service, &["MYSQL_DATABASE", "MARIADB_DATABASE"]);
    let client = match image(service).contains("mariadb") {
        true => "mariadb",
        false => "mysql",
    };
    let mut shell = vec![client.to_owned(), format!("--user={user}")];
    shell.extend(password.map(|password| format!("--password={password}")));
    shell.extend(database.map(str::to_owned));
    let path = encoded(database.unwrap_or_default());
    Some(Guess {
        ready: Some("sql: { query: SELECT 1 AS up }".to_owned()),
        ready_within: Some("120s"),
        url: Some(url("mysql", Some((user, password)), &path)),
        shell,
        web: None,
        publish: None,
        // Its table needs a database that is the lab's own.
        example: database.map(|_| Example::Sql),
    })
}

fn redis(service: &Service) -> Option<Guess> {
    let command = service.command.iter().flatten();
    let command: Vec<String> = command
        .flat_map(|word| shlex::split(word).unwrap_or_else(|| vec![word.clone()]))
        .collect();
    let mut after = command.iter().skip_while(|word| *word != "--requirepass");
    let given = after.nth(1).map(String::as_str);
    let password =
        match given.map(|given| given.trim_start_matches(['$', '{']).trim_end_matches('}')) {
            Some(name) if given.is_some_and(|given| given.starts_with('$')) => {
                Some(variable(service, &[name])?)
            }
            Some(_) => given,
            None => variable(service, &["REDIS_PASSWORD"]),
        };
    let user = password.map(|password| ("", Some(password)));
    let mut shell = words(&["redis-cli"]);
    shell.extend(
        password
            .iter()
            .flat_map(|password| words(&["--no-auth-warning", "-a", password])),
    );
    Some(Guess {
        ready: Some("redis: { command: [PING] }".to_owned()),
        ready_within: None,
        url: Some(url("redis", user, "")),
        shell,
        web: None,
        publish: None,
        example: Some(Example::Redis),
    })
}

fn mongo(service: &Service) -> Option<Guess> {
    if in_file(
        service,
        &["MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD"],
    ) {
        return None;
    }
    let user = variable(
        service,
        &["MONGO_INITDB_ROOT_USERNAME", "MONGODB_ROOT_USER"],
    );
    let password = variable(
        service,
        &["MONGO_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD"],
    );
    let login = user
        .or(password.map(|_| "root"))
        .map(|user| (user, password));
    let mut shell = words(&["mongosh", "--quiet"]);
    if let Some((user, Some(password))) = login {
        let admin = [
            "--username",
            user,
            "--password",
            password,
            "--authenticationDatabase",
            "admin",
        ];
        shell.extend(words(&admin));
    }
    shell.push("lab".to_owned());
    // A member of a replica set accepts writes only when the set was initiated.
    let member = service
        .command
        .iter()
        .flatten()
        .any(|word| word.contains("replSet"));
    let source = if login.is_some() {
        "authSource=admin&"
    } else {
        ""
    };
    Some(Guess {
        ready: Some("mongo: { database: admin, command: { ping: 1 } }".to_owned()),
        ready_within: Some("90s"),
        url: Some(url(
            "mongodb",
            login,
            &format!("lab?{source}directConnection=true"),
        )),
        shell,
        web: None,
        publish: None,
        example: (!member).then_some(Example::Mongo),
    })
}

fn rabbitmq(service: &Service) -> Option<Guess> {
    let user =
        variable(service, &["RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"]).unwrap_or("guest");
    let password =
        variable(service, &["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"]).unwrap_or("guest");
    let vhost = variable(service, &["RABBITMQ_DEFAULT_VHOST"]).unwrap_or("/");
    let tag = service.image.as_ref().map_or("", |image| image.split().1);
    let has_page =
        tag.contains("management") && service.ports.iter().any(|port| port.container == 15672);
    Some(Guess {
        ready: Some("amqp: { exchange: amq.direct }".to_owned()),
        ready_within: Some("120s"),
        url: Some(url("amqp", Some((user, Some(password))), &encoded(vhost))),
        shell: words(&["bash"]),
        web: has_page.then_some(("RabbitMQ Management", 15672)),
        publish: None,
        example: Some(Example::Amqp),
    })
}

fn of_http(service: &Service) -> Option<Guess> {
    let image = image(service);
    let HttpProduct(_, usual, path, title) = HTTP_PRODUCTS
        .iter()
        .find(|product| image.contains(product.0))?;
    let port = published(service, *usual)?;
    if is_encrypted(service) {
        return None;
    }
    // A start page may redirect, ask for a login or be missing: any answer says that the server is up.
    let expect = match *path {
        "/" => ", expect: { status: { at_least: 100 } }",
        _ => "",
    };
    Some(Guess {
        ready: Some(format!("http: {{ port: {port}, path: {path} }}{expect}")),
        ready_within: Some("180s"),
        url: Some(format!("http://{{{{ host }}}}:{{{{ ports['{port}'] }}}}")),
        shell: words(&["sh"]),
        web: (!title.is_empty()).then_some((*title, port)),
        publish: None,
        example: None,
    })
}

/// Returns whether a search engine answers over TLS only, as its newer versions do by default.
fn is_encrypted(service: &Service) -> bool {
    let image = image(service);
    let name = image.rsplit('/').next().unwrap_or(image);
    let is_set = |name: &str, value: &str| {
        let set = service.environment.get(name);
        set.is_some_and(|set| set.eq_ignore_ascii_case(value))
    };
    let tag = service.image.as_ref().map_or("", |image| image.split().1);
    match name {
        "elasticsearch" => {
            let is_old = ["5.", "6.", "7."].iter().any(|old| tag.starts_with(old));
            !is_old && !is_set("xpack.security.enabled", "false")
        }
        "opensearch" => {
            !is_set("DISABLE_SECURITY_PLUGIN", "true")
                && !is_set("plugins.security.disabled", "true")
        }
        _ => false,
    }
}

/// A service of an unknown image is ready when something listens on its first port, unless a health check says more.
fn of_port(service: &Service) -> Option<Guess> {
    if service.own_health_check().is_some() {
        return None;
    }
    let port = service
        .ports
        .iter()
        .find(|port| port.protocol == Protocol::Tcp)?
        .container;
    Some(Guess {
        ready: Some(format!("tcp: {{ port: {port} }}")),
        ready_within: Some("180s"),
        url: None,
        shell: words(&["sh"]),
        web: None,
        publish: None,
        example: None,
    })
}

/// Returns the template of an address; `login` is a user and a password.
fn url(scheme: &str, login: Option<(&str, Option<&str>)>, path: &str) -> String {
    let login = login.map(|(user, password)| {
        let password = password.map(|password| format!(":{}", encoded(password)));
        format!("{}{}@", encoded(user), password.unwrap_or_default())
    });
    let slash = if path.is_empty() { "" } else { "/" };
    format!(
        "{scheme}://{}{{{{ host }}}}:{{{{ port }}}}{slash}{path}",
        login.unwrap_or_default()
    )
}

/// Returns a text with everything but unreserved characters as in RFC 3986, section 2.3, percent-encoded.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Returns the Compose file that adds what was guessed; `None` if there is nothing to add.
pub(super) fn override_file(services: &[(&Service, &Option<Guess>)]) -> Option<String> {
    let mut text = String::new();
    for (service, guess) in services {
        let Some(guess) = guess else { continue };
        text.push_str(&format!("  {}:\n", service.name));
        if let Some(port) = guess.publish {
            text.push_str(&format!("    ports: [\"{port}\"]\n"));
        }
        text.push_str("    x-roadlab:\n");
        if let Some(ready) = &guess.ready {
            text.push_str(&format!("      ready: [ {{ {ready} }} ]\n"));
        }
        if let Some(within) = guess.ready_within {
            text.push_str(&format!("      ready_within: {within}\n"));
        }
        if let Some(url) = &guess.url {
            text.push_str(&format!("      url: {}\n", quoted(url)));
        }
        if !guess.shell.is_empty() {
            // `$` would begin a variable.
            let shell = guess
                .shell
                .iter()
                .map(|word| quoted(&word.replace('$', "$$")));
            text.push_str(&format!(
                "      shell: [{}]\n",
                shell.collect::<Vec<_>>().join(", ")
            ));
        }
        if let Some((title, port)) = guess.web {
            text.push_str(&format!(
                "      web: [{{ title: {title}, port: {port}, path: / }}]\n"
            ));
        }
    }
    (!text.is_empty()).then(|| {
        format!(
            "# What roadlab adds to the Compose file beside it: when a service is ready, and how to connect to it. This was guessed\n# by the images, so check it. `roadlab schema compose` describes `x-roadlab`.\nservices:\n{text}"
        )
    })
}
