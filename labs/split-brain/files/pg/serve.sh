# Starts the server of this machine. Runs as postgres.
set -Eeuo pipefail
# A server that follows another forces each of its files to the disk before it begins. The data are no better for it here.
echo 'fsync = off' >/var/run/postgresql/starting.conf
if ! pg_ctl start -w -t 60 -l /var/run/postgresql/log >/dev/null; then
  cat /var/run/postgresql/log >&2
  exit 1
fi
: >/var/run/postgresql/starting.conf
pg_ctl reload >/dev/null
