"""What Alertmanager's own API has no one request for: to take back what exercises left there, and how long silences last."""

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


def silences() -> list[dict]:
    """All silences that are not over, with their length in minutes."""
    return [
        {
            "matchers": silence["matchers"],
            "minutes": round((_time(silence["endsAt"]) - _time(silence["startsAt"])).total_seconds() / 60, 1),
            "author": silence["createdBy"].strip(),
            "comment": silence["comment"].strip(),
            "state": silence["status"]["state"],
        }
        for silence in _call("GET", "/silences")
        if silence["status"]["state"] != "expired"
    ]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _call(method: str, path: str, body: list | None = None) -> list | dict | None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=5) as reply:
        text = reply.read()
    return json.loads(text) if text else None
