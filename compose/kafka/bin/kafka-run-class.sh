#!/bin/bash
# Every command in /opt/kafka/bin is a link to this file; its name selects the class, as the distribution's scripts do.
set -eu
home=/opt/kafka
name=$(basename "$0")

java_class() {
    # The options are lists of words, as in the distribution's scripts. Without relocation the archive of classes stays shared.
    # shellcheck disable=SC2086
    exec java -XX:+UseSerialGC -Xshare:auto -XX:SharedArchiveFile="${CLASS_ARCHIVE-$home/kafka.jsa}" \
        -XX:+UnlockDiagnosticVMOptions -XX:ArchiveRelocationMode=0 -Xlog:cds=off -XX:-UsePerfData -Djava.awt.headless=true \
        ${KAFKA_HEAP_OPTS--Xmx256m} ${KAFKA_JVM_PERFORMANCE_OPTS-} ${KAFKA_GC_LOG_OPTS-} ${KAFKA_JMX_OPTS-} \
        ${KAFKA_LOG4J_OPTS--Dlog4j2.configurationFile=$home/config/tools-log4j2.yaml} ${KAFKA_OPTS-} \
        -Dkafka.logs.dir=/tmp @$home/classpath.options "$@"
}

tool() {
    # Settings meant for the server, such as its heap, would get in the way of a tool in the same container.
    unset KAFKA_JMX_OPTS
    KAFKA_HEAP_OPTS="${TOOLS_HEAP_OPTS:--Xmx96m} -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=32m"
    java_class "$@"
}

t=org.apache.kafka.tools
case "$name" in
    kafka-run-class.sh) java_class "$@" ;;
    kafka-server-start.sh)
        : "${KAFKA_HEAP_OPTS:=-Xms128m -Xmx256m}"
        : "${KAFKA_LOG4J_OPTS:=-Dlog4j2.configurationFile=$home/config/log4j2.yaml}"
        java_class kafka.Kafka "$@"
        ;;
    kafka-storage.sh) tool kafka.tools.StorageTool "$@" ;;
    kafka-topics.sh) tool $t.TopicCommand "$@" ;;
    kafka-configs.sh) tool $t.ConfigCommand "$@" ;;
    kafka-console-producer.sh) tool $t.ConsoleProducer "$@" ;;
    kafka-console-consumer.sh) tool $t.consumer.ConsoleConsumer "$@" ;;
    kafka-consumer-groups.sh) tool $t.consumer.group.ConsumerGroupCommand "$@" ;;
    kafka-groups.sh) tool $t.GroupsCommand "$@" ;;
    kafka-acls.sh) tool $t.AclCommand "$@" ;;
    kafka-broker-api-versions.sh) tool $t.BrokerApiVersionsCommand "$@" ;;
    kafka-cluster.sh) tool $t.ClusterTool "$@" ;;
    kafka-consumer-perf-test.sh) tool $t.ConsumerPerformance "$@" ;;
    kafka-producer-perf-test.sh) tool $t.ProducerPerformance "$@" ;;
    kafka-delete-records.sh) tool $t.DeleteRecordsCommand "$@" ;;
    kafka-dump-log.sh) tool $t.DumpLogSegments "$@" ;;
    kafka-features.sh) tool $t.FeatureCommand "$@" ;;
    kafka-get-offsets.sh) tool $t.GetOffsetShell "$@" ;;
    kafka-leader-election.sh) tool $t.LeaderElectionCommand "$@" ;;
    kafka-log-dirs.sh) tool $t.LogDirsCommand "$@" ;;
    kafka-metadata-quorum.sh) tool $t.MetadataQuorumCommand "$@" ;;
    kafka-reassign-partitions.sh) tool $t.reassign.ReassignPartitionsCommand "$@" ;;
    kafka-transactions.sh) tool $t.TransactionsCommand "$@" ;;
    *) echo "$name: this image has no such command" >&2; exit 64 ;;
esac
