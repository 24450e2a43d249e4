"""On which day an order counts: the day in Seoul, where the shop is."""

from datetime import datetime


def day(at):
    """The day of an order, such as 2026-11-27; `at` is in seconds since 1970."""
    return datetime.fromtimestamp(at).date().isoformat()
