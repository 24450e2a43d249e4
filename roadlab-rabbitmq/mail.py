"""Stands for a mail server that is slow today. What it sent is in the queue `sent`."""

import time


def send_mail(channel, order):
    time.sleep(0.3)
    channel.basic_publish("", "sent", order)
    print(f"  mail for {order} sent")
