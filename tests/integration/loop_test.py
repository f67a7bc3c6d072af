"""Two clusters that mirror the same topics into each other: nothing goes round, whatever happens in between."""

from collections import Counter

from harness import integration
from verify_test import verify

PARTITIONS = 2


def both_ways(topic):
    return {
        "shunt.offsets": "mapped",
        "target->source.enabled": "true",
        "target->source.topics": topic.replace(".", "\\."),
    }


def write(lab, cluster, topic, where, first, count):
    for partition in range(PARTITIONS):
        feed = b"".join(b"%s-%d-%d\n" % (where, partition, n) for n in range(first, first + count))
        lab.kcat(cluster, "-P", "-t", topic, "-p", partition, feed=feed)


def values(lab, cluster, topic, partition):
    return lab.dump(cluster, topic, partition, layout=r"%s\n").splitlines()


def wanted(where, partition, count):
    return [b"%s-%d-%d" % (where, partition, n) for n in range(count)]


def assert_both(lab, topic, count):
    """Each cluster has its own records and the other's, all of them once, each writer's in their order."""
    for cluster in (lab.source, lab.target):
        for partition in range(PARTITIONS):
            there = values(lab, cluster, topic, partition)
            for where in (b"here", b"there"):
                of_one = [value for value in there if value.startswith(where + b"-")]
                assert of_one == wanted(where, partition, count), (cluster.name, partition, Counter(there).most_common(3))
            assert len(there) == 2 * count, (cluster.name, partition, len(there))


def until_both(lab, topic, count):
    ends = {cluster: lambda cluster=cluster: lab.ends(cluster, [topic]) for cluster in (lab.source, lab.target)}
    for cluster, ask in ends.items():
        lab.eventually(lambda ask=ask: min(ask().values()) >= 2 * count, 60, f"{cluster.name} has both sides' records")


@integration(timeout_seconds=240)
def active_active_copies_each_record_once(lab):
    """Both flows in one file, killed while they copy: what one has written the other leaves out, also when it finds its
    way back by its map."""
    topic = lab.topic("t")
    for cluster in (lab.source, lab.target):
        lab.judge("create-topic", "--bootstrap", cluster.bootstrap, "--topic", topic, "--partitions", PARTITIONS)
    settings = both_ways(topic)
    count = 0
    mirror = lab.start_mirror([topic], settings=settings)
    for round_number in range(6):
        write(lab, lab.source, topic, b"here", count, 500)
        write(lab, lab.target, topic, b"there", count, 500)
        count += 500
        if round_number % 2 == 1:
            mirror.kill()  # wherever it is
            mirror = lab.start_mirror([topic], settings=settings)
        else:
            until_both(lab, topic, count)
    until_both(lab, topic, count)
    assert_both(lab, topic, count)
    # Quiet: a record that went round would come again and again.
    done = {"source": "target", "target": "source"}
    for source, target in done.items():
        lab.eventually(lambda: mirror.metrics("shunt_lag_records", source=source, target=target) == 0, 30)
    mirror.drain()
    assert_both(lab, topic, count)
    assert verify(lab, [topic], settings=settings)["equal"]


@integration(timeout_seconds=120)
def what_has_come_from_the_target_is_not_taken_back_unasked(lab):
    """A flow whose opposite is not in its file stops at what that one has written, names both ways out, and takes the
    one it is told."""
    topic = lab.topic("t")
    lab.judge("create-topic", "--bootstrap", lab.target.bootstrap, "--topic", topic, "--partitions", PARTITIONS)
    write(lab, lab.target, topic, b"there", 0, 100)
    back = {
        "source->target.enabled": "false",
        "target->source.enabled": "true",
        "target->source.topics": topic.replace(".", "\\."),
        "shunt.offsets": "mapped",
    }
    run = lab.shunt("run", lab.config([topic], settings=back), "--until-caught-up", "--json")
    assert run.wait(60) == 0, run.log_text()
    write(lab, lab.source, topic, b"here", 0, 100)

    mapped = {"shunt.offsets": "mapped"}
    run = lab.shunt("run", lab.config([topic], settings=mapped), "--until-caught-up", "--json")
    assert run.wait(60) == 1, run.log_text()
    assert "shunt.loop.prevention=true" in run.log_text() and f"loop ({PARTITIONS} times)" in run.log_text(), run.log_text()
    assert all(values(lab, lab.target, topic, p) == wanted(b"there", p, 100) for p in range(PARTITIONS))

    summary = lab.mirror([topic], settings={**mapped, "shunt.loop.prevention": "true"})
    assert summary["records"] == 100 * PARTITIONS, summary
    assert_both(lab, topic, 100)


