"""What a round of chaos happens to: two clusters of three brokers, the proxy between them and shunt, the topics and
their producers, and the instances of shunt. Judges and producers go to the brokers directly.
"""

import json
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

import harness
import history

BROKER_SETTINGS = {
    # Fail over quickly; a broker that is paused for longer loses its leaderships.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    # Followers of a leader that has moved sit out so long, a second if nobody says so, and acks=all waits for them.
    "replica.fetch.backoff.ms": "20",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # The cleaner is never far behind, on either side.
    "log.cleaner.backoff.ms": "100",
}
SAFE = {"min.insync.replicas": "2"}
COMPACTED = {
    **SAFE,
    "cleanup.policy": "compact",
    "segment.ms": "2000",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "1000",
}
TOPICS = {"plain": (4, SAFE), "packed": (3, SAFE), "ledger": (3, SAFE), "keyed": (2, COMPACTED)}
PRODUCERS = (
    "name=plain-lz4,topic=plain,codec=lz4,rate=200",
    "name=plain-tiny,topic=plain,codec=none,rate=100,size=0..60,batch=200,linger=0",
    "name=packed-zstd,topic=packed,codec=zstd,rate=150,linger=200,batch=65536",
    "name=packed-gzip,topic=packed,codec=gzip,rate=50,linger=50",
    "name=short,topic=ledger,codec=snappy,rate=80,transaction=3..30,abort=4",
    "name=long,topic=ledger,codec=none,rate=40,transaction=5..40,abort=5,hold=4,hold-ms=3000",
    "name=dying,topic=ledger,codec=lz4,rate=20,transaction=2..10,abandon=12",
    "name=keyed,topic=keyed,codec=zstd,rate=150,size=50..1500,keys=200,batch=8192",
)
YARDSTICK_PARTITIONS = 7  # as many as the steady topics have
YARDSTICK_RATE = 100  # records a second


