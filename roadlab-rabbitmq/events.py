"""A day in the shop: ten events go to the topic exchange `events`, each with its own name as the routing key."""

from pika.exceptions import ChannelClosedByBroker

from shop import connect

EVENTS = [
    "kr.seoul.order.placed",
    "kr.seoul.order.paid",
    "kr.seoul.order.gift.paid",
    "kr.seoul.invoice.paid",
    "kr.seoul.parcel.lost",
    "kr.busan.order.paid",
    "kr.busan.parcel.sent",
    "de.berlin.order.placed",
    "de.berlin.order.paid",
    "de.berlin.parcel.international.lost",
]

connection = connect("events")

# What an earlier try left in the queues would only confuse.
for queue in ("seoul", "paid-orders", "losses"):
    try:
        connection.channel().queue_purge(queue)
    except ChannelClosedByBroker:
        print(f"there is no queue `{queue}` yet")

channel = connection.channel()
channel.confirm_delivery()
for event in EVENTS:
    channel.basic_publish("events", event, event)
print(f"{len(EVENTS)} events published")
