"""A process that outlives the command which started it, known by a record on disk.

The record is the process's own /proc/self/stat line, written by the process itself before it becomes the program to
run: there is no moment at which it runs unrecorded. Pid and start time together name one process for the life of the
machine's boot, so a recycled pid is never signalled.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from .errors import LabError

# `exec` keeps pid and start time, so what the shell reads about itself stays true for the program.
_RECORD_THEN_EXEC = 'read -r stat </proc/self/stat && printf "%s\\n" "$stat" >"$0" && exec "$@"'


def _identity(stat_line):
    """(pid, state, start time in clock ticks) of a /proc/PID/stat line; the command in brackets may hold anything."""
    pid, rest = stat_line.split(" (", 1)
    fields = rest.rsplit(") ", 1)[1].split()
    return int(pid), fields[0], int(fields[19])


class Process:
    def __init__(self, record):
        self.record = Path(record)
        self._child = None

    def start(self, argv, log, cwd):
        """Starts argv in a session of its own (a terminal's Ctrl-C does not reach it); output is appended to log."""
        if self.pid() is not None:
            raise LabError(f"{self.record}: process {self.pid()} is already running")
        self.record.unlink(missing_ok=True)
        with open(log, "ab") as output:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", _RECORD_THEN_EXEC, str(self.record), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                start_new_session=True,
            )
        deadline = time.monotonic() + 10
        while self.pid() is None and self._child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)

    def pid(self):
        """The pid if that very process is alive, stopped included; otherwise None."""
        return self._look()[0]

    def running(self):
        """Alive and not stopped by SIGSTOP."""
        pid, state = self._look()
        return pid is not None and state not in "Tt"

    def _look(self):
        if self._child is not None:
            self._child.poll()  # reaps a dead child, which would otherwise stay as a zombie
        try:
            pid, _, started = _identity(self.record.read_text())
            now_pid, state, now_started = _identity(Path(f"/proc/{pid}/stat").read_text())
        except (OSError, ValueError, IndexError):
            return None, ""
        return (pid, state) if (pid, started) == (now_pid, now_started) and state not in "ZX" else (None, "")

    def signal(self, number):
        """Sends a signal; False if the process is gone already."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            os.kill(pid, number)
            if number == signal.SIGTERM:
                os.kill(pid, signal.SIGCONT)  # a stopped process would not see SIGTERM before it is continued
            return True
        except ProcessLookupError:
            return False

    def wait(self, timeout_seconds):
        """The exit code of a process this object started (-N for signal N), or None if it still runs after the
        time-out."""
        try:
            return self._child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_gone(self, timeout_seconds):
        """True once the process no longer exists, False if it still does after the time-out."""
        deadline = time.monotonic() + timeout_seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True
