#!/usr/bin/env bash
# Same contract as the official image: environment names, initialisation scripts, step down from root, exit codes.
set -Eeuo pipefail

[[ ${1:-} != -* ]] || set -- mongod "$@"

if [[ ${1:-} == mongo* && $(id -u) == 0 ]]; then
  [[ $1 != mongod ]] || find /data/configdb /data/db ! -user mongodb -exec chown mongodb {} +
  exec setpriv --reuid=mongodb --regid=mongodb --init-groups "$0" "$@"
fi
[[ ${1:-} == mongod ]] || exec "$@"

# from_file NAME: exports NAME, taken from NAME, else from the file that NAME_FILE names, else empty.
from_file() {
  local name=$1 file="${1}_FILE" value=
  if [[ -n ${!name:-} && -n ${!file:-} ]]; then
    echo "error: both $name and $file are set (but are exclusive)" >&2
    exit 1
  fi
  if [[ -n ${!name:-} ]]; then
    value=${!name}
  elif [[ -n ${!file:-} ]]; then
    value=$(<"${!file}")
  fi
  export "$name=$value"
  unset "$file"
}

# option --name ARGS…: prints the value of --name, given as `--name value` or `--name=value`; fails if it is not there.
option() {
  local name=$1
  while shift && (($#)); do
    case $1 in
      "$name") echo "${2:-}"; return ;;
      "$name"=*) echo "${1#*=}"; return ;;
    esac
  done
  return 1
}

# without "--flag --valued=" ARGS…: fills `rest` with ARGS less those options; one that ends in = takes a value along.
without() {
  local drop=" $1 " arg
  rest=()
  while shift && (($#)); do
    arg=${1%%=*}
    if [[ $drop == *" $arg= "* ]]; then
      [[ $1 == *=* ]] || shift
    elif [[ $drop != *" $arg "* ]]; then
      rest+=("$1")
    fi
  done
}

# The configuration file as JSON, less what would hinder a first start on the loopback address.
config_for_init() {
  NODE_PATH=/opt/mongosh/node_modules node -e '
    const config = require("js-yaml").load(require("fs").readFileSync(process.argv[1], "utf8")) ?? {};
    for (const key of ["systemLog", "processManagement", "net", "security", "replication"]) delete config[key];
    console.log(JSON.stringify(config));' "$1"
}

init_database() {
  local rest drop='--auth --bind_ip_all --bind_ip= --port= --keyFile= --tlsMode=' config pid f tls=disabled
  # The root user has to be made by a server that stands alone.
  [[ -z $MONGO_INITDB_ROOT_USERNAME ]] || drop+=' --replSet='
  without "$drop" "${@:2}"
  if config=$(option --config "$@"); then
    config_for_init "$config" >/tmp/mongod-init.json
    without '--config=' "${rest[@]}"
    rest+=(--config /tmp/mongod-init.json)
  fi
  # mongod refuses a certificate while TLS is off.
  if option --tlsCertificateKeyFile "$@" >/dev/null; then tls=allowTLS; fi
  mongod "${rest[@]}" --bind_ip 127.0.0.1 --port 27017 --tlsMode "$tls" &
  pid=$!
  # The name is part of the contract: scripts that are sourced use it.
  mongo=(mongosh --norc --quiet --host 127.0.0.1 --port 27017)
  until (: </dev/tcp/127.0.0.1/27017) 2>/dev/null; do
    if ! kill -0 "$pid" 2>/dev/null; then
      echo 'error: mongod does not appear to have stayed running -- perhaps it had an error?' >&2
      exit 1
    fi
    sleep 0.05
  done
  if [[ -n $MONGO_INITDB_ROOT_USERNAME ]]; then
    "${mongo[@]}" admin --eval 'db.createUser({
      user: process.env.MONGO_INITDB_ROOT_USERNAME,
      pwd: process.env.MONGO_INITDB_ROOT_PASSWORD,
      roles: [{ role: "root", db: "admin" }],
    })'
  fi
  export MONGO_INITDB_DATABASE=${MONGO_INITDB_DATABASE:-test}
  for f in /docker-entrypoint-initdb.d/*; do
    case $f in
      *.sh) echo "$0: running $f"; . "$f" ;;
      *.js) echo "$0: running $f"; "${mongo[@]}" "$MONGO_INITDB_DATABASE" "$f" ;;
      *) [[ ! -e $f ]] || echo "$0: ignoring $f" ;;
    esac
  done
  kill -INT "$pid"
  wait "$pid"
  rm -f /tmp/mongod-init.json
  printf '\nMongoDB init process complete; ready for start up.\n\n'
}

from_file MONGO_INITDB_ROOT_USERNAME
from_file MONGO_INITDB_ROOT_PASSWORD
needs_init=
if [[ -n $MONGO_INITDB_ROOT_USERNAME && -n $MONGO_INITDB_ROOT_PASSWORD ]]; then
  needs_init=1
  without --auth "$@"
  set -- "${rest[@]}" --auth
elif [[ -n $MONGO_INITDB_ROOT_USERNAME$MONGO_INITDB_ROOT_PASSWORD ]]; then
  echo "error: missing 'MONGO_INITDB_ROOT_USERNAME' or 'MONGO_INITDB_ROOT_PASSWORD'" >&2
  echo '       both must be specified for a user to be created' >&2
  exit 1
elif compgen -G '/docker-entrypoint-initdb.d/*.js' >/dev/null || compgen -G '/docker-entrypoint-initdb.d/*.sh' >/dev/null; then
  needs_init=1
fi

config=$(option --config "$@" || :)
dbpath=$(option --dbpath "$@" || :)
if [[ -z $dbpath && -n $config ]]; then
  dbpath=$(config_for_init "$config" | jq -r '.storage.dbPath // empty')
fi
if [[ -z $dbpath ]]; then
  dbpath=/data/db
  if option --configsvr "$@" >/dev/null; then dbpath=/data/configdb; fi
fi
if [[ -n $needs_init && ! -e $dbpath/WiredTiger && ! -e $dbpath/storage.bson ]]; then
  init_database "$@"
fi

# mongod listens on the loopback address only unless told otherwise.
if ! option --bind_ip "$@" >/dev/null && ! option --bind_ip_all "$@" >/dev/null; then
  set -- "$@" --bind_ip_all
fi
unset "${!MONGO_INITDB_@}"
exec "$@"
