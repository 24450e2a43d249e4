"""What Prometheus's own API tells as one text only: its scrape jobs, each by itself."""

import json
import re
import urllib.request

CONFIG = "http://prometheus:9090/api/v1/status/config"


def jobs() -> dict[str, str]:
    """The scrape jobs of the loaded `prometheus.yml` by their names, with all settings, as Prometheus prints them."""
    with urllib.request.urlopen(CONFIG, timeout=5) as reply:
        config = json.load(reply)["data"]["yaml"]
    listed = re.search(r"^scrape_configs:\n((?:[- ].*\n?)*)", config, re.MULTILINE)
    found = re.split(r"^- job_name: ", listed[1], flags=re.MULTILINE)[1:] if listed else []
    return dict(job.split("\n", 1) for job in found)
