import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;

/**
 * Prints the metrics of the Java clients after a transaction was written and read, by consumers of each protocol and by a
 * share group: group, tags beside client-id, name. So {@code kafka-client/tests/telemetry/java_metrics.tsv} was made.
 *
 * Argument: bootstrap servers of a cluster of its own.
 */
public class MetricNames {
    private static final String RECORDS = "metric-names";
    private static final int COUNT = 10;
    private static final long PATIENCE_MS = 60_000;
    /** How long everything that was measured stays to be seen, by brokers that ask for it, too. */
    private static final Duration SHOWN = Duration.ofSeconds(2);

    private final TreeSet<String> lines = new TreeSet<>();

    private void add(Map<MetricName, ? extends Metric> metrics) {
        for (MetricName name : metrics.keySet()) {
            TreeSet<String> tags = new TreeSet<>(name.tags().keySet());
            tags.remove("client-id");
            String joined = tags.isEmpty() ? "-" : String.join(",", tags);
            if (!name.group().equals("app-info")) {
                lines.add(String.join("\t", name.group(), joined, name.name()));
            }
        }
    }

    private static void await(BooleanSupplier done) {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        while (!done.getAsBoolean()) {
            if (System.currentTimeMillis() > end) {
                throw new IllegalStateException("the records did not come");
            }
        }
    }

    private void write(Properties settings) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            producer.initTransactions();
            producer.beginTransaction();
            for (int n = 0; n < COUNT; n++) {
                producer.send(new ProducerRecord<>(RECORDS, "value " + n)).get();
            }
            producer.commitTransaction();
            Thread.sleep(SHOWN.toMillis());
            add(producer.metrics());
        }
    }

    private void read(Properties settings, String protocol) {
        settings.put("group.protocol", protocol);
        settings.put("group.id", "metric-names-" + protocol);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(RECORDS));
            int[] seen = {0};
            await(() -> (seen[0] += consumer.poll(Duration.ofMillis(500)).count()) >= COUNT);
            consumer.commitSync();
            consumer.poll(SHOWN);
            add(consumer.metrics());
        }
    }

    private void share(Properties settings) {
        for (String unknown : List.of("auto.offset.reset", "group.protocol")) {
            settings.remove(unknown);
        }
        settings.put("group.id", "metric-names-share");
        try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(settings)) {
            consumer.subscribe(List.of(RECORDS));
            int[] seen = {0};
            await(() -> (seen[0] += consumer.poll(Duration.ofMillis(500)).count()) >= COUNT);
            consumer.commitSync();
            consumer.poll(SHOWN);
            add(consumer.metrics());
        }
    }

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("transactional.id", "metric-names");
        settings.put("auto.offset.reset", "earliest");
        for (String part : List.of("key", "value")) {
            String string = "org.apache.kafka.common.serialization.String";
            settings.put(part + ".serializer", string + "Serializer");
            settings.put(part + ".deserializer", string + "Deserializer");
        }
        MetricNames names = new MetricNames();
        try (Admin admin = Admin.create(settings)) {
            try {
                admin.createTopics(List.of(new NewTopic(RECORDS, 1, (short) 1))).all().get();
            } catch (ExecutionException error) {
                if (!(error.getCause() instanceof TopicExistsException)) {
                    throw error;
                }
            }
            ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, "metric-names-share");
            ConfigEntry earliest = new ConfigEntry("share.auto.offset.reset", "earliest");
            AlterConfigOp set = new AlterConfigOp(earliest, AlterConfigOp.OpType.SET);
            admin.incrementalAlterConfigs(Map.of(group, List.of(set))).all().get();
            names.add(admin.metrics());
        }
        names.write(settings);
        names.read(settings, "classic");
        names.read(settings, "consumer");
        names.share(settings);
        names.lines.forEach(System.out::println);
    }
}
