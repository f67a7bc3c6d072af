"""A seed is a schedule, and every step of it can be carried out."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from faults import Faults  # noqa: E402
from schedule import STEPS, kills, schedule  # noqa: E402

MANY = range(200)


class ScheduleTest(unittest.TestCase):
    def test_a_seed_replays_and_another_differs(self):
        self.assertEqual(schedule(7), schedule(7))
        self.assertGreater(len({str(schedule(seed)) for seed in MANY}), 190)

    def test_every_step_has_somebody_to_carry_it_out(self):
        prefixes = {"shunt": "_shunt_", "source": "_cluster_", "target": "_cluster_", "network": "_"}
        seen = set()
        for seed in MANY:
            for lane, steps in schedule(seed).lanes.items():
                seen |= {(lane, step.action) for step in steps}
        for lane, action in seen:
            self.assertTrue(hasattr(Faults, prefixes[lane] + action), (lane, action))
        self.assertEqual(len(seen), 4 + 5 + 5 + 1, seen)

    def test_every_round_kills(self):
        for size in STEPS:
            self.assertGreater(min(kills(schedule(seed, size)) for seed in MANY), 0)


if __name__ == "__main__":
    unittest.main()
