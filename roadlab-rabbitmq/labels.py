"""Four labels go to the queue `labels`, which must be there. The address of label-2 cannot be read."""

from shop import connect, fresh_queue

channel = connect("labels").channel()
fresh_queue(channel, "printed")
channel.queue_purge("labels")

for label, address in {
    "label-1": "Seoul, Jongno-gu 1",
    "label-2": "???",
    "label-3": "Busan, Haeundae-gu 2",
    "label-4": "Daegu, Jung-gu 4",
}.items():
    channel.basic_publish("", "labels", f"{label}: {address}")
print("4 labels wait in the queue `labels`")
