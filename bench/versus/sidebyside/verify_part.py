"""`shunt verify` of a finished copy, beside a Java consumer that reads the source alone and hashes what it reads."""

import json

from . import contenders, loads
from .bench import forget, machine
from .watch import Child

VERIFIED = ("lz4-json", "plain-256k")
SECONDS_AT_MOST = 900


def measure(bench, source, target):
    part = {"kind": "verify", "quick": bench.options.quick, "machine": machine(), "data": [], "runs": []}
    for load in (one for one in loads.LOADS if one.name in VERIFIED):
        data = loads.put(bench, source, load, bench.options.size)
        part["data"].append(data)
        copier, target_topic, _ = contenders.shunt(bench, source, target, load.name, bench.options.io[0])
        with copier:
            copier.wait(SECONDS_AT_MOST)
        for round_number in range(bench.options.runs):
            part["runs"].append(_verify(bench, data, target_topic, round_number))
            if round_number < bench.options.slow_runs:
                part["runs"].append(_digest(bench, source, data, round_number))
        forget(target, target_topic, data["partitions"])
        source.delete_topic(load.name)
    return part


def _verify(bench, data, target_topic, round_number):
    with contenders.shunt_verify(bench, target_topic) as child:
        child.wait(SECONDS_AT_MOST)
    verdict = json.loads(child.output.read_text())
    if not verdict["equal"] or verdict["records"] != data["records"]:
        child.failed(f"compared {verdict['records']} of {data['records']} records")
    return _kept(bench, "verify", child, data, round_number, sides=2)


def _digest(bench, source, data, round_number):
    alias = bench.fresh_alias("digest")
    argv = [bench.root / "tests" / "judge" / "judge", "digest", "--bootstrap", source.bootstrap, "--topic", data["name"]]
    with Child(argv, bench.logs / f"{alias}.log", bench.logs / f"{alias}.json") as child:
        child.wait(SECONDS_AT_MOST)
    return _kept(bench, "digest", child, data, round_number, sides=1)


def _kept(bench, contender, child, data, round_number, sides):
    gigabytes = sides * data["log_bytes"] / 1e9
    result = {
        "contender": contender,
        "data": data["name"],
        "round": round_number,
        "cpu_seconds": child.cpu_seconds,
        "seconds": child.seconds,
        "peak_bytes": child.peak_bytes,
        "cpu_per_gb": child.cpu_seconds / gigabytes,
    }
    bench.say(f"verify: {data['name']}: {contender}: {result['cpu_per_gb']:.3f} CPU s/GB read")
    return result
