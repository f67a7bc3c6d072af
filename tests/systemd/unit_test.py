"""The service unit, judged by systemd itself: unit_test.py UNIT. Exit code 77: this machine has no systemd."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MOST_EXPOSED = 1.5  # of 10; systemd calls less than 2 "OK"


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", "--no-pager", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def exposure(unit):
    code, said = analyze("security", "--offline=true", unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, f"systemd-analyze security ended with {code}:\n{said}"
    return float(found[1]), said


def main(unit):
    if shutil.which("systemd-analyze") is None:
        sys.exit(77)
    text = Path(unit).read_text()
    with tempfile.TemporaryDirectory() as folder:
        # The program need not be installed yet.
        judged = Path(folder) / "shunt@.service"
        judged.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", text, flags=re.MULTILINE))
        code, said = analyze("verify", judged)
        assert code == 0 and not said, f"systemd-analyze verify ended with {code}:\n{said}"
        level, said = exposure(judged)
        assert level <= MOST_EXPOSED, said
        # The judge sees a difference: without its filter of system calls, and with a word it does not know.
        judged.write_text(re.sub(r"^SystemCallFilter=.*\n", "", judged.read_text(), flags=re.MULTILINE))
        assert exposure(judged)[0] > MOST_EXPOSED, "a unit without a filter of system calls passes, too"
        judged.write_text(judged.read_text() + "\n[Service]\nProtectEverything=yes\n")
        assert "ProtectEverything" in analyze("verify", judged)[1]
    print(f"exposure level {level}")


main(sys.argv[1])
