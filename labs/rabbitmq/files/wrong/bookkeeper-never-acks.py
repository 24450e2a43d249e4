"""Books payments: what was in `payments` is then in `booked`. Ends when none has come for a second.

The machine it runs on is old. It fails in the middle of pay-3, though not a second time.
"""

import os
import time

from shop import connect, headers

channel = connect("bookkeeper").channel()

for method, properties, body in channel.consume("payments", inactivity_timeout=1):
    if method is None:
        break
    payment = body.decode()
    time.sleep(0.1)

    if payment == "pay-3" and not method.redelivered:
        print(f"{payment}: the machine fails, and this process with it")
        os._exit(1)

    channel.basic_publish("", "booked", payment, headers(redelivered=method.redelivered))
    print(f"{payment}: booked" + (" (it came a second time)" if method.redelivered else ""))
