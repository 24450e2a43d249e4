"""Two workers of the night shift. They go on in the background when this program is back at the prompt.

One looks after shipments. The other one looks after refunds, or so it says.
"""

import subprocess
import sys
import time

from pika import BasicProperties

from shop import connect

REFUNDS = 6


def work(name, queue, acknowledges):
    channel = connect(name).channel()

    def on_message(_channel, method, _properties, _body):
        if acknowledges:
            channel.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, on_message)
    channel.start_consuming()


def listening(channel, queue):
    return channel.queue_declare(queue, durable=True).method.consumer_count


def main():
    channel = connect("night-shift").channel()
    for name, queue, acknowledges in (("night-shipments", "shipments", "yes"), ("night-refunds", "refunds", "no")):
        if listening(channel, queue):
            continue
        if queue == "refunds":
            channel.queue_purge(queue)
            for number in range(1, REFUNDS + 1):
                channel.basic_publish("", queue, f"refund-{number}", BasicProperties(delivery_mode=2))
        subprocess.Popen(
            [sys.executable, __file__, name, queue, acknowledges],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not listening(channel, queue):
            time.sleep(0.01)
    print("the night shift is at work")


if len(sys.argv) == 1:
    main()
else:
    work(sys.argv[1], sys.argv[2], sys.argv[3] == "yes")
