"""Clusters of different Kafka versions, in both directions."""

from harness import integration

OLD, NEW = "3.9.1", "4.3.1"


@integration(timeout_seconds=180)
def mirrors_between_old_and_new_brokers(lab):
    old = lab.cluster("old", version=OLD)
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
