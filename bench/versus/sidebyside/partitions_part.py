"""Memory and start with 1,000 partitions: peak resident set, time to the first record and to the last."""

import json

from . import contenders, loads, watch
from .bench import forget, machine
from .log_ends import LogEnds


def measure(bench, source, target):
    load = loads.MANY_PARTITIONS
    data = loads.put(bench, source, load, 50 if bench.options.quick else 500)
    part = {"kind": "partitions", "quick": bench.options.quick, "machine": machine(), "data": data, "runs": []}
    for round_number in range(1 if bench.options.quick else 3):
        if bench.wants("shunt"):
            for io in bench.options.io:
                part["runs"].append(_run(bench, source, target, data, f"shunt/{io}", round_number))
        if bench.wants("mm2") and round_number == 0:
            part["runs"].append(_run(bench, source, target, data, "mm2", round_number))
    source.delete_topic(load.name)
    return part


def _run(bench, source, target, data, contender, round_number):
    summary = None
    if contender == "mm2":
        child, target_topic = contenders.mirror_maker(bench, source, target, data["name"], data["codec"])
    else:
        child, target_topic, summary = contenders.shunt(
            bench, source, target, data["name"], contender.split("/")[1]
        )
    with child, LogEnds(target.bootstrap, target_topic, data["partitions"]) as ends:
        seen = watch.follow(child, ends, data["records"], 900, ends_itself=summary is not None)
    result = {"contender": contender, "round": round_number, "peak_bytes": child.peak_bytes, **seen}
    if summary:
        result["summary"] = json.loads(summary.read_text())
        if round_number == 0:
            loads.judge(bench, "compare", "--source", source.bootstrap, "--target", target.bootstrap,
                        "--topic", f"{data['name']}={target_topic}")  # fmt: skip
    forget(target, target_topic, data["partitions"])
    bench.say(
        f"1,000 partitions: {contender}: {child.peak_bytes / 2**20:,.1f} MiB, "
        f"first record after {seen['first_record_seconds']:.2f} s, all after {seen['all_seconds']:.2f} s"
    )
    return result
