"""Sends the mails that wait in the queue `mails`; ends when none has come for a second."""

from mail import send_mail
from shop import connect

channel = connect("mailer").channel()

for method, properties, body in channel.consume("mails", inactivity_timeout=1):
    if method is None:
        break
    send_mail(channel, body.decode())
    channel.basic_ack(method.delivery_tag)
