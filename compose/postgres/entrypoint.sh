#!/usr/bin/env bash
# Same contract as the official image: environment names, initialisation scripts, step down from root, exit codes.
set -Eeuo pipefail

# from_file NAME [DEFAULT]: exports NAME, taken from NAME, else from the file that NAME_FILE names, else DEFAULT.
from_file() {
  local name=$1 file="${1}_FILE" value=${2:-}
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

# The name is part of the contract: scripts in /docker-entrypoint-initdb.d that are sourced call it, or "${psql[@]}".
docker_process_sql() {
  PGHOST='' PGHOSTADDR='' psql --no-psqlrc --no-password -v ON_ERROR_STOP=1 \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}
psql=(docker_process_sql)

starts_server() {
  [[ ${1:-} == postgres ]] || return 1
  local arg
  for arg; do
    case $arg in -'?' | --help | --describe-config | -V | --version) return 1 ;; esac
  done
}

own_directories() {
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA" || :
  chmod 3775 /var/run/postgresql || :
  local waldir=${POSTGRES_INITDB_WALDIR:-}
  if [[ -n $waldir ]]; then
    mkdir -p "$waldir"
    chmod 700 "$waldir"
  fi
  if [[ $(id -u) == 0 ]]; then
    find "$PGDATA" /var/run/postgresql ${waldir:+"$waldir"} ! -user postgres -exec chown postgres {} +
  fi
}

init_cluster() {
  if [[ -z $POSTGRES_PASSWORD && ${POSTGRES_HOST_AUTH_METHOD:-} != trust ]]; then
    echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
    echo '       Set POSTGRES_PASSWORD to a non-empty value, or POSTGRES_HOST_AUTH_METHOD=trust.' >&2
    exit 1
  fi
  ls /docker-entrypoint-initdb.d/ >/dev/null

  local waldir=() args=() wrapper=()
  [[ -z ${POSTGRES_INITDB_WALDIR:-} ]] || waldir=(--waldir "$POSTGRES_INITDB_WALDIR")
  eval "args=($POSTGRES_INITDB_ARGS)"
  # initdb insists on a user with a name; with `docker run --user 1234` there is none.
  if ! getent passwd "$(id -u)" >/dev/null; then
    echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" >/tmp/passwd
    echo "postgres:x:$(id -g):" >/tmp/group
    wrapper=(env LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=/tmp/passwd NSS_WRAPPER_GROUP=/tmp/group)
  fi
  "${wrapper[@]}" initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
    "${waldir[@]}" "${args[@]}"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption "${@:2}")}" \
    >>"$PGDATA/pg_hba.conf"
}

run_init_scripts() {
  local f
  for f in /docker-entrypoint-initdb.d/*; do
    case $f in
      *.sh) echo "$0: running $f"; if [[ -x $f ]]; then "$f"; else . "$f"; fi ;;
      *.sql) echo "$0: running $f"; docker_process_sql -f "$f" ;;
      *.sql.gz) echo "$0: running $f"; gunzip -c "$f" | docker_process_sql ;;
      *.sql.xz) echo "$0: running $f"; xzcat "$f" | docker_process_sql ;;
      *.sql.zst) echo "$0: running $f"; zstd -dc "$f" | docker_process_sql ;;
      *) [[ ! -e $f ]] || echo "$0: ignoring $f" ;;
    esac
  done
}

[[ ${1:-} != -* ]] || set -- postgres "$@"

if starts_server "$@"; then
  own_directories
  if [[ $(id -u) == 0 ]]; then
    exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql "$0" "$@"
  fi
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER postgres
  from_file POSTGRES_DB "$POSTGRES_USER"
  from_file POSTGRES_INITDB_ARGS
  if [[ -s $PGDATA/PG_VERSION ]]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    init_cluster "$@"
    export PGPASSWORD=${PGPASSWORD:-$POSTGRES_PASSWORD}
    # No TCP until the scripts are done: whoever can connect finds the database complete.
    PGUSER=${PGUSER:-$POSTGRES_USER} pg_ctl -D "$PGDATA" -w start \
      -o "$(printf '%q ' "${@:2}" -c listen_addresses= -p "${PGPORT:-5432}")"
    POSTGRES_DB=postgres docker_process_sql -v db="$POSTGRES_DB" <<<"
      SELECT format('CREATE DATABASE %I', :'db')
      WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') \gexec"
    run_init_scripts
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
  fi
fi

exec "$@"
