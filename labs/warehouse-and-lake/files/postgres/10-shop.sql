-- The sales of three years, in one table that nobody changes. `start` compares it and makes it anew only if it differs.
CREATE SCHEMA roadlab;
CREATE SCHEMA shop;

CREATE PROCEDURE roadlab.make_sale() LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS shop.sale CASCADE;
  CREATE UNLOGGED TABLE shop.sale (
    sale_no int NOT NULL, sold_on date NOT NULL, store_id text NOT NULL, city text NOT NULL, region text NOT NULL, sku text NOT NULL,
    article text NOT NULL, category text NOT NULL, quantity int NOT NULL, price numeric(8, 2) NOT NULL, amount numeric(10, 2) NOT NULL,
    payment text NOT NULL, customer text NOT NULL, note text NOT NULL);
  INSERT INTO shop.sale
  SELECT n, date '2023-01-01' + (n / 183), s.id, s.city, s.region, a.sku, a.name, a.category, 1 + r % 4, a.price, a.price * (1 + r % 4),
    (ARRAY['card', 'cash', 'voucher'])[1 + r / 4 % 3], 'customer' || (n::bigint * 7919 % 20011) || '@haru.example', md5(n::text)
  -- As good as random, and the same each time.
  FROM (SELECT n, hashint4(n) & 65535 AS r FROM generate_series(0, 1096 * 183 - 1) n) AS number
  JOIN (VALUES (0, 'BUS', 'Busan', 'south'), (1, 'DAE', 'Daejeon', 'central'), (2, 'GAN', 'Seoul', 'north'), (3, 'HON', 'Seoul', 'north'),
    (4, 'JEJ', 'Jeju', 'island')) s (i, id, city, region) ON s.i = r / 16 % 5
  JOIN (VALUES (0, 'B-01', 'Basket', 'ware', 15), (1, 'C-01', 'Cup', 'ware', 6), (2, 'C-02', 'Bowl', 'ware', 9), (3, 'K-01', 'Kettle', 'ware', 42),
    (4, 'L-01', 'Lantern', 'ware', 39), (5, 'T-01', 'Green tea', 'tea', 12), (6, 'T-02', 'Black tea', 'tea', 11), (7, 'T-03', 'Barley tea', 'tea', 7))
    a (i, sku, name, category, price) ON a.i = r / 128 % 8;
  ALTER TABLE shop.sale ADD PRIMARY KEY (sale_no);
  ANALYZE shop.sale;
END $$;
CALL roadlab.make_sale();
