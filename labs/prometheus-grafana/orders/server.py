"""The order pipeline's metrics and switches, and the pager that Alertmanager may call, over HTTP."""

import json
import signal
import sys
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import alertmanager
import prometheus
from pipeline import Pipeline

KEPT_PAGES = 200


def now() -> int:
    return time.monotonic_ns() // 1000


lock = threading.Lock()
pipeline = Pipeline(now())
pages: deque[dict] = deque(maxlen=KEPT_PAGES)


def page(body: bytes, sender: str) -> None:
    sent = json.loads(body)
    pages.append(
        {
            "from": sender,
            "receiver": sent["receiver"],
            "status": sent["status"],
            "alerts": [{key: alert.get(key) for key in ("status", "labels", "annotations")} for alert in sent["alerts"]],
        }
    )


def switch(name: str, value: str) -> dict | None:
    if name not in ("slow", "failing") or value not in ("on", "off"):
        return None
    pipeline.switch(now(), **{name: value == "on"})
    return pipeline.status()


def answer(method: str, path: str, body: bytes, sender: str) -> str | dict | list | None:
    """The answer's body; `None` if there is no such thing."""
    pipeline.advance(now())
    match method, path.strip("/").split("/"):
        case "GET", [""]:
            return pipeline.status()
        case "GET", ["metrics"]:
            return pipeline.exposition()
        case "POST", ["switch", name, value]:
            return switch(name, value)
        case "POST", ["restart"]:
            pipeline.restart(now())
            return pipeline.status()
        case "POST", ["fresh"]:
            pipeline.switch(now(), slow=False, failing=False)
            pipeline.clear_queue(now())
            alertmanager.forget()
            pages.clear()
            return pipeline.status()
        case "GET", ["pager"]:
            return list(pages)
        case "POST", ["pager"]:
            page(body, sender)
            return {}
        case "DELETE", ["pager"]:
            pages.clear()
            return []
        case "GET", ["silences"]:
            return alertmanager.silences()
        case "GET", ["jobs"]:
            return prometheus.jobs()
        case _:
            return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            with lock:
                reply, code = answer(self.command, self.path.split("?")[0], body, self.headers.get("User-Agent", "")), 200
        except (ValueError, KeyError, TypeError) as error:
            reply, code = {"error": f"cannot read this: {error}"}, 400
        except OSError as error:
            reply, code = {"error": f"another service of the lab: {error}"}, 502
        if reply is None:
            reply, code = {"error": "no such thing; try GET /, GET /metrics, GET /pager, POST /switch/slow/on, POST /switch/failing/on"}, 404
        text = isinstance(reply, str)
        data = (reply if text else json.dumps(reply, indent=2) + "\n").encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8" if text else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = handle_any

    def log_message(self, *_: object) -> None:
        pass


# A container's first process ignores SIGTERM unless it says otherwise.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("", 8000), Handler).serve_forever()
