import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ShareGroupDescription;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Members of one share group that share a topic: every seventh record is released at first, every eleventh is rejected,
 * and one member goes without a word about what it has. Each record has to be accepted or rejected, and only once.
 *
 * Arguments: bootstrap servers, topic, group, how many records.
 */
public class ShareGroup {
    static final Map<String, AtomicInteger> done = new ConcurrentHashMap<>();
    static final AtomicInteger again = new AtomicInteger();
    static final List<String> mistakes = java.util.Collections.synchronizedList(new ArrayList<>());

    static class Member extends Thread {
        final KafkaShareConsumer<String, String> consumer;
        final boolean explicit;
        volatile boolean stop;

        Member(String name, String servers, String topic, String group, boolean explicit) {
            this.explicit = explicit;
            Properties settings = new Properties();
            settings.put("bootstrap.servers", servers);
            settings.put("group.id", group);
            settings.put("client.id", name);
            settings.put("share.acknowledgement.mode", explicit ? "explicit" : "implicit");
            settings.put("max.poll.records", "37");
            settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
            settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
            consumer = new KafkaShareConsumer<>(settings);
            consumer.setAcknowledgementCommitCallback((offsets, error) -> {
                if (error != null) {
                    mistakes.add(name + ": " + error);
                }
            });
            consumer.subscribe(List.of(topic));
        }

        public void run() {
            try {
                while (!stop) {
                    for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
                        process(record);
                    }
                    consumer.commitSync();
                }
            } catch (Exception error) {
                mistakes.add(getName() + ": " + error);
            } finally {
                consumer.close();
            }
        }

        void process(ConsumerRecord<String, String> record) {
            int number = Integer.parseInt(record.value());
            short tries = record.deliveryCount().orElse((short) 0);
            if (explicit && number % 7 == 0 && tries == 1) {
                again.incrementAndGet();
                consumer.acknowledge(record, AcknowledgeType.RELEASE);
                return;
            }
            if (explicit) {
                consumer.acknowledge(record, number % 11 == 0 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT);
            }
            done.computeIfAbsent(record.value(), value -> new AtomicInteger()).incrementAndGet();
        }

        void leave() throws Exception {
            stop = true;
            join(20_000);
        }
    }

    static void awaitDone(int count) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        while (done.size() < count) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException(done.size() + " of " + count + " done; mistakes " + mistakes);
            }
            Thread.sleep(20);
        }
    }

    public static void main(String[] args) throws Exception {
        String servers = args[0], topic = args[1], group = args[2];
        int count = Integer.parseInt(args[3]);
        Properties settings = new Properties();
        settings.put("bootstrap.servers", servers);
        settings.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        settings.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        KafkaProducer<String, String> producer = new KafkaProducer<>(settings);
        for (int i = 0; i < count; i++) {
            producer.send(new ProducerRecord<>(topic, null, Integer.toString(i)));
        }
        producer.flush();

        // Takes some records, and says nothing of them: they go to the others when it closes.
        Member silent = new Member("silent", servers, topic, group, true);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        int taken = 0;
        while (taken == 0 && System.nanoTime() < end) {
            taken = silent.consumer.poll(Duration.ofMillis(500)).count();
        }
        silent.consumer.close();
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Member member = new Member("m" + i, servers, topic, group, i < 2);
            member.start();
            members.add(member);
        }
        awaitDone(count);
        Admin admin = Admin.create(settings);
        ShareGroupDescription described = admin.describeShareGroups(List.of(group)).all().get().get(group);
        System.out.println(described.groupState() + " with " + described.members().size() + " members");
        for (Member member : members) {
            member.leave();
        }
        admin.close();
        producer.close();
        mistakes.forEach(System.out::println);
        long twice = done.values().stream().filter(times -> times.get() > 1).count();
        System.out.println("done " + done.size() + " of " + count + ", twice " + twice);
        System.out.println("taken " + (taken > 0) + ", released " + (again.get() > 0));
    }
}
