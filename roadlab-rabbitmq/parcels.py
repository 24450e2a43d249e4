"""Four parcels go to the queue `parcels`, which must be there. The address of parcel-3 cannot be read."""

from shop import connect, fresh_queue

channel = connect("parcels").channel()
fresh_queue(channel, "packed")
channel.queue_purge("parcels")

for parcel, address in {
    "parcel-1": "Seoul, Jongno-gu 1",
    "parcel-2": "Busan, Haeundae-gu 2",
    "parcel-3": "???",
    "parcel-4": "Daegu, Jung-gu 4",
}.items():
    channel.basic_publish("", "parcels", f"{parcel}: {address}")
print("4 parcels wait in the queue `parcels`")
