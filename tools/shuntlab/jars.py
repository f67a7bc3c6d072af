"""Kafka's jars, fetched by Maven coordinates once a version and user, and the java program that runs them.

The cache is ${SHUNT_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/shunt}/kafka/VERSION and is used offline afterwards. It
holds the jars, a file `classpath`, and a class data archive per java program (see archive.py).
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError

DEFAULT_VERSION = "4.3.1"
_POM = Path(__file__).with_name("pom.xml")


def cache_dir():
    explicit = os.environ.get("SHUNT_CACHE_DIR")
    return Path(explicit) if explicit else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "shunt"


@contextmanager
def locked(path):
    """Holds an exclusive lock on a file beside the thing it guards; released when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def java():
    """Path of a java of at least version 17 ($JAVA_HOME first, then PATH)."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if not found:
        raise LabError("no java found on PATH: run tools/install-deps, or set JAVA_HOME to a JDK 17 or newer")
    release = (
        Path(os.path.realpath(found)).parent.parent / "release"
    )  # saves starting a JVM only to ask for its version
    text = (
        release.read_text()
        if release.exists()
        else subprocess.run([found, "-version"], capture_output=True, text=True).stderr
    )
    match = re.search(r'"(\d+)', re.sub(r'(?s).*JAVA_VERSION="', '"', text))
    if not match or int(match[1]) < 17:
        raise LabError(f"{found} is not java 17 or newer: run tools/install-deps, or set JAVA_HOME")
    return found


def _home(version):
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[A-Za-z0-9]+)?", version):
        raise LabError(f"{version!r} is not a Kafka version such as {DEFAULT_VERSION}")
    pom = hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]  # another list of jars is another directory
    return cache_dir() / "kafka" / f"{version}-{pom}"


def _fetch(version, home):
    mvn = shutil.which("mvn")
    if not mvn:
        raise LabError("no mvn (Apache Maven) found on PATH: run tools/install-deps")
    print(f"lab: fetching Apache Kafka {version} from Maven into {home} (once) ...", file=sys.stderr, flush=True)
    fresh = home.with_name(home.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    done = subprocess.run(
        [
            mvn,
            "-B",
            "-q",
            "-Dstyle.color=never",
            "-f",
            str(_POM),
            f"-Dkafka.version={version}",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={fresh / 'jars'}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0 or not list((fresh / "jars").glob("kafka_2.13-*.jar")):
        raise LabError(f"mvn could not fetch Apache Kafka {version}; it said:\n{done.stdout[-3000:]}")
    # Kafka 2 brings a logging backend of its own; two on one class path fight.
    jars = sorted(path.name for path in (fresh / "jars").glob("*.jar") if not path.name.startswith("slf4j-log4j12"))
    (fresh / "classpath").write_text(":".join(str(home / "jars" / jar) for jar in jars) + "\n")
    shutil.rmtree(home, ignore_errors=True)
    fresh.rename(home)  # complete or absent: nobody sees half a download


def classpath(version=DEFAULT_VERSION):
    """The class path of a Kafka version; fetched at first use."""
    home = _home(version)
    listing = home / "classpath"
    if not listing.exists():
        with locked(home.with_name(home.name + ".lock")):
            if not listing.exists():
                _fetch(version, home)
    return listing.read_text().strip()


def archive_path(version):
    """Where the class data archive for this version and this java program lives; an archive only fits the JVM that
    wrote it."""
    program = os.path.realpath(java())
    identity = f"{program} {os.stat(program).st_mtime_ns}"
    return _home(version) / f"classes-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.jsa"
