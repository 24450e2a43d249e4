#!/bin/bash
# Same contract as the official image: NEO4J_AUTH, NEO4J_AUTH_PATH, NEO4J_… as settings, also from files (NEO4J_…_FILE), step down from root.
set -eu
conf=$NEO4J_HOME/conf/neo4j.conf

fail() {
    echo "$1" >&2
    exit 1
}

# set_option NAME VALUE: replaces the setting; Java options add up instead.
set_option() {
    if [ "$1" != server.jvm.additional ]; then sed -i "/^${1//./\\.}=/d" "$conf"; fi
    printf '%s=%s\n' "$1" "$2" >> "$conf"
}

initial_password() {
    local auth=$1 options=()
    case $auth in
        '') return ;;
        none) set_option dbms.security.auth_enabled false; return ;;
    esac
    [[ $auth =~ ^([^/]+)/([^/]+)/?([tT][rR][uU][eE])?$ ]] || fail "Invalid value for NEO4J_AUTH: '$auth'"
    [ "${BASH_REMATCH[2]}" != neo4j ] || fail "Invalid value for password. It cannot be 'neo4j', which is the default."
    [ "${BASH_REMATCH[1]}" = neo4j ] || fail 'Invalid admin username, it must be neo4j.'
    [ -z "${BASH_REMATCH[3]}" ] || options=(--require-password-change)
    # Later it is changed in the database, and a new value has no effect.
    [ -d /data/databases/system ] || neo4j-admin dbms set-initial-password "${BASH_REMATCH[2]}" "${options[@]}"
}

if [ "$(id -u)" = 0 ]; then
    for folder in /data /logs; do
        [ "$(stat -c %u "$folder")" = 7474 ] || chown -R neo4j:neo4j "$folder"
    done
    exec setpriv --reuid=neo4j --regid=neo4j --init-groups "$0" "$@"
fi

if [ "${1:-neo4j}" = neo4j ]; then
    for name in $(compgen -e | grep '^NEO4J_.*_FILE$' || true); do
        export "${name%_FILE}=$(< "${!name}")"
        unset "$name"
    done
    [ ! -d /conf ] || cp -r /conf/. "$NEO4J_HOME/conf/"
    for folder in import plugins; do
        if [ -d "/$folder" ]; then set_option "server.directories.$folder" "/$folder"; fi
    done
    # NEO4J_server_memory_heap_max__size=1g becomes server.memory.heap.max_size=1g.
    for name in $(compgen -e | grep '^NEO4J_' || true); do
        case $name in
            NEO4J_ACCEPT_LICENSE_AGREEMENT | NEO4J_AUTH | NEO4J_AUTH_PATH | NEO4J_DEBUG | NEO4J_EDITION | NEO4J_HOME | NEO4J_PLUGINS | NEO4J_ADMIN_OPTS) continue ;;
        esac
        setting=$(sed 's/^NEO4J_//; s/_/./g; s/\.\./_/g' <<< "$name")
        if [ -n "${!name}" ] && [[ ! $setting =~ ^[0-9] ]]; then set_option "$setting" "${!name}"; fi
    done
    if [ -n "${NEO4J_AUTH_PATH:-}" ]; then initial_password "$(< "$NEO4J_AUTH_PATH")"; else initial_password "${NEO4J_AUTH:-}"; fi
    set -- neo4j
fi
exec "$@"
