CREATE TABLE dw.dim_store AS SELECT row_number() OVER (ORDER BY store_id)::int AS store_key, store_id, city, region FROM shop.store;
CREATE TABLE dw.dim_article AS SELECT row_number() OVER (ORDER BY sku)::int AS article_key, sku, name AS article, category FROM shop.article;
CREATE TABLE dw.dim_date AS SELECT d::date AS day, extract(month FROM d)::int AS month, extract(quarter FROM d)::int AS quarter, extract(year FROM d)::int AS year
  FROM generate_series(timestamp '2026-01-01', '2026-12-31', '1 day') d;
CREATE TABLE dw.fact_sale AS SELECT order_no, line, ordered_at::date AS day, store_key, article_key, quantity, quantity * price AS amount
  FROM shop.orders JOIN shop.order_line USING (order_no) JOIN dw.dim_store USING (store_id) JOIN dw.dim_article USING (sku) WHERE ordered_at < '2026-10-01';
ALTER TABLE dw.dim_store ADD PRIMARY KEY (store_key);
ALTER TABLE dw.dim_article ADD PRIMARY KEY (article_key);
ALTER TABLE dw.dim_date ADD PRIMARY KEY (day);
ALTER TABLE dw.fact_sale ALTER day SET NOT NULL, ALTER store_key SET NOT NULL, ALTER article_key SET NOT NULL,
  ADD CONSTRAINT grain PRIMARY KEY (order_no, line), ADD CONSTRAINT to_store FOREIGN KEY (store_key) REFERENCES dw.dim_store,
  ADD CONSTRAINT to_article FOREIGN KEY (article_key) REFERENCES dw.dim_article, ADD CONSTRAINT to_date FOREIGN KEY (day) REFERENCES dw.dim_date;
