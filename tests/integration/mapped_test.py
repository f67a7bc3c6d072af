"""Mapped offsets: into a target that others write, too, every record that a reader of the source sees goes once and in
order, wherever its offset is; the map tells exactly which became which, and MirrorMaker 2's own classes can read it."""

import re
import signal
import subprocess
from collections import Counter

from harness import integration
from holes_test import EAGER_CLEANER, load_transactions, mirror_with_failures, until_compacted
from verify_test import verify

MAPPED = {"shunt.offsets": "mapped", "offset-syncs.topic.location": "target"}
AUTO = {**MAPPED, "shunt.offsets": "auto"}
END = b"<<end>>\n"
FOREIGN = b"not from the source "


def records(lab, cluster, topic, partition=0, isolation="read_committed"):
    """[(offset, everything else)] as librdkafka reads a partition."""
    text = lab.kcat(
        cluster, "-C", "-q", "-e", "-t", topic, "-p", partition, "-o", "beginning",
        "-X", f"isolation.level={isolation}", "-f", r"%o %T %h %K %S %k %s" + END.decode(),
    )  # fmt: skip
    return [(int(offset), rest) for offset, rest in (line.split(b" ", 1) for line in text.split(END)[:-1])]


def write_foreign(lab, topic, partition, count, first=0, target=None):
    feed = b"".join(FOREIGN + b"%d\n" % number for number in range(first, first + count))
    lab.kcat(target or lab.target, "-P", "-t", topic, "-p", partition, feed=feed)


def ours(there):
    return [(offset, rest) for offset, rest in there if FOREIGN not in rest]


def assert_mirrored(lab, topics, partitions, source=None, target=None):
    """Every record once and in order. Returns {(topic, partition): {source offset: target offset}}."""
    places = {}
    for topic in topics:
        for partition in range(partitions):
            here = records(lab, source or lab.source, topic, partition)
            there = ours(records(lab, target or lab.target, topic, partition, "read_uncommitted"))
            assert [rest for _, rest in here] == [rest for _, rest in there], (
                f"{topic}-{partition}: {len(here)} records on the source, {len(there)} on the target"
            )
            places[topic, partition] = {one: other for (one, _), (other, _) in zip(here, there)}
    return places


def offset_syncs(lab, cluster, name):
    """What MirrorMaker 2's own formatter says of the offset syncs topic: [(topic, partition, upstream, downstream)]."""
    command = cluster.java_command(
        "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", cluster.bootstrap, "--topic", name,
        "--from-beginning", "--timeout-ms", "3000",
        "--formatter", "org.apache.kafka.connect.mirror.formatters.OffsetSyncFormatter",
    )  # fmt: skip
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60).stdout
    pattern = r"topicPartition=(\S+)-(\d+), upstreamOffset=(\d+), downstreamOffset=(\d+)"
    return [(topic, int(p), int(up), int(down)) for topic, p, up, down in re.findall(pattern, said)]


@integration(timeout_seconds=180)
def a_target_with_records_of_others_takes_the_sources_behind_them(lab):
    topics = load_transactions(lab)
    for topic in topics:
        lab.target.create_topic(topic, partitions=2)
        write_foreign(lab, topic, 0, 7)
    summary = lab.mirror(topics, settings=MAPPED)
    assert summary["filled_offsets"] == 0, summary
    places = assert_mirrored(lab, topics, 1)
    assert lab.mirror(topics, settings=MAPPED)["records"] == 0
    lab.load(topic="mixed", records=200, start=300, transaction=30, abort=3)
    write_foreign(lab, topics[1], 0, 3, first=7)
    lab.mirror(topics, settings=MAPPED)
    places = assert_mirrored(lab, topics, 1)
    assert sum(verify(lab, topics, code=0, settings=MAPPED)["partitions"][i]["records"] for i in range(4)) > 0
    syncs = offset_syncs(lab, lab.target, "mm2-offset-syncs.source.internal")
    seen = Counter()
    for topic, partition, upstream, downstream in syncs:
        if (upstream, downstream) == (0, 6):
            continue  # a map of nothing yet: what comes lies behind the seven records of others
        if upstream in places.get((topic, partition), {}):
            assert places[topic, partition][upstream] == downstream, (topic, partition, upstream, downstream)
            seen[topic] += 1
    assert all(seen[topic] for topic in topics), seen


