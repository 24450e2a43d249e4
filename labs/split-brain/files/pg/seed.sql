-- The data of the lab. Nothing is done before the standby has it too.
SET client_min_messages = warning;
BEGIN;
SET LOCAL synchronous_commit = remote_apply;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE TABLE payment (no int PRIMARY KEY, buyer text NOT NULL, amount int NOT NULL);
CREATE TABLE click (no int PRIMARY KEY, page text NOT NULL);
CREATE TABLE ticket (no int PRIMARY KEY, seat text NOT NULL UNIQUE, buyer text NOT NULL);
-- For the measurement of commits.
CREATE TABLE tick (level text PRIMARY KEY, n int NOT NULL) WITH (fillfactor = 10);
INSERT INTO tick VALUES ('off', 0), ('local', 0), ('remote_write', 0), ('on', 0), ('remote_apply', 0);
-- For the incident: tickets for the concert on Friday.
CREATE TABLE sale (no int PRIMARY KEY, seat text NOT NULL UNIQUE, buyer text NOT NULL, paid_at timestamp NOT NULL);
INSERT INTO sale VALUES
  (1, 'A1', 'Ines', '2026-11-20 10:05'), (2, 'A2', 'Jun', '2026-11-21 17:40'), (3, 'A3', 'Kofi', '2026-11-22 09:12');
-- For a check: nobody sees a payment that waits, but it lies in the table.
CREATE SCHEMA IF NOT EXISTS roadlab;
CREATE EXTENSION IF NOT EXISTS pageinspect SCHEMA roadlab;
CREATE OR REPLACE FUNCTION roadlab.payment() RETURNS text LANGUAGE plpgsql SET search_path = public, roadlab AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity a USING (pid)
                 WHERE a.wait_event = 'SyncRep' AND relation = 'payment'::regclass AND mode = 'RowExclusiveLock') THEN
    RETURN CASE WHEN EXISTS (SELECT FROM payment) THEN 'committed' ELSE 'not there' END;
  END IF;
  RETURN CASE WHEN EXISTS (
    SELECT FROM generate_series(1, pg_relation_size('payment') / 8192) AS page,
      heap_page_item_attrs(get_raw_page('payment', page::int - 1), 'payment'::regclass) AS item
    WHERE item.t_xmax = '0' AND pg_xact_status(item.t_xmin::text::xid8) = 'in progress'
      AND item.t_attrs = ARRAY['\x01000000', '\x09' || convert_to('Ana', 'UTF8'), '\x28000000']::bytea[])
  THEN 'waits' ELSE 'another one waits' END;
END $$;
COMMIT;
