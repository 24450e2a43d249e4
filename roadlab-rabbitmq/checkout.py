"""Takes five orders. A customer looks at a spinning wheel until `take` is back."""

import time

from mail import send_mail
from shop import connect, fresh_queue, headers

channel = connect("checkout").channel()
for queue in ("mails", "sent", "answers"):
    fresh_queue(channel, queue)


def take(order):
    """All that has to happen before the customer reads: thank you for your order."""
    send_mail(channel, order)


for order in ("order-1", "order-2", "order-3", "order-4", "order-5"):
    began = time.monotonic()
    take(order)
    ms = int((time.monotonic() - began) * 1000)
    print(f"{order}: thank you (after {ms} ms)")
    channel.basic_publish("", "answers", order, headers(ms=ms))
