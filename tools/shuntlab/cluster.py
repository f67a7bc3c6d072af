"""A named cluster, in KRaft mode or (versions before 3.3) with a ZooKeeper of its own: its directory, its brokers, and
when it counts as ready.

Everything a cluster has lives in build/lab/NAME (or $SHUNT_LAB_DIR/NAME): state.json, and for each broker
server.properties, data, broker.log and the record of its process. Another process can therefore pick the cluster up by
name, and stop() needs nothing else. How brokers and controllers are laid out is layout.py's.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

from . import archive, jars, layout, security, wire
from .errors import LabError
from .layout import HOST
from .process import Process

READY_SECONDS = 120
# A small lab shares its processors with what is under test: compile little, collect on one thread. "server" is what
# Kafka's own start scripts use, for benchmarks.
JVM_FLAGS = {
    "small": ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    "server": ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"],
}


def lab_dir():
    explicit = os.environ.get("SHUNT_LAB_DIR")
    return Path(explicit).absolute() if explicit else Path(__file__).resolve().parents[2] / "build" / "lab"


class Broker:
    """One broker of a cluster; obtained from Cluster.broker(id)."""

    def __init__(self, cluster, broker_id):
        self.id = broker_id
        self.cluster = cluster
        self.home = cluster.home / f"broker-{broker_id}"
        self.log = self.home / "broker.log"
        self.process = Process(self.home / "process")

    @property
    def port(self):
        return self.cluster.state["brokers"][str(self.id)]["port"]

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    @property
    def proxied_address(self):
        """(host, port) a proxy connects to; only of a proxied cluster."""
        return HOST, self.cluster.state["brokers"][str(self.id)]["listeners"][layout.PROXIED]

    @property
    def proxy_address(self):
        """(host, port) a proxy listens at; only of a proxied cluster."""
        return HOST, self.cluster.state["brokers"][str(self.id)]["proxy_port"]

    def start(self):
        """Starts the process; does not wait for it to serve (Cluster.wait does)."""
        state = self.cluster.state
        # Killed JVMs leave unpacked codec libraries and performance counters behind, by default in the machine's /tmp.
        litter_stays_here = [f"-Djava.io.tmpdir={self.home}", "-XX:-UsePerfData"]
        command = self.cluster.java_command(
            "kafka.Kafka",
            str(self.home / "server.properties"),
            heap=state["heap"],
            options=[
                *JVM_FLAGS[state["jvm"]],
                *(security.jvm_options(self.cluster.home) if state["secure"] else []),
                *state["jvm_options"],
                *litter_stays_here,
            ],
            log_level="info",
        )
        self.process.start(command, log=self.log, cwd=self.home)

    def kill(self):
        """SIGKILL; returns when the process is gone."""
        self.process.signal(signal.SIGKILL)
        self.process.wait_gone(30)

    def stop(self):
        """SIGTERM, the orderly way: leaderships move first. Returns when the process is gone; SIGKILL after 60 s."""
        self.process.signal(signal.SIGTERM)
        if not self.process.wait_gone(60):
            self.kill()

    def pause(self):
        """SIGSTOP: connections stay open, nothing answers. Returns when every thread has stopped."""
        self.process.signal(signal.SIGSTOP)
        while self.process.running():
            time.sleep(0.001)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def restart(self):
        """Starts the broker again (killing it first if it still runs) and waits until the cluster is whole again."""
        self.kill()
        self.start()
        self.cluster.wait(must_run=[self])

    def log_tail(self, lines=40):
        try:
            return "\n".join(line[:500] for line in self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def why_it_ended(self):
        """The first error in the log with what follows it, or else the log's end."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        first = next((index for index, line in enumerate(lines) if " ERROR " in line), None)
        return self.log_tail() if first is None else "\n".join(line[:500] for line in lines[first : first + 12])


