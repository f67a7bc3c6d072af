"""Which faults a round brings, as a pure function of its seed.

A schedule has four lanes, which run at the same time, each one step after the other:

    shunt            kill, crash_loop, freeze, takeover        the program itself
    source, target   kill, pause, roll, elect, reassign        a cluster's brokers and leaders; a step ends when the
                                                               cluster is whole, so one broker at most is missing
    network          gate                                      what lies between shunt and one broker or a cluster
"""

import random
from typing import NamedTuple

BROKERS = (1, 2, 3)
LANES = ("shunt", "source", "target", "network")
STEPS = {  # of each lane
    "normal": {"shunt": 14, "source": 4, "target": 4, "network": 10},
    "short": {"shunt": 7, "source": 1, "target": 1, "network": 4},
}


class Step(NamedTuple):
    after_seconds: float  # behind the step before
    action: str
    arguments: dict

    def __str__(self):
        arguments = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"after {self.after_seconds} s: {self.action}({arguments})"


class Schedule(NamedTuple):
    lanes: dict  # name: [Step]
    settings: dict  # of shunt, beyond what every round has
    rate: int  # of the producers, as a multiple of the usual one

    def __str__(self):
        lines = [f"settings {self.settings}, rate {self.rate}"]
        for lane, steps in self.lanes.items():
            lines += [f"{lane}: {step}" for step in steps]
        return "\n".join(lines)


def schedule(seed, size="normal"):
    lanes = {}
    for lane in LANES:
        dice = random.Random(f"{seed} {lane}")  # a lane's faults do not depend on how many another has
        lanes[lane] = [_MAKERS[lane](dice, lane) for _ in range(STEPS[size][lane])]
    dice = random.Random(f"{seed} settings")
    settings = {"shunt.shards": dice.choice((1, 2)), "shunt.io": dice.choice(("auto", "epoll"))}
    return Schedule(lanes, settings, dice.choice((1, 1, 2)))


def kills(plan):
    """How often shunt is killed."""
    count = {"kill": lambda _: 1, "crash_loop": lambda step: len(step.arguments["lives"]), "takeover": lambda _: 1}
    return sum(count[step.action](step) for step in plan.lanes["shunt"] if step.action in count)


def _seconds(dice, low, high):
    return round(dice.uniform(low, high), 2)


def _shunt(dice, _):
    action = dice.choices(("kill", "crash_loop", "freeze", "takeover"), (5, 3, 1, 2))[0]
    arguments = {
        "kill": lambda: {},
        # Lives so short that some end before they have written anything, some in the middle of admission.
        "crash_loop": lambda: {"lives": [_seconds(dice, 0.02, 1.2) for _ in range(dice.randint(2, 5))]},
        "freeze": lambda: {"seconds": _seconds(dice, 0.5, 5)},
        "takeover": lambda: {
            "seconds": _seconds(dice, 1, 5),
            "together_seconds": _seconds(dice, 0.1, 3),
            "killed": dice.choice(("old", "new")),
        },
    }[action]()
    return Step(_seconds(dice, 0.5, 6), action, arguments)


def _cluster(dice, _):
    action = dice.choices(("kill", "pause", "roll", "elect", "reassign"), (4, 3, 1, 2, 2))[0]
    arguments = {
        "kill": lambda: {"broker": dice.choice(BROKERS), "seconds": _seconds(dice, 0, 5)},
        "pause": lambda: {"broker": dice.choice(BROKERS), "seconds": _seconds(dice, 0.5, 9)},
        "roll": lambda: {},
        "elect": lambda: {},
        "reassign": lambda: {"rotate": dice.choice((1, 2))},
    }[action]()
    return Step(_seconds(dice, 0.5, 5), action, arguments)


def _network(dice, _):
    fault = dice.choice(
        (
            lambda: {"latency_ms": dice.choice((5, 50, 200))},
            lambda: {"slice_bytes": dice.choice((1, 13, 100, 1000))},
            lambda: {"dead": dice.choice((["up"], ["down"]))},
            lambda: {"dead": ["up", "down"]},
            lambda: {},  # resets alone
        )
    )()
    arguments = {
        "cluster": dice.choice(("source", "target")),
        "brokers": list(BROKERS) if dice.random() < 0.4 else [dice.choice(BROKERS)],
        "fault": fault,
        "seconds": _seconds(dice, 0.5, 6) if fault else 0,
        "ends": "reset" if not fault or dice.random() < 0.5 else "heal",
    }
    return Step(_seconds(dice, 0.2, 4), "gate", arguments)


_MAKERS = {"shunt": _shunt, "source": _cluster, "target": _cluster, "network": _network}
