"""Confluent's schema registry client and Avro serializers. Arguments: bootstrap servers, the registry's address, and
`write TOPIC SCHEMA JSON...` or `read TOPIC COUNT`, which prints a line of JSON for each record of partition 0."""

import json
import sys

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

servers, url, command, topic, *arguments = sys.argv[1:]
registry = SchemaRegistryClient({"url": url})
context = SerializationContext(topic, MessageField.VALUE)

if command == "write":
    schema, *values = arguments
    serialize = AvroSerializer(registry, schema)
    producer = Producer({"bootstrap.servers": servers})
    for value in values:
        producer.produce(topic, partition=0, value=serialize(json.loads(value), context))
    if producer.flush(30) > 0:
        raise TimeoutError("not everything was written")
else:
    deserialize = AvroDeserializer(registry)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "nobody-commits", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    left = int(arguments[0])
    while left > 0:
        message = consumer.poll(30)
        if message is None or message.error():
            raise TimeoutError(message and message.error())
        print(json.dumps(deserialize(message.value(), context)))
        left -= 1
    consumer.close()
