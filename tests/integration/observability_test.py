"""What shunt tells of itself agrees with what the clusters hold."""

import json
import re
import signal
import urllib.request

from harness import integration


@integration(timeout_seconds=120)
def the_summary_is_one_json_object(lab):
    topic = lab.load(topic="t", records=7000, partitions=3, codec="lz4", flush="1..100")
    run = lab.shunt("run", lab.config([topic]), "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    summary = json.loads(run.output.read_text())  # nothing else on standard output
    raw = lab.judge("raw", "--bootstrap", lab.target.bootstrap, "--topic", topic)
    batches = sum(partition["batches"] for partition in raw[topic].values())
    assert summary["records"] == 7000 and summary["batches"] == batches, (summary, raw)
    assert summary["partitions"] == 3 and summary["slow_path_batches"] == 0 and summary["failures"] == [], summary
    assert summary["bytes"] > 0 and summary["cpu_seconds"] > 0 and summary["peak_memory_bytes"] > 0, summary
    # Of shunt alone: the process that starts it may be larger, as this one is now.
    ballast = bytearray(b"x") * 200_000_000
    run = lab.shunt("run", lab.config([topic]), "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    peak = json.loads(run.output.read_text())["peak_memory_bytes"]
    assert 1e6 < peak < len(ballast), peak
    # Without --json the summary is for people, on standard output.
    run = lab.shunt("run", lab.config([topic]), "--until-caught-up")
    assert run.wait(60) == 0 and "0 records in 0 batches" in run.output.read_text(), run.output.read_text()


@integration(timeout_seconds=120)
def metrics_agree_with_the_clusters(lab):
    topic = lab.load(topic="t", records=6000, partitions=3, codec="zstd", flush="1..100")
    run = lab.start_mirror([topic])
    lab.until_level([topic])
    lab.eventually(lambda: run.metrics("shunt_records_total", topic=topic) == 6000, what="every record is counted")
    lab.eventually(lambda: run.metrics("shunt_lag_records", topic=topic) == 0, what="the lag is gone")
    for partition in range(3):
        assert run.metrics("shunt_records_total", topic=topic, partition=partition) == 2000
        assert run.metrics("shunt_position", topic=topic, partition=partition) == 2000
    assert run.metrics("shunt_in_flight_bytes") == 0 and run.metrics("shunt_partition_failed") == 0
    assert run.metrics("shunt_slow_path_batches_total") == 0
    address = re.search(r"metrics on (http://\S+)", run.log_text())[1]
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain"), answer.headers
        text = answer.read().decode()
    names = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    samples = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert samples <= names, samples - names
    run.drain()
    summary = run.summary()
    assert summary["records"] == 6000, summary


@integration(timeout_seconds=120)
def a_second_signal_ends_at_once(lab):
    target = lab.cluster("target")
    topic = lab.load(topic="t", records=20000, partitions=2)
    run = lab.start_mirror([topic], target=target)
    lab.until_level([topic], target=target)
    target.broker(1).pause()
    lab.load(topic="t", records=2000, partitions=2, start=20000)
    lab.eventually(lambda: run.metrics("shunt_in_flight_bytes") > 0, what="something is in flight")
    run.signal(signal.SIGTERM)
    lab.eventually(lambda: "draining" in run.log_text(), what="it drains")
    run.signal(signal.SIGINT)
    assert run.wait(20) == 0, run.log_text()
    target.broker(1).resume()
    lab.mirror([topic], target=target)
    lab.assert_identical([topic], target=target)
