"""A small order pipeline as a simulation: a queue of limited length and one worker.

Everything that happens follows from the clock and the switches, so the same measurement gives the same figures on every machine, but for a swing of
a tenth in the traffic.
Times are whole microseconds.
"""

from collections import deque

SECOND = 1_000_000
# On average; traffic swings around it, as no shop's customers come in step.
ARRIVE_EVERY = 10_000
SWING = 1_000
SWING_PERIOD = 16 * SECOND
SOURCES = ("web", "app", "partner")
ARRIVALS = ("web", "app", "web", "web", "app", "web", "partner", "web", "app", "web")
WORK = {"web": 2_000, "app": 4_000, "partner": 30_000}
SLOW_FACTOR = 6
QUEUE_CAPACITY = 200
BAD_PARTNER_ORDER = 10
FAILING_ORDER = 4
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONGEST_GAP = 60 * SECOND
# What the counters stand at after a bad morning, which a rate forgets and a counter does not: orders by outcome, orders turned
# away, and how long the finished ones took. Without it a share of counters and a share of rates would be the same number.
PAST_PROCESSED = {"web": (594_000, 6_000), "app": (297_000, 3_000), "partner": (60_000, 40_000)}
PAST_DROPPED = {"web": 30_000, "app": 15_000, "partner": 5_000}
PAST_SECONDS = {"web": 0.08, "app": 0.2, "partner": 0.4}


def gap(at: int) -> int:
    """The time from an arrival to the next: a triangle between `ARRIVE_EVERY` less and plus `SWING`."""
    phase = at % SWING_PERIOD
    half = SWING_PERIOD // 2
    return ARRIVE_EVERY - SWING + 2 * SWING * min(phase, SWING_PERIOD - phase) // half


class Pipeline:
    def __init__(self, now: int):
        self.slow = False
        self.failing = False
        self.restart(now)
        self._remember_the_morning()

    def restart(self, now: int) -> None:
        """Forgets all counters, as a process does that starts anew."""
        self.received = dict.fromkeys(SOURCES, 0)
        self.dropped = dict.fromkeys(SOURCES, 0)
        self.processed = {(source, status): 0 for source in SOURCES for status in ("ok", "error")}
        self.buckets = {source: [0] * len(BUCKETS) for source in SOURCES}
        self.seconds = dict.fromkeys(SOURCES, 0)
        self.busy = 0
        self.arrivals = 0
        self.clear_queue(now)

    def _remember_the_morning(self) -> None:
        for source in SOURCES:
            ok, error = PAST_PROCESSED[source]
            self.processed[source, "ok"], self.processed[source, "error"] = ok, error
            self.dropped[source] = PAST_DROPPED[source]
            self.received[source] = ok + error + self.dropped[source]
            self.seconds[source] = round((ok + error) * PAST_SECONDS[source] * SECOND)
            self.buckets[source] = [ok + error if PAST_SECONDS[source] <= bound else 0 for bound in BUCKETS]

    def clear_queue(self, now: int) -> None:
        self.queue: deque[tuple[int, str]] = deque()
        self.work: tuple[int, str, int] | None = None
        self.next_arrival = now + ARRIVE_EVERY
        self.now = now

    def switch(self, now: int, *, slow: bool | None = None, failing: bool | None = None) -> None:
        self.advance(now)
        self.slow = self.slow if slow is None else slow
        self.failing = self.failing if failing is None else failing

    def advance(self, now: int) -> None:
        if now - self.now > LONGEST_GAP:
            self.clear_queue(now)
        while True:
            done = self.work[2] if self.work else now + 1
            event = min(done, self.next_arrival)
            if event > now:
                break
            self._pass_time(event)
            if event == done:
                self._finish()
            else:
                self._arrive()
        self._pass_time(now)

    def _pass_time(self, until: int) -> None:
        if self.work:
            self.busy += until - self.now
        self.now = until

    def _arrive(self) -> None:
        source = ARRIVALS[self.arrivals % len(ARRIVALS)]
        self.arrivals += 1
        self.next_arrival += gap(self.next_arrival)
        self.received[source] += 1
        if len(self.queue) >= QUEUE_CAPACITY:
            self.dropped[source] += 1
            return
        self.queue.append((self.now, source))
        self._start()

    def _start(self) -> None:
        if self.work or not self.queue:
            return
        arrived, source = self.queue.popleft()
        takes = WORK[source] * (SLOW_FACTOR if self.slow else 1)
        self.work = (arrived, source, self.now + takes)

    def _finish(self) -> None:
        assert self.work
        arrived, source, _ = self.work
        self.work = None
        done = sum(self.processed.values()) + 1
        done_of_source = sum(self.processed[source, status] for status in ("ok", "error")) + 1
        bad = source == "partner" and done_of_source % BAD_PARTNER_ORDER == 0
        failed = bad or (self.failing and done % FAILING_ORDER == 0)
        self.processed[source, "error" if failed else "ok"] += 1
        took = self.now - arrived
        self.seconds[source] += took
        for i, bound in enumerate(BUCKETS):
            if took <= bound * SECOND:
                self.buckets[source][i] += 1
        self._start()

    def exposition(self) -> str:
        """The metrics in Prometheus's text format."""
        lines: list[str] = []

        def family(name: str, kind: str, text: str) -> None:
            lines.append(f"# HELP {name} {text}")
            lines.append(f"# TYPE {name} {kind}")

        family("orders_received_total", "counter", "Orders that arrived.")
        for source in SOURCES:
            lines.append(f'orders_received_total{{source="{source}"}} {self.received[source]}')
        family("orders_dropped_total", "counter", "Orders turned away because the queue was full.")
        for source in SOURCES:
            lines.append(f'orders_dropped_total{{source="{source}"}} {self.dropped[source]}')
        family("orders_processed_total", "counter", "Orders the worker has finished, by outcome.")
        for (source, status), count in self.processed.items():
            lines.append(f'orders_processed_total{{source="{source}",status="{status}"}} {count}')
        family("orders_duration_seconds", "histogram", "From an order's arrival to the end of its work.")
        for source in SOURCES:
            count = self.processed[source, "ok"] + self.processed[source, "error"]
            for bound, below in zip(BUCKETS, self.buckets[source]):
                lines.append(f'orders_duration_seconds_bucket{{source="{source}",le="{bound}"}} {below}')
            lines.append(f'orders_duration_seconds_bucket{{source="{source}",le="+Inf"}} {count}')
            lines.append(f'orders_duration_seconds_sum{{source="{source}"}} {self.seconds[source] / SECOND}')
            lines.append(f'orders_duration_seconds_count{{source="{source}"}} {count}')
        family("orders_queue_length", "gauge", "Orders waiting for the worker.")
        lines.append(f"orders_queue_length {len(self.queue)}")
        family("orders_queue_capacity", "gauge", "Orders the queue can hold.")
        lines.append(f"orders_queue_capacity {QUEUE_CAPACITY}")
        family("orders_worker_busy_seconds_total", "counter", "Time the worker spent working.")
        lines.append(f"orders_worker_busy_seconds_total {self.busy / SECOND}")
        return "\n".join(lines) + "\n"

    def status(self) -> dict:
        """What the pipeline is, for a person to read."""
        factor = SLOW_FACTOR if self.slow else 1
        return {
            "slow": self.slow,
            "failing": self.failing,
            "orders_per_second": SECOND // ARRIVE_EVERY,
            "work_milliseconds": {source: WORK[source] * factor // 1000 for source in SOURCES},
            "queue_length": len(self.queue),
            "queue_capacity": QUEUE_CAPACITY,
        }
