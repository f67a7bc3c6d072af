"""One data set copied by every contender, in interleaved rounds: relay, shunt on each loop, and again."""

import json

from . import contenders, loads, watch
from .bench import forget, machine
from .log_ends import LogEnds

RUN_SECONDS_AT_MOST = 900
QUICK_SHOWS_MM2_ON = ("lz4-json", "plain-256k")  # its start alone takes half a minute of a quick run's few


def measure(bench, source, target, load):
    before = machine()
    data = loads.put(bench, source, load, bench.options.size)
    bench.say(
        f"{load.name}: {data['records']:,} records, {data['log_bytes'] / 1e6:,.0f} MB in the log, "
        f"batches of {data['batch_bytes']:,} bytes"
    )
    part = {"kind": "copy", "data": data, "quick": bench.options.quick, "machine": before, "runs": []}
    copy = _Copy(bench, source, target, data, part["runs"])
    for round_number in range(bench.options.runs):
        if bench.wants("relay"):
            copy.relay(round_number)
        if bench.wants("shunt"):
            # Whoever goes first in a round goes last in the next.
            loops = bench.options.io[:: 1 if round_number % 2 == 0 else -1]
            for io in loops:
                copy.shunt(round_number, io)
    if bench.wants("relay"):
        copy.relay(bench.options.runs)
    for round_number in range(bench.options.slow_runs):
        if bench.wants("pipe"):
            copy.pipe(round_number)
        if bench.wants("mm2") and (not bench.options.quick or load.name in QUICK_SHOWS_MM2_ON):
            copy.mirror_maker(round_number)
    if bench.wants("shunt"):
        part["system_calls"] = copy.system_calls()
    source.delete_topic(load.name)
    return part


class _Copy:
    """The runs of one data set. The first copy of each contender is compared with the source, record by record."""

    def __init__(self, bench, source, target, data, runs):
        self.bench = bench
        self.source = source
        self.target = target
        self.data = data
        self.runs = runs
        self.compared = set()

    def relay(self, round_number):
        child, seconds = contenders.relay(self.bench, loads.log_files(self.source, self.data))
        own = json.loads(child.output.read_text())
        calls = own["receives"] + own["sends"]
        self._keep("relay", round_number, child, {"seconds": seconds, "cpu_seconds": child.cpu_seconds, "calls": calls})

    def shunt(self, round_number, io):
        topic = self.data["name"]
        child, target_topic, summary = contenders.shunt(self.bench, self.source, self.target, topic, io)
        with child:
            seen = self._follow(child, target_topic, ends_itself=True)
        result = {**seen, "seconds": child.seconds, "cpu_seconds": child.cpu_seconds}
        self._keep(f"shunt/{io}", round_number, child, {**result, "summary": json.loads(summary.read_text())})
        self._finish(f"shunt/{io}", target_topic, "--batches")

    def pipe(self, round_number):
        data = self.data
        child, target_topic = contenders.rdkafka_pipe(
            self.bench, self.source, self.target, data["name"], data["partitions"], data["codec"]
        )
        with child:
            seen = self._follow(child, target_topic, ends_itself=True)
        self._keep("pipe", round_number, child, {**seen, "seconds": child.seconds, "cpu_seconds": child.cpu_seconds})
        self._finish("pipe", target_topic, "--ignore-offsets")

    def mirror_maker(self, round_number):
        child, target_topic = contenders.mirror_maker(
            self.bench, self.source, self.target, self.data["name"], self.data["codec"]
        )
        with child:
            seen = self._follow(child, target_topic, ends_itself=False)
        seconds, cpu = seen["all_seconds"], seen["cpu_seconds_when_all_arrived"]
        self._keep("mm2", round_number, child, {**seen, "seconds": seconds, "cpu_seconds": cpu})
        self._finish("mm2", target_topic, "--ignore-offsets")

    def system_calls(self):
        """System calls per MB for each loop, from a run of its own."""
        counter = watch.CallCounter(self.bench.logs)
        if counter.how is None:
            return {"how": "not measured: neither perf nor strace can be used here"}
        result = {"how": counter.how}
        for io in self.bench.options.io:
            child, target_topic, _ = contenders.shunt(
                self.bench, self.source, self.target, self.data["name"], io, prefix=counter.prefix
            )
            with child:
                self._follow(child, target_topic, ends_itself=True)
            result[f"shunt/{io}"] = counter.count() / (self.data["log_bytes"] / 1e6)
            forget(self.target, target_topic, self.data["partitions"])
        return result

    def _follow(self, child, target_topic, ends_itself):
        with LogEnds(self.target.bootstrap, target_topic, self.data["partitions"]) as ends:
            return watch.follow(child, ends, self.data["records"], RUN_SECONDS_AT_MOST, ends_itself)

    def _keep(self, contender, round_number, child, result):
        gigabytes = self.data["log_bytes"] / 1e9
        result["contender"] = contender
        result["round"] = round_number
        result["peak_bytes"] = child.peak_bytes
        result["cpu_per_gb"] = result["cpu_seconds"] / gigabytes
        result["mb_per_second"] = gigabytes * 1000 / result["seconds"]
        if steady := result.get("steady"):
            steady["cpu_per_gb"] = steady["cpu_seconds"] / (gigabytes * steady["share"])
            steady["mb_per_second"] = gigabytes * 1000 * steady["share"] / steady["seconds"]
        self.runs.append(result)
        self.bench.say(
            f"{self.data['name']}: {contender}: {result['cpu_per_gb']:.3f} CPU s/GB, "
            f"{result['mb_per_second']:,.0f} MB/s, {child.peak_bytes / 1e6:,.0f} MB"
        )

    def _finish(self, contender, target_topic, *how):
        """Compares a contender's first copy with the source, then makes room."""
        if contender not in self.compared:
            self.bench.say(f"{self.data['name']}: comparing the copy of {contender} with the source")
            pair = f"{self.data['name']}={target_topic}"
            loads.judge(self.bench, "compare", "--source", self.source.bootstrap, "--target", self.target.bootstrap,
                        "--topic", pair, *how)  # fmt: skip
            self.compared.add(contender)
        forget(self.target, target_topic, self.data["partitions"])
