#!/bin/bash
# Same contract as the official image: CASSANDRA_… as settings of cassandra.yaml and cassandra-rackdc.properties, step down from root.
set -eu
conf=$CASSANDRA_CONF

if [ $# -eq 0 ] || [ "${1#-}" != "$1" ]; then set -- cassandra -f "$@"; fi

if [ "$1" = cassandra ] && [ "$(id -u)" = 0 ]; then
    find "$conf" /var/lib/cassandra /var/log/cassandra \! -user cassandra -exec chown cassandra '{}' +
    exec setpriv --reuid=cassandra --regid=cassandra --init-groups "$0" "$@"
fi

# Writes through the file instead of replacing it, so that it works on a bind mount.
edit() {
    local edited
    edited=$(sed -E "$2" "$1")
    printf '%s\n' "$edited" > "$1"
}

# set_yaml NAME VALUE: replaces the setting, also one that is a comment.
set_yaml() {
    if [ -n "$2" ]; then edit "$conf/cassandra.yaml" "s|^(# )?$1:.*|$1: $2|"; fi
}

if [ "$1" = cassandra ]; then
    own_ip=$(hostname -i | cut -d ' ' -f 1)
    listen=${CASSANDRA_LISTEN_ADDRESS:-auto}
    if [ "$listen" = auto ]; then listen=$own_ip; fi
    broadcast=${CASSANDRA_BROADCAST_ADDRESS:-$listen}
    if [ "$broadcast" = auto ]; then broadcast=$own_ip; fi
    edit "$conf/cassandra.yaml" "s|(- seeds:).*|\\1 \"${CASSANDRA_SEEDS:-$broadcast}\"|"
    set_yaml listen_address "$listen"
    set_yaml broadcast_address "$broadcast"
    set_yaml rpc_address "${CASSANDRA_RPC_ADDRESS:-0.0.0.0}"
    set_yaml broadcast_rpc_address "${CASSANDRA_BROADCAST_RPC_ADDRESS:-$broadcast}"
    set_yaml cluster_name "${CASSANDRA_CLUSTER_NAME:-}"
    set_yaml endpoint_snitch "${CASSANDRA_ENDPOINT_SNITCH:-}"
    set_yaml num_tokens "${CASSANDRA_NUM_TOKENS:-}"
    if [ -n "${CASSANDRA_DC:-}" ]; then edit "$conf/cassandra-rackdc.properties" "s|^dc=.*|dc=$CASSANDRA_DC|"; fi
    if [ -n "${CASSANDRA_RACK:-}" ]; then edit "$conf/cassandra-rackdc.properties" "s|^rack=.*|rack=$CASSANDRA_RACK|"; fi
fi
exec "$@"
