// Thousands of seeds; a failing one is named and replays alone:
//   SHUNT_SIM_SEED=1234 build/dev/tests/sim_test --gtest_filter=Simulation.seeds
#include "tests/sim/simulation.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace shunt::sim {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(Simulation, seeds) {
  // A seed alone replays that one.
  const bool replay = std::getenv("SHUNT_SIM_SEED") != nullptr;
  const std::uint64_t first = number_from("SHUNT_SIM_SEED", 1);
  const std::uint64_t count = number_from("SHUNT_SIM_SEEDS", replay ? 1 : 300);
  Verdict sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Verdict verdict = simulate(scenario_of(seed));
    ASSERT_TRUE(verdict.ok) << "seed " << seed << ": " << verdict.reason;
    sum.batches += verdict.batches;
    sum.duplicates += verdict.duplicates;
    sum.interruptions += verdict.interruptions;
    sum.lives += verdict.lives;
    sum.answers_lost += verdict.answers_lost;
  }
  std::printf(
      "%llu seeds: %llu batches, %llu recognised duplicates, %llu interruptions, %llu lives, %llu answers lost\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(sum.batches),
      static_cast<unsigned long long>(sum.duplicates), static_cast<unsigned long long>(sum.interruptions),
      static_cast<unsigned long long>(sum.lives), static_cast<unsigned long long>(sum.answers_lost));
  if (count >= 100) {
    // A simulation in which nothing goes wrong proves nothing.
    EXPECT_GT(sum.duplicates, 0U);
    EXPECT_GT(sum.interruptions, count);
    EXPECT_GT(sum.answers_lost, 0U);
  }
}

TEST(Simulation, same_seed_same_life) {
  const Verdict once = simulate(scenario_of(42));
  const Verdict again = simulate(scenario_of(42));
  EXPECT_EQ(once.batches, again.batches);
  EXPECT_EQ(once.duplicates, again.duplicates);
  EXPECT_EQ(once.interruptions, again.interruptions);
}

}  // namespace
}  // namespace shunt::sim
