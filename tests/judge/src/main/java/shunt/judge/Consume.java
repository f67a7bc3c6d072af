package shunt.judge;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a group: subscribes, reads so many records (all there are without --records), commits behind the last one of
 * them, and says what it has read. A group without an offset fails, for it was to go on somewhere.
 */
final class Consume {
    private static final long STALL_SECONDS = 60;

    static int run(Options options) throws Exception {
        Map<String, Object> settings = new HashMap<>(Map.of("enable.auto.commit", false,
            "isolation.level", options.or("isolation", "read_committed"), "allow.auto.create.topics", false,
            "auto.offset.reset", options.or("reset", "none"), "group.id", options.one("group"),
            "group.protocol", options.or("protocol", "classic")));
        settings.putAll(options.client("bootstrap"));
        List<String> topics = options.some("topic");
        long wanted = Long.parseLong(options.or("records", Long.toString(Long.MAX_VALUE)));
        boolean hold = options.flag("hold");
        options.finish();

        List<Object> read = new ArrayList<>();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        try (Consumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            boolean[] assigned = {false};
            consumer.subscribe(topics, new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}

                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    assigned[0] = true;
                }
            });
            long lastProgress = System.nanoTime();
            while (!assigned[0] || read.size() < wanted && !atEnd(consumer)) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (read.size() == wanted) {
                        break;
                    }
                    lastProgress = System.nanoTime();
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    next.put(partition, new OffsetAndMetadata(record.offset() + 1));
                    read.add(Map.of("partition", partition.toString(), "offset", record.offset(), "content",
                        Fingerprint.columns(record.key(), record.value(), record.headers())));
                }
                if (System.nanoTime() - lastProgress > STALL_SECONDS * 1_000_000_000L) {
                    throw new IllegalStateException("no progress for " + STALL_SECONDS + " s");
                }
            }
            if (!next.isEmpty()) {
                consumer.commitSync(next);
            }
            Map<String, Object> result = new LinkedHashMap<>();
            Map<String, Object> offsets = new TreeMap<>();
            next.forEach((partition, offset) -> offsets.put(partition.toString(), offset.offset()));
            result.put("next", offsets);
            result.put("records", read);
            Json.print(result);
            System.out.flush();
            if (hold) {
                while (System.in.available() == 0) { // a line ends it
                    consumer.poll(Duration.ofMillis(100));
                }
            }
        }
        return 0;
    }

    private static boolean atEnd(Consumer<byte[], byte[]> consumer) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        return !ends.isEmpty()
            && ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private Consume() {}
}
