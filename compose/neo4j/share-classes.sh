#!/bin/bash
# Build step: runs the server and its tools once, and writes the classes they load to a class-data-sharing archive (quicker start, less memory).
set -eu
list=/tmp/classes
chmod 777 /tmp
NEO4J_AUTH=neo4j/build-only NEO4J_server_jvm_additional="-XX:DumpLoadedClassList=$list.server" NEO4J_ADMIN_OPTS="-XX:DumpLoadedClassList=$list.admin" \
    /startup/docker-entrypoint.sh neo4j > /tmp/server.log 2>&1 &
server=$!
tries=0
until cypher-shell -u neo4j -p build-only 'RETURN 1' > /dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 120 ] || ! kill -0 "$server"; then cat /tmp/server.log; exit 1; fi
    sleep 1
done
CYPHER_SHELL_OPTS="-XX:DumpLoadedClassList=$list.shell" cypher-shell -u neo4j -p build-only "
    CREATE CONSTRAINT u IF NOT EXISTS FOR (p:P) REQUIRE p.n IS UNIQUE;
    UNWIND range(1, 3000) AS n MERGE (a:P {n: n}) ON CREATE SET a.at = datetime() MERGE (b:P {n: n / 2}) MERGE (a)-[:R {x: toFloat(n)}]->(b);
    MATCH p = shortestPath((:P {n: 1})-[:R*..5]-(:P {n: 20})) RETURN p;
    PROFILE MATCH (a:P {n: 7})-[:R*1..3]-(c) WHERE a <> c RETURN c.n, count(*), collect(DISTINCT c.n)[0] ORDER BY c.n LIMIT 5;
    MATCH (a:P)-[r:R]->(b) RETURN a.n % 7 AS part, sum(r.x)" > /dev/null
post() { wget -qO /dev/null --header "Authorization: Basic bmVvNGo6YnVpbGQtb25seQ==" --header 'Content-Type: application/json' --post-data "$2" "http://localhost:7474/db/neo4j/$1"; }
post query/v2 '{"statement": "MATCH (p:P {n: $n})-[:R*1..3]-(c) RETURN DISTINCT c.n", "parameters": {"n": 1}, "accessMode": "READ"}'
post tx/commit '{"statements": [{"statement": "SHOW CONSTRAINTS"}, {"statement": "SHOW INDEXES"}]}'
kill "$server"
wait "$server" || true
# Plain names only: the ids differ from run to run, classes with a source belong to other class loaders, and Java refuses long lines.
sed -E '/^#/d; / source: /d; s/ id: .*//' "$list".* | awk 'length < 4000' | sort -u > "$list"
# The archive holds heap objects only if it is written with G1.
grep -vE 'UseSerialGC|SharedArchiveFile|ArchiveRelocation|UnlockDiagnostic' "$NEO4J_HOME/conf/jvm.options" > /tmp/dump.options
java @/opt/neo4j/classpath.options @/tmp/dump.options -XX:+UseG1GC -Xmx512m -Xshare:dump -XX:SharedClassListFile="$list" \
    -XX:SharedArchiveFile=/tmp/neo4j.jsa > /tmp/dump.log 2>&1 || { tail -50 /tmp/dump.log; exit 1; }
ls -l /tmp/neo4j.jsa
