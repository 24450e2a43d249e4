#!/bin/bash
# Build step: runs the server and its tools once, and writes the classes they load to a class-data-sharing archive (quicker start, less memory).
set -eu
cd /opt/kafka
chmod 777 /tmp
export CLASS_ARCHIVE=/none CLUSTER_ID=5L6g3nShT-eMCtK--X86sw
list() { export KAFKA_OPTS="-XX:DumpLoadedClassList=/tmp/$1.classes"; }
list storage
bin/kafka-run-class.sh kafka.docker.KafkaDockerWrapper setup \
    --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config > /dev/null
list server
bin/kafka-server-start.sh config/server.properties > /tmp/server.log 2>&1 &
server=$!
tries=0
until grep -q 'Kafka Server started' /tmp/server.log; do
    tries=$((tries + 1))
    if [ "$tries" -gt 240 ] || ! kill -0 "$server"; then cat /tmp/server.log; exit 1; fi
    sleep 0.5
done
b="--bootstrap-server localhost:9092"
list topics; bin/kafka-topics.sh $b --create --topic t
list describe; bin/kafka-topics.sh $b --describe
list producer; seq 3 | bin/kafka-console-producer.sh $b --topic t
list consumer; bin/kafka-console-consumer.sh $b --topic t --from-beginning --max-messages 3 --group g
list groups; bin/kafka-consumer-groups.sh $b --describe --group g
list configs; bin/kafka-configs.sh $b --describe --entity-type topics --entity-name t
kill "$server"
wait "$server" || true
# Plain names only: the ids differ from run to run, classes with a source belong to other class loaders, and Java refuses long lines.
sed -E '/^#/d; / source: /d; s/ id: .*//' /tmp/*.classes | awk 'length < 4000' | sort -u > /tmp/all
unset KAFKA_OPTS
# The archive holds heap objects only if it is written with G1.
java @/opt/kafka/classpath.options -XX:+UseG1GC -Xmx512m -Xshare:dump -XX:SharedClassListFile=/tmp/all \
    -XX:SharedArchiveFile=/tmp/kafka.jsa > /tmp/dump.log 2>&1 || { tail -50 /tmp/dump.log; exit 1; }
ls -l /tmp/kafka.jsa
