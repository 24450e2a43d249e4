CREATE TABLE trips (
  ride INT, station STRING, minutes INT, dt STRING
) WITH (
  'connector' = 'kafka', 'topic' = 'trips', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset'
);

-- A folder for each day, with lines such as Market,12,96.
CREATE TABLE daily (
  station STRING, rides BIGINT, minutes BIGINT, dt STRING
) PARTITIONED BY (dt) WITH (
  'connector' = 'filesystem', 'path' = '/lake/daily', 'format' = 'csv'
);

-- INSERT ... daily ... SELECT ...
