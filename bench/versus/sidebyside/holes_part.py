"""A compacted topic with a million offsets that have no record, copied with identical offsets."""

import json
import subprocess
import time

from . import contenders, loads
from .bench import forget, machine
from .log_ends import LogEnds
from .watch import Child

# The cleaner is never far behind.
SOURCE_PROPERTIES = {
    "log.cleaner.backoff.ms": "100",
    "log.cleaner.min.cleanable.ratio": "0.01",
    "log.cleaner.delete.retention.ms": "0",
}
TOPIC = "compacted"
KEYS = 5_000
SECONDS_AT_MOST = 600


def measure(bench, source, target):
    end = _load(bench, source, 100_000 if bench.options.quick else 1_000_000)
    part = {"kind": "holes", "quick": bench.options.quick, "machine": machine(), "log_end": end, "runs": []}
    for round_number in range(1 if bench.options.quick else 3):
        for io in bench.options.io:
            child, target_topic, summary = contenders.shunt(bench, source, target, TOPIC, io)
            with child:
                child.wait(SECONDS_AT_MOST)
            said = json.loads(summary.read_text())
            if round_number == 0:
                loads.judge(bench, "compare", "--source", source.bootstrap, "--target", target.bootstrap,
                            "--topic", f"{TOPIC}={target_topic}")  # fmt: skip
            forget(target, target_topic, 1)
            result = {"contender": f"shunt/{io}", "round": round_number, "seconds": child.seconds,
                      "cpu_seconds": child.cpu_seconds, "holes": said["filled_offsets"],
                      "records": said["records"]}  # fmt: skip
            part["runs"].append(result)
            bench.say(f"holes: {io}: {result['holes']:,} offsets filled in {child.seconds:.1f} s")
    source.delete_topic(TOPIC)
    return part


def _load(bench, source, holes):
    """Records of few keys, until compaction has taken so many of them. Where the log ends."""
    source.create_topic(TOPIC, 1, configs={"cleanup.policy": "compact", "segment.bytes": str(1 << 20)})
    producer = f"name=updates,topic={TOPIC},rate=50000,size=50..100,keys={KEYS},linger=20,batch=65536"
    command = [bench.root / "tests" / "judge" / "judge", "workload", "--bootstrap", source.bootstrap, "--seed", "1",
               "--history", "/dev/null", "--producer", producer]  # fmt: skip
    workload = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    with LogEnds(source.bootstrap, TOPIC, 1) as ends:
        try:
            _until(lambda: ends.total() > 1.15 * holes, "the records are written")
        finally:
            workload.stdin.close()
            workload.wait(SECONDS_AT_MOST)
        end = ends.total()
    _until(lambda: end - _records(bench, source) > holes, "the cleaner has taken enough")
    # It would go on between two looks at the source.
    argv = source.java_command(
        "kafka.admin.ConfigCommand", "--bootstrap-server", source.bootstrap, "--alter", "--entity-type", "topics",
        "--entity-name", TOPIC, "--add-config", "cleanup.policy=delete,retention.ms=-1",
    )  # fmt: skip
    with Child(argv, bench.logs / "holes-config.log") as child:
        child.wait(60)
    return end


def _records(bench, source):
    digests = loads.judge(bench, "digest", "--bootstrap", source.bootstrap, "--topic", TOPIC)
    return sum(one["records"] for one in digests[TOPIC].values())


def _until(condition, what):
    deadline = time.monotonic() + SECONDS_AT_MOST
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {SECONDS_AT_MOST} s: {what}")
        time.sleep(0.5)
