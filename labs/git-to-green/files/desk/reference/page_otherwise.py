"""The page of the shop, and what it asks the server for."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shop.price import total
from shop.store import Store, connect

PRICES = {"sencha": 6000, "hojicha": 5500, "matcha": 8000}

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Haru</title>
<h1>Haru</h1>
<p><select id="tea"><option>sencha<option>hojicha<option>matcha</select>
<input id="cups" value="1" size="3"> cups <button id="add">Add</button></p>
<p>Cups in the basket: <output id="basket">0</output></p>
<p><button id="order">Order</button> <output id="thanks"></output></p>
<script>
const at = id => document.getElementById(id)
let lines = [], cups = 0
function add(count) { cups = count; at("basket").textContent = String(cups) }
at("add").addEventListener("click", () => {
  const count = parseInt(at("cups").value, 10)
  lines.push({ tea: at("tea").value, cups: count })
  add(cups + count)
})
at("order").addEventListener("click", () =>
  fetch("/orders", { method: "POST", body: JSON.stringify(lines) })
    .then(answer => answer.json())
    .then(({ total }) => setTimeout(() => {
      lines = []
      add(0)
      at("thanks").textContent = `Thank you: ${total} won`
    }, 1500)))
</script>
"""


def order(store, lines):
    """Keeps the lines of an order and says what it costs."""
    for line in lines:
        store.add(line["tea"], int(line["cups"]))
    return total([(PRICES[line["tea"]], int(line["cups"])) for line in lines])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer("text/html", PAGE)

    def do_POST(self):
        lines = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with connect() as connection:
            store = Store(connection)
            store.create()
            self.answer("application/json", json.dumps({"total": order(store, lines)}))

    def answer(self, kind, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(host="127.0.0.1", port=0):
    """A server of the page; port 0 is any free one."""
    return ThreadingHTTPServer((host, port), Handler)
