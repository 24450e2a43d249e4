# python3 - NAME PARTITIONS COPIES: makes a topic.
import sys

from confluent_kafka.admin import AdminClient, NewTopic

name, partitions, copies = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
admin = AdminClient({"bootstrap.servers": "kafka-1:9092"})
admin.create_topics([NewTopic(name, partitions, copies)])[name].result()