def headers_of(lab, cluster, topic, partition):
    return lab.dump(cluster, topic, partition, layout=r"%o %h\n").decode().splitlines()


@integration(timeout_seconds=180)
def records_say_where_they_were_taken_from(lab):
    """With identical offsets, through kills; what a record had of headers stays before it, and verify takes both for the
    same."""
    topic = lab.load(topic="t", records=6000, partitions=PARTITIONS, codec="lz4")
    settings = {"shunt.source.header": "true"}
    mirror = lab.start_mirror([topic], settings=settings)
    for _ in range(3):
        lab.eventually(lambda: mirror.metrics("shunt_records_total") > 0, 60, "records are mirrored")
        mirror.kill()
        for partition in range(PARTITIONS):
            lab.kcat(lab.source, "-P", "-t", topic, "-p", partition, "-H", "mine=1", feed=b"more\n" * 200)
        mirror = lab.start_mirror([topic], settings=settings)
    lab.until_level([topic])
    mirror.drain()
    for partition in range(PARTITIONS):
        here, there = (headers_of(lab, cluster, topic, partition) for cluster in (lab.source, lab.target))
        assert there == [f"{line}{',' if line.split(' ', 1)[1] else ''}shunt.source=source" for line in here], there[-3:]
        dumps = [lab.dump(cluster, topic, partition, layout=r"%o %T %k %s\n") for cluster in (lab.source, lab.target)]
        assert dumps[0] == dumps[1]
    assert verify(lab, [topic], settings=settings)["equal"]
    assert lab.mirror([topic], settings=settings)["records"] == 0


@integration(timeout_seconds=240)
def a_ring_of_three_copies_each_record_once(lab):
    """The headers say that a record has been on a cluster, two flows ago; the mirror is killed while it copies."""
    topic = lab.topic("t")
    clusters = {"source": lab.source, "target": lab.target, "third": lab.cluster("third")}
    for cluster in clusters.values():
        lab.judge("create-topic", "--bootstrap", cluster.bootstrap, "--topic", topic, "--partitions", PARTITIONS)
    name = topic.replace(".", "\\.")
    settings = {
        "clusters": ", ".join(clusters),
        "third.bootstrap.servers": clusters["third"].bootstrap,
        "target->third.enabled": "true",
        "target->third.topics": name,
        "third->source.enabled": "true",
        "third->source.topics": name,
        "shunt.offsets": "mapped",
        "shunt.loop.prevention": "true",
        "shunt.source.header": "true",
    }

    def have_all(count):
        return all(min(lab.ends(cluster, [topic]).values()) >= 3 * count for cluster in clusters.values())

    mirror = lab.start_mirror([topic], settings=settings)
    for count in (200, 400, 600):
        for where, cluster in clusters.items():
            write(lab, cluster, topic, where.encode(), count - 200, 200)
        if count == 400:
            mirror.kill()
            mirror = lab.start_mirror([topic], settings=settings)
        else:
            lab.eventually(lambda count=count: have_all(count), 60, "every cluster has all records")
    for source, target in (("source", "target"), ("target", "third"), ("third", "source")):
        lab.eventually(lambda: mirror.metrics("shunt_lag_records", source=source, target=target) == 0, 30)
    mirror.drain()
    for cluster in clusters.values():
        for partition in range(PARTITIONS):
            there = values(lab, cluster, topic, partition)
            for where in clusters:
                of_one = [value for value in there if value.startswith(where.encode() + b"-")]
                assert of_one == wanted(where.encode(), partition, 600), (cluster.name, where, Counter(there).most_common(3))
            assert len(there) == 3 * 600, (cluster.name, partition, len(there))
    assert verify(lab, [topic], settings=settings)["equal"]
