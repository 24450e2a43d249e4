"""A Python prompt with an open channel to the broker:  python3 -i console.py"""

from pika import BasicProperties

from shop import connect

connection = connect("console")
ch = connection.channel()

print("`ch` is an open channel to the virtual host `shop`; Ctrl-D closes it and leaves.")
print("A mistake closes a channel:          ch = connection.channel()")
print("A reset or restart closes them all:  connection = connect('console'); ch = connection.channel()")
