"""End-to-end latency at 1,000 records a second: from the moment a record was due to be sent to its arrival at a
consumer on the target, beside a consumer on the source itself in the same run and process (the judge's).
"""

import threading
import time

from . import contenders, loads
from .bench import forget, machine
from .log_ends import LogEnds

RATE = 1000
RECORD_BYTES = 1024
WARM_UP_SECONDS = 10


def measure(bench, source, target):
    part = {"kind": "latency", "quick": bench.options.quick, "machine": machine(), "runs": [], "rate": RATE}
    part["seconds"] = 8 if bench.options.quick else 30
    part["record_bytes"] = RECORD_BYTES
    rounds = 1 if bench.options.quick else 3
    for round_number in range(rounds):
        if bench.wants("shunt"):
            for io in bench.options.io:
                part["runs"].append(_run(bench, source, target, f"shunt/{io}", round_number, part["seconds"]))
        if bench.wants("mm2") and round_number == 0:
            part["runs"].append(_run(bench, source, target, "mm2", round_number, part["seconds"]))
    return part


def _run(bench, source, target, contender, round_number, seconds):
    topic = f"latency-{contender.replace('/', '-')}-{round_number}"
    source.create_topic(topic)
    if contender == "mm2":
        # A consumer that does not wait for more and a producer that does not linger.
        child, target_topic = contenders.mirror_maker(bench, source, target, topic, "none", linger_ms=0)
    else:
        io = contender.split("/")[1]
        child, target_topic, _ = contenders.shunt(bench, source, target, topic, io, until_caught_up=False)
    with child, LogEnds(source.bootstrap, topic, 1) as ends:
        meter = _Meter(child, ends, RATE * WARM_UP_SECONDS, RATE * (WARM_UP_SECONDS + seconds))
        meter.start()
        answer = loads.judge(
            bench, "latency", "--source", source.bootstrap, "--target", target.bootstrap, "--topic", topic,
            "--target-topic", target_topic, "--rate", RATE, "--warmup", WARM_UP_SECONDS, "--seconds", seconds,
            "--size", RECORD_BYTES, "--wait", 120,
        )  # fmt: skip
        meter.join()
        if not child.look():
            child.failed(f"ended with exit code {child.code} while it should mirror")
    result = {
        "contender": contender,
        "round": round_number,
        "source": answer["source"],
        "target": answer["target"],
        "cpu_share": meter.share,
        "peak_bytes": child.peak_bytes,
    }
    forget(target, target_topic, 1)
    source.delete_topic(topic)
    bench.say(
        f"latency: {contender}: p50 {answer['target']['p50_ms']} ms, p99 {answer['target']['p99_ms']} ms "
        f"(source {answer['source']['p50_ms']}, {answer['source']['p99_ms']}), {meter.share:.3f} cores"
    )
    return result


class _Meter(threading.Thread):
    """CPU share of a contender between two counts of records on the source: the measured stretch, without warm-up."""

    def __init__(self, child, ends, first, last):
        super().__init__(daemon=True)
        self._child = child
        self._ends = ends
        self._first = first
        self._last = last
        self.share = float("nan")

    def run(self):
        began = None
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and self._child.look():
            now = (time.monotonic(), self._child.cpu_now())
            seen = self._ends.total()
            if began is None and seen >= self._first:
                began = now
            if began is not None and seen >= self._last * 0.98:
                self.share = (now[1] - began[1]) / (now[0] - began[0])
                return
            time.sleep(0.05)
