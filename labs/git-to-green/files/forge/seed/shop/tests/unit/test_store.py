"""The store with a double in place of the database: it keeps what it is told."""

from unittest.mock import Mock

from shop.store import Store


def test_add():
    connection = Mock()
    Store(connection).add("sencha", 2)
    statement, values = connection.execute.call_args.args
    assert statement.startswith("INSERT INTO orders")
    assert values == ("sencha", 2)
