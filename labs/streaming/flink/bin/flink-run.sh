#!/bin/bash
# Every command in /opt/flink/bin is a link to this file; its name selects the class, as the distribution's scripts do.
set -eu
home=${FLINK_HOME:-/opt/flink}
export FLINK_CONF_DIR=${FLINK_CONF_DIR:-$home/conf}
config=$home/conf/config.yaml

# setting NAME DEFAULT: the last value of the setting in config.yaml.
setting() {
    local value
    value=$(sed -n "s/^${1//./\\.}: *//p" "$config" | tail -1)
    echo "${value:-$2}"
}

java_class() {
    local log=$1
    shift
    exec java @"$home/conf/jvm.options" @"$home/classpath.options" -XX:SharedArchiveFile="${CLASS_ARCHIVE-$home/flink.jsa}" \
        -Dlog4j2.configurationFile="$home/conf/$log" ${FLINK_ENV_JAVA_OPTS-} "$@"
}

case "$(basename "$0") ${1-}" in
    'jobmanager.sh start-foreground')
        java_class log4j-console.properties -Xms64m -Xmx"$(setting jobmanager.memory.heap.size 192m)" -XX:MaxMetaspaceSize=160m \
            org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir "$home/conf" --executionMode cluster "${@:2}"
        ;;
    'taskmanager.sh start-foreground')
        heap=$(setting taskmanager.memory.task.heap.size 160m)
        managed=$(setting taskmanager.memory.managed.size 48m)
        network=$(setting taskmanager.memory.network.max 40m)
        # The distribution's script derives these sizes; this one takes them as they are.
        java_class log4j-console.properties -Xms64m -Xmx"${heap%m}m" -XX:MaxDirectMemorySize=$((${network%m} + 96))m -XX:MaxMetaspaceSize=192m \
            org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir "$home/conf" \
            -D taskmanager.cpu.cores="$(setting taskmanager.numberOfTaskSlots 1).0" \
            -D taskmanager.memory.task.heap.size="$heap" -D taskmanager.memory.task.off-heap.size=0b \
            -D taskmanager.memory.framework.heap.size=32m -D taskmanager.memory.framework.off-heap.size=64m \
            -D taskmanager.memory.network.min="$network" -D taskmanager.memory.network.max="$network" \
            -D taskmanager.memory.managed.size="$managed" -D taskmanager.memory.jvm-metaspace.size=192m \
            -D taskmanager.memory.jvm-overhead.min=64m -D taskmanager.memory.jvm-overhead.max=64m "${@:2}"
        ;;
    'sql-gateway.sh start-foreground')
        java_class log4j-console.properties -Xms64m -Xmx256m -XX:MaxMetaspaceSize=256m org.apache.flink.table.gateway.SqlGateway "${@:2}"
        ;;
    'sql-client.sh '*)
        mode=${1-}
        # With a gateway elsewhere the client needs little.
        heap=256m
        if [ "$mode" = gateway ]; then heap=64m; fi
        java_class log4j-cli.properties -Xmx$heap -Dorg.jline.terminal.dumb=true org.apache.flink.table.client.SqlClient "${@:-embedded}"
        ;;
    'flink '*) java_class log4j-cli.properties -Xmx96m org.apache.flink.client.cli.CliFrontend "$@" ;;
    *) echo "usage: $(basename "$0") start-foreground" >&2; exit 64 ;;
esac
