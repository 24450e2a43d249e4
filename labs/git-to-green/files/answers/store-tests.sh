cat > shop/tests/integration/test_store.py <<'END'
from shop.store import Store, connect


def test_others_see_an_order(connection):
    Store(connection).add("sencha", 2)
    with connect() as other:
        assert Store(other).best(3) == [("sencha", 2)]


def test_most_cups_first(connection):
    store = Store(connection)
    store.add("sencha", 9)
    store.add("Hana's blend", 10)
    assert store.best(2) == [("Hana's blend", 10), ("sencha", 9)]
END
