# The first process of a machine with PostgreSQL: creates its data once, starts the server, and waits. The primary creates a
# database, the standby copies the primary. The server ends with the machine, but the machine stays when the server is stopped.
set -Eeuo pipefail
if [[ $(id -u) == 0 ]]; then
  mkdir -p "$PGDATA"
  chown postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql "$BASH" "$0" "$@"
fi

# What `pg_ctl start` without options starts the server with.
printf '%q ' "$@" >/var/run/postgresql/options
rm -f "$PGDATA/postmaster.pid"
: >/var/run/postgresql/log

if [[ ! -e $PGDATA/PG_VERSION && $MACHINE == primary ]]; then
  initdb --no-sync --username=lab --auth-local=trust --auth-host=scram-sha-256 --pwfile=<(echo lab) >/dev/null
  cat >>"$PGDATA/pg_hba.conf" <<<$'host all all all scram-sha-256\nhost replication all all scram-sha-256'
  # Nobody waits for a standby, unless a session says so. Then it waits for this one, or for the primary once the two have
  # changed places.
  printf '%s\n' "synchronous_standby_names = 'primary, standby'" 'synchronous_commit = local' >>"$PGDATA/postgresql.conf"
  pg_ctl start -w -o '-c listen_addresses=' >/dev/null
  psql -q -U lab -d postgres -c 'CREATE DATABASE hall'
  pg_ctl stop -m fast >/dev/null
elif [[ ! -e $PGDATA/PG_VERSION ]]; then
  until pg_isready -q -h primary; do sleep 0.2; done
  bash /lab/copy.sh primary
fi

# A server that is told to stop makes a checkpoint first.
trap 'pg_ctl stop -m fast >/dev/null || :; exit 0' TERM INT
bash /lab/serve.sh
# The log of the server, whenever it was started, is the log of the machine. A shell notices a signal while it waits like this.
tail -n +1 -F /var/run/postgresql/log &
wait
