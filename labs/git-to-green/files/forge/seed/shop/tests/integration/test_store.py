from shop.store import Store


def test_nothing_ordered(connection):
    assert Store(connection).best(3) == []