class Cluster:
    """A cluster, not yet started. properties: broker settings for all; broker_properties: {id: settings}, stronger.

    listeners: further security protocols (SSL, SASL_PLAINTEXT, SASL_SSL) that each broker also listens on, every one at
    a port of its own, with their key stores and mechanisms given as properties. PLAINTEXT is always there; the lab
    itself and the brokers use it.

    secure: the listeners of security.py, its user and that user's rights; client_settings() is what such a client says.

    proxied: clients that come by way of a proxy stay behind it. Each broker has one more listener that advertises the
    port at which the caller's proxy listens (Broker.proxy_address, in front of Broker.proxied_address);
    bootstrap_of_proxies() is where such clients begin.
    """

    def __init__(
        self,
        name,
        version=jars.DEFAULT_VERSION,
        brokers=1,
        port=None,
        properties=None,
        broker_properties=None,
        heap="512m",
        jvm="small",
        jvm_options=(),
        listeners=(),
        home=None,
        share_classes=True,
        proxied=False,
        secure=False,
    ):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", name):
            raise LabError(
                f"cluster name {name!r}: 1 to 60 letters, digits, '.', '_' or '-', starting with a letter or digit"
            )
        if secure and not layout.has_kraft(version):
            raise LabError(f"cluster {name}: a secured one needs KRaft, Kafka 3.5 or later")
        if brokers < 1:
            raise LabError(f"cluster {name}: needs at least one broker, not {brokers}")
        self.name = name
        self.home = Path(home) / name if home else lab_dir() / name
        self._properties = dict(properties or {})
        self._broker_properties = {int(key): dict(value) for key, value in (broker_properties or {}).items()}
        self._port = port
        self._listeners = [*listeners, *(one for one in security.LISTENERS if secure and one not in listeners)]
        self._proxied = proxied
        # An archive costs a start to save on later ones; old versions are rarely started.
        self._share_classes = (
            share_classes and os.environ.get("SHUNT_LAB_ARCHIVE") != "0" and layout.has_kraft(version)
        )
        self.state = {
            "name": name,
            "version": version,
            "heap": heap,
            "jvm": jvm,
            "jvm_options": list(jvm_options),
            "secure": secure,
            "cluster_id": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="),
            "brokers": {str(broker_id): {} for broker_id in range(1, brokers + 1)},
        }

    @classmethod
    def open(cls, name):
        """The existing cluster of that name."""
        cluster = cls(name)
        try:
            cluster.state = json.loads((cluster.home / "state.json").read_text())
        except FileNotFoundError:
            raise LabError(f"no cluster {name} in {cluster.home.parent}; running ones: tools/lab list") from None
        return cluster

    @classmethod
    def all(cls):
        """Every cluster in the lab directory, whatever its condition, by name."""
        return sorted(path.parent.name for path in lab_dir().glob("*/state.json"))

    # ---- life --------------------------------------------------------------------------------------------------------

    def start(self):
        """Formats and starts every broker and waits until all serve. Leaves nothing behind if it fails or is
        interrupted."""
        if self.state["jvm"] not in JVM_FLAGS:
            raise LabError(f"jvm {self.state['jvm']!r}: one of {', '.join(JVM_FLAGS)}")
        jars.classpath(self.state["version"])
        if self._share_classes:
            archive.ensure(self.state["version"], Cluster)
        self.home.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.home.mkdir()
        except FileExistsError:
            raise LabError(
                f"cluster {self.name} exists already ({self.home}); `tools/lab down {self.name}` removes it"
            ) from None
        try:
            self.state["brokers"] = layout.assign_ports(
                list(self.state["brokers"]), self._listeners, self._port, self._proxied
            )
            if not layout.has_kraft(self.state["version"]):
                self.state["zookeeper_port"] = layout.free_ports(1)[0]
                self.state["cluster_id"] = None  # the brokers make one up
            self._save()
            if self.state["secure"]:
                security.make_certificates(self.home)
            if self.state.get("zookeeper_port"):
                self._start_zookeeper()
            else:
                self._format()
            for broker in self.brokers():
                broker.start()
            if self.state["secure"]:
                self._grant_rights()
            self.wait(must_run=self.brokers())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """Ends every broker at once and removes the cluster's data. Safe to call at any moment, and twice."""
        records = [Process(path) for path in self.home.glob("*/process")]
        for process in records:
            process.signal(signal.SIGKILL)
        for process in records:
            process.wait_gone(30)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def wait(self, timeout_seconds=READY_SECONDS, must_run=(), topics=()):
        """Waits until the running brokers agree: each answers, all list exactly the running ones as registered and
        unfenced and at least these topics, and every partition whose replicas all run has a leader and is fully in
        sync. Raises LabError with the end of a log after the time-out, and at once if one of must_run has ended."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            running = [broker for broker in self.brokers() if broker.process.running()]
            for broker in must_run:
                if broker.process.pid() is None:
                    raise LabError(
                        f"cluster {self.name}: broker {broker.id} ended instead of serving; {broker.log} says:\n"
                        + broker.why_it_ended()
                    )
            waiting_for = self._unsettled(running, topics) if running else "no broker runs"
            if waiting_for is None:
                return
            if time.monotonic() > deadline:
                logs = "\n".join(f"-- broker {broker.id}\n{broker.log_tail(15)}" for broker in self.brokers())
                raise LabError(
                    f"cluster {self.name}: not ready after {timeout_seconds} s, still waiting: {waiting_for}\n{logs}"
                )
            time.sleep(0.05)

    def _grant_rights(self):
        """As soon as a broker answers; wait() then sees that all know them."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return self._ask(wire.create_acls, security.USER, security.RIGHTS)
            except LabError:
                if time.monotonic() > deadline or not any(broker.process.running() for broker in self.brokers()):
                    raise
                time.sleep(0.05)

    def _unsettled(self, running, topics):
        """What the running brokers still lack, or None."""
        ids = {broker.id for broker in running}
        for broker in running:
            try:
                view = wire.metadata((HOST, broker.port))
            except OSError as error:
                return f"broker {broker.id} at {broker.address} does not answer ({error})"
            if self.state["cluster_id"] is None:
                self.state["cluster_id"] = view["cluster_id"]
                self._save()
            if view["cluster_id"] != self.state["cluster_id"]:
                return f"{broker.address} is taken by another Kafka cluster, {view['cluster_id']}"
            if self.state["secure"] and wire.count_acls((HOST, broker.port), security.USER) < len(security.RIGHTS):
                return f"broker {broker.id} does not know the rights of the user {security.USER} yet"
            if set(view["brokers"]) != ids:
                return f"broker {broker.id} sees brokers {sorted(view['brokers'])}, running are {sorted(ids)}"
            for topic in topics:
                if not view["topics"].get(topic):
                    return f"broker {broker.id} does not know topic {topic} yet"
            for topic, partitions in view["topics"].items():
                for index, (leader, replicas, isr) in partitions.items():
                    if set(replicas) <= ids and (leader not in ids or set(isr) != set(replicas)):
                        return f"{topic}-{index} on broker {broker.id}: leader {leader}, in sync {isr} of {replicas}"
        return None

    # ---- use ---------------------------------------------------------------------------------------------------------

    def brokers(self):
        return [Broker(self, int(broker_id)) for broker_id in self.state["brokers"]]

    def broker(self, broker_id):
        if str(broker_id) not in self.state["brokers"]:
            raise LabError(f"cluster {self.name} has no broker {broker_id}; it has {', '.join(self.state['brokers'])}")
        return Broker(self, int(broker_id))

    @property
    def bootstrap(self):
        return self.bootstrap_of("PLAINTEXT")

    def bootstrap_of(self, protocol):
        return ",".join(f"{HOST}:{ports['listeners'][protocol]}" for ports in self.state["brokers"].values())

    def client_settings(self, protocol, mechanism=None, **who):
        """What the configuration of a client of a secured cluster says, address included; mechanism of a SASL listener;
        who: user and password. With OAUTHBEARER it names a file that holds a token for a day."""
        settings = security.client_settings(self.home, protocol, mechanism, **who)
        return {"bootstrap.servers": self.bootstrap_of(protocol), **settings}

    def issuer(self):
        """Who makes out the tokens that a secured cluster takes."""
        return security.issuer(self.home)

    def bootstrap_of_proxies(self):
        return ",".join(f"{HOST}:{ports['proxy_port']}" for ports in self.state["brokers"].values())

    def protocols(self):
        return list(next(iter(self.state["brokers"].values()))["listeners"])

    def metadata(self):
        """What the first running broker that answers says (see wire.metadata)."""
        return self._ask(wire.metadata)

    def log_ends(self, partitions):
        """{(topic, partition): the high watermark} of what now has a leader that answers (see wire.log_ends)."""
        ends = {}
        for broker in self.brokers():
            with contextlib.suppress(OSError):
                ends.update(wire.log_ends((HOST, broker.port), partitions))
        return ends

    def create_topic(self, name, partitions=1, replication=-1, configs=None):
        """Creates a topic and waits until every partition has a leader that every running broker knows."""
        self._ask(wire.create_topic, name, partitions, replication, dict(configs or {}))
        self.wait(topics=[name])

    def delete_topic(self, name):
        self._ask(wire.delete_topic, name)

    def elect_preferred_leaders(self):
        """Leaders that are not the first of their partition's replicas give way to those."""
        self._ask(wire.elect_preferred_leaders)

    def reassign(self, replicas):
        """Begins to give partitions other replicas: {topic: {partition: [broker id, the preferred leader first]}}."""
        self._ask(wire.reassign, replicas)

    def _ask(self, request, *arguments):
        failure = "none is running"
        for broker in self.brokers():
            if broker.process.running():
                try:
                    return request((HOST, broker.port), *arguments)
                except OSError as error:
                    failure = f"broker {broker.id}: {error}"
        raise LabError(f"cluster {self.name}: no broker answers ({failure})")

    def java_command(self, main_class, *arguments, heap="512m", options=tuple(JVM_FLAGS["small"]), log_level="warn"):
        """The argv that runs a class of this Kafka version, console tools and MirrorMaker 2 included."""
        shared = jars.archive_path(self.state["version"])
        share = [f"-XX:SharedArchiveFile={shared}", "-Xlog:cds=off"] if self._share_classes and shared.exists() else []
        return [
            jars.java(),
            f"-Xmx{heap}",
            *share,
            *options,
            "-Djava.awt.headless=true",
            f"-Dorg.slf4j.simpleLogger.defaultLogLevel={log_level}",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            "-Dorg.slf4j.simpleLogger.showShortLogName=true",
            "-cp",
            jars.classpath(self.state["version"]),
            main_class,
            *arguments,
        ]

    # ---- making ------------------------------------------------------------------------------------------------------

    def _save(self):
        fresh = self.home / "state.json.new"
        fresh.write_text(json.dumps(self.state, indent=1) + "\n")
        fresh.rename(self.home / "state.json")

    def _write_settings(self, broker):
        brokers = self.state["brokers"]
        settings = {
            **layout.server_properties(
                str(broker.id), brokers, broker.home / "data", self.state.get("zookeeper_port")
            ),
            **(security.server_properties(self._listeners, self.home) if self.state["secure"] else {}),
            **self._properties,
            **self._broker_properties.get(broker.id, {}),
        }
        return self._write_properties(broker.home / "server.properties", settings)

    @staticmethod
    def _write_properties(path, settings):
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return path

    def _start_zookeeper(self):
        """Starts the cluster's ZooKeeper; brokers wait for it by themselves. Writes the brokers' settings."""
        home = self.home / "zookeeper"
        home.mkdir()
        settings = layout.zookeeper_properties(self.state["zookeeper_port"], home / "data")
        path = self._write_properties(home / "zookeeper.properties", settings)
        command = self.java_command(
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(path), heap="128m",
            options=[*JVM_FLAGS["small"], f"-Djava.io.tmpdir={home}", "-XX:-UsePerfData"],
        )  # fmt: skip
        Process(home / "process").start(command, log=home / "zookeeper.log", cwd=home)
        for broker in self.brokers():
            broker.home.mkdir()
            self._write_settings(broker)

    def _format(self):
        """Writes each broker's settings and formats its storage with Kafka's own tool, all at the same time."""
        with contextlib.ExitStack() as formatting:
            tools = []
            for broker in self.brokers():
                broker.home.mkdir()
                settings = str(self._write_settings(broker))
                command = self.java_command(
                    "kafka.tools.StorageTool", "format", f"--cluster-id={self.state['cluster_id']}", "-c", settings,
                    *(security.format_options() if self.state["secure"] else []),
                )  # fmt: skip
                tool = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
                # Only matters when interrupted: communicate() has seen the end of it otherwise.
                formatting.callback(tool.wait)
                formatting.callback(tool.kill)
                tools.append((broker, tool))
            for broker, tool in tools:
                said = tool.communicate()[0].decode(errors="replace")
                if tool.returncode != 0:
                    raise LabError(f"cluster {self.name}: broker {broker.id} cannot be formatted:\n{said[-2000:]}")
