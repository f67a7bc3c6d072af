"""shunt verify: finds what differs, names it, and tells it from what is not copied yet."""

import json

from harness import integration


def verify(lab, topics, *arguments, code=None, **config):
    run = lab.shunt("verify", lab.config(topics, **config), "--json", *arguments)
    ended = run.wait(90)
    answer = json.loads(run.output.read_text())
    assert ended == (0 if answer["equal"] else 1), (ended, answer)
    assert code is None or ended == code, (answer, run.log_text())
    return answer


@integration(timeout_seconds=150)
def a_mirror_is_equal(lab):
    lab.target.create_topic(lab.topic("recompressed"), configs={"compression.type": "gzip"})
    topics = lab.load_all(
        [
            {"topic": "plain", "records": 20000, "partitions": 6, "headers": 2, "key": "mixed", "value": "mixed"},
            {"topic": "packed", "records": 20000, "partitions": 2, "codec": "zstd", "flush": "1..300"},
            {"topic": "transactions", "records": 500, "partitions": 2, "transaction": 50, "abort": 3},
            {"topic": "recompressed", "records": 5000, "codec": "lz4"},
            {"topic": "headless", "records": 1000},
        ]
    )
    lab.delete_records(lab.source, topics[4], 0, 333)
    lab.mirror(topics)
    answer = verify(lab, topics, code=0)
    assert len(answer["partitions"]) == 12 and not answer["failures"], answer
    decoded = {topic: sum(p["decoded_records"] for p in answer["partitions"] if p["topic"] == topic) for topic in topics}
    records = {topic: sum(p["records"] for p in answer["partitions"] if p["topic"] == topic) for topic in topics}
    assert decoded[topics[0]] == decoded[topics[1]] == decoded[topics[2]] == 0, decoded
    # A broker takes a while to heed a new topic's settings: until then it leaves batches as they are.
    assert 0 < decoded[topics[3]] <= records[topics[3]] == 5000 and records[topics[4]] == 667, (decoded, records)
    assert verify(lab, topics, "--sample", 3, code=0)["equal"]


@integration(timeout_seconds=150)
def planted_faults_are_found(lab):
    faults = {  # what is loaded into the target in the place of records 0 to 999, and what must be said of it
        "changed": ([(0, 500, 1), (500, 1, 2), (501, 499, 1)], "content", 500),
        "missing": ([(0, 500, 1), (501, 499, 1)], "content", 500),
        "doubled": ([(0, 501, 1), (500, 500, 1)], "content", 501),
        "swapped": ([(0, 500, 1), (501, 1, 1), (500, 1, 1), (502, 498, 1)], "content", 500),
        "longer": ([(0, 1001, 1)], "extra", 1000),
        "same": ([(0, 1000, 1)], None, None),
        "lost-tail": ([(0, 900, 1)], None, None),
    }
    topics = lab.load_all([{"topic": name, "records": 1000, "seed": 1, "codec": "lz4"} for name in faults])
    for name, (pieces, _, _) in faults.items():
        for start, count, seed in pieces:  # one after the other
            lab.load(lab.target, topic=name, start=start, records=count, seed=seed, codec="lz4")
    shifted = lab.load(topic="shifted", records=100, seed=1)
    lab.load(lab.target, topic="shifted", records=100, seed=1, transaction=50)
    absent = lab.load(topic="absent", records=10)
    answer = verify(lab, [*topics, shifted, absent], code=1)
    found = {partition["topic"]: partition for partition in answer["partitions"]}
    for topic, (_, kind, offset) in zip(topics, faults.values()):
        difference = found[topic].get("difference")
        assert (difference is None) == (kind is None), (topic, found[topic])
        if difference:
            assert (difference["kind"], difference["offset"]) == (kind, offset), (topic, difference)
    assert found[topics[5]]["equal"] and found[topics[5]]["records"] == 1000, found[topics[5]]
    assert not found[topics[6]]["equal"] and found[topics[6]]["not_copied"] == 100, found[topics[6]]
    assert found[shifted]["difference"]["offset"] == 50 and found[shifted]["difference"]["kind"] == "missing", found
    assert any(absent in failure for failure in answer["failures"]), answer


@integration(timeout_seconds=120)
def a_running_mirror_is_given_time(lab):
    topic = lab.topic("t")
    for cluster in (lab.source, lab.target):
        cluster.create_topic(topic, partitions=2)
    run = lab.start_mirror([topic])
    load = lab.start_load(topic="t", records=30000, partitions=2, kind="small", batch=400, linger=0)
    watcher = lab.shunt("verify", lab.config([topic]), "--continuous", "--json")
    assert load.wait(60) == 0
    assert verify(lab, [topic], code=0)["records"] == 30000
    assert watcher.signal(15)
    assert watcher.wait(30) == 0, watcher.output.read_text()
    run.drain()
    first, later = (verify(lab, [topic], "--since", moment)["records"] for moment in (0, 1_700_000_010_000))
    assert first == 30000 and 0 < later < first, (first, later)


@integration(timeout_seconds=120)
def bad_arguments_are_named(lab):
    path = lab.config(["t"])
    run = lab.shunt("verify", path, "--since", "yesterday")
    assert run.wait(30) == 2 and "2026-01-31T00:00:00Z" in run.log_text(), run.log_text()
    run = lab.shunt("verify", path, "--sample", 0)
    assert run.wait(30) == 2, run.log_text()
