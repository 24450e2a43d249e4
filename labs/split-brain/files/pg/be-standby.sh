# Makes this machine follow `primary`, as at the start of the lab. Runs in `standby`, after be-primary.sh in `primary`.
set -Eeuo pipefail
if [[ $(id -u) == 0 ]]; then
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH" "$0" "$@"
fi
here() { psql -qAt -U lab -d postgres -c "$1" 2>/dev/null || :; }
# Asks the primary.
leader() { PGPASSWORD=lab psql -qAt -h primary -U lab -d postgres -c "$1"; }

streams() {
  [[ $(here "SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_host = 'primary'") == "$timeline" ]]
}
timeline=$(leader "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int")

pg_ctl status >/dev/null || bash /lab/serve.sh
# A standby that was merely cut off connects again by itself.
if [[ $(here 'SELECT pg_is_in_recovery()') == t ]]; then
  for _ in {1..30}; do
    if streams; then exit 0; fi
    sleep 0.1
  done
fi
pg_ctl stop -m immediate >/dev/null || :
bash /lab/copy.sh primary
bash /lab/serve.sh
until streams; do sleep 0.1; done
