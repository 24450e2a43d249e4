"""Books payments: what was in `payments` is then in `booked`. Ends when none has come for a second."""

from machine import book, work
from shop import connect

channel = connect("bookkeeper").channel()

for method, properties, body in channel.consume("payments", auto_ack=True, inactivity_timeout=1):
    if method is None:
        break
    payment = body.decode()

    work(payment)
    book(channel, payment, method.redelivered)
