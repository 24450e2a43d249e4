-- The season of the hall: one row for each visit. Created unless it is there, unchanged.
SELECT to_regclass('public.visit') IS NOT NULL AND to_regprocedure('pages_come_from()') IS NOT NULL AS there \gset
\if :there
  SELECT count(*) = 20000 AND sum(hashtext(v::text)::bigint) = 60136530014 
    AND (SELECT count(*) FROM pg_index WHERE indrelid = 'visit'::regclass) = 1 AS there FROM visit v \gset
\endif
\if :there
  \q
\endif
SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE TABLE visit (
  id int PRIMARY KEY,
  evening date NOT NULL,
  seat text NOT NULL,
  guest text NOT NULL,
  spent int NOT NULL,
  remark text NOT NULL
);
INSERT INTO visit
SELECT n, date '2026-01-01' + n % 330, chr(65 + n % 20) || n % 37, md5(n::text), n * 7919 % 900, repeat('.', 260)
FROM generate_series(1, 20000) AS n;
VACUUM ANALYZE visit;

-- The same questions with little and with much memory, for the measurement.
CREATE FUNCTION report() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT md5(string_agg(seat || place, ',')) FROM (SELECT seat, row_number() OVER (ORDER BY remark, guest, id) AS place FROM visit) AS sorted
$$;
CREATE FUNCTION report_on_disk() RETURNS text LANGUAGE sql STABLE SET work_mem = '64kB' AS 'SELECT report()';
CREATE FUNCTION report_in_memory() RETURNS text LANGUAGE sql STABLE SET work_mem = '32MB' AS 'SELECT report()';
CREATE FUNCTION new_guests() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT count(*) FROM visit WHERE id <= 500 AND guest NOT IN (SELECT guest FROM visit WHERE id > 17000)
$$;
CREATE FUNCTION new_guests_again_and_again() RETURNS bigint LANGUAGE sql STABLE SET work_mem = '64kB' AS 'SELECT new_guests()';
CREATE FUNCTION new_guests_in_memory() RETURNS bigint LANGUAGE sql STABLE SET work_mem = '32MB' AS 'SELECT new_guests()';

-- For a check: how many pages are read changes by itself, whether any are read does not.
CREATE FUNCTION pages_come_from() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT sum(spent) FROM visit' INTO plan;
  RETURN CASE WHEN (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::int = 0 THEN 'memory' ELSE 'outside' END;
END $$;
