package shunt.judge;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Produces the records of each spec, several topics at a time; every record is acknowledged before it returns. */
final class Load {
    private static final int TOPICS_AT_A_TIME = 2;
    private static final int DEFAULT_MAX_MESSAGE_BYTES = 1048588;

    static int run(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        List<Spec> specs = options.some("spec").stream().map(Spec::new).toList();
        options.finish();
        long began = System.nanoTime();
        try (Admin admin = Admin.create(client)) {
            for (Spec spec : specs) {
                int needed = largest(spec) + 1024;
                Topics.ensure(admin, spec.topic, spec.partitions,
                    needed <= DEFAULT_MAX_MESSAGE_BYTES ? Map.of()
                                                        : Map.of("max.message.bytes", Integer.toString(needed)));
            }
            Topics.awaitLeaders(admin, specs.stream().map(spec -> spec.topic).toList());
        }
        ExecutorService pool = Executors.newFixedThreadPool(TOPICS_AT_A_TIME);
        List<Future<Long>> running = new ArrayList<>();
        for (Spec spec : specs) {
            running.add(pool.submit(() -> load(client, spec)));
        }
        Map<String, Object> topics = new LinkedHashMap<>();
        long records = 0;
        long bytes = 0;
        for (int i = 0; i < specs.size(); i++) {
            long size = running.get(i).get();
            records += specs.get(i).records;
            bytes += size;
            topics.put(specs.get(i).topic, Map.of("records", specs.get(i).records, "bytes", size));
        }
        pool.shutdown();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("records", records);
        result.put("bytes", bytes);
        result.put("seconds", Math.round((System.nanoTime() - began) / 1e6) / 1e3);
        result.put("topics", topics);
        Json.print(result);
        return 0;
    }

    private static int largest(Spec spec) {
        return Math.max(spec.batch, spec.size.high() + 512 + spec.headers * 128);
    }

    private static long load(Map<String, Object> client, Spec spec) {
        Map<String, Object> settings = new HashMap<>(client);
        settings.putAll(Map.of("compression.type", spec.codec, "batch.size", spec.batch, "linger.ms", spec.linger,
            "enable.idempotence", spec.idempotence, "acks", spec.acks, "max.request.size", largest(spec) + 65536,
            "buffer.memory", Math.max(64L << 20, 4L * largest(spec)), "max.block.ms", 120_000));
        if (spec.transaction > 0) {
            settings.put("transactional.id", "judge-" + spec.topic);
        }
        Writing writing = new Writing(spec);
        long step = spec.transaction > 0 ? spec.transaction : spec.records;
        long bytes = 0;
        Producer<byte[], byte[]> producer = open(settings, spec);
        try {
            for (long first = 0; first < spec.records;) {
                long end = Math.min(first + step, spec.records);
                try {
                    writing.write(producer, first, end);
                } catch (KafkaException error) {
                    if (!isInvalidState(error)) {
                        throw error;
                    }
                    producer.close(Duration.ZERO);
                    producer = open(settings, spec); // whatever was open has ended then
                    if (!writing.isAborted(first) && !isCommitted(client, writing.last.get())) {
                        continue;
                    }
                }
                bytes += writing.bytes;
                first = end;
            }
        } finally {
            producer.close();
        }
        return bytes;
    }

    private static Producer<byte[], byte[]> open(Map<String, Object> settings, Spec spec) {
        Producer<byte[], byte[]> producer =
            new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        if (spec.transaction > 0) {
            producer.initTransactions();
        }
        return producer;
    }

    /**
     * A coordinator that is short of time may answer INVALID_TXN_STATE in the middle of a transaction, or to the end of
     * one that it has ended (Kafka 4, transaction.version 2), and the producer cannot go on.
     */
    private static boolean isInvalidState(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof InvalidTxnStateException) {
                return true;
            }
        }
        return false;
    }

    /** Whether readers of what was committed see that record; its transaction has ended. */
    private static boolean isCommitted(Map<String, Object> client, RecordMetadata record) {
        if (record == null) {
            return false;
        }
        Map<String, Object> settings = new HashMap<>(client);
        settings.putAll(Map.of("isolation.level", "read_committed", "max.poll.records", 1));
        TopicPartition partition = new TopicPartition(record.topic(), record.partition());
        try (Consumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, record.offset());
            while (consumer.position(partition) == record.offset()) {
                for (ConsumerRecord<byte[], byte[]> seen : consumer.poll(Duration.ofMillis(200))) {
                    return seen.offset() == record.offset();
                }
            }
        }
        return false;
    }

    /** A spec's records, one transaction after the other; without transactions all of them at once. */
    private static final class Writing {
        private final Spec spec;
        private final Content content;
        private final Spec.Random pace;
        private final AtomicReference<Exception> failure = new AtomicReference<>();
        private final AtomicReference<RecordMetadata> last = new AtomicReference<>();
        private long nextFlush;
        private long bytes; // of keys and values, of the last call of write()

        Writing(Spec spec) {
            this.spec = spec;
            content = new Content(spec);
            pace = new Spec.Random(~spec.seed, 0);
            nextFlush = spec.flush == null ? Long.MAX_VALUE : spec.flush.pick(pace);
        }

        /** Of the transactions every abort-th is aborted, its records written all the same. */
        boolean isAborted(long first) {
            return spec.transaction > 0 && spec.abort > 0 && (first / spec.transaction + 1) % spec.abort == 0;
        }

        void write(Producer<byte[], byte[]> producer, long first, long end) {
            failure.set(null);
            last.set(null);
            bytes = 0;
            if (spec.transaction > 0) {
                producer.beginTransaction();
            }
            for (long i = first; i < end && failure.get() == null; i++) {
                var record = content.record(spec.start + i);
                bytes += (record.key() == null ? 0 : record.key().length)
                    + (record.value() == null ? 0 : record.value().length);
                producer.send(record, (done, error) -> {
                    if (error != null) {
                        failure.compareAndSet(null, error);
                    } else {
                        last.set(done);
                    }
                });
                if (i + 1 == nextFlush) {
                    producer.flush();
                    nextFlush += Math.max(1, spec.flush.pick(pace));
                }
            }
            producer.flush();
            if (failure.get() != null) {
                throw new KafkaException("topic " + spec.topic + ": " + failure.get(), failure.get());
            }
            if (spec.transaction > 0 && isAborted(first)) {
                producer.abortTransaction();
            } else if (spec.transaction > 0) {
                producer.commitTransaction();
            }
        }
    }

    private Load() {}
}
