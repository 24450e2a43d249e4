"""Prints labels: what was in `labels` is then in `printed`. Ends when none has come for a second.

The printer jams at the first try of each label; the second try goes well, unless the address cannot be read. It came with
the machine, and nobody here may change it.
"""

from shop import connect

PATIENCE = 15

channel = connect("printer").channel()
channel.basic_qos(prefetch_count=1)
failures = 0

for method, properties, body in channel.consume("labels", inactivity_timeout=1):
    if method is None:
        break
    label = body.decode()

    if not method.redelivered or "???" in label:
        failures += 1
        print(f"{label}: " + ("cannot be read" if method.redelivered else "paper jam") + ", given back to try again")
        channel.basic_reject(method.delivery_tag, requeue=True)
        if failures == PATIENCE:
            print("failure after failure: giving up")
            break
        continue

    channel.basic_publish("", "printed", label)
    channel.basic_ack(method.delivery_tag)
    print(f"{label}: printed")
