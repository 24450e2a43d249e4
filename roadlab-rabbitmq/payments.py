"""Five customers have paid: pay-1 to pay-5 are in the queue `payments`."""

from machine import forget_failures
from shop import connect, fresh_queue

channel = connect("payments").channel()
fresh_queue(channel, "payments")
fresh_queue(channel, "booked")
forget_failures()

for number in range(1, 6):
    channel.basic_publish("", "payments", f"pay-{number}")
print("5 payments wait in the queue `payments`")
