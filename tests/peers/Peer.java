import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;

import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** A Java client that does what it is told on standard input; peers/README.md says how. Argument: bootstrap servers. */
public class Peer {
    private static final HexFormat HEX = HexFormat.of();
    private static String servers;

    public static void main(String[] args) throws Exception {
        servers = args[0];
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "produce" -> produce(in, words);
                case "consume" -> consume(words[1], Integer.parseInt(words[2]), words[3]);
                case "member" -> member(in, words);
                default -> throw new IllegalArgumentException(line);
            }
            say("end");
        }
    }

    private static void produce(BufferedReader in, String[] words) throws IOException {
        Properties config = new Properties();
        config.put("compression.type", words[2]);
        config.put("linger.ms", "20");
        boolean isTransactional = words.length > 3;
        if (isTransactional) {
            config.put("transactional.id", words[3]);
        }
        config.put("bootstrap.servers", servers);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            if (isTransactional) {
                producer.initTransactions();
            }
            for (String line = in.readLine(); !line.equals("end"); line = in.readLine()) {
                String[] step = line.split(" ");
                switch (step[0]) {
                    case "begin" -> producer.beginTransaction();
                    case "commit" -> producer.commitTransaction();
                    case "abort" -> {
                        // What is not sent yet would not be there to be passed over.
                        producer.flush();
                        producer.abortTransaction();
                    }
                    case "record" -> {
                        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(words[1],
                            Integer.valueOf(step[1]), Long.valueOf(step[2]), bytes(step[3]), bytes(step[4]));
                        for (int i = 5; i < step.length; i++) {
                            int end = Math.max(step[i].indexOf('='), step[i].indexOf('-'));
                            String key = new String(HEX.parseHex(step[i].substring(0, end)));
                            record.headers().add(key, bytes(step[i].substring(end)));
                        }
                        producer.send(record, (metadata, error) -> {
                            if (error != null && !(error instanceof org.apache.kafka.common.errors.TransactionAbortedException)) {
                                error.printStackTrace();
                                System.exit(1);
                            }
                        });
                    }
                    default -> throw new IllegalArgumentException(line);
                }
            }
        }
    }

    private static void consume(String topic, int count, String isolation) {
        Properties config = new Properties();
        config.put("isolation.level", isolation);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(config)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < count; partition++) {
                partitions.add(new TopicPartition(topic, partition));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    StringBuilder line = new StringBuilder("record " + record.partition() + " " + record.timestamp()
                        + " " + text(record.key()) + " " + text(record.value()));
                    for (Header header : record.headers()) {
                        line.append(" ").append(HEX.formatHex(header.key().getBytes())).append(text(header.value()));
                    }
                    say(line.toString());
                }
            }
        }
    }

    private static void member(BufferedReader in, String[] words) throws IOException {
        Properties config = new Properties();
        config.put("auto.offset.reset", "earliest");
        for (int i = 2; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            config.put(pair[0], pair[1]);
        }
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(config)) {
            // What is read between a cooperative rebalance's beginning and its revocations, auto-commit leaves out.
            consumer.subscribe(List.of(words[1]), new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>();
                    partitions.forEach(each -> read.put(each, new OffsetAndMetadata(consumer.position(each))));
                    consumer.commitSync(read);
                }

                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                }
            });
            while (!in.ready()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    say("read " + record.partition() + " " + record.offset());
                }
            }
        }
        in.readLine();
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Properties config) {
        config.put("bootstrap.servers", servers);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static byte[] bytes(String text) {
        return text.equals("-") ? null : HEX.parseHex(text.substring(1));
    }

    private static String text(byte[] bytes) {
        return bytes == null ? "-" : "=" + HEX.formatHex(bytes);
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
