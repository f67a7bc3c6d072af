"""The data sets, and how they get onto the source: loaded by the judge's idempotent Java producer, then looked at as
they lie in the broker's log. All byte figures of the side-by-side are the bytes of these logs, headers of batches
included: what a mirror has to receive at the least.
"""

import json
import os
import struct
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    name: str
    title: str
    codec: str
    spec: str  # as `judge load --spec` takes it, without topic, partitions and records
    log_bytes_a_record: float  # about; decides how many records make the wanted size
    partitions: int = 6
    share: float = 1  # of --size: where records are small, the others would take too long

    def records(self, megabytes):
        """As many as make about that size."""
        return max(int(megabytes * self.share * 1e6 / self.log_bytes_a_record), self.partitions)


# linger is long so that batches fill: their size is what is compared.
LOADS = [
    Load("lz4-json", "JSON of 0.7 to 1.3 KB, lz4, batch.size 128 KiB", "lz4",
         "kind=json,codec=lz4,batch=131072,linger=1000", 315),
    Load("plain-256k", "1 KB records, uncompressed, batch.size 256 KiB", "none",
         "kind=random,size=1024,batch=262144,linger=1000", 1045),
    Load("plain-16k", "1 KB records, uncompressed, batch.size 16 KiB", "none",
         "kind=random,size=1024,batch=16384,linger=1000", 1045),
    Load("zstd-100b", "100-byte records, zstd, batch.size 128 KiB", "zstd",
         "kind=small,size=100,codec=zstd,batch=131072,linger=1000", 38, share=0.2),
    Load("records-100b", "100-byte records, uncompressed, batch.size 128 KiB", "none",
         "kind=random,size=100,batch=131072,linger=1000", 110, share=0.5),
    Load("records-10k", "10 KB records, uncompressed, batch.size 128 KiB", "none",
         "kind=random,size=10240,batch=131072,linger=1000", 10260, share=0.5),
]  # fmt: skip
LINK_LOADS = [
    Load("link-256k", "one partition, 1 KB records, uncompressed, batch.size 256 KiB", "none",
         "kind=random,size=1024,batch=262144,linger=1000", 1045, partitions=1),
    Load("link-16k", "one partition, 1 KB records, uncompressed, batch.size 16 KiB", "none",
         "kind=random,size=1024,batch=16384,linger=1000", 1045, partitions=1),
]  # fmt: skip
MANY_PARTITIONS = Load("partitions-1000", "1,000 partitions of 1 KB records, uncompressed", "none",
                       "kind=random,size=1024,batch=16384,linger=1000", 1045, partitions=1000)  # fmt: skip


def judge(bench, *arguments, timeout_seconds=3600):
    """Runs the judge; its JSON answer. Raises RuntimeError with what it said if it fails or finds a difference."""
    command = [str(bench.root / "tests" / "judge" / "judge"), *map(str, arguments)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        env={**os.environ, "SHUNT_JUDGE_HEAP": "1g"},
    )
    if done.returncode != 0:
        raise RuntimeError(f"judge {arguments[0]} failed (exit code {done.returncode}):\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def put(bench, cluster, load, megabytes):
    """Loads the data set as a topic of its own name; what lies in the log then."""
    records = load.records(megabytes)
    spec = f"topic={load.name},partitions={load.partitions},records={records},{load.spec}"
    judge(bench, "load", "--bootstrap", cluster.bootstrap, "--spec", spec)
    return {
        "name": load.name,
        "title": load.title,
        "codec": load.codec,
        "records": records,
        "partitions": load.partitions,
        "log_bytes": log_bytes(cluster, load.name, load.partitions),
        **_batches(cluster, load.name),
    }


def _segments(cluster, topic, partition):
    return sorted((cluster.broker(1).home / "data" / f"{topic}-{partition}").glob("*.log"))


def log_files(cluster, data):
    """The files in which the source keeps the data set."""
    return [file for index in range(data["partitions"]) for file in _segments(cluster, data["name"], index)]


def log_bytes(cluster, topic, partitions):
    return sum(file.stat().st_size for index in range(partitions) for file in _segments(cluster, topic, index))


def _batches(cluster, topic, at_most=2000):
    """Mean size and record count of the first batches of partition 0, by their headers."""
    sizes = []
    counts = []
    with open(_segments(cluster, topic, 0)[0], "rb") as log:
        while len(sizes) < at_most and len(header := log.read(61)) == 61:
            (length,) = struct.unpack_from(">i", header, 8)
            (count,) = struct.unpack_from(">i", header, 57)
            sizes.append(12 + length)
            counts.append(count)
            log.seek(length - 49, os.SEEK_CUR)
    return {"batch_bytes": round(sum(sizes) / len(sizes)), "records_a_batch": round(sum(counts) / len(counts), 1)}
