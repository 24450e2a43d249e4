#!/bin/sh
# Build step: runs the server and its tools once, and writes the classes they load to a class-data-sharing archive (quicker start, less memory).
set -eu
list=/tmp/classes
JVM_EXTRA_OPTS="-XX:DumpLoadedClassList=$list.server -Dcassandra.ring_delay_ms=100 -Dcassandra.skip_wait_for_gossip_to_settle=0" \
    CASSANDRA_LISTEN_ADDRESS=127.0.0.1 docker-entrypoint.sh > /tmp/server.log 2>&1 &
server=$!
tries=0
until cqlsh 127.0.0.1 -e 'DESCRIBE CLUSTER' > /dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 150 ] || ! kill -0 "$server"; then cat /tmp/server.log; exit 1; fi
    sleep 1
done
cqlsh 127.0.0.1 -e "
    CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
    CREATE TABLE k.t (a text, b int, c text, PRIMARY KEY (a, b));
    INSERT INTO k.t (a, b, c) VALUES ('x', 1, 'y') USING TTL 1000;
    INSERT INTO k.t (a, b, c) VALUES ('x', 1, 'y') IF NOT EXISTS;
    SELECT * FROM k.t WHERE a = 'x' AND b > 0;
    SELECT * FROM k.t WHERE c = 'y' ALLOW FILTERING;
    DELETE FROM k.t WHERE a = 'x'; SELECT * FROM k.t;
    TRUNCATE k.t; DROP KEYSPACE k;" > /dev/null
for command in status ring info 'getendpoints system local local' flush; do
    # shellcheck disable=SC2086
    NODETOOL_OPTS="-XX:DumpLoadedClassList=$list.tool" nodetool $command > /dev/null
    cat "$list.tool" >> "$list.tools"
done
kill "$server"
wait "$server" || true
# Plain names only: the ids differ from run to run, and classes with a source belong to other class loaders.
sed -E '/^#/d; / source: /d; s/ id: .*//' "$list.server" "$list.tools" | sort -u > "$list"
# The archive holds heap objects only if it is written with G1.
grep -vE 'UseSerialGC|SharedArchiveFile|ArchiveRelocation|UnlockDiagnostic' "$CASSANDRA_CONF/jvm.options" > /tmp/dump.options
java @/opt/cassandra/classpath.options @/tmp/dump.options -XX:+UseG1GC -Xmx512m -Xshare:dump -XX:SharedClassListFile="$list" \
    -XX:SharedArchiveFile=/tmp/cassandra.jsa > /tmp/dump.log 2>&1 || { tail -50 /tmp/dump.log; exit 1; }
ls -l /tmp/cassandra.jsa
