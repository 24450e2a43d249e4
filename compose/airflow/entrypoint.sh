#!/bin/bash
# The contract of the official image: umask and group 0, `bash` and `python` as they are, anything else an Airflow command;
# waits for the database, migrates it and makes a user where the environment asks for it.
set -euo pipefail
umask 0002

if [[ $(id -g) != 0 ]]; then
  echo "run this image with group 0 (GID), whatever the user is" >&2
  [[ $(id -u) == 50000 ]] || exit 1
fi
if ! whoami > /dev/null 2>&1; then
  [[ -w /etc/passwd ]] && echo "default:x:$(id -u):0:default user:$AIRFLOW_USER_HOME_DIR:/sbin/nologin" >> /etc/passwd
  export HOME=$AIRFLOW_USER_HOME_DIR
fi

database_answers() {
  local left=${CONNECTION_CHECK_MAX_COUNT:-20}
  while (( left-- > 0 )); do
    airflow db check > /tmp/db-check.log 2>&1 && return
    sleep "${CONNECTION_CHECK_SLEEP_TIME:-3}"
  done
  cat /tmp/db-check.log >&2
  return 1
}

[[ ${1:-} == airflow ]] && shift
case ${1:-} in
  scheduler | dag-processor | triggerer | api-server)
    if (( ${CONNECTION_CHECK_MAX_COUNT:-20} > 0 )); then database_answers; fi ;;
esac

if [[ -n ${_AIRFLOW_DB_MIGRATE:-}${_AIRFLOW_DB_UPGRADE:-} ]]; then airflow db migrate || true; fi

if [[ -n ${_AIRFLOW_WWW_USER_CREATE:-} ]]; then
  if [[ $(airflow config get-value core auth_manager) == *FabAuthManager* ]]; then
    airflow users create --role "${_AIRFLOW_WWW_USER_ROLE:-Admin}" \
      --username "${_AIRFLOW_WWW_USER_USERNAME:-admin}" --password "${_AIRFLOW_WWW_USER_PASSWORD:?}" \
      --firstname "${_AIRFLOW_WWW_USER_FIRSTNAME:-Airflow}" --lastname "${_AIRFLOW_WWW_USER_LASTNAME:-Admin}" \
      --email "${_AIRFLOW_WWW_USER_EMAIL:-airflowadmin@example.com}" || true
  else
    echo "no user made: that is for the FAB auth manager only"
  fi
fi

case ${1:-} in
  bash) shift; exec /bin/bash "$@" ;;
  python) shift; exec python "$@" ;;
esac
exec airflow "$@"
