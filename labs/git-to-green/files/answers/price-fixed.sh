sed -i 's/goods > FREE_FROM/goods >= FREE_FROM/' shop/shop/price.py
