-- What the learner only reads: the shop's ready model, and the sales that `start` copies from.
CREATE DATABASE market;
USE market;

CREATE TABLE customer (
  id   INT         PRIMARY KEY,
  name VARCHAR(40) NOT NULL,
  city VARCHAR(40) NOT NULL
);
INSERT INTO customer VALUES
  (1, 'Han Jiwoo', 'Daegu'), (2, 'Lena Vogt', 'Seoul'), (3, 'Mateo Ruiz', 'Busan'), (4, 'Oh Minseo', 'Jeju'),
  (5, 'Amina Diallo', 'Seoul'), (6, 'Ivo Marek', 'Incheon'), (7, 'Sora Kim', 'Busan'), (8, 'Noah Beck', 'Seoul');

CREATE TABLE article (
  sku      CHAR(4)       PRIMARY KEY,
  name     VARCHAR(40)   NOT NULL,
  category VARCHAR(20)   NOT NULL,
  price    DECIMAL(8, 2) NOT NULL
);
INSERT INTO article VALUES
  ('T-01', 'Green tea', 'tea', 12.00), ('T-02', 'Black tea', 'tea', 11.00), ('T-03', 'Barley tea', 'tea', 7.50),
  ('K-01', 'Kettle', 'ware', 42.00), ('C-01', 'Cup', 'ware', 6.00), ('C-02', 'Bowl', 'ware', 9.00),
  ('L-01', 'Lantern', 'home', 39.00), ('B-01', 'Basket', 'home', 15.00), ('S-01', 'Sieve', 'ware', 5.50),
  ('W-01', 'Tray', 'ware', 18.00);

CREATE TABLE orders (
  id          INT         PRIMARY KEY,
  customer_id INT         NOT NULL,
  day         DATE        NOT NULL,
  status      VARCHAR(10) NOT NULL,
  CONSTRAINT order_customer FOREIGN KEY (customer_id) REFERENCES customer (id)
);
INSERT INTO orders VALUES
  (1, 1, '2026-01-05', 'paid'), (2, 2, '2026-01-12', 'paid'), (3, 1, '2026-01-20', 'cancelled'), (4, 3, '2026-01-28', 'paid'),
  (5, 5, '2026-02-03', 'paid'), (6, 1, '2026-02-10', 'paid'), (7, 7, '2026-02-17', 'open'), (8, 2, '2026-02-24', 'paid'),
  (9, 3, '2026-03-04', 'paid'), (10, 5, '2026-03-11', 'open'), (11, 6, '2026-03-18', 'cancelled'), (12, 1, '2026-03-25', 'paid');

-- A line without an article is gift wrapping.
CREATE TABLE order_line (
  order_id INT           NOT NULL,
  line     INT           NOT NULL,
  sku      CHAR(4),
  quantity INT           NOT NULL,
  price    DECIMAL(8, 2) NOT NULL,
  PRIMARY KEY (order_id, line),
  CONSTRAINT line_order FOREIGN KEY (order_id) REFERENCES orders (id),
  CONSTRAINT line_article FOREIGN KEY (sku) REFERENCES article (sku)
);
INSERT INTO order_line VALUES
  (1, 1, 'T-01', 2, 12.00), (1, 2, 'C-01', 4, 6.00),
  (2, 1, 'K-01', 1, 42.00), (2, 2, 'T-02', 1, 11.00), (2, 3, NULL, 1, 3.00),
  (3, 1, 'L-01', 1, 39.00),
  (4, 1, 'T-01', 4, 12.00), (4, 2, 'C-02', 2, 9.00), (4, 3, 'B-01', 2, 15.00),
  (5, 1, 'T-02', 3, 11.00), (5, 2, 'T-03', 2, 7.50),
  (6, 1, 'C-02', 4, 9.00), (6, 2, 'C-01', 2, 6.00), (6, 3, NULL, 1, 3.00),
  (7, 1, 'B-01', 2, 15.00), (7, 2, 'T-01', 1, 12.00),
  (8, 1, 'B-01', 2, 15.00),
  (9, 1, 'T-01', 3, 12.00), (9, 2, 'T-03', 4, 7.50),
  (10, 1, 'K-01', 1, 42.00), (10, 2, 'C-01', 1, 6.00),
  (11, 1, 'T-02', 5, 11.00),
  (12, 1, 'T-02', 1, 11.00), (12, 2, 'B-01', 2, 14.00), (12, 3, 'C-02', 2, 9.00);

-- Some orders are paid in parts.
CREATE TABLE payment (
  id       INT           PRIMARY KEY,
  order_id INT           NOT NULL,
  day      DATE          NOT NULL,
  amount   DECIMAL(8, 2) NOT NULL,
  CONSTRAINT payment_order FOREIGN KEY (order_id) REFERENCES orders (id)
);
INSERT INTO payment VALUES
  (1, 1, '2026-01-05', 20.00), (2, 1, '2026-02-05', 28.00), (3, 2, '2026-01-12', 56.00), (4, 4, '2026-01-30', 50.00),
  (5, 4, '2026-02-28', 46.00), (6, 5, '2026-02-03', 48.00), (7, 6, '2026-02-10', 51.00), (8, 8, '2026-02-24', 30.00),
  (9, 9, '2026-03-04', 66.00), (10, 7, '2026-02-18', 10.00), (11, 12, '2026-03-25', 57.00), (12, 3, '2026-01-21', 39.00);

-- The archive of which `start` makes `lab.sale`.
CREATE TABLE product (
  sku      INT         PRIMARY KEY,
  category VARCHAR(20) NOT NULL
);
CREATE TABLE sale (
  id       INT  PRIMARY KEY,
  day      DATE NOT NULL,
  sku      INT  NOT NULL,
  quantity INT  NOT NULL,
  cents    INT  NOT NULL
);
CREATE TABLE digit (d INT PRIMARY KEY);
INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO product
SELECT 10 * a.d + b.d + 1, ELT(1 + MOD(10 * a.d + b.d, 6), 'tea', 'ware', 'home', 'books', 'garden', 'gifts')
FROM digit a, digit b WHERE a.d < 6;
INSERT INTO sale
SELECT n, DATE_ADD('2025-01-01', INTERVAL MOD(n * 7, 730) DAY), 1 + MOD(n * 37, 60), 1 + MOD(n, 4), 250 + 50 * MOD(n * 13, 80)
FROM (SELECT 10000 * a.d + 1000 * b.d + 100 * c.d + 10 * d.d + e.d + 1 AS n FROM digit a, digit b, digit c, digit d, digit e WHERE a.d < 3) AS numbers
ORDER BY n;
DROP TABLE digit;
