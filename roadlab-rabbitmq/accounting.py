"""Stands for accounting, which knows what is to be paid out. In each run it is something else, in another order."""

import random

from shop import fresh_queue, headers


def payouts_due(channel):
    """The five payouts that are due now, each with the queue of its country. Accounting keeps a copy in the queue `due`."""
    queues = ["payouts.kr", "payouts.kr", "payouts.kr", "payouts.de", "payouts.jp"]
    random.shuffle(queues)
    numbers = random.sample(range(100, 1000), len(queues))
    due = {f"{queue[-2:]}-{number}": queue for queue, number in zip(queues, numbers)}

    books = channel.connection.channel()
    fresh_queue(books, "due")
    for payout, queue in due.items():
        books.basic_publish("", "due", payout, headers(queue=queue))
    books.close()
    return due
