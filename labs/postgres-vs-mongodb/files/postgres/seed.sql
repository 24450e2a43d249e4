-- The lab's starting point. `start` makes the database `lab` from this template, which nobody can connect to and so nobody can change.
-- ../mongo/seed.js holds the same consultants, time sheets and expense claims.
CREATE DATABASE lab_start;
\connect lab_start

CREATE TABLE team (
  id     int  PRIMARY KEY,
  name   text NOT NULL UNIQUE,
  budget int  NOT NULL CHECK (budget >= 0),
  floor  int  NOT NULL
);
INSERT INTO team VALUES (1, 'Data', 5000, 3), (2, 'Cloud', 800, 5), (3, 'Security', 2600, 5), (4, 'Design', 1500, 2);

CREATE TABLE consultant (
  id      int  PRIMARY KEY,
  name    text NOT NULL,
  email   text NOT NULL UNIQUE,
  team_id int  NOT NULL REFERENCES team
);
WITH names AS (
  SELECT i,
    (ARRAY['Mina', 'Jonas', 'Aiko', 'Daniel', 'Lucia', 'Seojun', 'Elif', 'Tom', 'Priya', 'Hana',
           'Marek', 'Grace', 'Omar', 'Ines', 'Lukas', 'Yuna', 'Felix', 'Noor', 'Diego', 'Sofia'])[1 + (i - 1) % 20] AS first,
    (ARRAY['Park', 'Weber', 'Tanaka', 'Osei', 'Romero', 'Lee',
           'Kaya', 'Becker', 'Nair', 'Choi', 'Nowak', 'Kim'])[1 + ((i - 1) / 20 + (i - 1) % 20) % 12] AS last
  FROM generate_series(1, 240) AS i
)
INSERT INTO consultant
SELECT i, first || ' ' || last, lower(first || '.' || last) || '@maru.example', 1 + (i - 1) % 4 FROM names;

CREATE TABLE phone (
  consultant_id int  NOT NULL REFERENCES consultant,
  kind          text NOT NULL,
  number        text NOT NULL,
  PRIMARY KEY (consultant_id, kind)
);
INSERT INTO phone SELECT i, 'mobile', '+00 10 ' || lpad(i::text, 4, '0') FROM generate_series(1, 240) AS i WHERE i % 10 <> 0;
INSERT INTO phone SELECT i, 'office', '+00 20 ' || lpad(i::text, 4, '0') FROM generate_series(1, 240) AS i WHERE i % 3 = 0;

CREATE TABLE schedule (
  id            int  PRIMARY KEY,
  consultant_id int  NOT NULL REFERENCES consultant,
  client        text NOT NULL,
  day           date NOT NULL,
  hours         int  NOT NULL CHECK (hours BETWEEN 1 AND 12)
);
INSERT INTO schedule
SELECT i * 10 + k, i, 'C-' || lpad(((i * 37 + k * 101) % 2000 + 1)::text, 4, '0'), date '2026-03-01' + (i + 7 * k) % 28, 2 + (i + k) % 7
FROM generate_series(1, 240) AS i, generate_series(1, i % 5) AS k;

CREATE TABLE timesheet (
  id            int  PRIMARY KEY,
  consultant_id int  NOT NULL,
  client        text NOT NULL,
  day           date NOT NULL,
  minutes       int  NOT NULL
);
-- Two longer entries, on 31 March and 1 April 2025, make it matter for the exercise `group-by` where the month ends.
INSERT INTO timesheet
SELECT i + 1, i % 240 + 1, 'C-' || lpad((i * 7919 % 2000 + 1)::text, 4, '0'), date '2024-01-01' + i / 240,
  30 * (1 + (i % 97 + i % 89 + i / 240) % 16 + CASE WHEN i IN (109418, 109518) THEN 2 ELSE 0 END)
FROM generate_series(0, 119999) AS i;
ALTER TABLE timesheet ADD FOREIGN KEY (consultant_id) REFERENCES consultant;

-- Nothing guards these claims yet; they are clean because somebody was careful.
CREATE TABLE expense (
  id            int PRIMARY KEY,
  consultant_id int,
  receipt       text,
  cents         int,
  currency      text,
  spent_on      date
);
INSERT INTO expense
SELECT i, 1 + (i - 1) / 3, 'R-' || 1 + (i - 1) % 3, 500 + i * 733 % 9500, (ARRAY['EUR', 'USD', 'GBP'])[1 + i % 3], date '2026-01-05' + i
FROM generate_series(1, 60) AS i;

CREATE TABLE transfer (
  no        bigint GENERATED ALWAYS AS IDENTITY,
  id        text PRIMARY KEY,
  from_team int  NOT NULL REFERENCES team,
  to_team   int  NOT NULL REFERENCES team,
  amount    int  NOT NULL CHECK (amount > 0)
);

