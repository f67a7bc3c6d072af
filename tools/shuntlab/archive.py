"""A class data archive of a broker's classes, written once a version: it halves the time and CPU a broker takes to
start."""

import sys
import tempfile
from pathlib import Path

from . import jars
from .errors import LabError


def ensure(version, cluster_type):
    """Path of the archive, or None if this java cannot write one. cluster_type is Cluster (passed in: it calls this
    module)."""
    path = jars.archive_path(version)
    if path.exists():
        return path
    jars.classpath(version)
    with jars.locked(path.with_suffix(".lock")):
        if path.exists():
            return path
        print(f"lab: preparing Apache Kafka {version} for fast starts (once) ...", file=sys.stderr, flush=True)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(prefix="shunt-lab-") as home:
            with cluster_type(
                "archive",
                version=version,
                home=Path(home),
                jvm_options=[f"-XX:ArchiveClassesAtExit={fresh}"],
                share_classes=False,
            ) as cluster:
                cluster.create_topic("warm", partitions=1)
                cluster.broker(1).stop()  # orderly: the JVM writes the archive as it exits
        if not fresh.exists():
            raise LabError(f"java wrote no class archive {fresh}; set SHUNT_LAB_ARCHIVE=0 to do without")
        fresh.rename(path)
    return path
