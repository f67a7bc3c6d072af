"""How each contender is started. The settings of shunt and MirrorMaker 2 are the .properties.in files beside ../run;
those of the librdkafka pipe are RDKAFKA_SETTINGS.
"""

import string
import time
from pathlib import Path

from shuntlab.layout import free_ports

from .watch import Child

HERE = Path(__file__).resolve().parents[1]
MM2_HEAP = "2g"
SASL_MECHANISM = "SCRAM-SHA-512"
RDKAFKA_SETTINGS = [
    "source.fetch.message.max.bytes=8388608",
    "source.fetch.max.bytes=67108864",
    "source.queued.min.messages=1000000",
    "source.queued.max.messages.kbytes=131072",
    "source.fetch.wait.max.ms=100",
    "target.enable.idempotence=true",
    "target.acks=all",
    "target.linger.ms=50",
    "target.batch.size=1000000",
    "target.batch.num.messages=100000",
    "target.queue.buffering.max.messages=1000000",
    "target.queue.buffering.max.kbytes=262144",
]


def _settings(bench, template, values, source, target, protocol):
    """Fills a template in, and says how its clients connect; the path of the finished file."""
    alias = values["ALIAS"]
    text = string.Template((HERE / template).read_text()).substitute(values)
    for name, cluster in ((alias, source), ("target", target)):
        for key, value in _client(cluster, protocol).items():
            text += f"{name}.{key} = {value}\n"
    path = bench.logs / f"{alias}.properties"
    path.write_text(text)
    return path


def _client(cluster, protocol):
    if protocol == "PLAINTEXT":
        return {"bootstrap.servers": cluster.bootstrap}
    return cluster.client_settings(protocol, SASL_MECHANISM)


def shunt(bench, source, target, topic, io, until_caught_up=True, prefix=(), protocol="PLAINTEXT"):
    """(running shunt, name of its target topic, file its summary goes to)."""
    alias = bench.fresh_alias("shunt")
    values = {"ALIAS": alias, "TOPIC": topic, "IO": io}
    path = _settings(bench, "shunt.properties.in", values, source, target, protocol)
    arguments = ["run", path, "--json", *(["--until-caught-up"] if until_caught_up else [])]
    summary = bench.logs / f"{alias}.json"
    child = Child([*prefix, bench.program("shunt"), *arguments], bench.logs / f"{alias}.log", summary)
    return child, f"{alias}.{topic}", summary


def shunt_verify(bench, target_topic):
    """Running `shunt verify` of what shunt() has copied there."""
    alias = target_topic.partition(".")[0]
    log = bench.fresh_alias(f"{alias}-verify")
    argv = [bench.program("shunt"), "verify", bench.logs / f"{alias}.properties", "--json"]
    return Child(argv, bench.logs / f"{log}.log", bench.logs / f"{log}.json")


def mirror_maker(
    bench, source, target, topic, codec, template="mm2-tuned.properties.in", linger_ms=50, protocol="PLAINTEXT"
):
    """(running MirrorMaker 2, name of its target topic)."""
    alias = bench.fresh_alias("mm")
    values = {
        "ALIAS": alias,
        "TOPIC": topic,
        "CODEC": codec,
        "TASKS": 2,
        "LINGER_MS": linger_ms,
        # Waiting for more pays only where throughput counts.
        "FETCH_MIN_BYTES": 1048576 if linger_ms else 1,
    }
    path = _settings(bench, template, values, source, target, protocol)
    # The flags of Kafka's own start scripts; a fixed heap, so that growing it is no part of the run.
    options = [f"-Xms{MM2_HEAP}", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
               "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]  # fmt: skip
    argv = source.java_command(
        "org.apache.kafka.connect.mirror.MirrorMaker", str(path), heap=MM2_HEAP, options=options, log_level="warn"
    )
    return Child(argv, bench.logs / f"{alias}.log"), f"{alias}.{topic}"


def rdkafka_pipe(bench, source, target, topic, partitions, codec):
    """(running pipe, name of its target topic). The pipe needs the topic to exist, so its creation is not timed."""
    alias = bench.fresh_alias("pipe")
    target_topic = f"{alias}.{topic}"
    target.create_topic(target_topic, partitions)
    argv = [bench.program("rdkafka_pipe"), "--source", source.bootstrap, "--target", target.bootstrap,
            "--topic", topic, "--target-topic", target_topic, "--codec", codec]  # fmt: skip
    for setting in RDKAFKA_SETTINGS:
        argv += ["--set", setting]
    return Child(argv, bench.logs / f"{alias}.log", bench.logs / f"{alias}.json"), target_topic


def relay(bench, files):
    """Moves the files' bytes sender -> relay -> sink over loopback; the relay's figures. The sender takes them from the
    page cache with sendfile(2), as the source broker does."""
    name = bench.fresh_alias("relay")
    sink_port, relay_port = free_ports(2)
    program = bench.program("relay")

    def listener(role, *arguments):
        child = Child([program, *arguments], bench.logs / f"{name}-{role}.log", bench.logs / f"{name}-{role}.json")
        deadline = time.monotonic() + 10
        while "listening" not in child.log.read_text():
            if not child.look() or time.monotonic() > deadline:
                child.failed("does not listen")
            time.sleep(0.002)
        return child

    with listener("sink", "--sink", "--listen", sink_port) as sink:
        with listener("relay", "--listen", relay_port, "--connect", sink_port, "--buffer-bytes", 1 << 20) as middle:
            began = time.monotonic()
            sent = [argument for file in files for argument in ("--send-file", file)]
            argv = [program, *sent, "--connect", relay_port]
            with Child(argv, bench.logs / f"{name}-sender.log") as sender:
                middle.wait(600)
                seconds = time.monotonic() - began
                sender.wait(60)
        sink.wait(60)
    return middle, seconds