@integration(timeout_seconds=300)
def ten_kills_beside_other_writers(lab):
    topic = lab.topic("t")
    for cluster in (lab.source, lab.target):
        cluster.create_topic(topic, partitions=2)
    load = lab.start_load(topic="t", records=40000, partitions=2, transaction=20, abort=4, spread="cycle")
    seen = 0
    for number in range(10):
        run = lab.start_mirror([topic], settings=MAPPED)
        lab.eventually(
            lambda: sum(lab.ends(lab.target, [topic]).values()) > seen or load.poll() is not None, 60, "the target grows"
        )
        write_foreign(lab, topic, number % 2, 5, first=5 * number)
        assert run.kill(), f"shunt had ended by itself:\n{run.log_text()[-3000:]}"
        seen = sum(lab.ends(lab.target, [topic]).values())
    assert load.wait(180) == 0
    lab.mirror([topic], settings=MAPPED)
    assert_mirrored(lab, [topic], 2)
    assert verify(lab, [topic], code=0, settings=MAPPED)["equal"]


@integration(timeout_seconds=240)
def two_instances_with_mapped_offsets(lab):
    topic = lab.topic("t")
    for cluster in (lab.source, lab.target):
        cluster.create_topic(topic, partitions=3)
    load = lab.start_load(topic="t", records=3000, partitions=3, transaction=30, abort=4, spread="cycle")
    runs = [lab.start_mirror([topic], settings=MAPPED) for _ in range(2)]
    assert load.wait(120) == 0
    for run in runs[:1]:
        run.kill()
    runs[1].drain()
    lab.mirror([topic], settings=MAPPED)
    assert_mirrored(lab, [topic], 3)


def epochs(lab, cluster, topic):
    """Those of the producer ids that a partition remembers."""
    said = lab.tool(cluster, "org.apache.kafka.tools.TransactionsCommand", "describe-producers",
                    "--topic", topic, "--partition", 0)  # fmt: skip
    return {int(line.split()[0]): int(line.split()[1]) for line in said.splitlines()[1:]}


def an_instance_is_fenced_out(lab, target):
    """It was frozen with records at hand that compaction has taken from the source since."""
    source = lab.cluster("source", properties=EAGER_CLEANER)
    topic = lab.topic("t")
    source.create_topic(topic, configs={"cleanup.policy": "compact", "segment.bytes": "1048576"})
    target.create_topic(topic)
    config = {"settings": {**MAPPED, "sync.topic.configs.enabled": "false"}, "source": source, "target": target}
    lab.load(source, topic="t", records=500, size=600, seed=1)
    sleeper = lab.start_mirror([topic], **config)
    lab.eventually(lambda: len(records(lab, target, topic)) == 500, 60, "the first instance has mirrored all there is")
    assert set(epochs(lab, target, topic).values()) == {0}, "while nothing is gone nobody is fenced out"
    sleeper.signal(signal.SIGSTOP)
    for seed in (2, 3, 4):
        lab.load(source, topic="t", records=4000, size=600, seed=seed)
    until_compacted(lab, source, topic)
    lab.mirror([topic], **config)
    (raised,) = epochs(lab, target, topic).values()
    assert raised > 0, "the second instance has met a gap"
    sleeper.signal(signal.SIGCONT)
    lab.load(source, topic="t", records=100, size=600, seed=5)
    last = records(lab, source, topic)[-1][1]
    lab.eventually(lambda: records(lab, target, topic)[-1][1] == last, 60, "the first one goes on when it is alone")
    sleeper.drain()
    (last_raised,) = epochs(lab, target, topic).values()
    assert last_raised > raised, "in an epoch of its own"
    assert "another instance" in sleeper.log_text(), sleeper.log_text()
    assert not sleeper.summary()["failures"], sleeper.summary()
    here = [rest for _, rest in records(lab, source, topic)]
    there = [rest for _, rest in records(lab, target, topic)]
    assert len(set(there)) == len(there), "records are there twice"
    rest = iter(there)
    assert all(record in rest for record in here), "and all that the source has, in its order"


