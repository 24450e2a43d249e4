cat > shop/tests/unit/test_price.py <<'END'
from shop.price import total


def test_cups():
    assert total([(6000, 2), (5500, 1)]) == 20500


def test_free_from_50000():
    assert total([(49999, 1)]) == 52999
    assert total([(25000, 2)]) == 50000


def test_members_pay_a_tenth_less():
    assert total([(10000, 1)], member=True) == 12000


def test_what_a_member_pays_decides_about_delivery():
    assert total([(50000, 1)], member=True) == 48000
END
