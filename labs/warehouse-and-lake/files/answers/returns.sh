duckdb <<'SQL'
COPY (SELECT DISTINCT * EXCLUDE (month) FROM read_parquet('s3://returns/items/month=2026-08/*')) TO '8.parquet';
COPY (FROM read_csv('s3://returns/raw/2026-09.csv')) TO 's3://returns/items/month=2026-09/load-1.parquet';
SQL
aws s3 cp 8.parquet s3://returns/items/month=2026-08/load-1.parquet --no-progress
aws s3 rm s3://returns/items/month=2026-08/load-2.parquet