@integration(timeout_seconds=240)
def an_instance_is_fenced_out_where_the_source_has_gaps(lab):
    an_instance_is_fenced_out(lab, lab.target)


@integration(timeout_seconds=300)
def an_instance_is_fenced_out_on_an_old_target(lab):
    an_instance_is_fenced_out(lab, lab.cluster("target", version="2.8.2"))


@integration(timeout_seconds=180)
def a_map_that_is_gone_is_found_again_in_both_logs(lab):
    """The offset syncs topic was deleted: what the mirror has written is all there, in order, and says where to go on."""
    clusters = {"source": lab.cluster("source"), "target": lab.cluster("target")}
    load = {"topic": "t", "partitions": 2, "transaction": 20, "abort": 4, "cluster": clusters["source"]}
    topic = lab.topic("t")
    clusters["target"].create_topic(topic, partitions=2)
    write_foreign(lab, topic, 0, 7, target=clusters["target"])
    lab.load(records=500, **load)
    lab.mirror([topic], settings=MAPPED, **clusters)
    write_foreign(lab, topic, 1, 3, first=7, target=clusters["target"])
    clusters["target"].delete_topic("mm2-offset-syncs.source.internal")
    lab.load(records=300, start=500, **load)
    lab.mirror([topic], settings=MAPPED, **clusters)
    places = assert_mirrored(lab, [topic], 2, **clusters)
    assert any(one != other for one, other in places[topic, 1].items()), "the offsets are mapped"
    assert verify(lab, [topic], code=0, settings=MAPPED, **clusters)["equal"]


@integration(timeout_seconds=180)
def auto_keeps_offsets_where_it_can_and_says_why_where_not(lab):
    fresh, used, empty = lab.load_all(
        [{"topic": name, "records": 300, "transaction": 50} for name in ("fresh", "used", "empty")]
    )
    for topic in (used, empty):
        lab.target.create_topic(topic, partitions=1)
    write_foreign(lab, used, 0, 11)
    run = lab.shunt("run", lab.config([fresh, used, empty], settings=AUTO), "--until-caught-up", "--json")
    assert run.wait(90) == 0, run.log_text()
    lab.assert_identical([fresh, empty], batches=False, isolation="read_committed")
    assert_mirrored(lab, [used], 1)
    assert f"offsets of {used}-0 are mapped (shunt.offsets=auto)" in run.log_text(), run.log_text()
    assert "written by others" in run.log_text() and f"offsets of {fresh}" not in run.log_text(), run.log_text()
    # Each keeps its mode; a mirror that must not map says so.
    lab.load_all([{"topic": name, "records": 100, "start": 300, "seed": 3} for name in ("fresh", "used")])
    assert lab.mirror([fresh, used, empty], settings=AUTO)["records"] == 200
    lab.assert_identical([fresh], batches=False, isolation="read_committed")
    assert_mirrored(lab, [used], 1)
    assert set(mirror_with_failures(lab, [fresh, used])) == {(used, 0)}
    answer = verify(lab, [fresh, used, empty], code=0, settings=AUTO)
    assert {entry["topic"]: entry["offsets"] for entry in answer["partitions"]} == {
        fresh: "identical", used: "mapped", empty: "identical",
    }  # fmt: skip


@integration(timeout_seconds=180)
def two_clusters_are_merged_into_one_topic(lab):
    other = lab.cluster("other")
    topic = lab.load(topic="t", records=2000, partitions=2, kind="small", batch=400, linger=0)
    lab.load(other, topic="t", records=1500, partitions=2, seed=5, transaction=25)
    settings = {
        **MAPPED,
        "clusters": "source, other, target",
        "other.bootstrap.servers": other.bootstrap,
        "other->target.enabled": "true",
        "other->target.topics": re.escape(topic),
    }
    lab.mirror([topic], settings=settings)
    for partition in range(2):
        there = Counter(rest for _, rest in records(lab, lab.target, topic, partition))
        here = [records(lab, cluster, topic, partition) for cluster in (lab.source, other)]
        assert there == Counter(rest for part in here for _, rest in part), partition
    assert lab.mirror([topic], settings=settings)["records"] == 0
    assert verify(lab, [topic], code=0, settings=settings)["equal"]
