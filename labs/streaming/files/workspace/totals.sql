CREATE TABLE ride_log (ride INT, station STRING, minutes INT) WITH (
  'connector' = 'kafka', 'topic' = 'ride-log', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'scan.startup.mode' = 'earliest-offset'
);

-- A topic that keeps the last value of each key.
CREATE TABLE totals (
  station STRING, rides BIGINT, minutes BIGINT,
  PRIMARY KEY (station) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'totals',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'key.format' = 'json', 'value.format' = 'json'
);

INSERT INTO totals
SELECT station, COUNT(*), SUM(minutes) FROM ride_log GROUP BY station;
