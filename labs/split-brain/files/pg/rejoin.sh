# rejoin.sh LEADER: this machine becomes a standby of LEADER. What only this machine has is gone for good.
#   in primary: bash /lab/rejoin.sh standby
set -Eeuo pipefail
if [[ $(id -u) == 0 ]]; then
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH" "$0" "$@"
fi
leader=${1:?the name of the machine to follow}

set -x
# The server stops.
pg_ctl stop -m fast
# Its data go back to the moment at which the two parted, and from there on are those of the leader. -R writes down whom to follow.
pg_rewind -D "$PGDATA" -R --no-sync --source-server="host=$leader user=lab password=lab dbname=hall application_name=$MACHINE"
# It starts as a standby.
bash /lab/serve.sh
