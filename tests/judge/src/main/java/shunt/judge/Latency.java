package shunt.judge;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * End-to-end latency at a fixed rate: each value begins with the moment it was due to be sent, on this process's clock;
 * consumers in the same process, on the source itself and on the target, subtract. Due and not sent: a producer that
 * falls behind does not hide it.
 */
final class Latency {
    private static final int MARK_BYTES = 16; // moment due (ns), number
    private static final int GRACE_SECONDS = 30;

    static int run(Options options) throws Exception {
        Map<String, Object> source = options.client("source");
        Map<String, Object> target = options.client("target");
        String topic = options.one("topic");
        String targetTopic = options.or("target-topic", topic);
        int rate = options.number("rate", 1000);
        int warmup = options.number("warmup", 5) * rate;
        int measured = options.number("seconds", 20) * rate;
        int size = Math.max(MARK_BYTES, options.number("size", 1024));
        int waitSeconds = options.number("wait", 60);
        List<String> on = Arrays.asList(options.or("on", "source,target").split(","));
        options.finish();

        Map<String, Reader> readers = new LinkedHashMap<>();
        for (String side : on) {
            Map<String, Object> client = switch (side) {
                case "source" -> source;
                case "target" -> target;
                default -> throw new Judge.UsageException("--on takes source, target or both");
            };
            String read = side.equals("source") ? topic : targetTopic;
            readers.put(side, new Reader(side, client, read, warmup, warmup + measured, waitSeconds));
        }
        for (Reader reader : readers.values()) {
            reader.start();
        }
        for (Reader reader : readers.values()) {
            reader.ready.await();
        }
        produce(source, topic, rate, warmup + measured, size, readers);
        Map<String, Object> result = new LinkedHashMap<>(Map.of("rate", rate, "size", size));
        for (Map.Entry<String, Reader> entry : readers.entrySet()) {
            result.put(entry.getKey(), entry.getValue().result());
        }
        Json.print(result);
        return 0;
    }

    private static void produce(
        Map<String, Object> source, String topic, int rate, int count, int size, Map<String, Reader> readers) {
        Map<String, Object> settings = new HashMap<>(source);
        settings.putAll(Map.of("linger.ms", 0, "acks", "all", "batch.size", 16384));
        byte[] filler = new byte[size];
        Spec.Random random = new Spec.Random(1, 0);
        for (int i = 0; i < size; i++) {
            filler[i] = (byte) random.next();
        }
        try (Producer<byte[], byte[]> producer =
                 new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.partitionsFor(topic);
            long began = System.nanoTime();
            for (int i = 0; i < count; i++) {
                long due = began + i * 1_000_000_000L / rate;
                for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                    LockSupport.parkNanos(left);
                }
                byte[] value = filler.clone();
                ByteBuffer.wrap(value).putLong(due).putLong(i);
                producer.send(new ProducerRecord<>(topic, null, value));
                if (readers.values().stream().anyMatch(reader -> reader.failure != null)) {
                    return;
                }
            }
        }
    }

    /** One consumer, at the end of every partition before the first record is sent. */
    private static final class Reader extends Thread {
        final CountDownLatch ready = new CountDownLatch(1);
        volatile Exception failure;
        private final Map<String, Object> client;
        private final String topic;
        private final int first;
        private final int count;
        private final int waitSeconds;
        private final long[] nanos;
        private int seen;
        private int all;

        Reader(String side, Map<String, Object> client, String topic, int first, int count, int waitSeconds) {
            super("consumer on " + side);
            setDaemon(true);
            this.client = client;
            this.topic = topic;
            this.first = first;
            this.count = count;
            this.waitSeconds = waitSeconds;
            nanos = new long[count - first];
        }

        @Override
        public void run() {
            try (Consumer<byte[], byte[]> consumer = Scan.consumer(client, "read_uncommitted")) {
                List<TopicPartition> partitions = awaitTopic(consumer);
                consumer.assign(partitions);
                consumer.seekToEnd(partitions);
                partitions.forEach(consumer::position); // seeks are lazy: fix the start now
                ready.countDown();
                long lastProgress = System.nanoTime();
                while (all < count && System.nanoTime() - lastProgress < GRACE_SECONDS * 1_000_000_000L) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        long now = System.nanoTime();
                        ByteBuffer value = ByteBuffer.wrap(record.value());
                        long due = value.getLong();
                        if (value.getLong() >= first && seen < nanos.length) {
                            nanos[seen++] = now - due;
                        }
                        all++;
                        lastProgress = now;
                    }
                }
                if (all < count) {
                    throw new IllegalStateException(
                        all + " of " + count + " records arrived, then none for " + GRACE_SECONDS + " s");
                }
            } catch (Exception error) {
                failure = error;
            } finally {
                ready.countDown();
            }
        }

        /** A mirror creates the target topic; give it the time. */
        private List<TopicPartition> awaitTopic(Consumer<byte[], byte[]> consumer) throws InterruptedException {
            long deadline = System.nanoTime() + waitSeconds * 1_000_000_000L;
            while (!consumer.listTopics().containsKey(topic)) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException(
                        "topic " + topic + " did not appear within " + waitSeconds + " s");
                }
                Thread.sleep(50);
            }
            return Topics.partitions(consumer, List.of(topic));
        }

        Map<String, Object> result() throws Exception {
            join();
            if (failure != null) {
                throw new IllegalStateException(getName() + ": " + failure, failure);
            }
            Arrays.sort(nanos);
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("records", nanos.length);
            result.put("p50_ms", at(0.50));
            result.put("p99_ms", at(0.99));
            result.put("p999_ms", at(0.999));
            result.put("max_ms", at(1));
            return result;
        }

        private double at(double quantile) {
            int index = (int) Math.ceil(quantile * nanos.length) - 1;
            return Math.round(nanos[Math.max(0, index)] / 1e4) / 1e2;
        }
    }

    private Latency() {}
}
