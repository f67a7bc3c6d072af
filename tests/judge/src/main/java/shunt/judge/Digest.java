package shunt.judge;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/**
 * A partition as a consumer sees it, condensed: count, first and last offset, and SHA-256 over everything a record
 * holds.
 */
final class Digest {
    private final MessageDigest hash;
    private final ByteBuffer scratch = ByteBuffer.allocate(32);
    private final boolean withOffsets;
    private final boolean withTimeTypes;
    long records;
    long bytes;
    long first = -1;
    long last = -1;
    long begin;
    long end;

    Digest(boolean withOffsets, boolean withTimeTypes) {
        this.withOffsets = withOffsets;
        this.withTimeTypes = withTimeTypes;
        try {
            hash = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }

    void add(ConsumerRecord<byte[], byte[]> record) {
        first = records == 0 ? record.offset() : first;
        last = record.offset();
        records++;
        scratch.clear();
        scratch.putLong(withOffsets ? record.offset() : 0)
            .putLong(record.timestamp())
            .put((byte) (withTimeTypes ? record.timestampType().id : 0));
        hash.update(scratch.array(), 0, scratch.position());
        field(record.key());
        field(record.value());
        for (Header header : record.headers()) {
            field(header.key().getBytes(java.nio.charset.StandardCharsets.UTF_8));
            field(header.value());
        }
        hash.update((byte) 0xff); // ends the record: a header cannot be taken for the next record's key
    }

    /** Length first (-1 for null), so that no two different records feed the same bytes. */
    private void field(byte[] data) {
        scratch.clear();
        scratch.put((byte) 1).putInt(data == null ? -1 : data.length);
        hash.update(scratch.array(), 0, scratch.position());
        if (data != null) {
            hash.update(data);
            bytes += data.length;
        }
    }

    Map<String, Object> finish() {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("records", records);
        result.put("bytes", bytes);
        result.put("first", first);
        result.put("last", last);
        result.put("begin", begin);
        result.put("end", end);
        result.put("sha256", HexFormat.of().formatHex(hash.digest()));
        return result;
    }

    /** Digests of all partitions of the topics, by topic and partition. */
    static Map<String, Map<Integer, Map<String, Object>>> of(
        Map<String, Object> client, List<String> topics, String isolation, boolean withOffsets,
        boolean withTimeTypes) {
        Map<TopicPartition, Digest> digests = new LinkedHashMap<>();
        try (Consumer<byte[], byte[]> consumer = Scan.consumer(client, isolation)) {
            List<TopicPartition> partitions = Topics.partitions(consumer, topics);
            partitions.forEach(partition -> digests.put(partition, new Digest(withOffsets, withTimeTypes)));
            consumer.beginningOffsets(partitions).forEach((partition, offset) -> digests.get(partition).begin = offset);
            Scan.read(consumer, partitions, (partition, record) -> digests.get(partition).add(record))
                .forEach((partition, offset) -> digests.get(partition).end = offset);
        }
        Map<String, Map<Integer, Map<String, Object>>> result = new LinkedHashMap<>();
        digests.forEach((partition, digest)
                            -> result.computeIfAbsent(partition.topic(), unused -> new TreeMap<>())
                                   .put(partition.partition(), digest.finish()));
        return result;
    }

    static int run(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> topics = options.some("topic");
        String isolation = options.or("isolation", "read_uncommitted");
        boolean withOffsets = !options.flag("ignore-offsets");
        options.finish();
        Json.print(of(client, topics, isolation, withOffsets, true));
        return 0;
    }
}
