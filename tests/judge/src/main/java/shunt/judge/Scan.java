package shunt.judge;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads partitions from their first record to the end they had when the scan began. */
final class Scan {
    /** No progress for so long is a failure: a broker that serves answers within milliseconds. */
    private static final long STALL_SECONDS = 60;

    static Consumer<byte[], byte[]> consumer(Map<String, Object> client, String isolation) {
        Map<String, Object> settings = new HashMap<>(Map.of("enable.auto.commit", false, "auto.offset.reset", "none",
            "isolation.level", isolation, "max.poll.records", 20000, "max.partition.fetch.bytes", 4 << 20,
            "receive.buffer.bytes", 1 << 20, "allow.auto.create.topics", false));
        settings.putAll(client);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Calls visit for every record of the partitions, in offset order within each; returns the end offsets. */
    static Map<TopicPartition, Long> read(Consumer<byte[], byte[]> consumer, List<TopicPartition> partitions,
        BiConsumer<TopicPartition, ConsumerRecord<byte[], byte[]>> visit) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        Set<TopicPartition> open = new HashSet<>(partitions);
        long lastProgress = System.nanoTime();
        while (true) {
            // Positions pass markers and compacted gaps without a record, so they and not the records tell when a
            // partition is read.
            if (open.removeIf(partition -> consumer.position(partition) >= ends.get(partition))) {
                consumer.pause(partitions.stream().filter(partition -> !open.contains(partition)).toList());
                lastProgress = System.nanoTime();
            }
            if (open.isEmpty()) {
                return ends;
            }
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(200));
            for (TopicPartition partition : records.partitions()) {
                long end = ends.get(partition);
                for (ConsumerRecord<byte[], byte[]> record : records.records(partition)) {
                    if (record.offset() < end) {
                        visit.accept(partition, record);
                    }
                }
            }
            if (!records.isEmpty()) {
                lastProgress = System.nanoTime();
            } else if (System.nanoTime() - lastProgress > STALL_SECONDS * 1_000_000_000L) {
                throw new IllegalStateException("no progress for " + STALL_SECONDS + " s at " + open);
            }
        }
    }

    private Scan() {}
}