-- Each row says by itself what was seen, and who saw it: which session, in which transaction, at which isolation level, and when.
-- A trigger writes it, whatever the INSERT says, so a row cannot be invented; and none can be deleted, because a gap in the numbers
-- means that a look was rolled back.
CREATE TABLE seen (
  no        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  budget    int NOT NULL,
  pid       int NOT NULL,
  txid      xid8 NOT NULL,
  isolation text NOT NULL,
  at        timestamptz NOT NULL
);
CREATE FUNCTION seen_by_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'the table seen is a record: its rows can be neither changed nor deleted';
  END IF;
  new.pid := pg_backend_pid();
  new.txid := pg_current_xact_id();
  new.isolation := current_setting('transaction_isolation');
  new.at := clock_timestamp();
  SELECT budget INTO new.budget FROM team WHERE id = 3;
  RETURN new;
END $$;
CREATE TRIGGER seen_by_itself BEFORE INSERT OR UPDATE OR DELETE ON seen FOR EACH ROW EXECUTE FUNCTION seen_by_itself();
CREATE TRIGGER seen_kept BEFORE TRUNCATE ON seen EXECUTE FUNCTION seen_by_itself();

-- A row remembers with which setting it was committed, and since when the server had been running then, whatever the INSERT says.
CREATE TABLE promise (
  no                 int PRIMARY KEY,
  synchronous_commit text NOT NULL,
  server_started     timestamptz NOT NULL
);
CREATE FUNCTION promise_by_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.synchronous_commit := current_setting('synchronous_commit');
  new.server_started := pg_postmaster_start_time();
  RETURN new;
END $$;
CREATE TRIGGER promise_by_itself BEFORE INSERT OR UPDATE ON promise FOR EACH ROW EXECUTE FUNCTION promise_by_itself();

CREATE TABLE application (
  id       int PRIMARY KEY,
  received date  NOT NULL,
  doc      jsonb NOT NULL
);
INSERT INTO application
SELECT i, date '2026-01-01' + i % 60,
  jsonb_build_object(
    'email', 'applicant' || i || '@mail.example',
    'city', (ARRAY['Seoul', 'Berlin', 'Oslo', 'Busan', 'Lyon', 'Porto', 'Turin', 'Graz'])[1 + i % 8],
    'skills', CASE WHEN i % 500 = 7 THEN '["sql", "cobol"]' WHEN i % 2 = 0 THEN '["sql", "python"]' ELSE '["java", "git"]' END::jsonb)
  || CASE i % 3 WHEN 0 THEN jsonb_build_object('board', 'jobs.example', 'years', i % 20)
                WHEN 1 THEN jsonb_build_object('linked', jsonb_build_object('profile', 'u' || i, 'contacts', i % 700))
                ELSE '{}' END
  || CASE WHEN i % 400 = 11 THEN '{"city": "Bergen"}' ELSE '{}' END::jsonb
FROM generate_series(1, 20000) AS i;

CREATE SCHEMA fjord;
CREATE TABLE fjord.sheet (
  consultant text, email text, team text, team_lead text, phones text, client text, day date, hours int
);
INSERT INTO fjord.sheet VALUES
  ('Ingrid Dahl', 'ingrid@fjord.example', 'Harbour', 'Ola Berg', '+00 31 0001; +00 32 0001', 'Polar Shipping', '2026-03-02', 6),
  ('Ingrid Dahl', 'ingrid@fjord.example', 'Harbour', 'Ola Berg', '+00 31 0001; +00 32 0001', 'Kelp Foods',     '2026-03-04', 4),
  ('Ingrid Dahl', 'ingrid@fjord.example', 'Harbour', 'Ola Berg', '+00 31 0001; +00 32 0001', 'Tind Energy',    '2026-03-05', 8),
  ('Jonas Vik',   'jonas@fjord.example',  'Harbour', 'Ola Berg', '+00 31 0002',              'Polar Shipping', '2026-03-03', 8),
  ('Sana Noor',   'sana@fjord.example',   'Summit',  'Eva Lind', '+00 31 0003; +00 33 0003', 'Tind Energy',    '2026-03-02', 5),
  ('Sana Noor',   'sana@fjord.example',   'Summit',  'Eva Lind', '+00 31 0003; +00 33 0003', 'Kelp Foods',     '2026-03-06', 7);

-- For the checks: says what the database would do with a statement. Nothing of the statement stays, and deferred constraints count.
CREATE SCHEMA roadlab;
CREATE FUNCTION roadlab.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  SET CONSTRAINTS ALL IMMEDIATE;
  RAISE EXCEPTION USING ERRCODE = 'LAB01';
EXCEPTION
  WHEN SQLSTATE 'LAB01' THEN RETURN 'accepted';
  WHEN integrity_constraint_violation OR data_exception OR raise_exception OR generated_always THEN RETURN 'refused';
END $$;

-- The statistics are copied along with the template, so the plans are the same after every reset.
VACUUM (FREEZE, ANALYZE);

\connect postgres
ALTER DATABASE lab_start WITH IS_TEMPLATE true ALLOW_CONNECTIONS false;
