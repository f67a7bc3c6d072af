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
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.errors.InvalidTxnStateException;
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
        AtomicReference<Exception> failure = new AtomicReference<>();
        Content content = new Content(spec);
        Spec.Random pace = new Spec.Random(~spec.seed, 0);
        long bytes = 0;
        long nextFlush = spec.flush == null ? Long.MAX_VALUE : spec.flush.pick(pace);
        Producer<byte[], byte[]> producer = open(settings, spec);
        try {
            for (long i = 0; i < spec.records; i++) {
                if (spec.transaction > 0 && i % spec.transaction == 0) {
                    if (!endTransaction(producer, spec, i / spec.transaction)) {
                        producer.close(Duration.ZERO);
                        producer = open(settings, spec);
                    }
                    producer.beginTransaction();
                }
                var record = content.record(spec.start + i);
                bytes += (record.key() == null ? 0 : record.key().length)
                    + (record.value() == null ? 0 : record.value().length);
                producer.send(record, (done, error) -> {
                    if (error != null) {
                        failure.compareAndSet(null, error);
                    }
                });
                if (i + 1 == nextFlush) {
                    producer.flush();
                    nextFlush += Math.max(1, spec.flush.pick(pace));
                }
                if (failure.get() != null) {
                    break;
                }
            }
            producer.flush();
            if (spec.transaction > 0) {
                endTransaction(producer, spec, (spec.records + spec.transaction - 1) / spec.transaction);
            }
        } finally {
            producer.close();
        }
        if (failure.get() != null) {
            throw new IllegalStateException("topic " + spec.topic + ": " + failure.get(), failure.get());
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
     * Ends transaction number `count` (from 1; there is none before the first): every abort-th is aborted, its records
     * written all the same. False: it has ended, but another producer must go on; a coordinator may answer
     * INVALID_TXN_STATE to an abort that it has carried out.
     */
    private static boolean endTransaction(Producer<byte[], byte[]> producer, Spec spec, long count) {
        if (count == 0) {
            return true;
        }
        if (spec.abort == 0 || count % spec.abort != 0) {
            producer.commitTransaction();
            return true;
        }
        producer.flush();
        try {
            producer.abortTransaction();
            return true;
        } catch (InvalidTxnStateException error) {
            return false;
        }
    }

    private Load() {}
}
