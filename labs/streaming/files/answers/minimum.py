# python3 - NUMBER: changes min.insync.replicas of the topic till.
import sys

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

admin = AdminClient({"bootstrap.servers": "kafka-1:9092,kafka-2:9092"})
change = ConfigEntry("min.insync.replicas", sys.argv[1], incremental_operation=AlterConfigOpType.SET)
till = ConfigResource(ResourceType.TOPIC, "till", incremental_configs=[change])
admin.incremental_alter_configs([till])[till].result()
