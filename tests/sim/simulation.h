// One simulated life of the whole replicator: source cluster, target cluster, one or two shunt processes, producers that
// write everything a real log holds, and misfortunes; then a quiet time in which everything must come to its end.
//
// Checked at every append to a target log: tests/sim/checker.h. Checked at the end: every partition is mirrored to the
// source's end, and its offset map stored, or it has stopped for a reason that is known and legitimate:
//
//   overtaken   retention on the source has taken records that were not mirrored yet, and shunt.on.overtaken is stop
//   truncated   the source has lost records that were mirrored, or the target acknowledged ones, and
//               shunt.on.target.truncated is stop
//   deleted     the source's topic is gone, or the target's, and shunt.on.target.deleted is stop
//   replaced    another topic has taken the place of the source's, the target has records of the one before, and
//               shunt.on.source.recreated is stop, or may not delete what it does not know for its own
//   invaded     what was on its way to the target's topic has come to the one that has taken its place
//   displaced   a marker was written by a request that executed later than shunt waits for, or while an unclean election cut
//               off the log it was meant for, or twice by a coordinator in trouble (KAFKA-19999): nothing may follow it
//
// and every process ends when it is asked to.
#pragma once

#include "tests/sim/scenario.h"
#include "tests/sim/verdict.h"

namespace shunt::sim {

Verdict simulate(const Scenario& scenario);

}  // namespace shunt::sim
