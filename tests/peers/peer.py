"""librdkafka, doing what it is told on standard input; README.md says how. Argument: bootstrap servers."""

import select
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

servers = sys.argv[1]


def say(line):
    print(line, flush=True)


def from_text(text):
    return None if text == "-" else bytes.fromhex(text[1:])


def to_text(data):
    return "-" if data is None else "=" + data.hex()


def header(text):
    end = max(text.find("="), text.find("-"))
    return bytes.fromhex(text[:end]).decode(), from_text(text[end:])


def delivered(error, _message):
    # What an aborted transaction had not sent yet is purged.
    if error is not None and error.code() not in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
        raise KafkaException(error)


def produce(topic, codec, transactional_id=None):
    config = {"bootstrap.servers": servers, "compression.type": codec, "linger.ms": 20, "enable.idempotence": True}
    if transactional_id:
        config["transactional.id"] = transactional_id
    producer = Producer(config)
    if transactional_id:
        producer.init_transactions(30)
    while (line := sys.stdin.readline().strip()) != "end":
        step = line.split(" ")
        if step[0] == "begin":
            producer.begin_transaction()
        elif step[0] == "commit":
            producer.commit_transaction(30)
        elif step[0] == "abort":
            # What is not sent yet would not be there to be passed over.
            producer.flush(30)
            producer.abort_transaction(30)
        elif step[0] == "record":
            producer.produce(
                topic,
                partition=int(step[1]),
                timestamp=int(step[2]),
                key=from_text(step[3]),
                value=from_text(step[4]),
                headers=[header(text) for text in step[5:]],
                on_delivery=delivered,
            )
            producer.poll(0)
        else:
            raise ValueError(line)
    if producer.flush(30) > 0:
        raise TimeoutError("not everything was written")


def consume(topic, count, isolation):
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "nobody-commits",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(int(count))])
    left = int(count)
    while left > 0:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
            left -= 1
            continue
        fields = [
            "record",
            str(message.partition()),
            str(message.timestamp()[1]),
            to_text(message.key()),
            to_text(message.value()),
        ]
        fields += [key.encode().hex() + to_text(value) for key, value in message.headers() or []]
        say(" ".join(fields))
    consumer.close()


def member(topic, *properties):
    config = dict(pair.split("=", 1) for pair in properties)
    consumer = Consumer({"bootstrap.servers": servers, "auto.offset.reset": "earliest", **config})
    consumer.subscribe([topic])
    while not select.select([sys.stdin], [], [], 0)[0]:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        say(f"read {message.partition()} {message.offset()}")
    sys.stdin.readline()
    consumer.close()


for line in iter(sys.stdin.readline, ""):
    command, *arguments = line.strip().split(" ")
    {"produce": produce, "consume": consume, "member": member}[command](*arguments)
    say("end")
