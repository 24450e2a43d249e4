# Makes this machine the one that leads, as at the start of the lab. Runs in `primary`.
set -Eeuo pipefail
if [[ $(id -u) == 0 ]]; then
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH" "$0" "$@"
fi
sql() { psql -qAt -v ON_ERROR_STOP=1 -U lab -d "${db:-postgres}" "$@"; }

pg_ctl status >/dev/null || bash /lab/serve.sh
[[ $(sql -c 'SELECT pg_is_in_recovery()') == f ]] || sql -c 'SELECT pg_promote(true, 60)' >/dev/null
sql -c 'ALTER SYSTEM RESET ALL' -c 'SELECT pg_reload_conf()' >/dev/null
# Whoever is still connected to the database may hold a lock.
sql -c "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'hall' AND pid <> pg_backend_pid()" >/dev/null
