"""Books payments: what was in `payments` is then in `booked`. Ends when none has come for a second."""

from shop import connect, headers

channel = connect("bookkeeper").channel()

for method, properties, body in channel.consume("payments", inactivity_timeout=1):
    if method is None:
        break
    payment = body.decode()

    channel.basic_publish("", "booked", payment, headers(redelivered=method.redelivered))
    channel.basic_ack(method.delivery_tag)
