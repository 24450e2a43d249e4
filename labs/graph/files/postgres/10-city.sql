-- The same city as in the graph, by the same formulas (files/neo4j/city.cypher).
CREATE FUNCTION build_city() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS person, knows, sent, paid CASCADE;
  CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL, phone text);
  CREATE TABLE knows (person int REFERENCES person, friend int REFERENCES person, PRIMARY KEY (person, friend));
  CREATE TABLE sent (no int PRIMARY KEY, sender int NOT NULL REFERENCES person, receiver int NOT NULL REFERENCES person, amount int NOT NULL, at timestamp NOT NULL);
  CREATE TABLE paid (no int PRIMARY KEY, person int NOT NULL REFERENCES person, shop text NOT NULL, amount int NOT NULL, at timestamp NOT NULL);
  INSERT INTO person SELECT 1000 + i, (ARRAY['Ara', 'Bora', 'Chan', 'Dana', 'Eun', 'Gyu', 'Hana', 'Iseul', 'Jae', 'Kiho'])[i % 10 + 1] || ' ' ||
    (ARRAY['Ahn', 'Bae', 'Cho', 'Do', 'Go', 'Han', 'Im', 'Jo', 'Kim', 'Lee'])[i / 10 % 10 + 1], '010-' || 1000 + i / 500 || '-' || 1000 + i * 7 % 9000 FROM generate_series(0, 3999) i;
  INSERT INTO person VALUES (200, 'Mina Park'), (201, 'Noa Shin'), (202, 'Olli Berg'), (203, 'Pia Rho'), (204, 'Quin Yoo'), (205, 'Rian Do'), (206, 'Sora Jin'), (207, 'Tae Moon'),
    (208, 'Umi Ban'), (209, 'Vito Sa'), (210, 'Wanda Ki');
  CREATE TEMP TABLE pair ON COMMIT DROP AS
    SELECT DISTINCT 1000 + least(i, j) AS a, 1000 + greatest(i, j) AS b FROM (SELECT i, (i * (2 * k + 1) + 173 * k * k + 7) % 4000 AS j FROM generate_series(0, 3999) i, generate_series(1, 10) k) s WHERE i <> j
    UNION ALL VALUES (200, 201), (202, 200), (200, 203), (201, 202), (201, 204), (204, 202), (203, 204), (205, 202), (203, 205), (203, 201), (203, 206), (207, 206), (206, 208), (205, 208), (208, 209), (209, 210), (207, 210);
  -- Each acquaintance in both directions, so that one column finds all friends.
  INSERT INTO knows SELECT a, b FROM pair UNION ALL SELECT b, a FROM pair;
  CREATE INDEX ON knows (friend, person);
  INSERT INTO sent SELECT 10000 + 2 * i + k, 1000 + i, 1000 + j, 10 + (i * 37 + k * 11) % 400, timestamp '2026-10-01' + interval '1 minute' * ((i * 7919 + k * 3001) % 40000)
    FROM (SELECT i, k, i + 1 + (i * (k + 3) * 17 + k * 5) % 50 AS j FROM generate_series(0, 3999) i, generate_series(0, 1) k) s WHERE j < 4000;
  INSERT INTO sent VALUES
    (90001, 1200, 1700, 900, '2026-10-05 09:00'), (90002, 1700, 2300, 880, '2026-10-05 15:30'), (90003, 2300, 1200, 860, '2026-10-06 08:10'),
    (90011, 1450, 4200, 640, '2026-10-11 10:00'), (90012, 4200, 3100, 640, '2026-10-11 10:05'), (90013, 3100, 2600, 610, '2026-10-11 22:40'), (90014, 2600, 1450, 600, '2026-10-12 07:00'),
    (90021, 4900, 4400, 300, '2026-10-20 12:00'), (90022, 4400, 3800, 300, '2026-10-20 12:30'), (90023, 3800, 3300, 300, '2026-10-20 13:00'), (90024, 3300, 1100, 300, '2026-10-20 13:30'), (90025, 1100, 4900, 300, '2026-10-20 14:00'),
    (90031, 1200, 4700, 750, '2026-10-09 18:00'), (90032, 4700, 3500, 740, '2026-10-09 19:00'), (90033, 3500, 1200, 730, '2026-10-10 06:00'),
    (90041, 1300, 3000, 55, '2026-10-03 12:00'), (90042, 3000, 1300, 55, '2026-10-04 12:00'),
    (90051, 2000, 4100, 120, '2026-10-18 12:00'), (90052, 4100, 2900, 80, '2026-10-16 12:00'), (90053, 2900, 2000, 200, '2026-10-13 12:00'),
    (90061, 1050, 1600, 70, '2026-10-21 10:00'), (90062, 1600, 2150, 70, '2026-10-21 11:00'), (90063, 2150, 2750, 70, '2026-10-21 12:00'), (90064, 2750, 3400, 70, '2026-10-21 13:00'),
    (90065, 3400, 4000, 70, '2026-10-21 14:00'), (90066, 4000, 1050, 70, '2026-10-21 15:00');
  CREATE INDEX ON sent (sender);
  CREATE INDEX ON sent (receiver);
  INSERT INTO paid SELECT 100000 + 10 * i + k, 1000 + i, 'S-' || 101 + (i * 7 + k * 11) % 40, 1 + (i * 13 + k * 29) % 90, timestamp '2026-01-01 08:00' + interval '1 minute' * ((i * 911 + k * 70001) % 400000)
    FROM generate_series(0, 3999) i, generate_series(0, 9) k;
  CREATE INDEX ON paid (person);
  ANALYZE person, knows, sent, paid;
END $$;
SELECT build_city();
