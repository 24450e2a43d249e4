from shop.page import serve

serve("", 8080).serve_forever()
