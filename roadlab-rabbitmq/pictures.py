"""Starts two resizers, anna and bela, and gives them twelve pictures: large, small, large, small, …"""

import subprocess
import sys
import time

from shop import connect, fresh_queue

channel = connect("pictures").channel()
fresh_queue(channel, "pictures")
fresh_queue(channel, "resized")

workers = [subprocess.Popen([sys.executable, "resizer.py", name]) for name in ("anna", "bela")]


def listening():
    return channel.queue_declare("pictures", passive=True).method.consumer_count


while listening() < len(workers) and all(worker.poll() is None for worker in workers):
    time.sleep(0.01)

for number in range(1, 7):
    for size in ("large", "small"):
        channel.basic_publish("", "pictures", f"{size}-{number}")

for worker in workers:
    worker.wait()
