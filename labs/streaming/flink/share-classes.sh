#!/bin/bash
# Build step: runs a cluster, its gateway and the client once, and writes the classes they load to a class-data-sharing archive
# (quicker start, less memory).
set -eu
chmod 777 /tmp
export CLASS_ARCHIVE=/none JOB_MANAGER_RPC_ADDRESS=localhost
start() {
    FLINK_ENV_JAVA_OPTS="-XX:DumpLoadedClassList=/tmp/$1.classes" /docker-entrypoint.sh "${@:2}" > "/tmp/$1.log" 2>&1 &
}
wait_for() {
    local tries=0
    until (exec 3<> "/dev/tcp/localhost/$1") 2> /dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 240 ]; then tail -n 50 /tmp/*.log; exit 1; fi
        sleep 0.5
    done
}
start jobmanager jobmanager
wait_for 8081
start taskmanager taskmanager
start gateway /opt/flink/bin/sql-gateway.sh start-foreground -Dsql-gateway.endpoint.rest.address=localhost
wait_for 8083
cat > /tmp/first.sql << 'SQL'
SET 'execution.runtime-mode' = 'batch';
SET 'table.dml-sync' = 'true';
SET 'sql-client.execution.result-mode' = 'tableau';
CREATE TABLE made (n INT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = '/tmp/made', 'format' = 'csv');
INSERT INTO made VALUES (1, TIMESTAMP '2026-03-02 09:00:00'), (2, TIMESTAMP '2026-03-02 09:00:10'), (3, TIMESTAMP '2026-03-02 09:01:00');
CREATE TABLE sums (part INT, total BIGINT, dt STRING) PARTITIONED BY (dt)
  WITH ('connector' = 'filesystem', 'path' = '/tmp/sums', 'format' = 'json');
INSERT OVERWRITE sums PARTITION (dt = '2026-03-02') SELECT n, COUNT(*) FROM made GROUP BY n;
SELECT * FROM sums ORDER BY part;
SET 'execution.runtime-mode' = 'streaming';
SET 'execution.checkpointing.interval' = '1s';
SET 'execution.checkpointing.dir' = 'file:///tmp/checkpoints';
CREATE TABLE events (n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '/tmp/made', 'format' = 'csv');
CREATE TABLE per_minute (beginning TIMESTAMP(3), n BIGINT) WITH ('connector' = 'filesystem', 'path' = '/tmp/per-minute', 'format' = 'json');
INSERT INTO per_minute SELECT window_start, COUNT(*)
  FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
SHOW JOBS;
CREATE TABLE topic (n INT) WITH ('connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = 'localhost:1',
  'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
EXPLAIN SELECT * FROM topic;
SQL
FLINK_ENV_JAVA_OPTS="-XX:DumpLoadedClassList=/tmp/client.classes" timeout 240 sql-client.sh gateway --endpoint localhost:8083 -f /tmp/first.sql > /tmp/client.log 2>&1 ||
    { tail -n 50 /tmp/*.log; exit 1; }
if grep -q ERROR /tmp/client.log; then cat /tmp/client.log; tail -n 50 /tmp/taskmanager.log; exit 1; fi
grep -c . /tmp/client.log
kill %1 %2 %3
wait || true
# Plain names only: the ids differ from run to run, classes with a source belong to other class loaders, and Java refuses long lines.
sed -E '/^#/d; / source: /d; s/ id: .*//' /tmp/*.classes | awk 'length < 4000' | sort -u > /tmp/all
# The archive holds heap objects only if it is written with G1.
grep -vE 'UseSerialGC|ArchiveRelocation|UnlockDiagnostic' /opt/flink/conf/jvm.options > /tmp/dump.options
java @/tmp/dump.options @/opt/flink/classpath.options -XX:+UseG1GC -Xmx512m -Xshare:dump -XX:SharedClassListFile=/tmp/all \
    -XX:SharedArchiveFile=/tmp/flink.jsa > /tmp/dump.log 2>&1 || { tail -50 /tmp/dump.log; exit 1; }
ls -l /tmp/flink.jsa
