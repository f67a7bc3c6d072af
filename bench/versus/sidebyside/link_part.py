"""One partition to a target 100 ms away: delay_proxy stands before the target broker, which advertises the proxy's
port, so that every byte of every connection to it takes 50 ms each way.

Throughput is taken between the first and the last record seen in the target's log (asked past the proxy), or over a
bounded time for a contender that would take hours.
"""

import contextlib
import json
import time

from shuntlab.layout import HOST, free_ports

from . import contenders, loads
from .bench import forget, machine
from .log_ends import LogEnds
from .watch import Child

ONE_WAY_MS = 50


@contextlib.contextmanager
def long_link(bench, one_way_ms=ONE_WAY_MS):
    """A cluster whose advertised address is that far away."""
    broker_port, proxy_port = free_ports(2)
    argv = [bench.program("delay_proxy"), "--listen", proxy_port, "--connect", f"{HOST}:{broker_port}",
            "--delay-ms", one_way_ms]  # fmt: skip
    settings = {"port": broker_port, "properties": {"advertised.listeners": f"PLAINTEXT://{HOST}:{proxy_port}"}}
    with Child(argv, bench.logs / "delay-proxy.log", bench.logs / "delay-proxy.json") as proxy:
        with bench.clusters("far", far=settings) as (far,):
            yield _Far(far, proxy_port), proxy


class _Far:
    """The far cluster as a mirror is told of it: through the proxy. All else is asked of the broker itself."""

    def __init__(self, cluster, proxy_port):
        self.near = cluster
        self.bootstrap = f"{HOST}:{proxy_port}"

    def __getattr__(self, name):
        return getattr(self.near, name)


def measure(bench, source):
    part = {"kind": "link", "quick": bench.options.quick, "machine": machine(), "round_trip_ms": 2 * ONE_WAY_MS}
    part["runs"] = []
    part["data"] = []
    slow_seconds = 60
    rounds = 1 if bench.options.quick else 3
    with long_link(bench) as (far, proxy):
        for load in loads.LINK_LOADS[: 1 if bench.options.quick else None]:
            data = loads.put(bench, source, load, bench.options.size * (2 if load.name.endswith("256k") else 1))
            part["data"].append(data)
            for round_number in range(rounds):
                for contender in _contenders(bench, round_number):
                    run = _run(bench, source, far, data, contender, slow_seconds)
                    part["runs"].append({**run, "round": round_number})
                    if not proxy.look():
                        proxy.failed("the delay proxy ended")
            source.delete_topic(load.name)
    part["runs"].sort(key=lambda run: run["data"])
    return part


def _contenders(bench, round_number):
    if bench.wants("shunt"):
        yield from (f"shunt/{io}" for io in bench.options.io)
    if bench.wants("mm2") and round_number == 0:
        yield from ("mm2 tuned",) if bench.options.quick else ("mm2 defaults", "mm2 tuned")


def _run(bench, source, far, data, contender, slow_seconds):
    topic = data["name"]
    if contender.startswith("shunt/"):
        child, target_topic, summary = contenders.shunt(bench, source, far, topic, contender.split("/")[1])
    else:
        template = f"mm2-{contender.split()[1]}.properties.in"
        child, target_topic = contenders.mirror_maker(bench, source, far, topic, data["codec"], template)
        summary = None
    with child, LogEnds(far.near.bootstrap, target_topic, 1) as ends:
        seen = _throughput(child, ends, data["records"], None if summary else slow_seconds)
        if summary:
            child.wait(300)
    result = {"contender": contender, "data": topic, "peak_bytes": child.peak_bytes, **seen}
    result["mb_per_second"] = data["log_bytes"] / 1e6 * seen["share"] / seen["seconds"]
    if summary:
        result["summary"] = json.loads(summary.read_text())
        loads.judge(bench, "compare", "--source", source.bootstrap, "--target", far.bootstrap,
                    "--topic", f"{topic}={target_topic}", "--batches")  # fmt: skip
    forget(far, target_topic, 1)
    bench.say(f"{topic} over 100 ms: {contender}: {result['mb_per_second']:.2f} MB/s")
    return result


def _throughput(child, ends, records, at_most_seconds):
    """Share of the records that arrived after the first ones were seen, and the seconds that took."""
    first = None
    deadline = time.monotonic() + 600
    while True:
        running = child.look()
        seen = ends.total()
        now = time.monotonic()
        if first is None and seen > 0:
            first = (now, seen)
        enough = first and at_most_seconds and now - first[0] >= at_most_seconds and seen > first[1]
        if seen >= records or enough:
            break
        if not running:
            child.failed(f"ended with exit code {child.code} when the target had {seen} of {records} records")
        if now > deadline:
            child.failed(f"the target has {seen} of {records} records after 600 s")
        time.sleep(0.01)
    # All at once in one look: the stretch from exec is the only one there is.
    begin, before = first if first[1] < seen else (child.began, 0)
    return {
        "first_record_seconds": first[0] - child.began,
        "seconds": now - begin,
        "share": (seen - before) / records,
        "complete": seen >= records,
    }
