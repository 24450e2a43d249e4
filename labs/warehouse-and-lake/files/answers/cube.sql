CREATE TABLE dw.cube AS
  SELECT coalesce(region, 'all') AS region, coalesce(quarter, 'all') AS quarter, coalesce(article, 'all') AS article, sum(quantity) AS quantity, sum(amount) AS amount
  FROM (SELECT coalesce(region, 'none') AS region, quarter::text, article, quantity, amount FROM dw.fact_sale JOIN dw.dim_store USING (store_key)
    JOIN dw.dim_date USING (day) JOIN dw.dim_article USING (article_key)) AS f
  GROUP BY CUBE (region, quarter, article);
