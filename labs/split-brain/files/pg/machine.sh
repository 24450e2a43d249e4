# The first process of a machine with PostgreSQL: creates its data once, starts the server, and waits. `standby` copies `primary`,
# the others create a database. The server ends with the machine, but the machine stays when the server is stopped.
set -Eeuo pipefail
if [[ $(id -u) == 0 ]]; then
  mkdir -p "$PGDATA"
  chown postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/lib/postgresql "$BASH" "$0" "$@"
fi

rm -f "$PGDATA/postmaster.pid"
: >/var/run/postgresql/log

if [[ ! -e $PGDATA/PG_VERSION && $MACHINE == standby ]]; then
  until pg_isready -q -h primary; do sleep 0.2; done
  bash /lab/copy.sh primary
elif [[ ! -e $PGDATA/PG_VERSION ]]; then
  initdb --no-sync --username=lab --auth-local=trust --auth-host=scram-sha-256 --pwfile=<(echo lab) >/dev/null
  cat >>"$PGDATA/pg_hba.conf" <<<$'host all all all scram-sha-256\nhost replication all all scram-sha-256'
  pg_ctl start -w -o '-c listen_addresses= -c fsync=off' >/dev/null
  psql -q -U lab -d postgres -c 'CREATE DATABASE hall'
  pg_ctl stop -m fast >/dev/null
  if [[ $MACHINE == single ]]; then
    echo "include = '/workspace/machine.conf'" >>"$PGDATA/postgresql.conf"
  else
    echo "include = '/lab/server.conf'" >>"$PGDATA/postgresql.conf"
  fi
fi

# A server that is told to stop makes a checkpoint first.
trap 'pg_ctl stop -m fast >/dev/null || :; exit 0' TERM INT
bash /lab/serve.sh
# The log of the server, whenever it was started, is the log of the machine. A shell notices a signal while it waits like this.
tail -n +1 -F /var/run/postgresql/log &
wait
