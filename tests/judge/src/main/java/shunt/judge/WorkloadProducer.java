package shunt.judge;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * One producer of a workload, in a thread of its own. A producer that its broker refuses, or that has waited for too
 * long, is replaced; what became of its last transaction is then unknown to it.
 */
final class WorkloadProducer extends Thread {
    private static final int COMMIT_ATTEMPTS = 3; // each max.block.ms

    private final Map<String, Object> client;
    private final WorkloadSpec spec;
    private final Spec.Random random;
    private final History history;
    private final CountDownLatch stopping;
    private volatile Exception failure;
    private long records;
    private long transactions;
    private int generation; // of the transactional id: an abandoned one is left to the coordinator
    private long due = System.nanoTime();

    WorkloadProducer(
        Map<String, Object> client, WorkloadSpec spec, long seed, History history, CountDownLatch stopping) {
        super(spec.name);
        this.client = client;
        this.spec = spec;
        this.random = new Spec.Random(seed, 0);
        this.history = history;
        this.stopping = stopping;
    }

    /** Why it ended before it was told to, or null. */
    Exception failure() {
        return failure;
    }

    @Override
    public void run() {
        try {
            while (!stopped()) {
                if (spec.transaction == null) {
                    writePlain();
                } else {
                    writeTransactions();
                }
            }
        } catch (Exception error) {
            failure = error;
        }
    }

    private boolean stopped() {
        return stopping.getCount() == 0;
    }

    private Producer<byte[], byte[]> open() {
        Map<String, Object> settings = new HashMap<>(client);
        settings.putAll(Map.of("compression.type", spec.codec, "batch.size", spec.batch, "linger.ms", spec.linger,
            "acks", "all", "enable.idempotence", true, "max.block.ms", 30_000, "request.timeout.ms", 10_000,
            "delivery.timeout.ms", 120_000, "buffer.memory", 1L << 20)); // what waits is soon written at the end
        if (spec.transaction != null) {
            settings.put("transactional.id", spec.name + "-" + spec.topic + "-" + generation);
            settings.put("transaction.timeout.ms", 20_000);
        }
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void writePlain() throws InterruptedException {
        try (Producer<byte[], byte[]> producer = open()) {
            while (!stopped()) {
                send(producer, "-");
            }
            producer.flush();
        } catch (KafkaException error) {
            // What was under way is in the history as failed; a new producer goes on.
        }
    }

    private void writeTransactions() throws InterruptedException {
        Producer<byte[], byte[]> producer = open();
        try {
            producer.initTransactions();
            while (!stopped()) {
                String name = spec.name + '#' + transactions++;
                String outcome = "unknown";
                try {
                    outcome = transaction(producer, name);
                } finally {
                    history.transaction(name, outcome);
                }
                if (outcome.equals("unknown")) {
                    return;
                }
            }
        } catch (KafkaException error) {
            // Fenced, or timed out: replaced by a new one of the same transactional id, which ends what is open.
        } finally {
            producer.close(Duration.ZERO);
        }
    }

    /** Writes one transaction; what became of it. */
    private String transaction(Producer<byte[], byte[]> producer, String name) throws InterruptedException {
        boolean abort = oneIn(spec.abort);
        boolean abandon = oneIn(spec.abandon);
        long heldUntil = System.nanoTime() + (oneIn(spec.hold) ? spec.holdMs * 1_000_000L : 0);
        producer.beginTransaction();
        int least = spec.transaction.pick(random);
        for (int sent = 0; sent < least || (System.nanoTime() < heldUntil && !stopped()); sent++) {
            send(producer, name);
        }
        if (abandon) {
            producer.flush();
            generation++;
            return "unknown";
        }
        if (abort) {
            producer.flush(); // its records reach the log, where readers must not see them
            producer.abortTransaction();
            return "aborted";
        }
        return commit(producer);
    }

    private static String commit(Producer<byte[], byte[]> producer) {
        for (int attempt = 1;; attempt++) {
            try {
                producer.commitTransaction();
                return "committed";
            } catch (TimeoutException error) {
                if (attempt == COMMIT_ATTEMPTS) { // only a commit may follow, so nothing is known
                    throw error;
                }
            } catch (KafkaException error) {
                producer.abortTransaction(); // throws again where the producer cannot go on
                return "aborted";
            }
        }
    }

    /** Sends the next record when it is due; the history has it once its fate is known. */
    private void send(Producer<byte[], byte[]> producer, String transaction) throws InterruptedException {
        due += 1_000_000_000L / spec.rate;
        long early = due - System.nanoTime();
        if (early > 0) {
            stopping.await(early, TimeUnit.NANOSECONDS);
        } else if (early < -1_000_000_000L) {
            due = System.nanoTime(); // what brokers have held up is not made good in a burst
        }
        ProducerRecord<byte[], byte[]> record = record();
        producer.send(record, (done, error) -> history.record(record, transaction, done, error));
    }

    private ProducerRecord<byte[], byte[]> record() {
        String id = spec.name + ':' + records++;
        int keyNumber = spec.keys > 0 ? random.below(spec.keys) : random.below(1 << 30);
        boolean hasKey = spec.keys > 0 || random.below(8) != 0;
        byte[] key = hasKey ? ("key-" + keyNumber).getBytes(StandardCharsets.UTF_8) : null;
        int partition = spec.keys > 0 ? keyNumber % spec.partitions : random.below(spec.partitions);
        long timestamp = System.currentTimeMillis() - random.below(2000);
        return new ProducerRecord<>(spec.topic, partition, timestamp, key, value(), headers(id));
    }

    /** Text and noise by halves; one in twelve is null, which on a compacted topic deletes its key, or empty. */
    private byte[] value() {
        int kind = random.below(24);
        byte[] value = kind == 0 ? null : new byte[kind == 1 ? 0 : spec.size.pick(random)];
        for (int i = 0; value != null && i < value.length; i++) {
            value[i] = (byte) (i % 2 == 0 ? 'a' + i % 26 : random.next());
        }
        return value;
    }

    private List<Header> headers(String id) {
        List<Header> headers = new ArrayList<>();
        headers.add(new RecordHeader(Fingerprint.ID, id.getBytes(StandardCharsets.UTF_8)));
        for (int more = random.below(4) - 1; more > 0; more--) {
            byte[] trace = Long.toHexString(random.next()).getBytes(StandardCharsets.US_ASCII);
            headers.add(new RecordHeader("trace", random.below(3) == 0 ? null : trace));
        }
        return headers;
    }

    private boolean oneIn(int count) {
        return count > 0 && random.below(count) == 0;
    }
}
