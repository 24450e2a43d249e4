# Says of each machine whether it leads, or follows and gets what is written.
for machine in primary standby; do
  role=$(PGPASSWORD=lab PGCONNECT_TIMEOUT=3 psql -qAt -h "$machine" -U lab -d hall -c "
    SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'leads'
                WHEN EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') THEN 'follows'
                ELSE 'follows nobody' END" 2>/dev/null) || role='does not answer'
  echo "$machine: $role"
done
