"""kill -9 of shunt at any moment, and two instances at once: every record once, in order, at its offset."""

import signal

from harness import integration

KILLS = 10


def kill_ten_times(lab, topics, load_more, settings=None, **config):
    """Kills the mirror each time it has made the target grow. load_more() writes to the source again: called when a mirror
    had come to the end before it was killed, for the next one would have nothing to do."""
    source, target = config.get("source") or lab.source, config.get("target") or lab.target
    seen = {}
    for _ in range(KILLS):
        if seen and seen == lab.ends(source, topics):
            load_more()
        run = lab.start_mirror(topics, settings=settings, **config)

        def target_grows():
            ends = lab.ends(target, topics)
            assert sum(ends.values()) > sum(seen.values()), f"{ends}, the source: {lab.ends(source, topics)}"
            return True

        lab.eventually(target_grows, 60)
        assert run.kill(), f"shunt had ended by itself:\n{run.log_text()[-3000:]}"
        seen = lab.ends(target, topics)


@integration(timeout_seconds=240)
def ten_kills_while_producers_write(lab):
    topics = [lab.topic(name) for name in ("tiny", "packed", "plain")]
    for topic in topics:
        lab.source.create_topic(topic, partitions=6)
    # Batches of a few hundred bytes: a copy that lasts, many requests in flight at any moment.
    loads = [
        lab.start_load(topic="tiny", records=80000, partitions=6, kind="small", batch=400, linger=0),
        lab.start_load(topic="packed", records=30000, partitions=6, codec="lz4", flush="1..80", headers=2),
        lab.start_load(topic="plain", records=20000, partitions=6, size="1..20000", kind="random"),
    ]
    for topic in topics:  # the target's topics exist from the first moment on, so that their ends can be asked for
        lab.target.create_topic(topic, partitions=6)
    kill_ten_times(lab, topics, lambda: lab.load(topic="tiny", records=40000, partitions=6, kind="small", batch=400))
    assert [load.wait(120) for load in loads] == [0, 0, 0]
    lab.mirror(topics)
    judged = lab.assert_identical(topics)
    assert judged["records"] == sum(lab.ends(lab.source, topics).values()) >= 130000, judged
    for partition in range(6):
        assert lab.dump(lab.source, topics[0], partition) == lab.dump(lab.target, topics[0], partition)


@integration(timeout_seconds=240)
def ten_kills_of_a_backlog_on_epoll_with_two_shards(lab):
    specs = [
        {"topic": "tiny", "records": 150000, "partitions": 8, "kind": "small", "batch": 400, "linger": 0},
        {"topic": "large", "records": 3000, "partitions": 2, "size": "10000..200000", "kind": "random"},
    ]
    topics = lab.load_all(specs)
    for topic, partitions in zip(topics, (8, 2)):
        lab.target.create_topic(topic, partitions=partitions)
    kill_ten_times(lab, topics, lambda: lab.load_all(specs), {"shunt.io": "epoll", "shunt.shards": 2})
    lab.mirror(topics)
    assert lab.assert_identical(topics)["records"] >= 153000


@integration(timeout_seconds=180)
def two_instances_at_once(lab):
    topics = [lab.topic(name) for name in ("tiny", "packed")]
    for topic in topics:
        lab.source.create_topic(topic, partitions=4)
    loads = [
        lab.start_load(topic="tiny", records=50000, partitions=4, kind="small", batch=400, linger=0),
        lab.start_load(topic="packed", records=50000, partitions=4, codec="zstd", flush="1..300"),
    ]
    runs = [lab.start_mirror(topics), lab.start_mirror(topics, settings={"shunt.io": "epoll"})]
    assert [load.wait(120) for load in loads] == [0, 0]
    lab.until_level(topics)
    lab.assert_identical(topics)
    runs[0].kill()  # and the one that is left goes on alone
    lab.load_all([
        {"topic": "tiny", "records": 1000, "partitions": 4, "start": 50000},
        {"topic": "packed", "records": 1000, "partitions": 4, "start": 50000},
    ])  # fmt: skip
    lab.until_level(topics)
    runs[1].drain()
    assert not runs[1].summary()["failures"], runs[1].summary()
    assert lab.assert_identical(topics)["records"] == 102000


@integration(timeout_seconds=120)
def a_paused_instance_wakes_up_after_another_took_over(lab):
    topic = lab.topic("tiny")
    lab.source.create_topic(topic, partitions=4)
    load = lab.start_load(topic="tiny", records=50000, partitions=4, kind="small", batch=400, linger=0)
    sleeper = lab.start_mirror([topic])
    lab.eventually(lambda: sum(lab.ends(lab.target, [topic]).values()) > 1000, 60, "it is in mid-copy")
    sleeper.signal(signal.SIGSTOP)
    assert load.wait(60) == 0
    lab.mirror([topic])
    lab.assert_identical([topic])
    sleeper.signal(signal.SIGCONT)  # its requests of long ago reach the target now
    lab.load(topic="tiny", records=1000, partitions=4, start=50000)
    lab.until_level([topic])
    sleeper.drain()
    assert not sleeper.summary()["failures"], sleeper.summary()
    assert lab.assert_identical([topic])["records"] == 51000
