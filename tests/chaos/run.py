#!/usr/bin/env python3
"""Chaos on real clusters: run.py [ROUNDS [SEED]] [--short] [--keep], rounds of seeds SEED, SEED+1, ...

Each round has producers write to a source of three brokers while shunt mirrors it to a target of three, and while a
schedule drawn from the seed (schedule.py) kills, freezes and cuts off everything in turn. Then all is quiet, shunt
comes to the source's end, and history.py judges; shunt verify must agree. A failed round leaves its files in
build/chaos/SEED and prints the command that repeats it: the same faults at the same times, though not the same
interleaving. The last line is "N passed, N failed"; the exit code is 0 only if all passed.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "integration")]
OUTPUT = Path(os.environ.get("SHUNT_CHAOS_DIR", ROOT / "build" / "chaos")).absolute()
os.environ["SHUNT_LAB_DIR"] = str(OUTPUT / "lab")  # clusters of tests, people and chaos do not meet

import harness  # noqa: E402
import history  # noqa: E402
import schedule  # noqa: E402
from faults import Faults  # noqa: E402
from proxy import Proxy  # noqa: E402
from world import TOPICS, Clusters, World  # noqa: E402

PATIENCE_SECONDS = 90  # without any progress towards the source's end; transactions may stay open for 20
AGAIN_SECONDS = 180  # for a run with nothing left to do
BARS_SECONDS = {"restart": 2, "leader move": 1}


class Round:
    def __init__(self, seed, size, keep, clusters):
        self.seed = seed
        self.plan = schedule.schedule(seed, size)
        self.home = OUTPUT / str(seed)
        self.problems = []
        self.report = {"seed": seed, "size": size}
        self._keep = keep
        self._clusters = clusters
        self._began = time.monotonic()
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        (self.home / "schedule").write_text(f"{self.plan}\n")

    def tell(self, text):
        line = f"{time.monotonic() - self._began:7.2f}  {text}"
        with open(self.home / "events", "a") as events:
            events.write(line + "\n")
        print(line, flush=True)

    def run(self):
        """Whether it passed; self.problems and self.report say more."""
        world = World(self._clusters, self.home, self.seed, self.plan, self.tell)
        try:
            self._run(world)
        except Exception:
            self.problems.append(traceback.format_exc())
        finally:
            world.close()
        seconds = time.monotonic() - self._began
        self.report |= {"passed": not self.problems, "problems": self.problems, "seconds": seconds}
        (self.home / "report.json").write_text(json.dumps(self.report, indent=1) + "\n")
        if self.problems:
            self._keep_broker_logs()
        else:
            world.delete_topics()
            for path in [] if self._keep else self.home.glob("*.tsv"):
                path.unlink()
        return not self.problems

    def _run(self, world):
        world.start_workload()
        self.tell("producers write, the compacted topic has holes")
        world.configure()
        world.start_shunt()
        faults = Faults(world)
        faults.run(self.plan)
        self.problems += faults.problems
        if not self.problems:
            faults.coda()
        self.tell("quiet")
        self.report["workload"] = world.stop_workload()
        level = world.until_level(PATIENCE_SECONDS)
        self.tell("the target ends where the source ends" if level else "the target does NOT end where the source ends")
        self._end_shunt(world)
        if level:
            self._run_again(world)
        self._judge(world)
        self._summarise(world, faults)

    def _end_shunt(self, world):
        """It must end in order, without a partition that has failed."""
        world.interruptions += int(world.shunt.metrics("shunt_interruptions_total"))
        world.shunt.signal(signal.SIGTERM)
        code, summary = world.shunt.wait(90), world.shunt.summary()
        if code != 0 or summary["failures"]:
            self.problems.append(f"shunt ended with {code}: {summary['failures']}")
        for field in ("filled_offsets", "slow_path_batches", "duplicates"):
            self.report[f"last_life_{field}"] = summary[field]

    def _run_again(self, world):
        """One more life: it must know all of it again and find nothing left to do."""
        run = world.lab.shunt("run", world.file, "--until-caught-up", "--json")
        code, summary = run.wait(AGAIN_SECONDS), run.summary()
        if code != 0 or summary["failures"] or summary["records"]:
            self.problems.append(f"another run ended with {code}, {summary['records']} records: {summary['failures']}")

    def _judge(self, world):
        world.read_views()
        compacted = {world.topics[name] for name, (_, configs) in TOPICS.items() if "cleanup.policy" in configs}
        (self.home / "compacted").write_text("\n".join(compacted) + "\n")
        witnesses = history.read_round(self.home)
        findings = history.check(*witnesses, compacted)
        self.problems += history.summary(findings)
        verdict = world.verify()
        if verdict["equal"] != (not findings):
            found = {key: verdict[key] for key in ("equal", "failures")}
            different = [one for one in verdict["partitions"] if one.get("difference") or not one["equal"]]
            self.problems.append(f"shunt verify does not agree with the history: {found} {different}")
        sent, source, target = witnesses
        read = source[history.COMMITTED].records
        acked = sum(one.acked and one.place[0] in compacted for one in sent.sent)
        left = sum(len(records) for place, records in read.items() if place[0] in compacted)
        if left >= acked:
            self.problems.append("nothing was compacted: the round does not test what it is meant to")
        self.report["records"] = sum(map(len, target[history.COMMITTED].records.values()))
        self.report["verified"] = verdict["records"]
        self.report["compacted_away"] = acked - left

    def _summarise(self, world, faults):
        self.report["kills"] = world.kills
        self.report["interruptions"] = world.interruptions
        self.report["faults"] = [f"{lane}: {step.action}" for lane, step in faults.applied]
        self.report["recoveries"] = [one._asdict() for one in faults.recoveries]

    def _keep_broker_logs(self):
        for log in sorted((OUTPUT / "lab").glob("*/broker-*/broker.log")):
            shutil.copyfile(log, self.home / f"{log.parent.parent.name}-{log.parent.name}.log")


def spread(ordered):
    return f"median {ordered[len(ordered) // 2]:.2f} s, worst {ordered[-1]:.2f} s"


def recovery_lines(reports):
    """Median and worst of the recoveries, calm ones and others apart."""
    lines = []
    for kind, bar in BARS_SECONDS.items():
        for calm in (True, False):
            all_of = [one for report in reports for one in report.get("recoveries", [])]
            chosen = [one["seconds"] for one in all_of if one["kind"] == kind and one["calm"] == calm]
            known = sorted(seconds for seconds in chosen if seconds is not None)
            if known:
                slow = sum(seconds > bar for seconds in known) + len(chosen) - len(known)
                lines.append(
                    f"{kind}, {'nothing else wrong' if calm else 'among other faults'}: {len(chosen)}, {spread(known)}, "
                    f"above {bar} s: {slow}"
                )
    beside = [
        (one["seconds"], one["yardstick_seconds"])
        for report in reports
        for one in report.get("recoveries", [])
        if None not in (one["seconds"], one["yardstick_seconds"])
    ]
    if beside:
        ours, theirs = (sorted(column) for column in zip(*beside))
        lines.append(
            f"leader move on the target: {len(beside)}, {spread(ours)}; "
            f"librdkafka's producer beside it: {spread(theirs)}"
        )
    return lines


def show(one):
    report = one.report
    print(
        f"round {one.seed}: {'passed' if not one.problems else 'FAILED'}, {report['seconds']:.0f} s; "
        f"{report.get('records', '?')} records, {report.get('compacted_away', '?')} compacted away, "
        f"{report.get('workload', '?')}; {report.get('kills', '?')} kills, "
        f"{report.get('interruptions', '?')} interruptions, {len(report.get('faults', []))} steps"
    )
    for line in recovery_lines([report]):
        print(f"  {line}")
    for problem in one.problems:
        print(f"  {problem}")
    if one.problems:
        size = " --short" if report["size"] == "short" else ""
        print(f"  files: {one.home}\n  again: tools/dev chaos 1 {one.seed}{size}")
    sys.stdout.flush()


def rounds(seeds, size, keep):
    """Reports of the rounds; the clusters are new after a failure."""
    reports = []
    while seeds:
        with Proxy() as proxy, Clusters(proxy) as clusters:
            passed = True
            while seeds and passed:
                one = Round(seeds.pop(0), size, keep, clusters)
                passed = one.run()
                show(one)
                reports.append(one.report)
    return reports


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("rounds", nargs="?", type=int, default=5)
    arguments.add_argument("seed", nargs="?", type=int, default=1)
    arguments.add_argument("--short", action="store_true", help="fewer faults, for the ordinary test run")
    arguments.add_argument("--keep", action="store_true", help="keep histories and views of passed rounds, too")
    options = arguments.parse_args()
    if not harness.shunt_binary().exists():
        sys.exit(f"{harness.shunt_binary()} does not exist: tools/dev build release shunt")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    began = time.monotonic()
    for path in (OUTPUT / "lab").glob("*/"):
        harness.Cluster(path.name).stop()  # of a run that was killed
    seeds = list(range(options.seed, options.seed + options.rounds))
    reports = rounds(seeds, "short" if options.short else "normal", options.keep)
    passed = sum(report["passed"] for report in reports)
    failed = len(reports) - passed
    if os.environ.get("SHUNT_TALLY"):
        with open(os.environ["SHUNT_TALLY"], "a") as tally:
            tally.write(f"{passed} {failed}\n")
    print(f"{sum(report.get('kills', 0) for report in reports)} kills; took {time.monotonic() - began:.0f} s")
    print("\n".join(recovery_lines(reports)))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
