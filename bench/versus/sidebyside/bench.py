"""What every part shares: options, paths, the machine, and the two clusters."""

import contextlib
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from shuntlab import DEFAULT_VERSION, Cluster

ROOT = Path(__file__).resolve().parents[3]
BROKER_HEAP = "1g"
# Room for loading and deleting gigabytes; everything that concerns speed is Kafka's default.
BROKER_SETTINGS = {"auto.create.topics.enable": "false", "log.segment.delete.delay.ms": "1000"}


class Bench:
    """Options and places of one call."""

    def __init__(self, options):
        self.root = ROOT
        self.options = options
        self.out = Path(options.out).absolute()
        self.build = Path(options.build).absolute()
        self.logs = self.out / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._aliases = 0

    def program(self, name):
        places = {
            "shunt": self.build / "shunt",
            "relay": self.build / "bench" / "relay" / "relay",
            "rdkafka_pipe": self.build / "bench" / "versus" / "rdkafka_pipe",
            "delay_proxy": self.build / "bench" / "versus" / "delay_proxy",
        }
        return places[name]

    def fresh_alias(self, contender):
        """A source alias no earlier run had: with MirrorMaker 2's default naming every run has a target topic to
        itself."""
        self._aliases += 1
        return f"{contender}{self._aliases}x{os.getpid()}"

    def wants(self, contender):
        return contender in self.options.contenders

    @contextlib.contextmanager
    def clusters(self, *names, **settings):
        """Fresh one-broker clusters with the JVM flags of Kafka's own start scripts, removed afterwards. settings: of
        a cluster, by its name, as shuntlab's Cluster takes them."""
        with contextlib.ExitStack() as stack:
            started = []
            for name in names:
                self.say(f"starting cluster {name}")
                own = settings.get(name, {})
                cluster = Cluster(
                    f"versus-{name}-{os.getpid()}",
                    heap=BROKER_HEAP,
                    jvm="server",
                    **{**own, "properties": {**BROKER_SETTINGS, **own.get("properties", {})}},
                )
                started.append(stack.enter_context(cluster))
            yield started

    def say(self, text):
        print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def forget(cluster, topic, partitions):
    """Deletes a topic and waits until its files are gone, so that deleting is no part of the next run."""
    cluster.delete_topic(topic)
    data = cluster.broker(1).home / "data"
    deadline = time.monotonic() + 60
    while any(data.glob(f"{topic}-*")):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{cluster.name}: the files of the deleted topic {topic} are still there after 60 s")
        time.sleep(0.05)


def machine():
    """What the figures were measured on."""
    cpu_info = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = [line.split(":", 1)[1].strip() for line in cpu_info if "model name" in line]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.splitlines()
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "processors": os.cpu_count(),
        "cpu": cpu[0] if cpu else platform.machine(),
        "memory_bytes": memory,
        "kernel": platform.release(),
        "kafka": DEFAULT_VERSION,
        "java": java[0] if java else "unknown",
        "shunt": commit or "not committed",
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def save(bench, part, data):
    """Keeps a part's result, so that a later call can measure other parts and still report all."""
    path = bench.out / "parts" / f"{part}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")


def saved(bench):
    return {path.stem: json.loads(path.read_text()) for path in sorted((bench.out / "parts").glob("*.json"))}
