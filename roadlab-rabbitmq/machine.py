"""Stands for the old machine the bookkeeper runs on. It fails twice: once at work, and once while it writes an entry."""

import os
import time

from shop import headers

FAILURES = "/tmp/machine-failures"


def fail(payment, what):
    with open(FAILURES, "a") as file:
        file.write(f"{payment}\n")
    print(f"{payment}: the machine fails {what}, and this process with it")
    os._exit(1)


def has_failed(payment):
    return os.path.exists(FAILURES) and payment in open(FAILURES).read().split()


def forget_failures():
    if os.path.exists(FAILURES):
        os.remove(FAILURES)


def work(payment):
    """Checks the payment against the bank statement, which takes a while. Fails in the middle of pay-3, once."""
    time.sleep(0.1)
    if payment == "pay-3" and not has_failed(payment):
        fail(payment, "at work")


def book(channel, payment, redelivered):
    """Writes the entry. Fails before pay-4 is written, once."""
    if payment == "pay-4" and not has_failed(payment):
        fail(payment, "while it writes the entry")
    channel.basic_publish("", "booked", payment, headers(redelivered=redelivered))
    print(f"{payment}: booked" + (" (it came a second time)" if redelivered else ""))
