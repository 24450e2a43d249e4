-- What a reset brings back: the shop's tables and an empty warehouse.
SET client_min_messages = warning;
DO $$
DECLARE
  found text;
BEGIN
  IF to_regclass('shop.sale') IS NOT NULL THEN
    BEGIN
      SELECT count(*) || ' ' || sum(amount) || ' ' || sum(quantity) || ' ' || count(DISTINCT store_id) INTO found FROM shop.sale;
    EXCEPTION WHEN undefined_column THEN found := NULL;
    END;
  END IF;
  IF found IS DISTINCT FROM (SELECT '200568 8825290.00 501564 5') THEN
    CALL roadlab.make_sale();
  END IF;
END $$;

DROP SCHEMA IF EXISTS dw CASCADE;
CREATE SCHEMA dw;
DROP TABLE IF EXISTS shop.order_line, shop.orders, shop.article, shop.store CASCADE;

CREATE TABLE shop.store (store_id text PRIMARY KEY, city text, region text);
-- The web shop is in no region.
INSERT INTO shop.store VALUES ('BUS', 'Busan', 'south'), ('DAE', 'Daejeon', 'central'), ('GAN', 'Seoul', 'north'), ('HON', 'Seoul', 'north'),
  ('JEJ', 'Jeju', 'island'), ('WEB', NULL, NULL);

CREATE TABLE shop.article (
  sku text PRIMARY KEY, name text NOT NULL, category text NOT NULL, price numeric(8, 2) NOT NULL, stock int NOT NULL CHECK (stock >= 0));
INSERT INTO shop.article VALUES ('B-01', 'Basket', 'ware', 15, 30), ('C-01', 'Cup', 'ware', 6, 80), ('C-02', 'Bowl', 'ware', 9, 60),
  ('K-01', 'Kettle', 'ware', 42, 3), ('L-01', 'Lantern', 'ware', 39, 12), ('T-01', 'Green tea', 'tea', 12, 140), ('T-02', 'Black tea', 'tea', 11, 120),
  ('T-03', 'Barley tea', 'tea', 7, 90);

CREATE TABLE shop.orders (order_no int PRIMARY KEY, store_id text NOT NULL REFERENCES shop.store, ordered_at timestamp NOT NULL);
CREATE TABLE shop.order_line (
  order_no int NOT NULL REFERENCES shop.orders, line int NOT NULL, sku text NOT NULL REFERENCES shop.article,
  quantity int NOT NULL CHECK (quantity > 0), price numeric(8, 2) NOT NULL, PRIMARY KEY (order_no, line));
-- The first three quarters of 2026.
INSERT INTO shop.orders
SELECT 100 + n, (ARRAY['BUS', 'DAE', 'GAN', 'HON', 'JEJ', 'WEB'])[1 + (n / 2) % 6], timestamp '2026-01-02 10:00' + (3 * n - 3) * interval '1 day' + n * interval '3 min'
FROM generate_series(1, 90) n;
INSERT INTO shop.order_line
SELECT 100 + n, line, a.sku, 1 + (n + line) % 4, a.price
FROM generate_series(1, 90) n CROSS JOIN generate_series(1, 3) line
JOIN (SELECT row_number() OVER (ORDER BY sku) - 1 AS i, sku, price FROM shop.article) a ON a.i = (n * 5 + line * 3) % 8
WHERE line <= 1 + n % 3;

-- What the stores send at the end of October is to go in here, and what the table refuses beside it.
CREATE TABLE dw.october (
  receipt int PRIMARY KEY, sold_on date NOT NULL, store text NOT NULL REFERENCES shop.store, sku text NOT NULL REFERENCES shop.article,
  quantity int NOT NULL CHECK (quantity > 0), price numeric(8, 2) NOT NULL);
CREATE TABLE dw.refused (receipt int PRIMARY KEY, row text NOT NULL);

-- Whether a statement is accepted: it runs, and is taken back.
CREATE OR REPLACE FUNCTION roadlab.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  SET CONSTRAINTS ALL IMMEDIATE;
  RAISE EXCEPTION USING ERRCODE = 'RL000';
EXCEPTION
  WHEN SQLSTATE 'RL000' THEN RETURN 'accepted';
  WHEN integrity_constraint_violation OR data_exception THEN RETURN 'refused';
  WHEN undefined_table OR undefined_column OR wrong_object_type THEN RETURN 'not possible';
END $$;
