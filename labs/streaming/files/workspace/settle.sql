SET 'execution.checkpointing.interval' = '2s';

CREATE TABLE fares (id INT, ride INT, cents INT) WITH (
  'connector' = 'kafka', 'topic' = 'fares', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'properties.group.id' = 'settlement',
  'properties.auto.offset.reset' = 'earliest',
  'scan.startup.mode' = 'group-offsets'
);

CREATE TABLE settled (id INT, ride INT, euros DECIMAL(6, 2)) WITH (
  'connector' = 'kafka', 'topic' = 'settled', 'format' = 'json',
  'properties.bootstrap.servers' = 'kafka-1:9092,kafka-2:9092',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'settled',
  'sink.transaction-naming-strategy' = 'pooling',
  'properties.transaction.timeout.ms' = '600000'
);

INSERT INTO settled
SELECT id, ride, CAST(cents / 100.0 AS DECIMAL(6, 2)) FROM fares;
