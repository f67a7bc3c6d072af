"""What SASL_SSL on both sides costs: the same data copied in plain text and encrypted, beside the rate of the cipher
alone, as `openssl speed` measures it, and MirrorMaker 2 on the same encrypted listeners.
"""

import json
import re
import subprocess

from . import contenders, loads
from .bench import forget, machine
from .log_ends import LogEnds
from .watch import follow

COPIED = ("lz4-json", "plain-256k")
EMPTY, EMPTY_PARTITIONS = "empty", 6  # a topic: what a run costs that copies nothing
PROTOCOL = "SASL_SSL"
SECONDS_AT_MOST = 900
# The user of the lab's listeners may do what shunt needs; MirrorMaker 2 needs more.
CLUSTER = {"secure": True, "properties": {"super.users": "User:ANONYMOUS;User:mirror"}}
TLS_RECORD_BYTES = 16384


def measure(bench, source, target):
    cipher = _negotiated(source)
    part = {"kind": "secure", "quick": bench.options.quick, "machine": machine(), "cipher": cipher, "data": [],
            "cipher_seconds_a_gb": [_cipher_seconds_a_gb(cipher)], "runs": [],
            "start_cpu_seconds": {"PLAINTEXT": [], PROTOCOL: []}}  # fmt: skip
    source.create_topic(EMPTY, EMPTY_PARTITIONS)
    for load in (one for one in loads.LOADS if one.name in COPIED):
        data = loads.put(bench, source, load, bench.options.size)
        part["data"].append(data)
        for round_number in range(bench.options.runs):
            protocols = ("PLAINTEXT", PROTOCOL)[:: 1 if round_number % 2 == 0 else -1]
            for io in bench.options.io if bench.wants("shunt") else ():
                for protocol in protocols:
                    part["runs"].append(_run(bench, source, target, data, f"shunt/{io}", protocol, round_number))
            part["cipher_seconds_a_gb"].append(_cipher_seconds_a_gb(cipher))
            for protocol in protocols if bench.wants("shunt") else ():
                part["start_cpu_seconds"][protocol].append(_start_cpu_seconds(bench, source, target, protocol))
        for round_number in range(bench.options.slow_runs if bench.wants("mm2") else 0):
            part["runs"].append(_run(bench, source, target, data, "mm2", PROTOCOL, round_number))
        source.delete_topic(load.name)
    return part


def _run(bench, source, target, data, contender, protocol, round_number):
    if contender == "mm2":
        child, target_topic = contenders.mirror_maker(
            bench, source, target, data["name"], data["codec"], protocol=protocol
        )
    else:
        io = contender.split("/")[1]
        child, target_topic, _ = contenders.shunt(bench, source, target, data["name"], io, protocol=protocol)
    with child, LogEnds(target.bootstrap, target_topic, data["partitions"]) as ends:
        seen = follow(child, ends, data["records"], SECONDS_AT_MOST, ends_itself=contender != "mm2")
    gigabytes = data["log_bytes"] / 1e9
    if contender == "mm2":
        cpu = seen["steady"]["cpu_seconds"] / (gigabytes * seen["steady"]["share"])
    else:
        cpu = child.cpu_seconds / gigabytes
    if round_number == 0:
        how = ("--ignore-offsets",) if contender == "mm2" else ("--batches",)
        loads.judge(bench, "compare", "--source", source.bootstrap, "--target", target.bootstrap,
                    "--topic", f"{data['name']}={target_topic}", *how)  # fmt: skip
    forget(target, target_topic, data["partitions"])
    bench.say(f"secure: {data['name']}: {contender}, {protocol}: {cpu:.3f} CPU s/GB")
    return {"contender": contender, "protocol": protocol, "data": data["name"], "round": round_number,
            "cpu_per_gb": cpu, "peak_bytes": child.peak_bytes}  # fmt: skip


def _start_cpu_seconds(bench, source, target, protocol):
    child, target_topic, _ = contenders.shunt(bench, source, target, EMPTY, bench.options.io[0], protocol=protocol)
    with child:
        child.wait(60)
    forget(target, target_topic, EMPTY_PARTITIONS)
    return child.cpu_seconds


def _negotiated(cluster):
    """The cipher, as OpenSSL names it, that a broker chooses of those that shunt offers, in shunt's order."""
    offered = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    done = subprocess.run(
        ["openssl", "s_client", "-connect", cluster.bootstrap_of(PROTOCOL), "-ciphersuites", offered],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    suite = re.search(r"Cipher is TLS_(AES_(?:128|256)_GCM|CHACHA20_POLY1305)", done.stdout)
    if not suite:
        raise RuntimeError(f"openssl s_client names no known cipher:\n{done.stdout[-1000:]}")
    return suite[1].replace("_", "-").lower()


def _cipher_seconds_a_gb(cipher):
    command = ["openssl", "speed", "-mr", "-seconds", "2", "-bytes", str(TLS_RECORD_BYTES), "-evp", cipher]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # +F:<index>:<name>:<bytes a second>
    return 1e9 / float(re.search(r"^\+F:\d+:[^:]+:([0-9.]+)", said, re.MULTILINE)[1])
