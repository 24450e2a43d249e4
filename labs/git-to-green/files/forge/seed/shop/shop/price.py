"""What an order costs, in won. Nothing here knows a database or a browser."""

FREE_FROM = 50000
FEE = 3000


def total(lines, member=False):
    """What an order costs. `lines` is a list of (price, cups).

    1. Each line costs its price times its cups.
    2. Members pay a tenth less.
    3. Delivery costs FEE; it is free if the goods cost FREE_FROM or more.
       What counts is what the customer pays for the goods, so after 2.
    """
    goods = sum(price * cups for price, cups in lines)
    if member:
        goods -= goods // 10
    return goods if goods > FREE_FROM else goods + FEE
