import java.io.IOException;
import java.io.OutputStream;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** What bench-failover does, with Kafka's own client. Arguments: TOPIC PARTITIONS; the address is in BOOTSTRAP. */
public class Failover {
    private static long count;
    private static volatile int ready;
    private static volatile boolean isOver;

    public static void main(String[] args) throws Exception {
        String topic = args[0];
        int partitions = Integer.parseInt(args[1]);
        Properties config = new Properties();
        config.put("bootstrap.servers", System.getenv("BOOTSTRAP"));
        config.put("linger.ms", "0");
        long[] last = new long[partitions];
        long[] longest = new long[partitions];
        try (KafkaProducer<String, String> producer =
                new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            Thread told = new Thread(() -> {
                try {
                    System.in.transferTo(OutputStream.nullOutputStream());
                } catch (IOException closed) {
                    // That is its end, too.
                }
                isOver = true;
            });
            told.setDaemon(true);
            told.start();
            boolean isTold = false;
            for (long next = System.nanoTime(); !isOver; next += TimeUnit.MILLISECONDS.toNanos(5)) {
                TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
                if (!isTold && ready == partitions) {
                    System.out.println("ready");
                    isTold = true;
                }
                for (int p = 0; p < partitions; p++) {
                    int partition = p;
                    // All of these run on one thread.
                    producer.send(new ProducerRecord<>(topic, partition, null, "record"), (metadata, error) -> {
                        if (error != null) {
                            error.printStackTrace();
                            System.exit(1);
                        }
                        long now = System.nanoTime();
                        if (last[partition] != 0) {
                            longest[partition] = Math.max(longest[partition], now - last[partition]);
                        } else {
                            ready++;
                        }
                        last[partition] = now;
                        count++;
                    });
                }
            }
        }
        long gap = 0;
        for (long each : longest) {
            gap = Math.max(gap, each);
        }
        System.out.println(count + " " + TimeUnit.NANOSECONDS.toMillis(gap));
    }
}
