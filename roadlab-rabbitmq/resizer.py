"""One worker that resizes pictures:  python3 resizer.py NAME

A large picture takes 0.4 seconds, a small one 0.02. Ends when none has come for a second.
"""

import sys
import time

from shop import connect, headers

SECONDS = {"large": 0.4, "small": 0.02}

name = sys.argv[1]
channel = connect(name).channel()
busy = 0.0

for method, properties, body in channel.consume("pictures", inactivity_timeout=1):
    if method is None:
        break
    picture = body.decode()
    size = picture.split("-")[0]
    time.sleep(SECONDS[size])
    busy += SECONDS[size]
    channel.basic_publish("", "resized", picture, headers(worker=name, size=size))
    channel.basic_ack(method.delivery_tag)
    print(f"{name}: {picture}")

print(f"{name} worked {busy:.2f} seconds")
