package shunt.judge;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/**
 * Producers that write until standard input ends, whatever brokers do meanwhile, and leave a history of what they were
 * told. Their topics exist already.
 */
final class Workload {
    static int run(Options options) throws Exception {
        Map<String, Object> client = options.client("bootstrap");
        long seed = options.number("seed", 1);
        List<String> specs = options.some("producer");
        String file = options.one("history");
        options.finish();
        CountDownLatch stopping = new CountDownLatch(1);
        try (History history = new History(file)) {
            List<WorkloadProducer> producers = new ArrayList<>();
            for (String text : specs) {
                WorkloadSpec spec = new WorkloadSpec(text);
                producers.add(new WorkloadProducer(client, spec, seed + producers.size(), history, stopping));
            }
            producers.forEach(Thread::start);
            while (System.in.read() >= 0) {
                // Until whoever started us closes it.
            }
            stopping.countDown();
            for (WorkloadProducer producer : producers) {
                producer.join();
                if (producer.failure() != null) {
                    throw new IllegalStateException(producer.getName() + ": " + producer.failure(), producer.failure());
                }
            }
            Json.print(history.counts());
        }
        return 0;
    }

    private Workload() {}
}
