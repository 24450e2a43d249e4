# Puts the data of the lab into the database, on both machines. Runs in `primary`.
exec psql -q -v ON_ERROR_STOP=1 -U lab -d hall -f /lab/seed.sql
