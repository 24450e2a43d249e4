# Starts the server of this machine, with what the machine was given. Runs as postgres.
set -Eeuo pipefail
pg_ctl start -w -t 60 -o "$(cat /var/run/postgresql/options)" -l /var/run/postgresql/log >/dev/null
