-- Rides that ended, as the phones sent them.
CREATE TABLE returned (
  ride INT, station STRING, minutes INT, ended TIMESTAMP(3),
  WATERMARK FOR ended AS ended - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = 'returns', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.emit.strategy' = 'on-event'
);

-- What the map shows: a line for each station and minute.
CREATE TABLE per_minute (
  station STRING, beginning TIMESTAMP(3), rides BIGINT, minutes BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = 'per-minute', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092'
);

-- INSERT INTO per_minute SELECT ...
