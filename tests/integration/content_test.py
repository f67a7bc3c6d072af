"""Whatever a record is made of arrives unchanged, at its offset, batch by batch; on both event loops."""

from harness import integration

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def mirror_every_codec(lab, loop):
    topics = lab.load_all(
        [
            {
                "topic": codec,
                "codec": codec,
                "records": 20000,
                "partitions": 4,
                "headers": 3,
                "key": "mixed",
                "value": "mixed",
                "size": "0..3000",
                "kind": "random",
                "flush": "1..300",
            }
            for codec in CODECS
        ]
    )
    summary = lab.mirror(topics, settings={"shunt.io": loop})
    assert summary["records"] == 20000 * len(CODECS), summary
    assert summary["slow_path_batches"] == 0 and not summary["failures"], summary
    assert {shard["io"] for shard in summary["shards"]} == {loop}, summary
    lab.assert_identical(topics)
    for topic in topics:  # librdkafka as well: it checks every CRC and unpacks every codec on its own
        source, target = (lab.dump(cluster, topic, 1) for cluster in (lab.source, lab.target))
        assert source and source == target, topic


@integration(timeout_seconds=120)
def mirrors_every_codec_on_epoll(lab):
    mirror_every_codec(lab, "epoll")


@integration(timeout_seconds=120)
def mirrors_every_codec_on_io_uring(lab):
    mirror_every_codec(lab, "io_uring")


@integration(timeout_seconds=120)
def mirrors_many_partitions_and_empty_topics(lab):
    lab.source.create_topic(lab.topic("empty"), partitions=3)
    topics = lab.load_all(
        [
            {"topic": "wide", "records": 64000, "partitions": 64, "codec": "lz4", "flush": "1..2000"},
            {"topic": "sparse", "records": 5, "partitions": 64},  # most partitions stay empty
        ]
    ) + [lab.topic("empty")]
    summary = lab.mirror(topics, settings={"shunt.shards": 2})
    assert summary["records"] == 64005 and summary["partitions"] == 131, summary
    lab.assert_identical(topics)
    assert len(lab.target.metadata()["topics"][lab.topic("empty")]) == 3


@integration(timeout_seconds=120)
def mirrors_records_of_five_megabytes(lab):
    # A record larger than all of shunt's buffers together passes through them as well.
    topics = lab.load_all(
        [
            {"topic": "large", "records": 40, "partitions": 2, "size": 5_000_000, "kind": "random"},
            {"topic": "packed", "records": 40, "partitions": 2, "size": 5_000_000, "kind": "json", "codec": "zstd"},
            {"topic": "small", "records": 5000, "kind": "small", "flush": "1..50"},
        ]
    )
    summary = lab.mirror(topics, settings={"shunt.buffer.memory": 4 << 20, "shunt.inflight.bytes": 4 << 20})
    assert summary["records"] == 5080, summary
    lab.assert_identical(topics)


@integration(timeout_seconds=120)
def mirrors_odd_topic_names(lab):
    names = ["with.dots", "with_underscores", "Dash-And.Mixed_Case", "0", "a.b-c_", "target.source", "null"]
    names.append("x" * (249 - len(lab.topic(""))))  # the longest name Kafka allows
    topics = lab.load_all([{"topic": name, "records": 50, "partitions": 2} for name in names])
    # Matched by the expression of "with.dots" if its dot were not escaped, and by nothing else.
    bystander = lab.load(topic="with-dots", records=10)
    summary = lab.mirror(topics)
    assert summary["records"] == 50 * len(names), summary
    lab.assert_identical(topics)
    assert bystander not in lab.target.metadata()["topics"]


@integration(timeout_seconds=120)
def selects_topics_as_mirror_maker_does(lab):
    lab.load_all([{"topic": name, "records": 20} for name in ("orders", "orders.eu", "orders.tmp", "clicks")])
    prefix = lab.topic("")
    settings = {
        "source->target.topics": f"{prefix}orders.*, {prefix}(views|clicks)",
        "source->target.topics.exclude": r".*\.tmp",
        "replication.policy.class": "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
    }
    assert lab.mirror([], settings=settings)["records"] == 60
    names = ("orders", "orders.eu", "clicks")
    lab.assert_identical([f"{lab.topic(name)}=source.{lab.topic(name)}" for name in names])
    assert f"source.{lab.topic('orders.tmp')}" not in lab.target.metadata()["topics"]


@integration(timeout_seconds=120)
def new_topics_get_the_configs_of_the_source(lab):
    topic = lab.topic("configured")
    # The records carry timestamps of 2023: a shorter retention would delete them, when the broker comes to it.
    lab.source.create_topic(
        topic,
        partitions=2,
        configs={"retention.ms": "1234567890123", "max.message.bytes": "2000000", "segment.ms": "777777"},
    )
    lab.load(topic="configured", records=100, partitions=2)
    lab.mirror([topic])
    described = lab.tool(
        lab.target, "kafka.admin.ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", topic
    )
    for setting in ("retention.ms=1234567890123", "max.message.bytes=2000000", "segment.ms=777777"):
        assert setting in described, described
    lab.assert_identical([topic])
