from datetime import datetime, timezone

from shop.day import day


def test_late_in_the_evening():
    # 23:30 in London is 08:30 of the next day in Seoul.
    at = datetime(2026, 11, 26, 23, 30, tzinfo=timezone.utc)
    assert day(at.timestamp()) == "2026-11-27"
