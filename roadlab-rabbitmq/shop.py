"""What every program of the shop needs: a connection to the broker, and queues to start with."""

import atexit
import os

import pika

URL = os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672/shop")


def connect(name):
    """A connection that the management interface lists under this name."""
    parameters = pika.URLParameters(URL)
    parameters.client_properties = {"connection_name": name}
    # A prompt waits for a person, and a person thinks longer than any heartbeat.
    parameters.heartbeat = 0
    connection = pika.BlockingConnection(parameters)
    atexit.register(leave, connection)
    return connection


def leave(connection):
    """Waits until the broker has read all that was sent, and closes."""
    if connection.is_open:
        connection.close()


def fresh_queue(channel, name):
    """A durable queue with nothing in it, so that a program can be run again and again."""
    channel.queue_declare(name, durable=True)
    channel.queue_purge(name)


def headers(**values):
    """Message properties with these headers."""
    return pika.BasicProperties(headers=values)
