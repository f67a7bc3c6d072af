"""A mirror in the sandbox mirrors as any other, by every way data takes; the sandbox is really there.

What it refuses is tests/tools/sandbox_test.cc's: a child that tries it. Here the whole program lives in it.
"""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from acls_test import grant
from failover_test import GROUPS, decide, is_marked
from groups_test import commit, groups_of
from harness import integration
from holes_test import load_transactions
from permissions_test import PRINCIPAL
from secured_lab import LOOPS, client, secured
from shuntlab import security


@integration(timeout_seconds=200)
def mirrors_in_the_sandbox_are_exact(lab):
    source, target = secured(lab)
    ends = {"source": source, "target": target}
    for index, loop in enumerate(LOOPS):
        settings = {
            **client("source", source, "SASL_SSL", "SCRAM-SHA-512"),
            **client("target", target, "SSL" if index else "SASL_PLAINTEXT", None if index else "PLAIN"),
            "shunt.io": loop,
            "shunt.shards": 2,
            "shunt.sandbox": "required",
        }
        topics = lab.load_all(
            [{"topic": f"{loop}.{codec}", "codec": codec, "records": 3000, "partitions": 2} for codec in ("none", "zstd")],
            cluster=source,
        )
        summary = lab.mirror(topics, settings=settings, **ends)
        assert summary["records"] == 6000 and not summary["failures"], summary
        assert [shard["io"] for shard in summary["shards"]] == [loop, loop], summary
        lab.assert_identical(topics, **ends)
        for command in ("check", "verify"):
            run = lab.shunt(command, lab.config(topics, settings=settings, **ends))
            assert run.wait(60) == 0, run.output.read_text() + run.log_text()
            assert re.search(r"sandbox: .*seccomp", run.log_text()), run.log_text()
    # Holes, which the slow path fills.
    topics = load_transactions(lab, source, records=90)
    summary = lab.mirror(topics, settings=settings, **ends)
    assert summary["filled_offsets"] > 0 and not summary["failures"], summary
    lab.assert_identical(topics, batches=False, isolation="read_committed", **ends)


@integration(timeout_seconds=120)
def a_running_mirror_is_confined_and_goes_on(lab):
    # A broker that was away is found again: names are resolved, connections made, sessions begun in the sandbox.
    topic = lab.load(topic="t", records=1000, partitions=2)
    target = lab.cluster("sandbox-target")
    for loop in LOOPS:
        run = lab.start_mirror([topic], target=target, settings={"shunt.sandbox": "required", "shunt.io": loop})
        lab.until_level([topic], target=target)
        status = lambda: Path(f"/proc/{run.pid}/status").read_text()
        threads = lambda: list(Path(f"/proc/{run.pid}/task").iterdir())
        # The target may have been level before this process had begun.
        confined = lambda: re.search(r"^Seccomp:\s+2$", status(), re.MULTILINE) and len(threads()) >= 3
        lab.eventually(confined, 30, "the process is confined, and has its threads")
        assert re.search(r"^NoNewPrivs:\s+1$", status(), re.MULTILINE), status()
        for thread in threads():
            assert "Seccomp:\t2" in (thread / "status").read_text(), thread
        target.broker(1).restart()
        lab.load(topic="t", records=1000, partitions=2, start=1000 * (1 + LOOPS.index(loop)))
        lab.until_level([topic], target=target)
        assert run.metrics("process_resident_memory_bytes") > 0  # /proc is still read
        run.drain()
        assert not run.summary()["failures"], run.summary()


