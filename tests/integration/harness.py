"""What an integration test is given: real clusters, the judge, and the shunt program under test.

A test is a function in a file *_test.py of this folder:

    from harness import integration

    @integration(timeout_seconds=120)
    def mirrors_every_codec(lab):
        codecs = ("none", "gzip", "snappy", "lz4", "zstd")
        topics = lab.load_all([{"topic": codec, "codec": codec, "records": 20000, "partitions": 4} for codec in codecs])
        summary = lab.mirror(topics)                     # shunt run FILE --until-caught-up --json; must exit 0
        assert summary["records"] == 100000, summary
        lab.assert_identical(topics)

lab.source and lab.target are clusters of one broker each, started when first used and shared by all tests (topic names
carry the test's name, so tests do not meet); lab.cluster(...) is one of the test's own. Whatever a test starts is
stopped when it ends, fails or times out. Waiting is always for a condition with a bound (lab.eventually), never for a
time to pass.
"""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from shuntlab import Cluster, LabError  # noqa: E402
from shuntlab.process import Process  # noqa: E402

SHARED = ("shared-source", "shared-target")
IDENTITY = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"


def integration(timeout_seconds=120):
    """Marks a function as a test; it may take that long, everything included."""

    def mark(function):
        function.timeout_seconds = timeout_seconds
        return function

    return mark


def shunt_binary():
    return Path(os.environ.get("SHUNT_BINARY", ROOT / "build" / "release" / "shunt")).absolute()


