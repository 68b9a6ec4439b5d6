import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Members of one group of the consumer protocol that share a topic, while members come and go and the topic grows. Each
 * record has to be read once; nobody may have a partition that another has.
 *
 * Arguments: bootstrap servers, topic (with 4 partitions), server assignor, "names", "regex" or "static".
 */
public class ConsumerGroup {
    static final Set<String> read = ConcurrentHashMap.newKeySet();
    static final Map<TopicPartition, String> owners = new ConcurrentHashMap<>();
    static final List<String> mistakes = java.util.Collections.synchronizedList(new ArrayList<>());

    static class Member extends Thread implements ConsumerRebalanceListener {
        final KafkaConsumer<String, String> consumer;
        final String name;
        volatile Set<TopicPartition> assigned = Set.of();
        volatile boolean stop;

        Member(String name, String servers, String topic, String assignor, String mode) {
            this.name = name;
            Properties settings = new Properties();
            settings.put("bootstrap.servers", servers);
            settings.put("group.id", "g");
            settings.put("client.id", name);
            settings.put("group.protocol", "consumer");
            settings.put("group.remote.assignor", assignor);
            settings.put("auto.offset.reset", "earliest");
            settings.put("enable.auto.commit", "false");
            settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
            settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
            if (mode.equals("static")) {
                settings.put("group.instance.id", name);
            }
            consumer = new KafkaConsumer<>(settings);
            if (mode.equals("regex")) {
                consumer.subscribe(new SubscriptionPattern(topic.substring(0, 2) + ".*"), this);
            } else {
                consumer.subscribe(List.of(topic), this);
            }
        }

        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            for (TopicPartition partition : partitions) {
                String other = owners.put(partition, name);
                if (other != null) {
                    mistakes.add(partition + " went to " + name + " while " + other + " had it");
                }
            }
        }

        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            partitions.forEach(owners::remove);
        }

        public void run() {
            try {
                while (!stop) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) {
                        if (!read.add(record.value())) {
                            mistakes.add(name + " read " + record.value() + " again");
                        }
                    }
                    consumer.commitSync();
                    assigned = new java.util.HashSet<>(consumer.assignment());
                }
            } catch (Exception error) {
                mistakes.add(name + ": " + error);
            } finally {
                consumer.close();
            }
        }

        void leave() throws Exception {
            stop = true;
            join(20_000);
        }
    }

    interface Condition {
        boolean holds();
    }

    static void await(String what, Condition condition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        while (!condition.holds()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("waited for " + what + "; owners " + owners + ", mistakes " + mistakes);
            }
            Thread.sleep(20);
        }
    }

    static boolean shared(int partitions, Member... members) {
        Set<TopicPartition> all = new java.util.HashSet<>();
        int least = Integer.MAX_VALUE, most = 0;
        for (Member member : members) {
            all.addAll(member.assigned);
            least = Math.min(least, member.assigned.size());
            most = Math.max(most, member.assigned.size());
        }
        int sum = 0;
        for (Member member : members) {
            sum += member.assigned.size();
        }
        return all.size() == partitions && sum == partitions && most - least <= 1;
    }

    static int produced;

    static void produce(KafkaProducer<String, String> producer, String topic, int partitions) throws Exception {
        for (int i = 0; i < 200; i++) {
            producer.send(new ProducerRecord<>(topic, i % partitions, null, "record " + produced++));
        }
        producer.flush();
    }

    public static void main(String[] args) throws Exception {
        String servers = args[0], topic = args[1], assignor = args[2], mode = args[3];
        Properties settings = new Properties();
        settings.put("bootstrap.servers", servers);
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        KafkaProducer<String, String> producer = new KafkaProducer<>(settings);
        Admin admin = Admin.create(settings);

        produce(producer, topic, 4);
        Member a = new Member("a", servers, topic, assignor, mode);
        a.start();
        await("a to have all", () -> shared(4, a));
        Member b = new Member("b", servers, topic, assignor, mode);
        b.start();
        await("a and b to share", () -> shared(4, a, b));
        produce(producer, topic, 4);
        await("all records", () -> read.size() == produced);

        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(6))).all().get();
        await("a and b to share more", () -> shared(6, a, b));
        produce(producer, topic, 6);
        await("all records of more partitions", () -> read.size() == produced);

        Member c = new Member("c", servers, topic, assignor, mode);
        c.start();
        await("three to share", () -> shared(6, a, b, c));
        produce(producer, topic, 6);
        await("all records of three", () -> read.size() == produced);

        a.leave();
        if (mode.equals("static")) {
            Set<TopicPartition> before = a.assigned;
            Member again = new Member("a", servers, topic, assignor, mode);
            again.start();
            await("a to find what it had", () -> again.assigned.equals(before));
            again.leave();
            System.out.println("a found " + before.size());
        } else {
            await("two to inherit", () -> shared(6, b, c));
            produce(producer, topic, 6);
            await("all records of two", () -> read.size() == produced);
        }
        b.leave();
        c.leave();
        admin.close();
        producer.close();
        mistakes.forEach(System.out::println);
        System.out.println("read " + read.size() + " of " + produced);
    }
}
