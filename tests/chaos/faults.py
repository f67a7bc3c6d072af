"""Carries out a schedule: each lane in a thread of its own, and every fault undone at the end."""

import signal
import threading
import time
import traceback
from typing import NamedTuple

from world import until

ELECTION_SECONDS = 5
LONG_SECONDS = 30  # a recovery that takes longer is not waited for, but told


class Recovery(NamedTuple):
    """How long it took until things went on."""

    kind: str  # "restart" or "leader move"
    seconds: float  # None: not within LONG_SECONDS
    calm: bool  # nothing else was wrong meanwhile
    yardstick_seconds: float = None  # what World.yardstick() took at the same time; None: there was none


class Faults:
    def __init__(self, world):
        self._world = world
        self._clusters = world.clusters
        self.recoveries = []
        self.applied = []  # (lane, step), as they were begun
        self.problems = []
        self._yardstick = ()  # what World.yardstick() gave

    def run(self, plan):
        """Runs all lanes to their ends, then makes everything whole again. self.problems: what could not be done, or
        what a lane found wrong."""
        lanes = [threading.Thread(target=self._lane, args=lane, daemon=True) for lane in plan.lanes.items()]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        for gate in self._clusters.gates.values():
            gate.heal()
        for cluster in self._clusters.by_name.values():
            for broker in cluster.brokers():
                broker.resume()
                if broker.process.pid() is None:
                    broker.start()
            cluster.wait(must_run=cluster.brokers())

    def coda(self):
        """Kills and leader moves with nothing else wrong: what a recovery takes."""
        self._world.tell("coda")
        for _ in range(2):
            self._catch_up()
            self._shunt_kill()
        self._catch_up()
        self._cluster_reassign("source", self._clusters.source, rotate=1)
        with self._world.yardstick() as self._yardstick:
            for _ in range(2):
                self._catch_up()
                self._cluster_reassign("target", self._clusters.target, rotate=1)
        self._yardstick = ()

    def _lane(self, lane, steps):
        try:
            for step in steps:
                if self.problems:
                    return
                time.sleep(step.after_seconds)
                self.applied.append((lane, step))
                if lane == "shunt":
                    getattr(self, f"_shunt_{step.action}")(**step.arguments)
                elif lane == "network":
                    self._gate(**step.arguments)
                else:
                    getattr(self, f"_cluster_{step.action}")(lane, self._clusters.by_name[lane], **step.arguments)
        except Exception:
            self.problems.append(f"lane {lane}: {traceback.format_exc()}")

    # ---- shunt -------------------------------------------------------------------------------------------------------

    def _restart_shunt(self):
        """Starts an instance and tells when it has had its first record confirmed."""
        world = self._world
        began, calm = time.monotonic(), world.calm()
        instance = world.start_shunt()
        done = until(lambda: world.confirmed(instance) > 0, LONG_SECONDS)
        took = time.monotonic() - began if done else None
        self.recoveries.append(Recovery("restart", took, world.was_calm(calm)))
        world.tell("shunt restarted: " + (f"first record after {took:.2f} s" if done else f"none in {LONG_SECONDS} s"))

    def _shunt_kill(self):
        self._world.tell("kill -9 shunt")
        self._world.kill_shunt(self._world.shunt)
        self._restart_shunt()

    def _shunt_crash_loop(self, lives):
        world = self._world
        for seconds in lives:
            world.tell(f"kill -9 shunt, next life {seconds} s")
            world.kill_shunt(world.shunt)
            world.start_shunt()
            time.sleep(seconds)
        world.tell("kill -9 shunt")
        world.kill_shunt(world.shunt)
        self._restart_shunt()

    def _shunt_freeze(self, seconds):
        with self._world.trouble(f"shunt is frozen for {seconds} s"):
            self._world.shunt.signal(signal.SIGSTOP)
            time.sleep(seconds)
            self._world.shunt.signal(signal.SIGCONT)

    def _shunt_takeover(self, seconds, together_seconds, killed):
        """A second instance beside a frozen one, which wakes up; then one of them dies."""
        world = self._world
        with world.trouble(f"shunt is frozen, another instance started; both live after {seconds} s"):
            old = world.shunt
            old.signal(signal.SIGSTOP)
            new = world.start_shunt()
            time.sleep(seconds)
            old.signal(signal.SIGCONT)
            time.sleep(together_seconds)
            dies, world.shunt = (old, new) if killed == "old" else (new, old)
            world.kill_shunt(dies)

    # ---- brokers -----------------------------------------------------------------------------------------------------

    def _cluster_kill(self, name, cluster, broker, seconds):
        with self._world.trouble(f"kill -9 broker {broker} of the {name}, for {seconds} s"):
            cluster.broker(broker).kill()
            time.sleep(seconds)
            cluster.broker(broker).restart()

    def _cluster_pause(self, name, cluster, broker, seconds):
        with self._world.trouble(f"broker {broker} of the {name} is frozen for {seconds} s"):
            cluster.broker(broker).pause()
            time.sleep(seconds)
            cluster.broker(broker).resume()
            cluster.wait(must_run=cluster.brokers())

    def _cluster_roll(self, name, cluster):
        with self._world.trouble(f"rolling restart of the {name}"):
            for broker in cluster.brokers():
                broker.stop()
                broker.restart()

    def _cluster_elect(self, name, cluster):
        self._move_leaders(name, cluster, "preferred leaders elected", lambda: self._elect(cluster))

    def _cluster_reassign(self, name, cluster, rotate):
        """Every partition's list of replicas is rotated, so that another one is preferred, and that one elected."""
        self._move_leaders(name, cluster, f"replicas rotated by {rotate}", lambda: self._rotate(cluster, rotate))

    @staticmethod
    def _elect(cluster):
        cluster.elect_preferred_leaders()

    def _rotate(self, cluster, by):
        wanted = {
            topic: {index: replicas[by:] + replicas[:by] for index, (_, replicas, _) in partitions.items()}
            for topic, partitions in self._partitions(cluster).items()
        }
        if wanted:  # the target has no topics before shunt has made them
            cluster.reassign(wanted)
            cluster.elect_preferred_leaders()

    def _partitions(self, cluster):
        known = cluster.metadata()["topics"]
        topics = {*self._world.topics.values(), *(topic for topic, _ in self._yardstick)}
        return {topic: known[topic] for topic in topics if topic in known}

    def _elected(self, cluster):
        """The partitions as soon as all are led by their preferred replicas, or in the end without that."""
        known = {}

        def all_elected():
            known.update(self._partitions(cluster))
            states = [state for partitions in known.values() for state in partitions.values()]
            return all(leader == replicas[0] for leader, replicas, _ in states)

        until(all_elected, ELECTION_SECONDS)
        return known

    def _move_leaders(self, name, cluster, what, move):
        """Moves leaders; how long until the target has confirmed more of each moved partition whose producers never
        pause: from when the cluster names the new leader, and the source has more."""
        world = self._world
        before = self._partitions(cluster)
        world.disturb()
        calm = world.calm()
        move()
        after = self._elected(cluster)
        began, positions = time.monotonic(), world.positions() | self._yardstick_ends()
        moved = {
            (topic, index)
            for topic, partitions in after.items()
            for index, (leader, _, _) in partitions.items()
            if topic in before and before[topic][index][0] != leader
        }
        steady = {place: end for place, end in positions.items() if place in moved and place[0] in self._steady_topics()}
        told = ""
        if steady:
            beside = {place: end for place, end in positions.items() if place in moved and place in self._yardstick}
            took, yardstick = self._until_beyond(steady, beside, began)
            self.recoveries.append(Recovery("leader move", took, world.was_calm(calm), yardstick))
            told = f": all go on after {took:.2f} s" if took is not None else ""
            told += f", librdkafka's producer after {yardstick:.2f} s" if yardstick is not None else ""
        world.tell(f"{what} on the {name}: {len(moved)} leaders moved{told}")
        cluster.wait()

    def _yardstick_ends(self):
        return self._clusters.target.log_ends(self._yardstick) if self._yardstick else {}

    def _until_beyond(self, places, beside, began):
        """How long the mirror was behind the last of these places, of which the source has more, and how long the
        yardstick was behind the last of its own; None: too long, or there is none."""
        has_more, done = {}, {}

        def look():
            ends = self._clusters.source.log_ends(places)
            reached, now = self._world.positions() | self._yardstick_ends(), time.monotonic()
            for place, position in places.items():
                if ends.get(place, -1) > position:
                    has_more.setdefault(place, now)
            for place, position in (places | beside).items():
                if reached.get(place, -1) > position:
                    done.setdefault(place, now)
            return len(done) == len(places) + len(beside)

        until(look, LONG_SECONDS, 0.01)

        def longest(some):
            took = [done[place] - max(began, has_more.get(place, began)) for place in some if place in done]
            return max(took) if took and len(took) == len(some) else None

        return longest(places), longest(beside)

    def _steady_topics(self):
        return [self._world.topics[name] for name in ("plain", "packed")]

    def _are_beyond(self, places):
        there = self._world.positions()
        return all(there.get(place, -1) > position for place, position in places.items())

    def _catch_up(self):
        """Until shunt has come, in time, to where the source's steady topics end now."""
        ends = self._world.lab.ends(self._clusters.source, self._steady_topics())
        until(lambda: self._are_beyond({place: end - 1 for place, end in ends.items()}), LONG_SECONDS)

    # ---- the network -------------------------------------------------------------------------------------------------

    def _gate(self, cluster, brokers, fault, seconds, ends):
        what = ", ".join(f"{name} {value}" for name, value in fault.items()) or "connections reset"
        with self._world.trouble(f"network to {cluster} {brokers}: {what}, for {seconds} s, then {ends}"):
            gates = [self._clusters.gates[cluster, broker] for broker in brokers]
            for gate in gates:
                gate.fault(**fault)
            time.sleep(seconds)
            for gate in gates:
                if ends == "reset":
                    gate.reset()
                gate.heal()
