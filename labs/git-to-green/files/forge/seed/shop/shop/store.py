"""Orders in PostgreSQL."""

import os

import psycopg


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"])


class Store:
    def __init__(self, connection):
        self.connection = connection

    def create(self):
        """Makes the table, unless it is there."""
        self.connection.execute("CREATE TABLE IF NOT EXISTS orders (tea text, cups integer)")
        self.connection.commit()

    def add(self, tea, cups):
        """Keeps an order."""
        self.connection.execute("INSERT INTO orders VALUES (%s, %s)", (tea, cups))

    def best(self, count):
        """The teas of which most cups were ordered, most first, as (tea, cups)."""
        return self.connection.execute(
            "SELECT tea, sum(cups) FROM orders GROUP BY tea ORDER BY sum(cups) DESC, tea LIMIT %s", (count,)
        ).fetchall()
