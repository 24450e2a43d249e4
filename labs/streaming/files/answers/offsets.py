# python3 - TOPIC OFFSET,OFFSET,… GROUP…: sets the offsets of groups.
import sys

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

topic, offsets, groups = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
admin = AdminClient({"bootstrap.servers": "kafka-1:9092"})
places = [TopicPartition(topic, partition, int(offset)) for partition, offset in enumerate(offsets)]
for group in groups:
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])[group].result()
