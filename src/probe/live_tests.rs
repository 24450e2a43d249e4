//! Looks at real servers: containers `hlp-probe-<name>`, whose ports stand in `PROBE_<NAME>`.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::expect::Actual;
use crate::lab::{
    Act, AmqpOperation, AmqpProbe, Binding, MongoProbe, Publish, RedisProbe, SqlProbe, SqlText,
    TcpProbe,
};
use crate::probe::Unseen;
use crate::probe::double::Scene;

fn port(name: &str) -> u16 {
    let name = format!("PROBE_{}", name.to_uppercase());
    std::env::var(name).unwrap().parse().unwrap()
}

fn docker(words: &[&str]) {
    assert!(
        Command::new("docker")
            .args(words)
            .output()
            .unwrap()
            .status
            .success()
    );
}

/// Looks until there is an answer.
async fn until_answer(scene: &Scene, act: &Act) -> Actual {
    let start = Instant::now();
    loop {
        let began = Instant::now();
        match scene.look(act).await {
            Ok(seen) if seen.error.is_none() => {
                eprintln!(
                    "answer after {:?}, the look took {:?}",
                    start.elapsed(),
                    began.elapsed()
                );
                return seen;
            }
            other => {
                assert!(start.elapsed() < Duration::from_secs(90), "{other:?}");
                if began.elapsed() > Duration::from_millis(300) {
                    eprintln!("slow: {:?} {other:?}", began.elapsed());
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn redis(words: &str) -> Act {
    redis_db(words, 0)
}

fn redis_db(words: &str, db: i64) -> Act {
    Act::Redis(RedisProbe {
        service: Scene::service(),
        command: words.split(' ').map(str::to_owned).collect(),
        db,
    })
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn redis_live() {
    let scene = Scene::with_url(port("redis"), "redis://127.0.0.1:PORT");
    until_answer(&scene, &redis("PING")).await;
    let value = async |words: &str| scene.look(&redis(words)).await.unwrap().value;
    let told = async |words: &str| scene.look(&redis(words)).await.unwrap().describe();
    value("FLUSHALL").await;
    assert_eq!(value("PING").await, json!("PONG"));
    assert_eq!(value("SET k v").await, json!("OK"));
    assert_eq!(value("GET k").await, json!("v"));
    assert_eq!(value("GET none").await, Value::Null);
    assert_eq!(value("HSET h a 1 b 2").await, json!(2));
    assert_eq!(value("HGETALL h").await, json!({"a": "1", "b": "2"}));
    assert_eq!(
        value("CONFIG GET maxmemory").await,
        json!({"maxmemory": "0"})
    );
    value("ZADD z 1.5 m").await;
    assert_eq!(value("ZSCORE z m").await, json!(1.5));
    value("XADD s 1-0 f v").await;
    assert_eq!(value("XRANGE s - +").await, json!([["1-0", ["f", "v"]]]));
    value("XGROUP CREATE s g 0").await;
    assert_eq!(value("XINFO GROUPS s").await[0]["name"], json!("g"));
    assert!(
        told("LPUSH k x")
            .await
            .starts_with("error WRONGTYPE Operation")
    );
    assert!(
        told("NOSUCH x")
            .await
            .starts_with("error ERR unknown command")
    );
    assert_eq!(
        scene.look(&redis_db("GET k", 1)).await.unwrap().value,
        Value::Null
    );
    // State of one look does not leak into the next.
    assert_eq!(value("MULTI").await, json!("OK"));
    assert_eq!(value("GET k").await, json!("v"));
    assert_eq!(value("SELECT 5").await, json!("OK"));
    assert_eq!(value("GET k").await, json!("v"));
    let quick = Duration::from_millis(80);
    let seen = scene.look_within(&redis("BLPOP q 0"), quick).await;
    assert_eq!(seen, Err(Unseen::TimedOut(quick)));
    // Twenty looks, one connection.
    let count = value("INFO stats").await;
    let made = |info: &Value| {
        let line = info.as_str().unwrap().lines();
        let mut line = line.filter_map(|l| l.strip_prefix("total_connections_received:"));
        line.next().unwrap().parse::<u64>().unwrap()
    };
    let acts: Vec<Act> = (0..20).map(|_| redis("GET k")).collect();
    let start = Instant::now();
    futures_util::future::join_all(acts.iter().map(|act| scene.look(act))).await;
    eprintln!("20 redis looks: {:?}", start.elapsed());
    assert_eq!(made(&value("INFO stats").await), made(&count));
    // A large answer.
    value("EVAL return(redis.call('set','big',string.rep('x',2000000))) 0").await;
    let seen = scene.look(&redis("GET big")).await;
    assert!(matches!(seen, Err(Unseen::CannotLook(_))));
    value("EVAL return(redis.call('set','big',string.rep('x',20000000))) 0").await;
    let seen = scene.look(&redis("GET big")).await;
    assert!(matches!(seen, Err(Unseen::CannotLook(_))));
    assert_eq!(value("GET k").await, json!("v"));
    // Restart between looks.
    docker(&["restart", "-t", "1", "hlp-probe-redis"]);
    eprintln!(
        "right after the restart: {:?}",
        scene.look(&redis("PING")).await
    );
    until_answer(&scene, &redis("PING")).await;
    // Passwords.
    value("CONFIG SET requirepass secret").await;
    let anew = Scene::with_url(port("redis"), "redis://127.0.0.1:PORT");
    eprintln!("no password: {:?}", anew.look(&redis("PING")).await);
    let wrong = Scene::with_url(port("redis"), "redis://:bad@127.0.0.1:PORT");
    eprintln!("wrong password: {:?}", wrong.look(&redis("PING")).await);
    let right = Scene::with_url(port("redis"), "redis://:secret@127.0.0.1:PORT");
    assert_eq!(
        right.look(&redis("PING")).await.unwrap().value,
        json!("PONG")
    );
    right
        .look(&redis_db("CONFIG SET requirepass", 0))
        .await
        .unwrap();
    docker(&["stop", "-t", "1", "hlp-probe-redis"]);
    eprintln!("stopped: {:?}", scene.look(&redis("PING")).await);
    docker(&["start", "hlp-probe-redis"]);
    scene.connections.close().await;
    // A silent protocol on a bare connection.
    let tcp = |send: Option<&str>| {
        Act::Tcp(TcpProbe {
            service: Scene::service(),
            port: None,
            send: send.map(str::to_owned),
        })
    };
    until_answer(&scene, &redis("PING")).await;
    assert_eq!(scene.look(&tcp(None)).await.unwrap().value, Value::Null);
    let pong = scene.look(&tcp(Some("PING\r\n"))).await.unwrap();
    assert_eq!(pong.value, json!("+PONG\r\n"));
}

fn sql(text: SqlText, database: Option<&str>) -> Act {
    Act::Sql(SqlProbe {
        service: Scene::service(),
        text,
        database: database.map(str::to_owned),
        user: None,
        password: None,
    })
}

fn query(text: &str) -> Act {
    sql(SqlText::Query(text.to_owned()), None)
}

fn script(text: &str) -> Act {
    sql(SqlText::Script(text.to_owned()), None)
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn sql_live() {
    let scene = Scene::with_url(port("postgres"), "postgres://lab:lab@127.0.0.1:PORT/lab");
    until_answer(&scene, &query("SELECT 1 AS up")).await;
    let look = async |act: &Act| scene.look(act).await.unwrap();
    let told = async |act: &Act| scene.look(act).await.unwrap().describe();
    let cells = "SELECT true AS b, 7::int2 AS i, 1.5::float8 AS f, 2.50::numeric AS n, 'x' AS t, NULL AS z, \
                 '{\"b\":1,\"a\":2}'::json AS j, ARRAY[1,NULL] AS a, date '2024-02-29' AS d, \
                 '{\"x y\",z}'::text[] AS ta, count(*) , count(*) FROM (VALUES (1),(2)) v";
    let seen = look(&query(cells)).await;
    assert_eq!(
        seen.value.to_string(),
        r#"[{"b":true,"i":7,"f":1.5,"n":2.5,"t":"x","z":null,"j":{"b":1,"a":2},"a":[1,null],"d":"2024-02-29","ta":["x y","z"],"count":2,"count_2":2}]"#
    );
    look(&script("DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('ok','bad'); CREATE TABLE t (id int primary key, m mood)")).await;
    let seen = look(&query(
        "INSERT INTO t VALUES (1,'ok'),(2,'bad') RETURNING id",
    ))
    .await;
    assert_eq!(
        seen,
        Actual::with_status(json!([{"id": 1}, {"id": 2}]), 2, true)
    );
    let seen = look(&query("UPDATE t SET m='ok'")).await;
    assert_eq!(seen, Actual::with_status(json!([]), 2, true));
    assert_eq!(
        look(&query("SELECT m, ARRAY[m] AS ms FROM t WHERE id=1"))
            .await
            .value,
        json!([{"m": "ok", "ms": ["ok"]}])
    );
    assert_eq!(
        look(&query("SELECT m, ARRAY[m] AS ms FROM t WHERE id=1"))
            .await
            .value,
        json!([{"m": "ok", "ms": ["ok"]}])
    );
    let seen = look(&script(
        "SELECT 1 AS a; SELECT 2 AS b, 3 AS c; DELETE FROM t WHERE id=2",
    ))
    .await;
    assert_eq!(
        seen,
        Actual::with_status(json!([{"b": "2", "c": "3"}]), 1, true)
    );
    assert_eq!(
        told(&query("INSERT INTO t VALUES (1,'ok')")).await,
        "error 23505 duplicate key value violates unique constraint \"t_pkey\""
    );
    assert!(told(&query("SELEC 1")).await.starts_with("error 42601"));
    assert!(
        told(&query("SELECT 1; SELECT 2"))
            .await
            .starts_with("error 42601")
    );
    assert!(
        told(&query("SELECT * FROM nowhere"))
            .await
            .starts_with("error 42P01")
    );
    assert_eq!(
        look(&query("SHOW application_name")).await.value,
        json!([{"application_name": "roadlab"}])
    );
    // Nothing leaks from one look into the next.
    look(&script("BEGIN; INSERT INTO t VALUES (9,'ok')")).await;
    assert_eq!(
        look(&query("SELECT count(*) FROM t WHERE id=9"))
            .await
            .value,
        json!([{"count": 0}])
    );
    look(&query("BEGIN")).await;
    look(&query(
        "SELECT set_config('search_path','nowhere',false), pg_advisory_lock(7)",
    ))
    .await;
    assert_eq!(
        look(&query("SHOW search_path")).await.value[0]["search_path"],
        json!("\"$user\", public")
    );
    assert_eq!(
        look(&query(
            "SELECT count(*) FROM pg_locks WHERE locktype='advisory'"
        ))
        .await
        .value,
        json!([{"count": 0}])
    );
    // Twenty looks, one session.
    let acts: Vec<Act> = (0..20)
        .map(|_| query("SELECT pg_backend_pid() AS pid"))
        .collect();
    let start = Instant::now();
    let pids = futures_util::future::join_all(acts.iter().map(look)).await;
    eprintln!("20 sql looks: {:?}", start.elapsed());
    assert!(pids.iter().all(|pid| *pid == pids[0]));
    // A look that is given up does not go on working.
    let quick = Duration::from_millis(200);
    let seen = scene
        .look_within(&query("SELECT pg_sleep(60)"), quick)
        .await;
    assert_eq!(seen, Err(Unseen::TimedOut(quick)));
    tokio::time::sleep(quick).await;
    let sleepers = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
    assert_eq!(look(&query(sleepers)).await.value, json!([{"count": 0}]));
    // Databases are copied and dropped at once in spite of kept sessions.
    let of = |database: &str, text: &str| sql(SqlText::Query(text.to_owned()), Some(database));
    look(&of("postgres", "DROP DATABASE IF EXISTS copy")).await;
    for _ in 0..3 {
        look(&query("SELECT 1")).await;
        let start = Instant::now();
        assert_eq!(
            look(&of("postgres", "CREATE DATABASE copy TEMPLATE lab"))
                .await
                .error,
            None
        );
        let made = start.elapsed();
        look(&of("copy", "SELECT 1")).await;
        let start = Instant::now();
        assert_eq!(
            look(&of("postgres", "DROP DATABASE copy")).await.error,
            None
        );
        eprintln!("copied in {made:?}, dropped in {:?}", start.elapsed());
    }
    assert!(
        told(&of("copy", "SELECT 1"))
            .await
            .starts_with("error 3D000")
    );
    // A session that somebody ends.
    look(&query("SELECT 1")).await;
    look(&of(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='lab'",
    ))
    .await;
    assert_eq!(look(&query("SELECT 1 AS a")).await.value, json!([{"a": 1}]));
    // Passwords.
    let wrong = Scene::with_url(port("postgres"), "postgres://lab:bad@127.0.0.1:PORT/lab");
    eprintln!("wrong password: {:?}", wrong.look(&query("SELECT 1")).await);
    // Large answers.
    let seen = scene.look(&query("SELECT repeat('x', 2000000) AS x")).await;
    assert!(matches!(seen, Err(Unseen::CannotLook(_))));
    let seen = scene
        .look(&query("SELECT repeat('x', 20000000) AS x"))
        .await;
    assert!(matches!(seen, Err(Unseen::CannotLook(_))), "{seen:?}");
    eprintln!("copy: {:?}", scene.look(&script("COPY t FROM STDIN")).await);
    // Restart between looks.
    look(&query("SELECT 1")).await;
    docker(&["restart", "-t", "5", "hlp-probe-postgres"]);
    eprintln!(
        "right after the restart: {:?}",
        scene.look(&query("SELECT 1")).await
    );
    until_answer(&scene, &query("SELECT 1 AS up")).await;
    docker(&["kill", "hlp-probe-postgres"]);
    eprintln!("killed: {:?}", scene.look(&query("SELECT 1")).await);
    docker(&["start", "hlp-probe-postgres"]);
    until_answer(&scene, &query("SELECT 1 AS up")).await;
    scene.connections.close().await;
}

fn mongo(command: Value) -> Act {
    Act::Mongo(MongoProbe {
        service: Scene::service(),
        database: None,
        command,
    })
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn mongo_live() {
    let url = "mongodb://lab:lab@127.0.0.1:PORT/lab?authSource=admin&directConnection=true";
    let scene = Scene::with_url(port("mongo"), url);
    until_answer(&scene, &mongo(json!({"ping": 1}))).await;
    let look = async |command: Value| scene.look(&mongo(command)).await.unwrap();
    look(json!({"drop": "t"})).await;
    assert_eq!(
        look(json!({"ping": 1})).await.value.to_string(),
        r#"{"ok":1.0}"#
    );
    let docs = json!([{"_id": 1, "z": "a", "at": {"$date": "2024-01-01T00:00:00Z"}}, {"_id": 2, "z": "b"}]);
    assert_eq!(
        look(json!({"insert": "t", "documents": docs})).await.value,
        json!({"n": 2, "ok": 1.0})
    );
    let found =
        look(json!({"find": "t", "filter": {"z": {"$regex": "^A", "$options": "i"}}})).await;
    assert_eq!(found.value["cursor"]["firstBatch"], json!([docs[0]]));
    assert_eq!(look(json!({"count": "t"})).await.value["n"], json!(2));
    let twice = look(json!({"insert": "t", "documents": [{"_id": 1}]}))
        .await
        .error
        .unwrap();
    assert_eq!(twice.code, "DuplicateKey");
    assert!(
        twice.message.starts_with("11000 E11000 duplicate key"),
        "{}",
        twice.message
    );
    let unknown = look(json!({"nosuch": 1})).await.error.unwrap();
    assert_eq!(
        (unknown.code.as_str(), &unknown.message[..3]),
        ("CommandNotFound", "59 ")
    );
    look(json!({"drop": "v"})).await;
    look(json!({"create": "v", "validator": {"$jsonSchema": {"required": ["x"]}}})).await;
    let invalid = look(json!({"insert": "v", "documents": [{"y": 1}]})).await;
    assert_eq!(invalid.error.unwrap().code, "DocumentValidationFailure");
    let acts: Vec<Act> = (0..20).map(|_| mongo(json!({"ping": 1}))).collect();
    let start = Instant::now();
    futures_util::future::join_all(acts.iter().map(|act| scene.look(act))).await;
    eprintln!("20 mongo looks: {:?}", start.elapsed());
    let anew = Scene::with_url(port("mongo"), url);
    let start = Instant::now();
    anew.look(&acts[0]).await.unwrap();
    eprintln!("first mongo look: {:?}", start.elapsed());
    anew.connections.close().await;
    let wrong = Scene::with_url(
        port("mongo"),
        "mongodb://lab:bad@127.0.0.1:PORT/lab?authSource=admin",
    );
    let start = Instant::now();
    eprintln!(
        "wrong password: {:?} after {:?}",
        wrong.look(&acts[0]).await,
        start.elapsed()
    );
    let quick = Duration::from_millis(300);
    let slow = mongo(json!({"find": "t", "filter": {"$where": "sleep(5000) || true"}}));
    assert_eq!(
        scene.look_within(&slow, quick).await,
        Err(Unseen::TimedOut(quick))
    );
    assert_eq!(look(json!({"count": "t"})).await.value["n"], json!(2));
    docker(&["restart", "-t", "5", "hlp-probe-mongo"]);
    eprintln!("right after the restart: {:?}", scene.look(&acts[0]).await);
    until_answer(&scene, &acts[0]).await;
    docker(&["kill", "hlp-probe-mongo"]);
    eprintln!("killed: {:?}", scene.look(&acts[0]).await);
    docker(&["start", "hlp-probe-mongo"]);
    until_answer(&scene, &acts[0]).await;
    scene.connections.close().await;
}

fn amqp(operation: AmqpOperation) -> Act {
    amqp_at(None, operation)
}

fn amqp_at(vhost: Option<&str>, operation: AmqpOperation) -> Act {
    Act::Amqp(AmqpProbe {
        service: Scene::service(),
        vhost: vhost.map(str::to_owned),
        operation,
    })
}

fn message(exchange: &str, key: &str, body: &str) -> Publish {
    Publish {
        exchange: exchange.to_owned(),
        routing_key: key.to_owned(),
        body: body.to_owned(),
        persistent: true,
        headers: json!({"n": 1, "s": "x", "nested": {"a": [1, true]}}),
        expiration: None,
        mandatory: true,
    }
}

fn queue(name: &str, durable: bool) -> AmqpOperation {
    AmqpOperation::DeclareQueue {
        name: name.to_owned(),
        durable,
        exclusive: false,
        auto_delete: false,
        arguments: json!({"x-max-length": 10}),
    }
}

#[tokio::test]
#[ignore = "needs a real server"]
async fn amqp_live() {
    let scene = Scene::with_url(port("rabbitmq"), "amqp://guest:guest@127.0.0.1:PORT/%2F");
    let ping = amqp(AmqpOperation::Publish(Box::new(Publish {
        mandatory: false,
        ..message("", "roadlab.ready", "ping")
    })));
    until_answer(&scene, &ping).await;
    let look = async |operation: AmqpOperation| scene.look(&amqp(operation)).await.unwrap();
    let get = |ack: bool| AmqpOperation::Get {
        queue: "q".to_owned(),
        ack,
    };
    let publish =
        |exchange: &str, key: &str| AmqpOperation::Publish(Box::new(message(exchange, key, "hi")));
    look(AmqpOperation::DeleteQueue("q".to_owned())).await;
    look(AmqpOperation::DeleteExchange("x".to_owned())).await;
    assert_eq!(
        look(queue("q", true)).await.value,
        json!({"messages": 0, "consumers": 0})
    );
    let seen = look(AmqpOperation::Queue("none".to_owned()))
        .await
        .error
        .unwrap();
    assert_eq!(seen.code, "404");
    assert!(
        seen.message.starts_with("NOT_FOUND - no queue 'none'"),
        "{}",
        seen.message
    );
    let seen = look(queue("q", false)).await.error.unwrap();
    assert_eq!(seen.code, "406");
    assert!(
        seen.message.starts_with("PRECONDITION_FAILED"),
        "{}",
        seen.message
    );
    assert_eq!(
        look(publish("", "q")).await.value,
        json!({"confirmed": true, "returned": false})
    );
    assert_eq!(
        look(publish("", "none")).await.value,
        json!({"confirmed": true, "returned": true})
    );
    assert_eq!(
        look(publish("nowhere", "q")).await.error.unwrap().code,
        "404"
    );
    for redelivered in [false, true] {
        let expected = json!({
            "body": "hi", "routing_key": "q", "exchange": "", "redelivered": redelivered,
            "headers": {"n": 1, "s": "x", "nested": {"a": [1, true]}}, "delivery_mode": 2,
        });
        assert_eq!(look(get(false)).await.value, expected);
        assert_eq!(
            look(AmqpOperation::Queue("q".to_owned())).await.value["messages"],
            json!(1)
        );
    }
    assert_eq!(look(get(true)).await.value["body"], json!("hi"));
    assert_eq!(look(get(false)).await.value, Value::Null);
    let exchange = |kind: &str| AmqpOperation::DeclareExchange {
        name: "x".to_owned(),
        kind: kind.to_owned(),
        durable: true,
    };
    look(exchange("headers")).await;
    assert_eq!(look(exchange("topic")).await.error.unwrap().code, "406");
    eprintln!("no such kind: {:?}", look(exchange("nosuch")).await);
    until_answer(&scene, &ping).await;
    let binding = || Binding {
        queue: "q".to_owned(),
        exchange: "x".to_owned(),
        routing_key: String::new(),
        arguments: json!({"x-match": "all", "n": 1}),
    };
    look(AmqpOperation::Bind(binding())).await;
    assert_eq!(look(publish("x", "")).await.value["returned"], json!(false));
    assert_eq!(
        look(AmqpOperation::Purge("q".to_owned())).await.value,
        json!({"messages": 1})
    );
    look(AmqpOperation::Unbind(binding())).await;
    assert_eq!(look(publish("x", "")).await.value["returned"], json!(true));
    let acts: Vec<Act> = (0..20)
        .map(|_| amqp(AmqpOperation::Queue("q".to_owned())))
        .collect();
    let start = Instant::now();
    let seen = futures_util::future::join_all(acts.iter().map(|act| scene.look(act))).await;
    eprintln!("20 amqp looks: {:?}", start.elapsed());
    assert!(
        seen.iter()
            .all(|seen| seen.as_ref().unwrap().error.is_none())
    );
    let elsewhere = amqp_at(Some("nowhere"), AmqpOperation::Queue("q".to_owned()));
    eprintln!("no vhost: {:?}", scene.look(&elsewhere).await);
    let wrong = Scene::with_url(port("rabbitmq"), "amqp://guest:bad@127.0.0.1:PORT/%2F");
    eprintln!("wrong password: {:?}", wrong.look(&acts[0]).await);
    let anew = Scene::with_url(port("rabbitmq"), "amqp://guest:guest@127.0.0.1:PORT/%2F");
    let start = Instant::now();
    anew.look(&acts[0]).await.unwrap();
    eprintln!(
        "first amqp look: {:?}; threads: {}",
        start.elapsed(),
        threads()
    );
    drop(anew);
    scene.connections.close().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    eprintln!("threads after closing: {}", threads());
    until_answer(&scene, &acts[0]).await;
    docker(&["restart", "-t", "10", "hlp-probe-rabbitmq"]);
    eprintln!("right after the restart: {:?}", scene.look(&acts[0]).await);
    until_answer(&scene, &acts[0]).await;
    docker(&["kill", "hlp-probe-rabbitmq"]);
    eprintln!("killed: {:?}", scene.look(&acts[0]).await);
    docker(&["start", "hlp-probe-rabbitmq"]);
    until_answer(&scene, &acts[0]).await;
    // The runtime ends with an open connection: nothing may panic.
}

fn threads() -> String {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.map(|task| std::fs::read_to_string(task.path().join("comm")).unwrap());
    names
        .map(|name| name.trim().to_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
#[ignore = "needs a real server"]
fn amqp_outlives_its_runtime() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("PANIC {panic}");
    }));
    for _ in 0..5 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let scene = Scene::with_url(port("rabbitmq"), "amqp://guest:guest@127.0.0.1:PORT/%2F");
        let seen = runtime.block_on(scene.look(&amqp(AmqpOperation::Queue("q".to_owned()))));
        assert!(seen.is_ok(), "{seen:?}");
        drop(runtime);
        drop(scene);
    }
    std::thread::sleep(Duration::from_secs(1));
    eprintln!("threads at the end: {}", threads());
}
