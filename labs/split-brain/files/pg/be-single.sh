# Brings this machine to where the lab begins: the settings of its file, and all visits. Runs in `single`.
set -Eeuo pipefail
if [[ $(id -u) == 0 ]]; then
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH" "$0" "$@"
fi
sql() { psql -qAt -v ON_ERROR_STOP=1 -U lab -d hall "$@"; }

pg_ctl status >/dev/null || bash /lab/serve.sh
sql -c "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'hall' AND pid <> pg_backend_pid()" \
  -c 'ALTER SYSTEM RESET ALL' -c 'ALTER ROLE lab RESET ALL' -c 'ALTER ROLE ALL RESET ALL' -c 'ALTER DATABASE hall RESET ALL' \
  -c 'ALTER ROLE lab IN DATABASE hall RESET ALL' >/dev/null
# Some settings hold from the next start on only.
if [[ $(sql -c 'SELECT count(*) FROM pg_file_settings WHERE NOT applied AND name IS NOT NULL') != 0 ]]; then
  pg_ctl stop -m fast >/dev/null
  bash /lab/serve.sh
else
  pg_ctl reload >/dev/null
fi
sql -f /lab/visits.sql