class Shunt:
    """One run of the program. Output goes to files beside the configuration; the process is recorded, so that it never
    outlives the test."""

    def __init__(self, home, number, arguments):
        self.output = home / f"shunt-{number}.out"
        self.log = home / f"shunt-{number}.log"
        self._process = Process(home / f"shunt-{number}.process")
        # sh keeps standard output (the JSON) apart from standard error (the log), which is what Process collects.
        self._process.start(
            ["/bin/sh", "-c", 'out=$0; exec "$@" >"$out"', str(self.output), str(shunt_binary()), *arguments],
            log=self.log,
            cwd=home,
        )

    @property
    def pid(self):
        return self._process.pid()

    def signal(self, number):
        return self._process.signal(number)

    def kill(self):
        """SIGKILL, as a crash; returns when the process is gone. False if it had ended by itself before."""
        alive = self.signal(signal.SIGKILL)
        self._process.wait_gone(30)
        return alive

    def wait(self, timeout_seconds=60):
        """The exit code, -N for signal N; fails the test if the process still runs after that time."""
        code = self._process.wait(timeout_seconds)
        if code is None:
            raise AssertionError(f"shunt (pid {self.pid}) still runs after {timeout_seconds} s")
        return code

    def drain(self, code=0, timeout_seconds=60):
        """SIGTERM, as a service manager sends it; it must end by itself with that code (1: a partition had failed)."""
        assert self.signal(signal.SIGTERM), f"shunt had ended by itself; its log says:\n{self.log_text()[-3000:]}"
        ended = self.wait(timeout_seconds)
        assert ended == code, f"shunt ended with {ended} after SIGTERM; its log says:\n{self.log_text()[-3000:]}"

    def metrics(self, name, **labels):
        """The sum of a metric's samples with these labels, from the Prometheus endpoint of Lab.start_mirror."""
        wanted = {label: str(value) for label, value in labels.items()}.items()
        return sum(value for found, value in self.samples(name) if wanted <= found.items())

    def samples(self, name):
        """[(labels, value)] of a metric, labels as {name: text}."""
        address = re.search(r"metrics on (http://\S+)", self.log_text())
        assert address, "shunt does not serve metrics yet"
        with urllib.request.urlopen(address[1], timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [line for line in lines if re.match(re.escape(name) + r"[{ ]", line)]
        return [(dict(re.findall(r'(\w+)="([^"]*)"', line)), float(line.rsplit(" ", 1)[1])) for line in wanted]

    def summary(self):
        """The JSON object it printed last."""
        lines = [line for line in self.output.read_text().splitlines() if line.startswith("{")]
        assert lines, f"shunt printed no JSON; its log says:\n{self.log_text()[-3000:]}"
        return json.loads(lines[-1])

    def log_text(self):
        return self.log.read_text(errors="replace")


class Lab:
    """What a test function gets as its argument."""

    def __init__(self, test_name, home):
        self.name = test_name
        self.home = home
        self._numbers = itertools.count(1)  # of files; several threads may start programs
        self._loads = []

    # ---- clusters ----------------------------------------------------------------------------------------------------

    @property
    def source(self):
        return self._shared(SHARED[0])

    @property
    def target(self):
        return self._shared(SHARED[1])

    @staticmethod
    def _shared(name):
        try:
            cluster = Cluster.open(name)
        except LabError:
            return Cluster(name, heap="768m").start()
        for broker in cluster.brokers():
            if not broker.process.running():  # an earlier test failed while it had the broker stopped
                broker.restart()
        return cluster

    def cluster(self, name, **settings):
        """A started cluster of this test alone; settings as shuntlab.Cluster takes them."""
        return Cluster(f"own-{name}", **settings).start()

    @staticmethod
    def tool(cluster, main_class, *arguments):
        """What one of Kafka's own administration tools (of the newest version) prints about a cluster."""
        done = subprocess.run(
            Cluster("tools").java_command(main_class, "--bootstrap-server", cluster.bootstrap, *map(str, arguments)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{main_class} {arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def delete_records(self, cluster, topic, partition, before):
        """Deletes the records of a partition below an offset, as retention does."""
        path = self.home / "delete-records.json"
        path.write_text(json.dumps({"partitions": [{"topic": topic, "partition": partition, "offset": before}]}))
        self.tool(cluster, "org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", path)

    # ---- judge -------------------------------------------------------------------------------------------------------

    def judge(self, command, *arguments, check=True):
        """Runs the judge; returns its JSON (None without output). With check=False a verdict of "different" is no
        failure."""
        done = subprocess.run(
            [str(ROOT / "tests" / "judge" / "judge"), command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0 and check:
            raise AssertionError(
                f"judge {command} {' '.join(map(str, arguments))}\n{done.stderr[-4000:]}{done.stdout[-2000:]}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else None

    def topic(self, name):
        """A topic name of this test alone."""
        return f"{self.name}.{name}"

    def load(self, cluster=None, **spec):
        """Loads one topic (keys: judge --help) into the source, or the given cluster; returns the topic's full name."""
        return self.load_all([spec], cluster)[0]

    def load_all(self, specs, cluster=None):
        """Loads several topics with one start of the judge; returns their full names."""
        specs = [{**spec, "topic": self.topic(spec["topic"])} for spec in specs]
        arguments = [
            argument
            for spec in specs
            for argument in ("--spec", ",".join(f"{key}={value}" for key, value in spec.items()))
        ]
        self.judge("load", "--bootstrap", (cluster or self.source).bootstrap, *arguments)
        return [spec["topic"] for spec in specs]

    def start_load(self, cluster=None, **spec):
        """Loads in the background, for tests in which data arrives while something else happens; returns a Popen
        (wait() it)."""
        spec["topic"] = self.topic(spec["topic"])
        command = [
            str(ROOT / "tests" / "judge" / "judge"),
            "load",
            "--bootstrap",
            (cluster or self.source).bootstrap,
            "--spec",
            ",".join(f"{key}={value}" for key, value in spec.items()),
        ]
        with open(self.home / f"load-{len(self._loads)}.log", "wb") as log:
            self._loads.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            )
        return self._loads[-1]

    def assert_identical(self, topics, source=None, target=None, batches=True, isolation="read_uncommitted", time_types=True):
        """Every record (that a reader of this isolation sees on the source) equal at the same offset and no other, equal
        log ends, and (batches) every stored batch equal but for the fields a mirror sets; not time_types: whether a time is the
        producer's or the broker's does not matter."""
        return self.judge(
            "compare",
            "--source",
            (source or self.source).bootstrap,
            "--target",
            (target or self.target).bootstrap,
            *(argument for topic in topics for argument in ("--topic", topic)),
            *(["--batches"] if batches else []),
            *([] if time_types else ["--ignore-time-types"]),
            "--isolation",
            isolation,
        )

    # ---- kcat, the other judge ---------------------------------------------------------------------------------------

    @staticmethod
    def kcat(cluster, *arguments, feed=None):
        """What kcat (librdkafka) prints, as bytes; `feed` is its standard input."""
        done = subprocess.run(
            ["kcat", "-b", cluster.bootstrap, *map(str, arguments)],
            input=feed or b"",
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, f"kcat {' '.join(map(str, arguments))}: {done.stderr.decode()[-2000:]}"
        return done.stdout

    def ends(self, cluster, topics, isolation="read_committed"):
        """{(topic, partition): end offset}, from one run of kcat; the first open transaction ends a partition, unless
        isolation is read_uncommitted."""
        known = cluster.metadata()["topics"]
        asked = [
            argument for topic in topics for index in known[topic] for argument in ("-t", f"{topic}:{index}:-1")
        ]

        def answers():
            # A broker that has just started is known as the leader a moment before it acts as one; kcat then leaves the
            # partition out.
            said = self.kcat(cluster, "-Q", "-X", f"isolation.level={isolation}", *asked).decode()
            found = re.findall(r"^(\S+) \[(\d+)\] offset (\d+)$", said, re.MULTILINE)
            assert len(found) == len(asked) // 2, found
            return {(topic, int(index)): int(end) for topic, index, end in found}

        return self.eventually(answers, 30, "kcat is told the log ends")

    def dump(self, cluster, topic, partition=0, layout=r"%o %T %h %K %S %k %s\n"):
        """Every record of a partition as librdkafka reads it, aborted ones included: offset, timestamp, headers, key,
        value; null and empty told apart by their lengths."""
        return self.kcat(
            cluster, "-C", "-q", "-e", "-t", topic, "-p", partition, "-o", "beginning",
            "-X", "isolation.level=read_uncommitted", "-f", layout,
        )  # fmt: skip

    def assert_prefix(self, topic, partition=0, source=None, target=None):
        """The target holds the first records of the source's partition, at their offsets, and nothing else; returns
        them."""
        there = self.dump(target or self.target, topic, partition)
        here = self.dump(source or self.source, topic, partition)
        assert here.startswith(there), f"{topic}-{partition}: the target is no prefix of the source"
        return there

    # ---- shunt -------------------------------------------------------------------------------------------------------

    def config(self, topics, source=None, target=None, settings=None):
        """Writes a MirrorMaker 2 file for a flow source->target and returns its path; settings come last and win."""
        lines = {
            "clusters": "source, target",
            "source.bootstrap.servers": (source or self.source).bootstrap,
            "target.bootstrap.servers": (target or self.target).bootstrap,
            "source->target.enabled": "true",
            "source->target.topics": ", ".join(re.escape(topic) for topic in topics),
            "replication.policy.class": IDENTITY,
            "replication.factor": "1",
            "emit.heartbeats.enabled": "false",
            "emit.checkpoints.enabled": "false",
            "emit.offset-syncs.enabled": "false",
            "sync.topic.acls.enabled": "false",
            **(settings or {}),
        }
        path = self.home / f"mirror-{next(self._numbers)}.properties"
        path.write_text("".join(f"{key} = {str(value)}\n".replace("\\", "\\\\") for key, value in lines.items()))
        return path

    def shunt(self, *arguments):
        """Starts the program with these arguments and returns at once."""
        return Shunt(self.home, next(self._numbers), [str(argument) for argument in arguments])

    def mirror(self, topics, timeout_seconds=90, **config):
        """Mirrors what is there now and returns shunt's summary; anything but exit code 0 fails the test."""
        run = self.shunt("run", self.config(topics, **config), "--until-caught-up", "--json")
        code = run.wait(timeout_seconds)
        assert code == 0, f"shunt ended with {code}; its log says:\n{run.log_text()[-3000:]}"
        return run.summary()

    def start_mirror(self, topics, settings=None, **config):
        """Starts a mirror that runs until it is told to end, with metrics at a free port."""
        settings = {"refresh.topics.interval.seconds": 1, "shunt.metrics.listen": "127.0.0.1:0", **(settings or {})}
        return self.shunt("run", self.config(topics, settings=settings, **config), "--json")

    def until_level(self, topics, source=None, target=None, timeout_seconds=60):
        """Waits until both clusters' partitions end at the same offsets."""
        source, target = source or self.source, target or self.target
        self.eventually(
            lambda: self.ends(source, topics) == self.ends(target, topics),
            timeout_seconds,
            "the target ends where the source ends",
        )

    # ---- waiting and cleaning ----------------------------------------------------------------------------------------

    @staticmethod
    def eventually(condition, timeout_seconds=30, what=None):
        """Waits until condition() is true and returns its value; an exception inside counts as not yet."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            problem = "is still false"
            try:
                value = condition()
                if value:
                    return value
            except (AssertionError, OSError, LabError, KeyError, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout_seconds} s: {what or condition.__name__} ({problem})")
            time.sleep(0.02)

    def close(self):
        for load in self._loads:
            if load.poll() is None:
                load.kill()
                load.wait()
        clean(self.home)


def clean(home):
    """Stops what a test left running, from its records alone: the test's own process may be gone."""
    for record in home.glob("shunt-*.process"):
        process = Process(record)
        process.signal(signal.SIGKILL)
        process.wait_gone(30)
    for name in Cluster.all():
        if name.startswith("own-"):
            Cluster(name).stop()
