CREATE TABLE locks (id INT, bike STRING, unlocked BOOLEAN) WITH (
  'connector' = 'kafka', 'topic' = 'locks', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'scan.startup.mode' = 'earliest-offset'
);

CREATE TABLE lock_log (id INT, bike STRING, what STRING) WITH (
  'connector' = 'kafka', 'topic' = 'lock-log', 'format' = 'json',
  'sink.transaction-naming-strategy' = 'pooling',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092'
);

INSERT INTO lock_log
SELECT id, bike, CASE WHEN unlocked THEN 'opened' ELSE 'locked' END
FROM locks;
