# copy.sh LEADER: throws the data of this machine away and copies those of LEADER, to follow it. The server must be stopped.
set -Eeuo pipefail
find "$PGDATA" -mindepth 1 -delete
pg_basebackup --dbname "host=$1 user=lab password=lab application_name=$MACHINE" \
  --pgdata "$PGDATA" --write-recovery-conf --wal-method stream --checkpoint fast --no-sync
