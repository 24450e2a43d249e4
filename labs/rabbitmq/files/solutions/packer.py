"""Packs parcels: what was in `parcels` is then in `packed`. Ends when none has come for a second."""

from shop import connect

channel = connect("packer").channel()
channel.basic_qos(prefetch_count=1)

for method, properties, body in channel.consume("parcels", inactivity_timeout=1):
    if method is None:
        break
    parcel = body.decode()

    if "???" in parcel:
        print(f"{parcel}: cannot be read, put aside")
        channel.basic_nack(method.delivery_tag, requeue=False)
        continue

    channel.basic_publish("", "packed", parcel)
    channel.basic_ack(method.delivery_tag)
    print(f"{parcel}: packed")