class Clusters:
    """Source and target with a gate in front of every broker; they outlive a round. A context manager."""

    def __init__(self, proxy):
        self._proxy = proxy
        self.by_name = {
            name: harness.Cluster(f"chaos-{name}", brokers=3, properties=BROKER_SETTINGS, proxied=True)
            for name in ("source", "target")
        }
        self.gates = {}

    def __enter__(self):
        try:
            for name, cluster in self.by_name.items():
                cluster.start()
                for broker in cluster.brokers():
                    self.gates[name, broker.id] = self._proxy.gate(broker.proxy_address, broker.proxied_address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for cluster in self.by_name.values():
            cluster.stop()

    @property
    def source(self):
        return self.by_name["source"]

    @property
    def target(self):
        return self.by_name["target"]


class World:
    """One round's world."""

    def __init__(self, clusters, home, seed, plan, tell):
        self.clusters = clusters
        self.home = home
        self.lab = harness.Lab(f"r{seed}", home)
        self.topics = {name: self.lab.topic(name) for name in TOPICS}
        self.seed = seed
        self.tell = tell  # called with a line for each thing that happens
        self.shunt = None  # the instance that is meant to run
        self.file = None  # its configuration, the same in every life
        self.interruptions = 0
        self.kills = 0
        self._plan = plan
        self._troubles = 0
        self._trouble_count = 0
        self._lock = threading.Lock()
        self._workload = None

    # ---- topics and producers ----------------------------------------------------------------------------------------

    def start_workload(self):
        """Creates the topics, starts the producers, and waits until the cleaner has made holes in the compacted one."""
        for name, (partitions, configs) in TOPICS.items():
            self.clusters.source.create_topic(self.topics[name], partitions, replication=3, configs=configs)
        command = [str(harness.ROOT / "tests" / "judge" / "judge"), "workload"]
        command += ["--bootstrap", self.clusters.source.bootstrap, "--seed", str(self.seed)]
        command += ["--history", str(self.home / history.HISTORY_FILE)]
        for producer in PRODUCERS:
            spec = dict(pair.split("=") for pair in producer.split(","))
            spec |= {"topic": self.topics[spec["topic"]], "partitions": TOPICS[spec["topic"]][0]}
            spec["rate"] = int(spec["rate"]) * self._plan.rate
            command += ["--producer", ",".join(f"{key}={value}" for key, value in spec.items())]
        with open(self.home / "workload.log", "wb") as log:
            self._workload = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        self.lab.eventually(lambda: self.workload_runs() and self._is_compacted(), 180, "the source has been compacted")

    @contextmanager
    def yardstick(self):
        """While a producer of librdkafka writes to partitions of the target, [(topic, index)], which this gives: when leaders
        move, what it takes is what the brokers take."""
        topic, target = self.lab.topic("yardstick"), self.clusters.target
        target.create_topic(topic, YARDSTICK_PARTITIONS, replication=3, configs=SAFE)
        settings = ("acks=all", "linger.ms=5", "partitioner=random", "sticky.partitioning.linger.ms=0")
        command = ["kcat", "-P", "-b", target.bootstrap, "-t", topic]
        command += [argument for setting in settings for argument in ("-X", setting)]
        over = threading.Event()
        with open(self.home / "yardstick.log", "wb") as log:
            producer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)

        def write():
            with suppress(BrokenPipeError), producer.stdin:
                while not over.wait(1 / YARDSTICK_RATE):
                    producer.stdin.write(b"record\n")
                    producer.stdin.flush()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            places = [(topic, index) for index in range(YARDSTICK_PARTITIONS)]
            self.lab.eventually(lambda: all(target.log_ends(places).values()), 60, "the yardstick's producer writes")
            yield places
        finally:
            over.set()
            producer.kill()
            producer.wait()
            writer.join()
            target.delete_topic(topic)

    def workload_runs(self):
        if self._workload.poll() is not None:
            raise RuntimeError(f"the producers ended by themselves: {self._workload_log()[-2000:]}")
        return True

    def stop_workload(self):
        """Lets the producers finish what they have begun; what they say of it."""
        self._workload.stdin.close()
        assert self._workload.wait(240) == 0, self._workload_log()[-2000:]
        return json.loads(self._workload_log().strip().splitlines()[-1])

    def _workload_log(self):
        return (self.home / "workload.log").read_text(errors="replace")

    def _is_compacted(self):
        """Whether the first records of each partition of the compacted topic are no longer one at every offset."""
        return all(self._last_of_first(partition, 200) > 200 for partition in range(TOPICS["keyed"][0]))

    def _last_of_first(self, partition, count):
        offsets = self.lab.kcat(
            self.clusters.source, "-C", "-q", "-t", self.topics["keyed"], "-p", partition, "-o", "beginning",
            "-c", count, "-f", r"%o\n",
        )  # fmt: skip
        return int(offsets.split()[-1])

    # ---- shunt -------------------------------------------------------------------------------------------------------

    def configure(self):
        """Writes shunt's file."""
        settings = {
            "source.bootstrap.servers": self.clusters.source.bootstrap_of_proxies(),
            "target.bootstrap.servers": self.clusters.target.bootstrap_of_proxies(),
            "replication.factor": 3,
            "refresh.topics.interval.seconds": 1,
            "shunt.metrics.listen": "127.0.0.1:0",
            "shunt.stall.timeout.ms": 3000,
            **self._plan.settings,
        }
        self.file = self.lab.config(
            self.topics.values(), source=self.clusters.source, target=self.clusters.target, settings=settings
        )

    def start_shunt(self):
        self.shunt = self.lab.shunt("run", self.file, "--json")
        return self.shunt

    def kill_shunt(self, instance):
        """SIGKILL; an instance that had ended by itself is a failure of the round."""
        try:
            self.interruptions += int(instance.metrics("shunt_interruptions_total"))
        except (AssertionError, OSError):
            pass  # killed before it served metrics, or frozen
        assert instance.kill(), f"shunt had ended by itself; its log says:\n{instance.log_text()[-3000:]}"
        self.kills += 1

    def confirmed(self, instance):
        """Records the target has confirmed in this instance's life; 0 before it tells."""
        try:
            return instance.metrics("shunt_records_total")
        except (AssertionError, OSError):
            return 0

    def positions(self):
        """{(topic, partition): the target has everything below}, as shunt says; what it does not tell is missing."""
        try:
            samples = self.shunt.samples("shunt_position")
        except (AssertionError, OSError):
            return {}
        return {(labels["topic"], int(labels["partition"])): value for labels, value in samples}

    # ---- what is wrong at the moment ---------------------------------------------------------------------------------

    @contextmanager
    def trouble(self, what):
        """While something is wrong that lengthens recoveries."""
        self.tell(what)
        with self._lock:
            self._troubles += 1
            self._trouble_count += 1
        try:
            yield
        finally:
            with self._lock:
                self._troubles -= 1
            self.tell(f"over: {what}")

    def disturb(self):
        """Something has happened that lengthens the recoveries under way."""
        with self._lock:
            self._trouble_count += 1

    def calm(self):
        """A token for was_calm(), or None while something is wrong."""
        with self._lock:
            return None if self._troubles else self._trouble_count

    def was_calm(self, token):
        """Whether nothing has been wrong since calm() gave the token."""
        with self._lock:
            return token is not None and token == self._trouble_count

    # ---- the end -----------------------------------------------------------------------------------------------------

    def until_level(self, patience_seconds):
        """Waits until both sides end at the same offsets for both kinds of readers, no transaction being open, for as
        long as anything moves. Whether it came to that."""
        topics = list(self.topics.values())
        seen, deadline = None, 0
        while True:
            ends = [
                self.lab.ends(cluster, topics, isolation)
                for cluster in self.clusters.by_name.values()
                for isolation in (history.COMMITTED, history.UNCOMMITTED)
            ]
            if all(one == ends[0] for one in ends):
                return True
            if ends != seen:
                seen, deadline = ends, time.monotonic() + patience_seconds
            elif time.monotonic() > deadline:
                return False
            time.sleep(0.2)

    def read_views(self):
        """Reads both sides as both kinds of consumers do, into the round's folder."""
        for side, cluster in self.clusters.by_name.items():
            for isolation in (history.COMMITTED, history.UNCOMMITTED):
                topics = [argument for topic in self.topics.values() for argument in ("--topic", topic)]
                out = self.home / history.view_file(side, isolation)
                where = ("--bootstrap", cluster.bootstrap, "--isolation", isolation, "--out", out)
                self.lab.judge("view", *where, *topics)

    def verify(self):
        """What shunt says of it itself."""
        run = self.lab.shunt("verify", self.file, "--json")
        code = run.wait(180)
        text = run.output.read_text()
        assert text.strip(), f"shunt verify ended with {code} and said nothing:\n{run.log_text()[-2000:]}"
        return json.loads(text)

    def close(self):
        if self._workload is not None and self._workload.poll() is None:
            self._workload.kill()
            self._workload.wait()
        self.lab.close()

    def delete_topics(self):
        for cluster in self.clusters.by_name.values():
            for topic in self.topics.values():
                cluster.delete_topic(topic)


def until(condition, seconds, interval_seconds=0.05):
    """Whether condition() came true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_seconds)
    return True
