from shop.price import total


def test_one_cup():
    assert total([(6000, 1)]) == 9000