@integration(timeout_seconds=300)
def clients_move_over_and_back_in_the_sandbox(lab):
    """With the file of the mirror: whatever is read, certificates and secrets of both directions, is read as before."""
    source, target = secured(lab)
    ends = {"source": source, "target": target}
    secrets = lab.home / "secrets"
    secrets.write_text(f"password={security.PASSWORD}\n")
    settings = {
        **GROUPS,
        **client("source", source, "SASL_SSL", "SCRAM-SHA-512", password=f"${{file:{secrets}:password}}"),
        **client("target", target, "SSL"),
        "config.providers": "file",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
        "shunt.sandbox": "required",
    }
    topic = lab.load(source, topic="t", records=100, partitions=2)
    group, key = f"{lab.name}.group", f"{topic}-1"
    for cluster in (source, target):
        grant(lab, cluster, "--allow-principal", PRINCIPAL, "--group", group, "--operation", "Read")
    for number, loop in enumerate(LOOPS):
        config = lab.config([topic], settings={**settings, "shunt.io": loop}, **ends)
        there = 100 + 40 * number

        def hand(command, code, *options):
            said, text = decide(lab, command, config, code, *options)
            assert re.search(r"sandbox: .*Landlock.*seccomp", text), text
            return said

        commit(lab, source, {group: {(topic, 1): 20 + 20 * number}})
        left = hand("failover", 1, "--dry-run")["partitions"]
        assert sum(entry["left"] for entry in left) == (20 if number else 100), left
        said = hand("failover", 0)
        assert said["done"] and said["clean"] and said["records"] == (20 if number else 100), said
        assert is_marked(lab, target) and groups_of(lab, target)[group][key]["offset"] == 20 + 20 * number
        lab.assert_identical([topic], batches=False, **ends)
        lab.load(target, topic="t", records=20, partitions=2, start=there)
        commit(lab, target, {group: {(topic, 1): 30 + 20 * number}})
        said = hand("failback", 0)
        assert said["done"] and said["clean"] and said["records"] == 20, said
        assert not is_marked(lab, target) and groups_of(lab, source)[group][key]["offset"] == 30 + 20 * number
        lab.assert_identical([topic], batches=False, **ends)
        lab.load(source, topic="t", records=20, partitions=2, start=there + 20)
    # A source that is gone is missed in the sandbox as it is outside.
    source.broker(1).kill()
    assert not hand("failover", 1)["source_reachable"]
    assert hand("failover", 0, "--force")["done"] and is_marked(lab, target)


@integration(timeout_seconds=60)
def what_the_system_refuses_is_said_or_final(lab):
    # As in a container that forbids both: a filter around the program answers EPERM to Landlock and to further filters.
    topic = lab.load(topic="t", records=100)
    around = lab.home / "around.py"
    around.write_text(AROUND)
    outcomes = {}
    for mode in ("auto", "required"):
        config = lab.config([topic], settings={"shunt.sandbox": mode})
        done = subprocess.run(
            ["python3", str(around), str(shunt_path()), "run", str(config), "--until-caught-up"],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        outcomes[mode] = done.returncode, done.stderr
    assert outcomes["auto"][0] == 0 and "refused by the system: Landlock" in outcomes["auto"][1], outcomes
    assert outcomes["required"][0] == 1, outcomes
    assert "shunt.sandbox = required, but the system refuses Landlock" in outcomes["required"][1], outcomes


def shunt_path():
    from harness import shunt_binary

    return shunt_binary()


# Refuses landlock_create_ruleset() (444) with EPERM, then becomes the program.
AROUND = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, equal, answer = 0x20, 0x15, 0x06
program = b"".join(struct.pack("HBBI", *step) for step in [
    (load, 0, 0, 0), (equal, 0, 1, 444), (answer, 0, 0, 0x00050001), (answer, 0, 0, 0x7FFF0000)])
steps = ctypes.create_string_buffer(program, len(program))
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(steps))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@integration(timeout_seconds=60)
def a_service_manager_is_told(lab):
    # sd_notify: by a path, and by a name that is no file's (systemd uses either).
    topic = lab.load(topic="t", records=100)
    for address in (str(lab.home / "notify"), f"\0shunt-test-{os.getpid()}"):
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(address)
        told.settimeout(30)
        os.environ["NOTIFY_SOCKET"] = address.replace("\0", "@")
        run = lab.start_mirror([topic], settings={"shunt.sandbox": "required"})
        del os.environ["NOTIFY_SOCKET"]
        assert told.recv(100) == b"READY=1"
        run.signal(signal.SIGTERM)
        assert told.recv(100) == b"STOPPING=1"
        assert run.wait(30) == 0, run.log_text()
        told.close()
