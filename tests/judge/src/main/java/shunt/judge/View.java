package shunt.judge;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;

/**
 * Topics as a consumer of one isolation level sees them, written as tab-separated lines for tests/chaos/history.py:
 *
 *   partition TOPIC PARTITION BEGIN END     the end as this isolation level has it
 *   record TOPIC PARTITION OFFSET TIMESTAMP TIMESTAMP_TYPE KEY VALUE HEADERS ID     (Fingerprint's columns)
 */
final class View {
    static int run(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> topics = options.some("topic");
        String isolation = options.or("isolation", "read_uncommitted");
        String file = options.one("out");
        options.finish();
        long[] records = {0};
        try (PrintWriter out = new PrintWriter(file, StandardCharsets.UTF_8);
             Consumer<byte[], byte[]> consumer = Scan.consumer(client, isolation)) {
            List<TopicPartition> partitions = Topics.partitions(consumer, topics);
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions);
            Map<TopicPartition, Long> ends = Scan.read(consumer, partitions, (partition, record) -> {
                records[0]++;
                out.println("record\t" + partition.topic() + '\t' + partition.partition() + '\t' + record.offset()
                    + '\t' + record.timestamp() + '\t' + record.timestampType() + '\t'
                    + Fingerprint.columns(record.key(), record.value(), record.headers()) + '\t'
                    + Fingerprint.idOf(record.headers()));
            });
            for (TopicPartition partition : partitions) {
                out.println("partition\t" + partition.topic() + '\t' + partition.partition() + '\t'
                    + begins.get(partition) + '\t' + ends.get(partition));
            }
            if (out.checkError()) {
                throw new java.io.IOException("cannot write " + file);
            }
        }
        Json.print(Map.of("records", records[0]));
        return 0;
    }

    private View() {}
}
