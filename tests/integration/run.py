#!/usr/bin/env python3
"""Runs the integration tests: run.py [--list] [--jobs N] [PATTERN ...], a pattern being part of FILE:TEST.

As many tests run at once as there are processors (and 6 GiB of memory for each), with clusters of their own. Each test
runs in a process of its own with a time-out; its files are kept in build/integration/FILE.TEST. Failures are shown last, with the ends of the test's, shunt's and the brokers' logs. The last line is "N passed, N failed"; the exit code is 0 only if
all passed.
"""

import argparse
import collections
import importlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
OUTPUT = Path(os.environ.get("SHUNT_INTEGRATION_DIR", HERE.parents[1] / "build" / "integration")).absolute()
import harness  # noqa: E402


def discover():
    """[(name, time-out)] of every marked function, files and functions in order."""
    tests = []
    for path in sorted(HERE.glob("*_test.py")):
        module = importlib.import_module(path.stem)
        for function in vars(module).values():
            if hasattr(function, "timeout_seconds") and getattr(function, "__module__", "") == path.stem:
                tests.append((f"{path.stem}:{function.__name__}", function.timeout_seconds))
    return tests


def run_one(name):
    """In the test's own process."""
    module, function = name.split(":")
    home = OUTPUT / name.replace(":", ".")
    lab = harness.Lab(function.replace("_", "-"), home)
    try:
        getattr(importlib.import_module(module), function)(lab)
        code = 0
    except Exception:
        traceback.print_exc()
        code = 1
    if code == 0:  # logs of a failed test are read before its clusters go; the parent cleans up
        lab.close()
    return code


def tail(path, lines):
    text = path.read_text(errors="replace").splitlines() if path.exists() else []
    return [f"    {line[:400]}" for line in text[-lines:]]


def report(home, lab):
    """What is known of a failed test: the ends of its files, and what the brokers complained of."""
    lines = tail(home / "output.txt", 40)
    for log in sorted(home.glob("shunt-*.log"))[-3:] + sorted(home.glob("load-*.log")):
        lines += [f"  -- {log.name}", *tail(log, 25)]
    for log in sorted(lab.glob("*/broker-*/broker.log")):
        kept = home / f"{log.parent.parent.name}-{log.parent.name}.log"
        shutil.copyfile(log, kept)
        problems = [
            line for line in log.read_text(errors="replace").splitlines() if " WARN " in line or " ERROR " in line
        ]
        lines += [f"  -- {kept.name} (warnings and errors)", *(f"    {line[:300]}" for line in problems[-10:])]
    return "\n".join([*lines, f"  -- all files: {home}"])


class Worker:
    """Runs one test after another, in processes of their own. What tests share they share with those of the same
    worker: its lab is no other's, nor is it people's."""

    def __init__(self, number):
        self._lab = OUTPUT / f"lab-{number}"
        self._child = None

    def run(self, name, timeout_seconds):
        """(what went wrong, its report), or None."""
        home = OUTPUT / name.replace(":", ".")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        with open(home / "output.txt", "wb") as output:
            self._child = self._start("--one", name, output=output)
            try:
                code = self._child.wait(timeout_seconds)
                problem = None if code == 0 else f"exit code {code}"
            except subprocess.TimeoutExpired:
                problem = f"not done after {timeout_seconds} s"
                self._end_child()
        failure = (problem, report(home, self._lab)) if problem else None
        self._start("--clean", name).wait()
        return failure

    def stop(self):
        """Ends the test that runs and whatever any test of this worker has left."""
        self._end_child()
        self._start("--clean").wait()

    def _start(self, *arguments, output=None):
        return subprocess.Popen(
            [sys.executable, str(HERE / "run.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env={**os.environ, "SHUNT_LAB_DIR": str(self._lab)},
            start_new_session=True,
        )

    def _end_child(self):
        if self._child and self._child.poll() is None:
            os.killpg(self._child.pid, signal.SIGKILL)  # its own session: the judges it runs, not brokers or shunt
            self._child.wait()


def clean(name):
    """In a process of the worker's: stops what that test has left running or, without a name, everything."""
    if name:
        harness.clean(OUTPUT / name.replace(":", "."))
        return
    for home in OUTPUT.glob("*_test.*"):
        harness.clean(home)
    for cluster in harness.Cluster.all():
        harness.Cluster(cluster).stop()


def work(worker, tests, results):
    """In a thread of its own: takes tests until there are none."""
    while True:
        try:
            name, timeout_seconds = tests.popleft()
        except IndexError:
            return
        began = time.monotonic()
        try:
            failure = worker.run(name, timeout_seconds)
        except Exception:
            failure = ("the test could not be run", traceback.format_exc())
        results.put((name, failure, time.monotonic() - began))


def default_jobs():
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return max(1, min(os.cpu_count(), int(memory_gib / 6)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pattern", nargs="*")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--jobs", type=int, default=default_jobs())
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    arguments.add_argument("--clean", nargs="?", const="", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.one:
        sys.exit(run_one(options.one))
    if options.clean is not None:
        return clean(options.clean)
    tests = [test for test in discover() if not options.pattern or any(part in test[0] for part in options.pattern)]
    if options.list:
        print("\n".join(f"{name}  ({timeout} s at most)" for name, timeout in tests))
        return
    if not tests:
        sys.exit(f"no test matches {' '.join(options.pattern)}")
    if not harness.shunt_binary().exists():
        sys.exit(f"{harness.shunt_binary()} does not exist: tools/dev build release shunt")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    began = time.monotonic()
    failed = []
    passed = 0
    todo, results = collections.deque(tests), queue.SimpleQueue()
    workers = [Worker(number) for number in range(max(1, min(options.jobs, len(tests))))]
    try:
        for worker in workers:
            worker.stop()  # what a run that was killed has left
        for worker in workers:
            threading.Thread(target=work, args=(worker, todo, results), daemon=True).start()
        for index in range(1, len(tests) + 1):
            name, failure, seconds = results.get()
            if failure:
                failed.append((name, *failure))
            else:
                passed += 1
            verdict = f"FAILED, {failure[0]}" if failure else "passed"
            print(f"[{index}/{len(tests)}] {name}: {verdict}, {seconds:.1f} s", flush=True)
    finally:
        todo.clear()
        for worker in workers:
            worker.stop()
    if os.environ.get("SHUNT_TALLY"):
        with open(os.environ["SHUNT_TALLY"], "a") as tally:
            tally.write(f"{passed} {len(failed)}\n")
    for name, problem, details in failed:
        print(f"failed: {name}: {problem}\n{details}")
    for name, problem, _ in failed:
        said = tail(OUTPUT / name.replace(":", ".") / "output.txt", 1)
        print("\n".join([f"failed: {name}: {problem}", *said]))
    print(f"took {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
