package shunt.judge;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * Batches as the broker stores them, fetched below the consumer (Fetch v12, plaintext): offsets, count, codec,
 * timestamps, and a digest of the payload behind the 61 header bytes. What a mirror may not change, and nothing of what
 * it must (producer id, leader epoch, CRC).
 */
final class Raw {
    private static final short FETCH = 1;
    private static final short FETCH_VERSION = 12;
    private static final int HEADER_BYTES = 61;

    /** One batch; equal batches are equal in all a consumer or a later mirror could notice. */
    record Batch(long baseOffset, long lastOffset, int count, String codec, long baseTimestamp, long maxTimestamp,
        boolean control, int bytes, String payload) {}

    static int run(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<String> topics = options.some("topic");
        options.finish();
        Map<String, Map<Integer, Object>> result = new LinkedHashMap<>();
        for (var entry : read(client, topics).entrySet()) {
            MessageDigest hash = MessageDigest.getInstance("SHA-256");
            long bytes = 0;
            for (Batch batch : entry.getValue()) {
                hash.update(batch.toString().getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                bytes += batch.bytes();
            }
            result.computeIfAbsent(entry.getKey().topic(), unused -> new TreeMap<>())
                .put(entry.getKey().partition(),
                    Map.of("batches", entry.getValue().size(), "bytes", bytes, "sha256",
                        HexFormat.of().formatHex(hash.digest())));
        }
        Json.print(result);
        return 0;
    }

    /** Reports every partition whose batches differ; topics maps source names to target names. */
    static void compare(Map<String, Object> source, Map<String, Object> target, Map<String, String> topics,
        Consumer<String> differ) throws Exception {
        var expected = read(source, List.copyOf(topics.keySet()));
        var actual = read(target, List.copyOf(topics.values()));
        expected.forEach((partition, batches) -> {
            TopicPartition there = new TopicPartition(topics.get(partition.topic()), partition.partition());
            List<Batch> copies = actual.getOrDefault(there, List.of());
            for (int i = 0; i < Math.max(batches.size(), copies.size()); i++) {
                Batch a = i < batches.size() ? batches.get(i) : null;
                Batch b = i < copies.size() ? copies.get(i) : null;
                if (a == null || !a.equals(b)) {
                    differ.accept(there + ": batch number " + i + " is " + b + " instead of " + a);
                    return;
                }
            }
        });
    }

    private static Map<TopicPartition, List<Batch>> read(Map<String, Object> client, List<String> topics)
        throws Exception {
        Map<TopicPartition, Node> leaders = new LinkedHashMap<>();
        try (Admin admin = Admin.create(client)) {
            admin.describeTopics(topics).allTopicNames().get().forEach(
                (topic, description)
                    -> description.partitions().forEach(partition
                        -> leaders.put(new TopicPartition(topic, partition.partition()), partition.leader())));
        }
        Map<TopicPartition, List<Batch>> result = new LinkedHashMap<>();
        try (org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> consumer =
                 Scan.consumer(client, "read_uncommitted")) {
            Map<TopicPartition, Long> begin = consumer.beginningOffsets(leaders.keySet());
            Map<TopicPartition, Long> end = consumer.endOffsets(leaders.keySet());
            for (var entry : leaders.entrySet()) {
                try (Socket socket = new Socket(entry.getValue().host(), entry.getValue().port())) {
                    socket.setSoTimeout(60_000);
                    result.put(entry.getKey(),
                        partition(socket, entry.getKey(), begin.get(entry.getKey()), end.get(entry.getKey())));
                }
            }
        }
        return result;
    }

    private static List<Batch> partition(Socket socket, TopicPartition partition, long offset, long end)
        throws Exception {
        List<Batch> batches = new ArrayList<>();
        long position = offset;
        while (position < end) {
            MemoryRecords records = fetch(socket, partition, position);
            long before = position;
            for (RecordBatch batch : records.batches()) {
                if (batch.baseOffset() < end && batch.lastOffset() >= position) {
                    batches.add(condense(batch));
                    position = batch.nextOffset();
                }
            }
            if (position == before) {
                throw new IllegalStateException(
                    partition + ": no batch at offset " + position + " although the log ends at " + end);
            }
        }
        return batches;
    }

    private static Batch condense(RecordBatch batch) throws Exception {
        ByteBuffer bytes = ByteBuffer.allocate(batch.sizeInBytes());
        batch.writeTo(bytes);
        MessageDigest hash = MessageDigest.getInstance("SHA-256");
        int header = batch.magic() >= RecordBatch.MAGIC_VALUE_V2 ? HEADER_BYTES : 12;
        hash.update(bytes.array(), header, bytes.position() - header);
        Integer count = batch.countOrNull();
        // Offset 27: the header field baseTimestamp.
        long baseTimestamp = header == HEADER_BYTES ? bytes.getLong(27) : -1;
        return new Batch(batch.baseOffset(), batch.lastOffset(), count == null ? -1 : count,
            batch.compressionType().name, baseTimestamp, batch.maxTimestamp(), batch.isControlBatch(),
            batch.sizeInBytes(), HexFormat.of().formatHex(hash.digest()));
    }

    private static MemoryRecords fetch(Socket socket, TopicPartition partition, long offset) throws IOException {
        FetchRequestData request =
            new FetchRequestData().setMaxWaitMs(1000).setMinBytes(1).setMaxBytes(32 << 20).setTopics(
                List.of(new FetchRequestData.FetchTopic()
                            .setTopic(partition.topic())
                            .setPartitions(List.of(new FetchRequestData.FetchPartition()
                                                       .setPartition(partition.partition())
                                                       .setFetchOffset(offset)
                                                       .setPartitionMaxBytes(16 << 20)))));
        RequestHeaderData header =
            new RequestHeaderData().setRequestApiKey(FETCH).setRequestApiVersion(FETCH_VERSION).setClientId("judge");
        ByteBuffer head = MessageUtil.toByteBufferAccessor(header, (short) 2).buffer();
        ByteBuffer body = MessageUtil.toByteBufferAccessor(request, FETCH_VERSION).buffer();
        ByteBuffer frame = ByteBuffer.allocate(4 + head.remaining() + body.remaining())
                               .putInt(head.remaining() + body.remaining())
                               .put(head)
                               .put(body);
        OutputStream out = socket.getOutputStream();
        out.write(frame.array());
        out.flush();

        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        ByteBufferAccessor reader = new ByteBufferAccessor(ByteBuffer.wrap(answer));
        new ResponseHeaderData(reader, (short) 1);
        FetchResponseData response = new FetchResponseData(reader, FETCH_VERSION);
        Errors.forCode(response.errorCode()).maybeThrow();
        FetchResponseData.PartitionData data = response.responses().get(0).partitions().get(0);
        Errors.forCode(data.errorCode()).maybeThrow();
        return (MemoryRecords) data.records();
    }

    private Raw() {}
}
