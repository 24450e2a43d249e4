"""A page of one line: serve.py ADDRESS PORT TEXT. The answer names the address that the request came from."""
import http.server
import socket
import sys

address, port, text = sys.argv[1], int(sys.argv[2]), sys.argv[3]


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{text}\nyou are {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET


Server((address, port), Page).serve_forever()
