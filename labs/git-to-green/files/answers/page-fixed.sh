sed -i 's/cups: at("cups").value/cups: Number(at("cups").value)/' shop/shop/page.py
