"""A contender at work: its CPU time, its memory, its system calls, and its progress as the target's broker shows it.

CPU is user + system of the one process with all its threads: from wait4() when the whole run is meant (microseconds),
from /proc/PID/stat when a stretch of a run is (10 ms ticks, over seconds). Memory is VmHWM, the peak of the resident
set, read every few milliseconds until the process ends; wait4's own figure would begin at the size of this program.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class ContenderFailed(Exception):
    pass


class Child:
    """A running contender. Its output goes to a log file; it is ended on leaving the `with`, whatever happens."""

    def __init__(self, argv, log, output=None):
        self.argv = [str(one) for one in argv]
        self.log = Path(log)
        self.output = Path(output) if output else self.log
        self.code = None
        self.cpu_seconds = None
        self.seconds = None
        self.peak_bytes = 0
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        with open(self.log, "wb") as errors, open(self.output, "ab") as results:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=results, stderr=errors, start_new_session=True
            )
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(grace_seconds=20)

    def cpu_now(self):
        """CPU seconds used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def look(self):
        """True while it runs. Notes the peak of its memory; keeps exit code and CPU time when it has ended."""
        if self.code is not None:
            return False
        try:
            peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
            if peak:
                self.peak_bytes = max(self.peak_bytes, int(peak[1]) * 1024)
        except FileNotFoundError:
            pass
        return not self._reap(os.WNOHANG)

    def _reap(self, flags):
        pid, status, usage = os.wait4(self.pid, flags)
        if pid == 0:
            return False
        self.seconds = time.monotonic() - self.began
        self.code = self._process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return True

    def wait(self, timeout_seconds):
        """Waits for its own end; raises with the end of its log unless that is exit code 0."""
        deadline = time.monotonic() + timeout_seconds
        while self.look():
            if time.monotonic() > deadline:
                self.failed(f"still runs after {timeout_seconds} s")
            time.sleep(0.005)
        if self.code != 0:
            self.failed(f"exit code {self.code}")

    def end(self, grace_seconds):
        """SIGTERM, then SIGKILL; nothing if it has ended."""
        for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 30)):
            if self.look():
                os.kill(self.pid, number)
                deadline = time.monotonic() + patience
                while self.look() and time.monotonic() < deadline:
                    time.sleep(0.01)

    def failed(self, why):
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])
        raise ContenderFailed(f"{' '.join(self.argv[:6])} ...: {why}; {self.log} ends:\n{tail}")


def follow(child, ends, records, timeout_seconds, ends_itself):
    """Watches a copy of `records` records until the target has them all (and, if it ends itself, until it has).

    Returns seconds from exec: to the first visible record, to the last; and CPU seconds with the time at the marks of
    20 % and 90 % of the records, between which start-up and end play no part.
    """
    result = {}
    marks = {}
    while True:
        running = child.look()
        seen = ends.total()
        now = time.monotonic() - child.began
        if seen > 0 and "first_record_seconds" not in result:
            result["first_record_seconds"] = now
        if running:
            for share in (0.2, 0.9):
                if seen >= share * records and share not in marks:
                    marks[share] = (now, child.cpu_now(), seen)
        if seen >= records and "all_seconds" not in result:
            result["all_seconds"] = now
            if running:
                result["cpu_seconds_when_all_arrived"] = child.cpu_now()
        if not running and (child.code != 0 or seen < records):
            child.failed(f"ended with exit code {child.code} when the target had {seen} of {records} records")
        if "all_seconds" in result and (not running or not ends_itself):
            break
        if now > timeout_seconds:
            child.failed(f"the target has {seen} of {records} records after {timeout_seconds} s")
        time.sleep(0.002 if seen == 0 else 0.02)
    if len(marks) == 2 and marks[0.9][2] > marks[0.2][2]:
        (t0, c0, n0), (t1, c1, n1) = marks[0.2], marks[0.9]
        result["steady"] = {"seconds": t1 - t0, "cpu_seconds": c1 - c0, "share": (n1 - n0) / records}
    return result


class CallCounter:
    """Counts the system calls of one extra run, whose other figures are not used."""

    def __init__(self, directory):
        self._file = Path(directory) / "system-calls.txt"
        probe = ["perf", "stat", "-e", "raw_syscalls:sys_enter", "-o", "/dev/null", "true"]
        if shutil.which("perf") and subprocess.run(probe, capture_output=True).returncode == 0:
            self.how = "perf stat -e raw_syscalls:sys_enter"
            self.prefix = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", str(self._file), "--"]
            self._pattern = r"^(\d+),,raw_syscalls"
        elif shutil.which("strace"):
            self.how = "strace -f -c (which slows the process: it may then read in other portions)"
            self.prefix = ["strace", "-f", "-c", "-o", str(self._file)]
            self._pattern = r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total"
        else:
            self.how = None
            self.prefix = []

    def count(self):
        found = re.search(self._pattern, self._file.read_text(), re.MULTILINE)
        if not found:
            raise ContenderFailed(f"no count of system calls in {self._file}")
        return int(found[1])
