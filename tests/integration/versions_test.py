"""Clusters of different Kafka versions, in both directions."""

from harness import integration

NEW = "4.3.1"


def mirror_both_ways(lab, old_version):
    old = lab.cluster("old", version=old_version)
    new = lab.cluster("new", version=NEW)
    for source, target in ((old, new), (new, old)):
        direction = f"{source.name}-{target.name}"
        topics = lab.load_all(
            [
                {
                    "topic": f"{direction}-{codec}",
                    "codec": codec,
                    "records": 5000,
                    "partitions": 3,
                    "headers": 1,
                    "key": "mixed",
                    "value": "mixed",
                    "flush": "1..200",
                }
                for codec in ("none", "gzip", "snappy", "lz4", "zstd")
            ],
            source,
        )
        ends = {"source": source, "target": target}
        assert lab.mirror(topics, **ends)["records"] == 25000
        lab.assert_identical(topics, **ends)
        assert lab.mirror(topics, **ends)["records"] == 0
        for topic in topics:
            assert lab.dump(source, topic) == lab.dump(target, topic)
        holed = lab.load_all(
            [
                {"topic": f"{direction}-transactions", "records": 1000, "transaction": 50, "abort": 3},
                {"topic": f"{direction}-headless", "records": 1000, "flush": "100..100"},
            ],
            source,
        )
        lab.delete_records(source, holed[1], 0, 750)
        lab.mirror(holed, **ends)
        lab.assert_identical(holed, batches=False, isolation="read_committed", **ends)
        assert lab.mirror(holed, **ends)["records"] == 0


@integration(timeout_seconds=180)
def mirrors_between_3_9_and_4_3(lab):
    mirror_both_ways(lab, "3.9.1")


@integration(timeout_seconds=240)
def mirrors_between_2_8_with_zookeeper_and_4_3(lab):
    mirror_both_ways(lab, "2.8.2")
