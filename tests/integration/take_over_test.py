"""From MirrorMaker 2 to shunt and back, and once more: no record twice, none missing, whoever was stopped how."""

import signal

from harness import integration
from shuntlab.process import Process

PARTITIONS = 3
DEFAULT_POLICY = "org.apache.kafka.connect.mirror.DefaultReplicationPolicy"


class MirrorMaker:
    """A real one, in its dedicated mode."""

    def __init__(self, lab, cluster, config, name):
        self._process = Process(lab.home / f"shunt-{name}.process")  # so named, it ends with the test
        command = cluster.java_command("org.apache.kafka.connect.mirror.MirrorMaker", str(config), heap="400m")
        self._process.start(command, log=lab.home / f"{name}.log", cwd=lab.home)

    def stop(self):
        assert self._process.signal(signal.SIGTERM)
        self._process.wait_gone(60)

    def kill(self):
        assert self._process.signal(signal.SIGKILL)
        self._process.wait_gone(30)


def config(lab, source, target, topic, offsets):
    """The same file for both."""
    settings = {
        "replication.policy.class": DEFAULT_POLICY,
        "shunt.offsets": offsets,
        "shunt.metrics.listen": "127.0.0.1:0",
        "tasks.max": 2,
        "offset-syncs.topic.replication.factor": 1,
        "checkpoints.topic.replication.factor": 1,
        "target.offset.storage.replication.factor": 1,
        "target.status.storage.replication.factor": 1,
        "target.config.storage.replication.factor": 1,
        "target.offset.flush.interval.ms": 2000,
        "sync.topic.acls.enabled": "false",
        "emit.checkpoints.enabled": "true",
        "emit.offset-syncs.enabled": "true",
        "heartbeats.topic.replication.factor": 1,
        "shunt.log.level": "debug",
    }
    return lab.config([topic], source=source, target=target, settings=settings)


class Stream:
    """Numbered records on the source, and what the target has of them."""

    def __init__(self, lab, source, target, topic):
        self._lab, self._source, self._target = lab, source, target
        self._topic, self._there = topic, f"source.{topic}"
        self.count = 0

    def write(self, count):
        for partition in range(PARTITIONS):
            feed = b"".join(b"%d\n" % n for n in range(self.count, self.count + count))
            self._lab.kcat(self._source, "-P", "-t", self._topic, "-p", partition, feed=feed)
        self.count += count

    def _values(self, partition):
        return self._lab.dump(self._target, self._there, partition, layout=r"%s\n").splitlines()

    def until_copied(self, at_least=None):
        wanted = self.count if at_least is None else at_least
        ends = lambda: self._lab.ends(self._target, [self._there])  # noqa: E731
        self._lab.eventually(lambda: min(ends().values()) >= wanted, 90, f"{wanted} records are copied")

    def assert_each_once(self):
        for partition in range(PARTITIONS):
            assert self._values(partition) == [b"%d" % n for n in range(self.count)], f"partition {partition}"


def start(lab, source, target):
    topic = lab.topic("t")
    lab.judge("create-topic", "--bootstrap", source.bootstrap, "--topic", topic, "--partitions", PARTITIONS)
    return topic, Stream(lab, source, target, topic)


def mark(lab, source, topic):
    """A hole at the beginning of every partition, so that MirrorMaker 2's offsets are not the source's."""
    for partition in range(PARTITIONS):
        lab.kcat(source, "-P", "-t", topic, "-p", partition, feed=b"gone\n")
        lab.delete_records(source, topic, partition, 1)


@integration(timeout_seconds=400)
def from_mirror_maker_to_shunt_and_back(lab):
    """Both are stopped in an orderly way, each goes on where the other has ended, twice."""
    source, target = lab.cluster("source"), lab.cluster("target")
    topic, stream = start(lab, source, target)
    mark(lab, source, topic)
    file = config(lab, source, target, topic, "auto")
    for round_number in range(2):
        maker = MirrorMaker(lab, target, file, f"mm2-{round_number}")
        stream.write(1000)
        stream.until_copied()
        maker.stop()
        stream.assert_each_once()
        stream.write(500)
        shunt = lab.shunt("run", file, "--json")
        stream.until_copied()
        assert shunt.log_text().count("behind what MirrorMaker 2 has copied") == PARTITIONS, shunt.log_text()
        stream.write(500)
        stream.until_copied()
        shunt.drain()
        stream.assert_each_once()
        stream.write(500)  # for the other
    maker = MirrorMaker(lab, target, file, "mm2-last")
    stream.until_copied()
    maker.stop()
    stream.assert_each_once()


def assert_goes_on_behind_a_killed_one(lab, offsets, marked):
    """What it has copied since it last wrote down its position is on the target, and is not copied again."""
    source, target = lab.cluster("source"), lab.cluster("target")
    topic, stream = start(lab, source, target)
    if marked:
        mark(lab, source, topic)
    file = config(lab, source, target, topic, offsets)
    path = lab.home / "slow.properties"
    path.write_text(file.read_text() + "target.offset.flush.interval.ms = 3600000\n")
    maker = MirrorMaker(lab, target, path, "mm2")
    stream.write(1000)
    stream.until_copied()
    stream.write(3000)
    stream.until_copied(1500)
    maker.kill()
    shunt = lab.shunt("run", file, "--json")
    stream.until_copied()
    stream.assert_each_once()
    shunt.kill()
    stream.write(100)
    shunt = lab.shunt("run", file, "--json")
    stream.until_copied()
    shunt.drain()
    stream.assert_each_once()


@integration(timeout_seconds=240)
def from_a_mirror_maker_that_was_killed(lab):
    assert_goes_on_behind_a_killed_one(lab, "mapped", marked=True)


@integration(timeout_seconds=240)
def from_one_that_was_killed_and_has_kept_offsets(lab):
    """Where the source has no hole its offsets are the source's, and stay so; also in the middle of a batch."""
    assert_goes_on_behind_a_killed_one(lab, "identical", marked=False)
