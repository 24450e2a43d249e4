#!/bin/bash
# Same contract as the official image: jobmanager, taskmanager or any command; JOB_MANAGER_RPC_ADDRESS,
# TASK_MANAGER_NUMBER_OF_TASK_SLOTS, FLINK_PROPERTIES (lines of config.yaml, which win over its own).
set -eu
if [ "$(id -u)" = 0 ]; then
    exec setpriv --reuid=flink --regid=flink --init-groups "$0" "$@"
fi
config=$FLINK_HOME/conf/config.yaml

# set_option NAME VALUE: a name may stand in the file only once.
set_option() {
    sed -i "/^${1//./\\.}:/d" "$config"
    printf '%s: %s\n' "$1" "$2" >> "$config"
}

case ${1:-help} in
    help) echo "Usage: $(basename "$0") (jobmanager|taskmanager|help)"; exit 0 ;;
    jobmanager | taskmanager | *sql-gateway.sh)
        set_option jobmanager.rpc.address "${JOB_MANAGER_RPC_ADDRESS:-$(hostname)}"
        if [ -n "${TASK_MANAGER_NUMBER_OF_TASK_SLOTS-}" ]; then set_option taskmanager.numberOfTaskSlots "$TASK_MANAGER_NUMBER_OF_TASK_SLOTS"; fi
        while IFS= read -r line; do
            if [[ $line =~ ^([a-zA-Z0-9._-]+):\ *(.*)$ ]]; then set_option "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"; fi
        done <<< "${FLINK_PROPERTIES-}"
        ;;
esac
case $1 in
    jobmanager | taskmanager) exec "$FLINK_HOME/bin/$1.sh" start-foreground "${@:2}" ;;
    *) exec "$@" ;;
esac
