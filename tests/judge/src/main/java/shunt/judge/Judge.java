package shunt.judge;

import java.util.Arrays;

/**
 * Entry point: dispatches to a command, turns failures into one message and an exit code (1: judged unequal or failed,
 * 2: wrong usage).
 */
public final class Judge {
    private static final String HELP = """
        judge: loads Kafka clusters and compares them, with Kafka's own Java client.

          create-topic --bootstrap B --topic T... [--partitions 1] [--replication -1] [--config k=v]...
          load         --bootstrap B --spec topic=T,kind=json,records=1000,codec=lz4,...     (--spec for each topic)
          digest       --bootstrap B --topic T... [--isolation read_uncommitted] [--ignore-offsets]
          raw          --bootstrap B --topic T...               digests of batches as stored, below the client
          compare      --source B --target B --topic T or SOURCE=TARGET... [--ignore-offsets] [--batches]
                       [--ignore-time-types] [--isolation read_uncommitted] (of what is read on the source)
          end-offsets  --bootstrap B --topic T...
          workload     --bootstrap B --history FILE --producer name=N,topic=T,... [--seed 1]     (--producer for each)
                       producers that write until standard input ends, and what became of every record (History)
          view         --bootstrap B --topic T... --out FILE [--isolation read_uncommitted]     every record read (View)
          latency      --source B --target B --topic T [--target-topic T2] [--rate 1000] [--seconds 20] [--warmup 5]
                       [--size 1024] [--on source,target] [--wait 60]
          commit       --bootstrap B --set GROUP=TOPIC:PARTITION:OFFSET... [--metadata M] [--share]     for groups without members
          groups       --bootstrap B [--topic T...] [--isolation read_committed]
                       every group's offsets, and of these topics how many records follow and which is the next
          consume      --bootstrap B --group G --topic T... [--records N] [--protocol classic] [--reset none] [--hold]
                       a member of the group: reads, commits; --hold: stays until a line comes on standard input
          remote       --bootstrap TARGET [--alias SOURCE --group G...] [--policy CLASS]     what MirrorMaker 2's client says

        Any command: --properties FILE (client settings, e.g. SASL); with two clusters --source-properties and
        --target-properties. Results are JSON on standard output; differences go to standard error as well.

        load keys (defaults):
          topic, records=1000, partitions=1, seed=1, start=0 (first record number)
          kind=json|small|random|zeros (json), size=N or A..B (by kind), headers=0
          key=id|null|empty|mixed (id), value=full|null|empty|mixed (full)
          codec=none|gzip|snappy|lz4|zstd (none), batch=131072 (batch.size), linger=5 (ms)
          flush=A..B (flush after so many records: batches of uneven size)
          timestamp=START_MS+STEP_MS (1700000000000+1), spread=cycle|hash (cycle: record i to i mod partitions)
          idempotence=true|false (true), acks=all, transaction=N (commit every N records), abort=K (every K-th aborted)
        workload keys (defaults):
          name, topic, partitions=1, codec=none, rate=100 (records/s), size=20..400, keys=0 (so many different ones;
          0: random, or none), batch=16384, linger=5, transaction=A..B (records of one; none without), and, each as one
          transaction in so many: abort=0, hold=0 (kept open for hold-ms=1000), abandon=0 (left open by its producer)
        A missing topic of load is created with that many partitions and a max.message.bytes that takes its largest
        record.
        """;

    public static void main(String[] arguments) {
        if (arguments.length == 0 || arguments[0].equals("--help") || arguments[0].equals("help")) {
            System.out.print(HELP);
            System.exit(arguments.length == 0 ? 2 : 0);
        }
        int code;
        try {
            Options options = new Options(Arrays.asList(arguments).subList(1, arguments.length));
            code = switch (arguments[0]) {
                case "create-topic" -> Topics.create(options);
                case "end-offsets" -> Topics.endOffsets(options);
                case "load" -> Load.run(options);
                case "digest" -> Digest.run(options);
                case "raw" -> Raw.run(options);
                case "compare" -> Compare.run(options);
                case "latency" -> Latency.run(options);
                case "commit" -> Groups.commit(options);
                case "groups" -> Groups.run(options);
                case "consume" -> Consume.run(options);
                case "remote" -> Remote.run(options);
                case "view" -> View.run(options);
                case "workload" -> Workload.run(options);
                default -> throw new UsageException("unknown command " + arguments[0]);
            };
        } catch (UsageException error) {
            System.err.println("judge: " + error.getMessage() + " (judge --help shows the usage)");
            code = 2;
        } catch (Exception error) {
            Throwable cause = error;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            System.err.println("judge " + arguments[0] + ": " + cause);
            code = 1;
        }
        System.out.flush();
        System.exit(code);
    }

    private Judge() {}

    static final class UsageException extends RuntimeException {
        private static final long serialVersionUID = 1;

        UsageException(String message) {
            super(message);
        }
    }
}
