"""What the scripts of the lab share: brokers, reading a topic without a group, the jobs of Flink."""
import json
import time
import urllib.error
import urllib.request

from confluent_kafka import Consumer, TopicPartition, OFFSET_BEGINNING, KafkaError, KafkaException

BROKERS = "kafka-1:9092,kafka-2:9092,kafka-3:9092"
QUIET = {"bootstrap.servers": BROKERS, "log_level": 0, "error_cb": lambda error: None}
TIMEOUT = 15
# So long is tried again, in seconds; the checks wait 60.
PATIENCE = 25


def flink(path, method="GET", body=None):
    """Asks the job manager; an answer that is no JSON is None, and so is one about a job that has gone."""
    request = urllib.request.Request(
        "http://jobmanager:8081" + path, method=method,
        data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        # 409: it has ended and cannot be cancelled.
        if error.code in (404, 409):
            return None
        raise
    return json.loads(text) if text.strip() else None


def consumer(isolation="read_committed"):
    """A consumer that belongs to no group and leaves no trace: it never commits."""
    return Consumer({**QUIET, "group.id": "look", "enable.auto.commit": False, "enable.partition.eof": True,
                     "auto.offset.reset": "earliest", "isolation.level": isolation,
                     "fetch.wait.max.ms": 50, "allow.auto.create.topics": False})


def partitions(client, topic):
    """The numbers of the partitions of a topic, or nothing if there is no such topic."""
    found = client.list_topics(topic, timeout=TIMEOUT).topics[topic]
    return [] if found.error else sorted(found.partitions)


class NotNow(Exception):
    """The brokers could not answer, for instance because one of them has just died."""


def read(topic, isolation="read_committed"):
    """All messages of a topic, partition by partition, in order."""
    end = time.time() + PATIENCE
    while True:
        try:
            return read_once(topic, isolation)
        except (NotNow, KafkaException) as error:
            if time.time() > end:
                raise NotNow(f"{topic} cannot be read: {error}") from error
            time.sleep(0.5)


def read_once(topic, isolation):
    client = consumer(isolation)
    try:
        numbers = partitions(client, topic)
        if not numbers:
            return None
        client.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        open_, messages = set(numbers), []
        while open_:
            message = client.poll(TIMEOUT)
            if message is None:
                raise NotNow(f"no answer about the partitions {sorted(open_)}")
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    raise NotNow(message.error().str())
                open_.discard(message.partition())
            else:
                messages.append(message)
        return sorted(messages, key=lambda message: (message.partition(), message.offset()))
    finally:
        client.close()


def text(value):
    return None if value is None else value.decode(errors="replace")
