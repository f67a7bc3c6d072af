#!/usr/bin/env python3
"""Runs the integration tests: run.py [--list] [PATTERN ...], a pattern being part of FILE:TEST.

Each test runs in a process of its own with a time-out; its files are kept in build/integration/FILE.TEST. Failures are
shown last, with the ends of the test's, shunt's and the brokers' logs. The last line is "N passed, N failed"; the exit code is 0 only if
all passed.
"""

import argparse
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
OUTPUT = Path(os.environ.get("SHUNT_INTEGRATION_DIR", HERE.parents[1] / "build" / "integration")).absolute()
os.environ["SHUNT_LAB_DIR"] = str(OUTPUT / "lab")  # clusters of tests and people do not meet

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


def report(home):
    """What is known of a failed test: the ends of its files, and what the brokers complained of."""
    lines = tail(home / "output.txt", 40)
    for log in sorted(home.glob("shunt-*.log"))[-3:] + sorted(home.glob("load-*.log")):
        lines += [f"  -- {log.name}", *tail(log, 25)]
    for log in sorted((OUTPUT / "lab").glob("*/broker-*/broker.log")):
        kept = home / f"{log.parent.parent.name}-{log.parent.name}.log"
        shutil.copyfile(log, kept)
        problems = [
            line for line in log.read_text(errors="replace").splitlines() if " WARN " in line or " ERROR " in line
        ]
        lines += [f"  -- {kept.name} (warnings and errors)", *(f"    {line[:300]}" for line in problems[-10:])]
    return "\n".join([*lines, f"  -- all files: {home}"])


def run_apart(name, timeout_seconds):
    """Runs one test in its own process and returns (what went wrong, its report), or None."""
    home = OUTPUT / name.replace(":", ".")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with open(home / "output.txt", "wb") as output:
        child = subprocess.Popen(
            [sys.executable, str(HERE / "run.py"), "--one", name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = child.wait(timeout_seconds)
            problem = None if code == 0 else f"exit code {code}"
        except subprocess.TimeoutExpired:
            problem = f"not done after {timeout_seconds} s"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)  # its own session: the judges it runs, not brokers or shunt
                child.wait()
            if sys.exc_info()[0] is not None:
                harness.clean(home)
    failure = (problem, report(home)) if problem else None
    harness.clean(home)
    return failure


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pattern", nargs="*")
    arguments.add_argument("--list", action="store_true")
    arguments.add_argument("--one", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.one:
        sys.exit(run_one(options.one))
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
    stop_all()  # clusters of a run that was killed
    try:
        for index, (name, timeout_seconds) in enumerate(tests, 1):
            started = time.monotonic()
            print(f"[{index}/{len(tests)}] {name} ...", flush=True)
            failure = run_apart(name, timeout_seconds)
            took = f"{time.monotonic() - started:.1f} s"
            if failure:
                failed.append((name, *failure))
                print(f"[{index}/{len(tests)}] {name}: FAILED, {failure[0]}, {took}", flush=True)
            else:
                passed += 1
                print(f"[{index}/{len(tests)}] {name}: passed, {took}", flush=True)
    finally:
        stop_all()
    if os.environ.get("SHUNT_TALLY"):
        with open(os.environ["SHUNT_TALLY"], "a") as tally:
            tally.write(f"{passed} {len(failed)}\n")
    for name, problem, details in failed:
        print(f"failed: {name}: {problem}\n{details}")
    print(f"took {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


def stop_all():
    for path in (OUTPUT / "lab").glob("*/"):
        harness.Cluster(path.name).stop()


if __name__ == "__main__":
    main()
