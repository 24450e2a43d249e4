import os

import psycopg


def connect():
    return psycopg.connect(os.environ["DATABASE_URL"])


class Store:
    def __init__(self, connection):
        self.connection = connection

    def create(self):
        with self.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS orders (tea text, cups integer)")
        self.connection.commit()

    def add(self, tea, cups):
        with self.connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders (cups, tea) VALUES (%(cups)s, %(tea)s)", {"tea": tea, "cups": cups})
        self.connection.commit()

    def best(self, count):
        rows = self.connection.execute("SELECT tea, sum(cups)::integer FROM orders GROUP BY tea").fetchall()
        return sorted(rows, key=lambda row: (-row[1], row[0]))[:count]
