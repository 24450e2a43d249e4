"""The topics of the lab as they are at the start, and the messages that come later. A message is (partition, key, value, time)."""
import json
from datetime import datetime, timezone


def at(text):
    """Milliseconds of a time in UTC."""
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp() * 1000)


# Messages get the second of their place, so that two starts make the same topics.
NOON = at("2026-03-02 12:00:00")


def plain(messages):
    return [(partition, key, value, NOON + place * 1000) for place, (partition, key, value) in enumerate(messages)]


def as_json(**fields):
    return json.dumps(fields)


# groups: 48 repairs of 16 bikes, 12 in each of four partitions.
REPAIRS = plain([(number % 4, f"bike-{number % 16}", f"repair {number}") for number in range(1, 49)])

# replay: receipts of one morning; partition 2 was quiet after nine.
RECEIPTS = [
    (0, "ada", "receipt 1", at("2026-03-02 08:05:00")), (0, "ada", "receipt 4", at("2026-03-02 08:50:00")),
    (0, "eun", "receipt 6", at("2026-03-02 09:20:00")), (0, "ada", "receipt 8", at("2026-03-02 09:31:00")),
    (0, "eun", "receipt 11", at("2026-03-02 10:02:00")),
    (1, "bo", "receipt 2", at("2026-03-02 08:10:00")), (1, "bo", "receipt 7", at("2026-03-02 09:30:00")),
    (1, "dora", "receipt 9", at("2026-03-02 09:44:00")), (1, "dora", "receipt 10", at("2026-03-02 09:58:00")),
    (1, "bo", "receipt 12", at("2026-03-02 10:15:00")),
    (2, "chris", "receipt 3", at("2026-03-02 08:30:00")), (2, "chris", "receipt 5", at("2026-03-02 08:55:00")),
]

# broker-dies: what the till has already taken.
TILL = plain([(0, "till-1", "payment 1: 4200"), (0, "till-2", "payment 2: 900"), (0, "till-1", "payment 3: 1500")])

# windows: rides that ended, in the order in which they came. Some phones were late, by 40 seconds at most, one by an hour.
RETURNS = [
    ("River", 12, "09:00:05"), ("Tower", 7, "09:00:12"), ("River", 25, "09:00:31"), ("Tower", 3, "09:00:58"), ("River", 9, "09:01:04"),
    ("River", 18, "09:00:49"), ("Tower", 11, "09:01:22"), ("Tower", 40, "09:01:37"), ("River", 5, "09:01:44"), ("Tower", 16, "09:02:08"),
    ("River", 31, "09:01:41"), ("River", 14, "09:02:20"), ("Tower", 8, "09:01:52"), ("River", 22, "09:02:39"), ("River", 6, "09:01:59"),
    ("Tower", 6, "08:02:10"), ("Tower", 19, "09:02:55"), ("River", 10, "09:03:02"), ("Tower", 27, "09:02:31"), ("River", 13, "09:03:30"),
    ("River", 4, "09:20:00"),
]
RETURNS = plain([
    (0, station, as_json(ride=number, station=station, minutes=minutes, ended=f"2026-03-02 {time}"))
    for number, (station, minutes, time) in enumerate(RETURNS, 1)
])

# savepoint: the first 30 rides are counted when the job is stopped; 12 more come then.
SHOPS = ["River", "Tower", "Market", "Palace", "Harbour"]
LOG = plain([
    (0, SHOPS[(number * 7) % 5], as_json(ride=number, station=SHOPS[(number * 7) % 5], minutes=3 + (number * 13) % 40))
    for number in range(1, 43)
])

# nightly: rides of three days. Of the first day Kafka has only the end: the rest was older than it keeps.
TRIPS = plain(
    [(0, "Tower", as_json(ride=number, station="Tower", minutes=10, dt="2026-03-01")) for number in range(96, 101)]
    + [(0, SHOPS[number % 3], as_json(ride=number, station=SHOPS[number % 3], minutes=5 + number % 11, dt="2026-03-02"))
       for number in range(101, 131)]
    + [(0, SHOPS[number % 3], as_json(ride=number, station=SHOPS[number % 3], minutes=7, dt="2026-03-03"))
       for number in range(131, 137)]
    # Two rides of the second day came after midnight.
    + [(0, "River", as_json(ride=137, station="River", minutes=50, dt="2026-03-02")),
       (0, "Market", as_json(ride=138, station="Market", minutes=9, dt="2026-03-02"))])


def lock(number):
    return as_json(id=number, bike=f"bike-{number % 9}", unlocked=number % 2 == 0)


# exactly-once: the first 40 events of the locks; the program `locks` sends more.
LOCKS = plain([(number % 2, f"bike-{number % 9}", lock(number)) for number in range(1, 41)])


def fare(number):
    return as_json(id=number, ride=1000 + number, cents=150 + (number * 37) % 400)


# incident: good fares, one that no program can read, and the good ones behind it.
FARES = [(0, str(number), fare(number)) for number in range(1, 21)]
BROKEN = (0, "21", '{"id": 21, "ride": 1021, "cents": 29O}')
FARES_AFTER = [(0, str(number), fare(number)) for number in range(22, 32)]

# name: (leaders of the partitions, copies, settings, messages). The copies are on the leader and the brokers after it.
TOPICS = {
    "repairs": ([1, 2, 3, 1], 3, {}, REPAIRS),
    "receipts": ([1, 2, 3], 3, {}, RECEIPTS),
    "till": ([3], 3, {"min.insync.replicas": "3"}, TILL),
    "notices": ([3], 1, {}, plain([(0, None, "the till opens at 8")])),
    "returns": ([1], 3, {}, RETURNS),
    "per-minute": ([1], 3, {}, []),
    "locks": ([1, 2], 3, {}, LOCKS),
    "lock-log": ([1, 2], 3, {}, []),
    "ride-log": ([1], 3, {}, []),
    "totals": ([2], 3, {"cleanup.policy": "compact"}, []),
    "trips": ([2], 3, {}, TRIPS),
    "fares": ([2], 3, {}, []),
    "settled": ([1], 3, {}, []),
    "fares-refused": ([1], 3, {}, []),
}
# group: (topic, committed offsets)
GROUPS = {"mailer": ("receipts", [5, 5, 2]), "ledger": ("receipts", [5, 5, 2])}
