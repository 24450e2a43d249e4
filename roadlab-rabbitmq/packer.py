"""Packs parcels: what was in `parcels` is then in `packed`. Ends when none has come for a second."""

from shop import connect

PATIENCE = 20

channel = connect("packer").channel()
channel.basic_qos(prefetch_count=1)
failures = 0

for method, properties, body in channel.consume("parcels", inactivity_timeout=1):
    if method is None:
        break
    parcel = body.decode()

    if "???" in parcel:
        failures += 1
        print(f"{parcel}: cannot be read (failure {failures})")
        channel.basic_nack(method.delivery_tag, requeue=True)
        if failures == PATIENCE:
            print("the same parcel again and again: giving up")
            break
        continue

    channel.basic_publish("", "packed", parcel)
    channel.basic_ack(method.delivery_tag)
    print(f"{parcel}: packed")
