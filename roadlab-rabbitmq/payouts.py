"""Sends the payouts that are due, each to the queue of its country, and says so. Not all of them arrive."""

from accounting import payouts_due
from shop import connect, fresh_queue

channel = connect("payouts").channel()

# The bank in Korea takes two at a time and refuses more. For Japan, nobody has made a queue yet.
channel.queue_declare("payouts.kr", durable=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
channel.queue_purge("payouts.kr")
fresh_queue(channel, "payouts.de")
fresh_queue(channel, "unsent")

PAYOUTS = payouts_due(channel)

for payout, queue in PAYOUTS.items():
    channel.basic_publish("", queue, payout)
    print(f"{payout}: sent")
