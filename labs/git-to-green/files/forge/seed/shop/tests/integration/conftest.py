import pytest

from shop.store import Store, connect


@pytest.fixture
def connection():
    """A connection to the database of DATABASE_URL, with an empty table."""
    with connect() as connection:
        Store(connection).create()
        connection.execute("TRUNCATE orders")
        connection.commit()
        yield connection
