"""The shop behind its front. Every answer has a number, so that a cache can be seen. Listens where /srv/orders/listen says; HUP reads it again."""
import http.server
import os
import signal
import threading
import urllib.parse

FOLDER = "/srv/orders"
LISTEN = f"{FOLDER}/listen"
number = 0
count = threading.Lock()


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global number
        with count:
            number += 1
            own = number
        url = urllib.parse.urlsplit(self.path)
        visitor = self.headers.get("Cookie", "").partition("visitor=")[2] or "nobody"
        if url.path == "/teas":
            sort = urllib.parse.parse_qs(url.query).get("sort", ["name"])[0]
            return self.answer(200, f"teas by {sort}, answer {own}\n", **{"Cache-Control": "public, max-age=60"})
        if url.path == "/cart":
            return self.answer(200, f"the cart of {visitor}, answer {own}\n", **{"Cache-Control": "private, no-store"})
        if url.path in ("/", "/winter", "/staff", "/staff/wages", "/new-teas"):
            return self.answer(200, f"{url.path}, answer {own}\n", **{"Cache-Control": "no-cache"})
        self.answer(404, "no such page\n")

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path != "/orders":
            return self.answer(404, "no such page\n")
        with open(f"{FOLDER}/orders.txt", "a") as orders:
            orders.write(body.strip() + "\n")
        self.answer(201, "thank you\n", Location="/orders/1")

    def answer(self, status, text, **headers):
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def listen():
    with open(LISTEN) as file:
        address, _, port = file.read().strip().rpartition(":")
    server = http.server.ThreadingHTTPServer((address, int(port)), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on {address}:{port}", flush=True)
    return server


os.makedirs(FOLDER, exist_ok=True)
if not os.path.exists(LISTEN):
    with open(LISTEN, "w") as file:
        file.write("0.0.0.0:8000\n")
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGTERM])
server = listen()
while signal.sigwait([signal.SIGHUP, signal.SIGTERM]) == signal.SIGHUP:
    server.shutdown()
    server.server_close()
    try:
        server = listen()
    except (OSError, ValueError) as error:
        print(f"error: {error}", flush=True)
