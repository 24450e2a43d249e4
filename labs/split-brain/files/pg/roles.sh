# Says of each machine whether it leads, or follows and gets what is written: `bash /lab/roles.sh`.
for machine in primary standby; do
  host=$machine
  # A machine that is cut off still knows itself.
  [[ $machine != "$MACHINE" ]] || host=localhost
  role=$(PGPASSWORD=lab PGCONNECT_TIMEOUT=3 psql -qAt -h "$host" -U lab -d hall -c "
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'leads'
                WHEN EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 'follows'
                ELSE 'follows nobody' END" 2>/dev/null) || role='does not answer'
  echo "$machine: $role"
done
