import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
import org.apache.spark.streaming.Time;
import org.apache.spark.streaming.api.java.*;
import org.apache.spark.streaming.kafka010.*;
import scala.Tuple2;

/** A backlog, ten records a second and partition: each batch's offset ranges and word counts, and what is committed in the end. */
final class KafkaDirect implements Program {
    private static final String TOPIC = "recorded", GROUP = "recorder";
    /** Records of each partition. */
    private static final int[] BACKLOG = {73, 25, 0};
    private final String bootstrap;

    KafkaDirect(String bootstrap) { this.bootstrap = bootstrap; }

    public void define(Run run) {
        run.batches(8);
        try {
            write();
        } catch (Exception e) {
            throw new IllegalStateException("writing the backlog", e);
        }
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "group.id", GROUP, "auto.offset.reset", "earliest",
            "enable.auto.commit", false, "key.deserializer", StringDeserializer.class, "value.deserializer", StringDeserializer.class);
        JavaInputDStream<ConsumerRecord<String, String>> records = KafkaUtils.createDirectStream(run.context(),
            LocationStrategies.PreferConsistent(), ConsumerStrategies.<String, String>Subscribe(List.of(TOPIC), settings));
        records.foreachRDD((rdd, time) -> {
            var ranges = new ArrayList<String>();
            for (OffsetRange range : ((HasOffsetRanges) rdd.rdd()).offsetRanges()) {
                ranges.add(range.partition() + ": " + range.fromOffset() + " to " + range.untilOffset() + ", count " + range.count());
            }
            Run.add("kafka_ranges", time, ranges);
        });
        run.record("kafka_counts", records
            .flatMap(record -> Arrays.asList(record.value().split(" ")).iterator())
            .mapToPair(word -> new Tuple2<>(word, 1L))
            .reduceByKey(Long::sum));
        var commits = records.inputDStream();
        records.foreachRDD(rdd -> ((CanCommitOffsets) commits).commitAsync(((HasOffsetRanges) rdd.rdd()).offsetRanges()));
    }

    @Override public void stopped(Time time) throws Exception {
        try (var admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            var committed = new ArrayList<String>();
            admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get()
                .forEach((partition, offset) -> committed.add(partition.partition() + ": " + offset.offset()));
            Run.add("kafka_committed", time, committed);
        }
    }

    private void write() throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap);
        try (var admin = Admin.create(settings);
             var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            admin.createTopics(List.of(new NewTopic(TOPIC, BACKLOG.length, (short) 1))).all().get();
            for (int partition = 0; partition < BACKLOG.length; partition++) {
                for (int n = 0; n < BACKLOG[partition]; n++) {
                    producer.send(new ProducerRecord<>(TOPIC, partition, null, "record " + n % 7 + " of " + partition));
                }
            }
            producer.flush();
        }
    }
}
