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
