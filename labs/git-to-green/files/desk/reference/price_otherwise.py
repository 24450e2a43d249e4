FREE_FROM = 50000
FEE = 3000


def total(lines, member=False):
    goods = 0
    for price, cups in lines:
        goods += cups * price
    paid = goods - goods // 10 if member else goods
    return paid + (0 if paid >= FREE_FROM else FEE)
