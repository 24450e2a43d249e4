"""Keeps a record of what goes through the virtual host `shop`, so that no check has to take a message from a queue.

RabbitMQ's firehose (tracing) publishes a copy of each message that a client publishes or receives to `amq.rabbitmq.trace`.
This program takes the copies from its own queue, `audit`, and answers `GET /queues/NAME`. It changes nothing else.
"""

import base64
import json
import os
import re
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

RECORD = "/data/audit.jsonl"
API = "http://rabbitmq:15672/api"
AUTH = "Basic " + base64.b64encode(b"guest:guest").decode()


def api(path):
    request = urllib.request.Request(API + path, headers={"Authorization": AUTH})
    return json.loads(urllib.request.urlopen(request, timeout=5).read())


def fields(value):
    """A message header as JSON: bytes and dates are of no interest."""
    if isinstance(value, dict):
        return {key: fields(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [fields(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


class Record:
    """What went through the broker since the lab's starting point; a restart of the broker or of this program keeps it."""

    def __init__(self):
        self.entries = []
        self.lock = threading.Lock()
        if os.path.exists(RECORD):
            with open(RECORD, encoding="utf-8") as file:
                for line in file:
                    try:
                        self.entries.append(json.loads(line))
                    except ValueError:
                        break

    def clear(self):
        self.entries = []
        open(RECORD, "w", encoding="utf-8").close()

    def add(self, entry):
        with self.lock, open(RECORD, "a", encoding="utf-8") as file:
            self.entries.append(entry)
            file.write(json.dumps(entry) + "\n")

    def name_of(self, connection):
        """The name that a program gave its connection; nothing if it ended before the interface knew of it."""
        names = [entry["name"] for entry in self.entries if entry["kind"] == "connection" and entry["by"] == connection]
        return names[-1] if names else None

    def started(self, at):
        """Notes the broker's start, once."""
        starts = [entry["at"] for entry in self.entries if entry["kind"] == "start"]
        if not starts or abs(starts[-1] - at) > 3:
            self.add({"kind": "start", "at": at})

    def message(self, key, properties, body):
        headers = fields(properties.headers or {})
        inner = headers.get("properties") or {}
        entry = {
            "body": body.decode("utf-8", "replace"),
            "exchange": headers.get("exchange_name", ""),
            "keys": headers.get("routing_keys") or [],
            "persistent": inner.get("delivery_mode") == 2,
            "headers": inner.get("headers") or {},
            "expiration": inner.get("expiration"),
            "by": headers.get("connection", ""),
            "at": time.time(),
        }
        if key.startswith("publish."):
            queues = headers.get("routed_queues") or []
            if not queues and entry["exchange"] == "":
                queues = entry["keys"]
            self.add({"kind": "publish", "queues": queues, **entry})
        elif key.startswith("deliver."):
            redelivered = bool(headers.get("redelivered"))
            self.add({"kind": "deliver", "queues": [key[len("deliver."):]], "redelivered": redelivered, **entry})


class Listener(threading.Thread):
    """The only one that talks AMQP. Others wait until it has caught up with the broker."""

    def __init__(self, record):
        super().__init__(daemon=True)
        self.record = record
        self.lock = threading.Condition()
        self.wanted = []
        self.connections = set()

    def run(self):
        while True:
            try:
                self.listen()
            except (AMQPError, OSError, LookupError, TypeError, ValueError):
                # The broker is starting, or has gone away: try again until it is back.
                time.sleep(0.1)

    def listen(self):
        parameters = pika.URLParameters(os.environ["AMQP_URL"])
        parameters.client_properties = {"connection_name": "audit"}
        parameters.heartbeat = 20
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            try:
                channel.queue_declare("audit", passive=True)
            except ChannelClosedByBroker:
                # The virtual host is new: so is the record.
                self.record.clear()
                channel = connection.channel()
                channel.queue_declare("audit", durable=True)
                channel.queue_bind("audit", "amq.rabbitmq.trace", "#")
            node = api("/nodes?columns=uptime")[0]
            self.record.started(time.time() - node["uptime"] / 1000)

            self.seen = 0

            def on_message(_channel, method, properties, body):
                self.seen += 1
                self.record.message(method.routing_key, properties, body)
                by = fields(properties.headers or {}).get("connection", "")
                if by not in self.connections:
                    self.connections.add(by)
                    threading.Thread(target=self.look_up, args=(by,), daemon=True).start()

            channel.basic_consume("audit", on_message, auto_ack=True)
            while True:
                connection.process_data_events(time_limit=0.02)
                with self.lock:
                    wanted, self.wanted = self.wanted, []
                if wanted:
                    self.catch_up(connection, channel)
                    for request in wanted:
                        request["state"] = self.state(connection, request["queue"])
                    with self.lock:
                        for request in wanted:
                            request["done"] = True
                        self.lock.notify_all()
        finally:
            if connection.is_open:
                connection.close()

    def look_up(self, by):
        """Notes under which name a program connected, as long as it is connected."""
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            try:
                about = api("/connections/" + urllib.parse.quote(by, safe=""))
                name = (about.get("client_properties") or {}).get("connection_name")
                self.record.add({"kind": "connection", "by": by, "name": name or ""})
                return
            except (OSError, ValueError):
                time.sleep(0.05)

    def catch_up(self, connection, channel):
        while True:
            before = self.seen
            waiting = channel.queue_declare("audit", passive=True).method.message_count
            connection.process_data_events(time_limit=0.03)
            if waiting == 0 and self.seen == before:
                return

    @staticmethod
    def state(connection, queue):
        """How many messages are ready in the queue, and how many consume; nothing where there is no such queue."""
        channel = connection.channel()
        try:
            found = channel.queue_declare(queue, passive=True).method
            channel.close()
            return {"messages": found.message_count, "consumers": found.consumer_count}
        except ChannelClosedByBroker:
            return {"messages": None, "consumers": None}

    def ask(self, queue):
        request = {"queue": queue, "done": False}
        with self.lock:
            self.wanted.append(request)
            if not self.lock.wait_for(lambda: request["done"], timeout=8):
                return None
        return request["state"]


def answer(record, queue, state, since):
    entries = list(record.entries)
    starts = [i for i, entry in enumerate(entries) if entry["kind"] == "start"]
    start = starts[-1] if starts else 0
    after = max((i for i, e in enumerate(entries) if e["kind"] == "publish" and since in e["queues"]), default=-1)
    published = [(i, e) for i, e in enumerate(entries) if e["kind"] == "publish" and queue in e["queues"]]
    delivered = [e for e in entries if e["kind"] == "deliver" and queue in e["queues"]]
    count = state["messages"] or 0
    try:
        if count == 0 and state["messages"] is not None and published:
            about = api("/queues/shop/" + urllib.parse.quote(queue, safe=""))
            if about.get("type") == "stream":
                count = min(about.get("messages", len(published)), len(published))
    except OSError:
        pass
    kept = published[-count:] if count else []
    last = {}
    for i, entry in published:
        last[entry["body"]] = i
    return {
        "messages": state["messages"] if count == 0 else count,
        "consumers": state["consumers"],
        # What a first-in, first-out queue of that many messages holds.
        "waiting": [entry["body"] for _, entry in kept],
        "details": [
            {name: entry[name] for name in ("body", "exchange", "keys", "persistent", "headers", "by")} for _, entry in kept
        ],
        "restarts": max(len(starts) - 1, 0),
        "before_restart": [entry["body"] for i, entry in kept if i < start],
        # Those that were published with a time of their own.
        "expiring": [entry["body"] for _, entry in kept if entry.get("expiration")],
        "published": [entry["body"] for _, entry in published],
        # `?since=QUEUE`: what clients have published to this queue after the last message to that one.
        "published_since": [entry["body"] for i, entry in published if i > after],
        # Bodies that were delivered after they had been published last.
        "received": [
            body
            for body, i in last.items()
            if any(e["kind"] == "deliver" and queue in e["queues"] and e["body"] == body for e in entries[i:])
        ],
    }


def senders(record, details, other):
    """Which programs published these messages: their names, or that it was the one that published those other messages."""
    own = {entry["by"] for entry in other}
    programs = {"the same program" if e["by"] in own else record.name_of(e["by"]) or "unknown" for e in details}
    return sorted(programs)


def waited(record, queue, count, other):
    """The messages in a queue whose program had to do what leads to a message in the other queue before it published them.

    Either it published to the other queue itself in between, or all that was published there by others came first. No clock decides.
    """
    entries = [e for e in record.entries if e["kind"] == "publish"]
    kept = [i for i, e in enumerate(entries) if queue in e["queues"]][-count:] if count else []
    own, behind = [], []
    for i in kept:
        by, body = entries[i]["by"], entries[i]["body"]
        begun = next(j for j, e in enumerate(entries) if e["by"] == by)
        before = max((j for j in range(begun, i) if entries[j]["by"] == by and queue in entries[j]["queues"]), default=begun - 1)
        if any(entries[j]["by"] == by and other in entries[j]["queues"] for j in range(before + 1, i)):
            own.append(body)
        elif any(other in entries[j]["queues"] and entries[j]["body"] == body for j in range(begun, i)):
            behind.append(body)
    return own if own or len(behind) < len(kept) else behind


def late(record, queue, count, other):
    """Whether these messages were handed over to the other queue only after the last message in this one, none before it."""
    entries = [e for e in record.entries if e["kind"] == "publish"]
    here = [i for i, e in enumerate(entries) if queue in e["queues"]]
    kept = here[-count:] if count else []
    bodies = {entries[i]["body"] for i in kept}
    earlier = here[: len(here) - len(kept)]
    begun, programs = max(earlier, default=-1), {entries[i]["by"] for i in earlier}
    # What the program of an earlier run handed over late belongs to that run.
    handed = [i for i, e in enumerate(entries) if i > begun and other in e["queues"] and e["body"] in bodies and e["by"] not in programs]
    return bool(handed) and handed[0] > kept[-1]


def elsewhere(kind, name):
    """The other virtual hosts that have a queue (or an exchange) of this name."""
    try:
        return [e["vhost"] for e in api(f"/{kind}?columns=name,vhost") if e["name"] == name and e["vhost"] != "shop"]
    except OSError:
        return []


def payouts(record, waiting):
    """What became of the payouts that were due in the last run. `waiting` returns what `answer` says of a queue."""
    asked = waiting("due")["details"]
    due = {e["body"]: e["headers"].get("queue") for e in asked}
    since = max((i for i, e in enumerate(record.entries) if e["kind"] == "publish" and "due" in e["queues"]), default=-1)
    sent = [e for e in record.entries[since + 1 :] if e["kind"] == "publish"]

    def meant_for(entry, queue):
        # By an exchange of one's own, a payout can go nowhere under any key; only for Japan there is no queue.
        return queue in entry["queues"] or queue in entry["keys"] or (queue == "payouts.jp" and not entry["queues"])

    def tried(queue):
        wanted = {payout for payout, where in due.items() if where == queue}
        tries = [e for e in sent if meant_for(e, queue)]
        bodies = [e["body"] for e in tries]
        if not due:
            return "accounting was not asked"
        if set(bodies) != wanted:
            return "others" if set(bodies) - wanted else "not all of them"
        # Whoever sends the payouts of an earlier run again has them from a list.
        own = all(e["by"] == asked[-1]["by"] for e in tries)
        return "tried" if own or len(bodies) == len(wanted) else "an old list"

    def refused():
        korea = [e["body"] for e in sent if "payouts.kr" in e["queues"]] + [p for p, where in due.items() if where == "payouts.kr"]
        korea = list(dict.fromkeys(korea))
        return korea[2:], [payout for payout, where in due.items() if where == "payouts.jp"]

    def unsent():
        korea, japan = refused()
        found = waiting("unsent")
        kept = sorted(found["waiting"])
        if kept == sorted(korea + japan):
            if found["expiring"]:
                return "exactly those, but they expire"
            if kept and all(record.name_of(e["by"]) == "console" for e in found["details"]):
                return "typed at the prompt"
            return "exactly those that were refused" if kept else "nothing"
        if kept == korea and kept:
            return "only that of Korea" if returned() == "it returned nothing" else "without the one that was returned"
        if kept in ([], japan):
            return "only that of Japan" if kept else "nothing"
        return "others"

    def returned():
        try:
            stats = api("/vhosts/shop").get("message_stats") or {}
        except OSError:
            stats = {}
        return "it returned what it could not route" if stats.get("return_unroutable", 0) > 0 else "it returned nothing"

    germany = [payout for payout, where in due.items() if where == "payouts.de"]
    found = {
        "korea": tried("payouts.kr"),
        "japan": tried("payouts.jp"),
        "germany": "arrived" if germany and waiting("payouts.de")["waiting"] == germany else "not arrived",
        "unsent": unsent(),
        "broker": returned(),
    }
    good = ("tried", "arrived", "exactly those that were refused", "it returned what it could not route")
    return {**found, "good": {name: how in good for name, how in found.items()}}


def ready_bytes(about):
    return about.get("message_bytes_ready", about.get("message_bytes", 0))


def settled(listener, record, queue, state, expected=None):
    """Waits until the broker's figures of a queue are as new as its last message, and returns them.

    The broker counts unacknowledged messages and bytes once a second, those of a quorum queue every five seconds. A busy one is late:
    bytes that are not the expected ones are given more time.
    """
    path = "/queues/shop/" + urllib.parse.quote(queue, safe="")
    about = {}
    deadline = time.monotonic() + 9
    while time.monotonic() < deadline:
        times = [e["at"] for e in record.entries if queue in e.get("queues", ())]
        age = time.time() - times[-1] if times else 60
        try:
            about = api(path)
        except OSError:
            break
        enough = age > (6 if about.get("type") == "quorum" else 1.5)
        ready = about.get("messages_ready", 0)
        fits = expected is None or ready_bytes(about) == expected or age > 7
        if enough and fits and ready == state["messages"] and (ready_bytes(about) > 0 or ready == 0):
            break
        time.sleep(0.1)
        state = listener.ask(queue) or state
    return state, {
        "type": about.get("type"),
        "unacknowledged": about.get("messages_unacknowledged"),
        "bytes": ready_bytes(about) if about else None,
    }


def redelivered(record, queue, body):
    """Whether the broker has given out the last message of this text a second time."""
    entries = [e for e in record.entries if queue in e.get("queues", ()) and e["body"] == body]
    last = max((i for i, e in enumerate(entries) if e["kind"] == "publish"), default=len(entries))
    return any(e["kind"] == "deliver" and e["redelivered"] for e in entries[last:])


def settings(queue):
    """What a queue is told by its arguments and by policies, once the management interface knows of the policies.

    It learns of a new policy some seconds after the broker.
    """
    path = "/queues/shop/" + urllib.parse.quote(queue, safe="")
    deadline = time.monotonic() + 8
    while True:
        try:
            about = api(path)
            policies = api("/policies/shop") + api("/operator-policies/shop")
        except OSError:
            return {}
        policy = about.get("effective_policy_definition") or {}
        due = [p for p in policies if re.search(p["pattern"], queue)]
        if time.monotonic() > deadline or not due or any(key in policy for p in due for key in p["definition"]):
            break
        time.sleep(0.1)
    told = {key.removeprefix("x-"): value for key, value in (about.get("arguments") or {}).items()}
    both = {**policy, **told}
    for key in policy.keys() & told.keys():
        # Of two numbers the broker takes the lower one; a negative one means that there is none.
        numbers = [policy[key], told[key]]
        if all(isinstance(number, int) for number in numbers):
            both[key] = max(numbers) if min(numbers) < 0 else min(numbers)
    return {"type": about.get("type"), "settings": both}


def way(record, queue, told, target):
    """Whether dead letters of a queue still have a way to the other queue, and one that outlives a restart of the broker."""
    # A dead letter keeps the key with which it was published, unless the queue gives it another one.
    published = [e["keys"] for e in record.entries if e["kind"] == "publish" and queue in e["queues"]]
    keys = [told["dead-letter-routing-key"]] if "dead-letter-routing-key" in told else published[-1] if published else [queue]
    exchange = told.get("dead-letter-exchange")
    if exchange is None:
        return {"stays": False, "how": "no exchange"}
    try:
        if exchange == "":
            reached = told.get("dead-letter-routing-key", queue) == target
            return {"stays": reached, "how": "by the default exchange" if reached else "no way"}
        exchanges = api("/exchanges/shop?columns=name,type,durable,auto_delete")
        bindings = api("/bindings/shop")
    except OSError:
        return {"stays": False, "how": "unknown"}
    durable = {e["name"]: e["durable"] and not e["auto_delete"] for e in exchanges}
    types = {e["name"]: e["type"] for e in exchanges}

    def leads_on(binding):
        if types.get(binding["source"]) == "topic":
            return any(fits(binding["routing_key"], key) for key in keys)
        return types.get(binding["source"]) != "direct" or binding["routing_key"] in keys

    if exchange not in durable:
        return {"stays": False, "how": "no such exchange"}
    seen, todo = set(), [exchange]
    while todo:
        source = todo.pop()
        seen.add(source)
        for binding in bindings:
            if binding["source"] != source or not leads_on(binding):
                continue
            if binding["destination_type"] == "queue" and binding["destination"] == target:
                return {"stays": durable[exchange], "how": "by an exchange" if durable[exchange] else "not durable"}
            if binding["destination_type"] == "exchange" and binding["destination"] not in seen:
                todo.append(binding["destination"])
    return {"stays": False, "how": "no way"}


def fits(pattern, key):
    """Whether a routing key fits the pattern of a topic exchange: `*` is one word, `#` any number of them."""
    words = [r"[^.]*" if word == "*" else word if word == "#" else re.escape(word) for word in pattern.split(".")]
    text = r"\.".join(words)
    text = text.replace(r"#\.", r"(?:[^.]*\.)*").replace(r"\.#", r"(?:\.[^.]*)*").replace("#", ".*")
    return re.fullmatch(text, key) is not None


def as_bound(exchange, queue, keys, waiting):
    """Whether the bindings that are there now choose, of these routing keys, those that wait as messages."""
    try:
        patterns = [binding["routing_key"] for binding in api(f"/bindings/shop/e/{exchange}/q/{queue}")]
    except OSError:
        return False
    return {key for key in keys if any(fits(pattern, key) for pattern in patterns)} == set(waiting)


def consumers_since(queue, moment):
    """For each consumer of a queue: whether its connection is older than that moment. The interface learns of it a second later."""
    older = []
    try:
        for consumer in api("/consumers/shop"):
            name = consumer["channel_details"].get("connection_name") if consumer.get("channel_details") else None
            if consumer["queue"]["name"] == queue and name:
                about = api("/connections/" + urllib.parse.quote(name, safe=""))
                older.append(about["connected_at"] / 1000 < moment)
    except (OSError, KeyError):
        # The connection ended in between.
        pass
    return older


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        status, body = 404, {"error": "no such page"}
        if parts[0] == "payouts":
            names = ("due", "payouts.de", "unsent")
            states = {name: self.server.listener.ask(name) for name in names}
            if None in states.values():
                status, body = 503, {"error": "the broker does not answer"}
            else:
                waiting = lambda name: answer(self.server.record, name, states[name], None)
                status, body = 200, payouts(self.server.record, waiting)
        elif parts[0] == "queues" and len(parts) == 2:
            queue = urllib.parse.unquote(parts[1])
            state = self.server.listener.ask(queue)
            if state is None:
                status, body = 503, {"error": "the broker does not answer"}
            else:
                query = dict(urllib.parse.parse_qsl(url.query))
                figures = {}
                if "settled" in query:
                    state, figures = settled(
                        self.server.listener, self.server.record, queue, state, int(query["expected_bytes"]) if "expected_bytes" in query else None
                    )
                status, body = 200, answer(self.server.record, queue, state, query.get("since"))
                body.update(figures)
                if body["messages"] is None:
                    body["elsewhere"] = elsewhere("queues", queue)
                # `?apart=QUEUE`: which programs published the messages, if it was not the one that published those.
                # `?before=QUEUE`: the messages whose program first did what led to a message in that queue.
                if "before" in query:
                    body["waited"] = waited(self.server.record, queue, len(body["details"]), query["before"])
                # `?handed=QUEUE`: whether what these messages are about came into that queue only after the last of them.
                if "handed" in query:
                    body["late"] = late(self.server.record, queue, len(body["details"]), query["handed"])
                # `?together=QUEUE,…`: whether the last message for this queue was the last one for those, too.
                if "together" in query:
                    published = [set(e["queues"]) for e in self.server.record.entries if e["kind"] == "publish"]
                    wanted = {queue, *query["together"].split(",")}
                    body["together"] = wanted <= next((queues for queues in reversed(published) if queues & wanted), set())
                # `?came_again=BODY`: whether that message, as its header says, had been delivered before.
                if "came_again" in query:
                    again = [e["headers"].get("redelivered") for e in body["details"] if e["body"] == query["came_again"]]
                    body["came_again"] = again[0] if len(again) == 1 else None
                # `?redelivered=BODY`: whether the broker has given out that message of the queue a second time.
                if "redelivered" in query:
                    body["redelivered"] = redelivered(self.server.record, queue, query["redelivered"])
                # `?ending=N`: of the last so many that were published, those with a time of their own.
                if "ending" in query:
                    published = [e for e in self.server.record.entries if e["kind"] == "publish" and queue in e["queues"]]
                    body["ending"] = [e["body"] for e in published[-int(query["ending"]) :] if e.get("expiration")]
                # `?given_back=N`: of the last so many messages, those that were given out more than once.
                if "given_back" in query:
                    published = [i for i, e in enumerate(self.server.record.entries) if e["kind"] == "publish" and queue in e["queues"]]
                    since = published[-int(query["given_back"]) :]
                    body["given_back"] = sorted(
                        {
                            e["body"]
                            for e in (self.server.record.entries[since[0] :] if since else [])
                            if e["kind"] == "deliver" and e["redelivered"] and queue in e["queues"]
                        }
                    )
                # `?tries=TEXT`: how often the last message that begins so was given out.
                if "tries" in query:
                    entries = [e for e in self.server.record.entries if queue in e.get("queues", ()) and e["body"].startswith(query["tries"])]
                    last = max((i for i, e in enumerate(entries) if e["kind"] == "publish"), default=len(entries))
                    body["tries"] = sum(e["kind"] == "deliver" for e in entries[last:])
                # `?expected_bytes=N`: whether the messages that are ready have so many bytes.
                if "expected_bytes" in query:
                    body["as_expected"] = body.get("bytes") == int(query["expected_bytes"])
                if "apart" in query:
                    other = self.server.listener.ask(query["apart"]) or {"messages": None, "consumers": None}
                    body["senders"] = senders(self.server.record, body["details"], answer(self.server.record, query["apart"], other, None)["details"])
                    # A connection that ended before the interface knew of it has no name.
                    body["by_mailer"] = bool(body["senders"]) and set(body["senders"]) <= {"mailer", "unknown"}
                if "settings" in query:
                    body.update(settings(queue))
                # `?way_to=QUEUE`: the way of dead letters to that queue.
                if "way_to" in query:
                    body["way"] = way(self.server.record, queue, body.get("settings") or {}, query["way_to"])
                # `?exchange=NAME&keys=…`: what came by another way, and whether the bindings still choose what waits.
                if "exchange" in query:
                    body["by_hand"] = [e["body"] for e in body["details"] if e["exchange"] != query["exchange"]]
                    body["as_bound"] = as_bound(query["exchange"], queue, query.get("keys", "").split(), body["waiting"])
                # `?lives=MILLISECONDS`: whether the last message was published with a shorter time of its own.
                if "lives" in query:
                    own = [e.get("expiration") for e in self.server.record.entries if e["kind"] == "publish" and queue in e["queues"]]
                    body["ends_earlier"] = bool(own and own[-1] and int(own[-1]) < int(query["lives"]))
                # `?consumers=QUEUE`: whether each consumer was there before the last message was published to that queue.
                if "consumers" in query:
                    times = [e["at"] for e in self.server.record.entries if e["kind"] == "publish" and query["consumers"] in e["queues"]]
                    body["older"] = consumers_since(queue, times[-1]) if times else []
                    body["one_is_older"] = True in body["older"]
                # `?prefix=TEXT`: how many of the messages that begin so came over each connection.
                counts = {}
                for entry in body["details"]:
                    counts[entry["by"]] = counts.get(entry["by"], 0) + entry["body"].startswith(query.get("prefix", ""))
                body["shares"] = sorted(counts.values())
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments):
        pass


record = Record()
listener = Listener(record)
listener.start()
server = ThreadingHTTPServer(("", 8080), Handler)
server.record, server.listener = record, listener
server.serve_forever()
