#!/bin/bash
# All of a small Airflow in one container: the three parts that nothing works without.
set -euo pipefail
umask 0002

printf '{"%s": "%s"}\n' "$LAB_USER" "$LAB_PASSWORD" > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
python /opt/roadlab/database.py || airflow db migrate

# A part that stops is started again, as a service manager would do it.
keep() { while :; do "$@" || sleep 1; done; }
keep airflow api-server &
# Task logs lie in this container, so nobody needs to fetch them from a log server.
keep airflow scheduler --skip-serve-logs &
keep airflow dag-processor &
wait
