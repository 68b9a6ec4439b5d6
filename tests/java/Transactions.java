import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/**
 * Writes records in transactions, copies them from topic to topic exactly once, and is fenced in the end. What it aborts
 * it says so in the value; it prints what a reader of committed records finds in the copy.
 *
 * Arguments: bootstrap servers, input topic, output topic, how many records.
 */
public class Transactions {
    public static void main(String[] args) throws Exception {
        String servers = args[0], input = args[1], output = args[2];
        int count = Integer.parseInt(args[3]);
        KafkaProducer<String, String> producer = producer(servers, output);
        producer.initTransactions();
        for (int i = 0; i < count; i++) {
            producer.beginTransaction();
            if (i % 3 == 0) {
                producer.send(new ProducerRecord<>(input, "aborted"));
                producer.flush();
                producer.abortTransaction();
                producer.beginTransaction();
            }
            producer.send(new ProducerRecord<>(input, "record " + i));
            // By the second protocol, Java's client may otherwise commit before it has sent the record: it looks for
            // batches first, and then, as if nothing had come meanwhile, for a commit (Kafka 4.3, Sender).
            producer.flush();
            producer.commitTransaction();
        }

        try (KafkaConsumer<String, String> consumer = consumer(servers, "copy-of-" + input)) {
            consumer.subscribe(List.of(input));
            boolean abort = true;
            for (int copied = 0; copied < count; abort = !abort) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(500));
                if (records.isEmpty()) {
                    continue;
                }
                producer.beginTransaction();
                for (ConsumerRecord<String, String> record : records) {
                    producer.send(new ProducerRecord<>(output, (abort ? "aborted " : "") + record.value()));
                }
                Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
                for (TopicPartition partition : records.partitions()) {
                    next.put(partition, new OffsetAndMetadata(consumer.position(partition)));
                }
                producer.sendOffsetsToTransaction(next, consumer.groupMetadata());
                if (abort) {
                    producer.abortTransaction();
                    for (TopicPartition partition : records.partitions()) {
                        consumer.seek(partition, records.records(partition).get(0).offset());
                    }
                } else {
                    producer.commitTransaction();
                    copied += records.count();
                }
            }
        }

        try (KafkaProducer<String, String> successor = producer(servers, output)) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(output, "aborted by the successor")).get();
            successor.initTransactions();
            try {
                producer.commitTransaction();
                throw new IllegalStateException("the producer was not fenced");
            } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
                producer.close(Duration.ZERO);
            }
        }

        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer(servers, "reader-of-" + output)) {
            consumer.subscribe(List.of(output));
            while (values.size() < count) {
                consumer.poll(Duration.ofMillis(500)).forEach(record -> values.add(record.value()));
            }
        }
        values.forEach(System.out::println);
    }

    private static KafkaProducer<String, String> producer(String servers, String transactionalId) {
        Properties config = new Properties();
        config.put("bootstrap.servers", servers);
        config.put("transactional.id", transactionalId);
        config.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        config.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        return new KafkaProducer<>(config);
    }

    private static KafkaConsumer<String, String> consumer(String servers, String group) {
        Properties config = new Properties();
        config.put("bootstrap.servers", servers);
        config.put("group.id", group);
        config.put("auto.offset.reset", "earliest");
        config.put("enable.auto.commit", "false");
        config.put("isolation.level", "read_committed");
        config.put("max.poll.records", "20");
        config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        return new KafkaConsumer<>(config);
    }
}
