"""Takes back what exercises leave in Alertmanager, which has no one request for that."""

import json
import urllib.request
from datetime import datetime, timezone

API = "http://alertmanager:9093/api/v2"
ALWAYS_FIRING = "Watchdog"


def forget() -> None:
    """Ends all silences, and all alerts but the one that the lab's own rules keep firing."""
    for silence in _call("GET", "/silences"):
        if silence["status"]["state"] != "expired":
            _call("DELETE", f"/silence/{silence['id']}")
    ended = datetime.now(timezone.utc).isoformat()
    over = [
        {**{key: alert[key] for key in ("labels", "annotations", "startsAt")}, "endsAt": ended}
        for alert in _call("GET", "/alerts")
        if alert["labels"]["alertname"] != ALWAYS_FIRING
    ]
    if over:
        _call("POST", "/alerts", over)


def _call(method: str, path: str, body: list | None = None) -> list | dict | None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=5) as reply:
        text = reply.read()
    return json.loads(text) if text else None
