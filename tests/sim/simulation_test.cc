// Thousands of seeds; a failing one is named and replays alone, with a trace of what happens:
//   tools/dev sim SEED
#include "tests/sim/simulation.h"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace shunt::sim {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::stoull(text);
}

TEST(Simulation, seeds) {
  // A seed alone replays that one.
  const bool is_replay = std::getenv("SHUNT_SIM_SEED") != nullptr && std::getenv("SHUNT_SIM_SEEDS") == nullptr;
  const std::uint64_t first = number_from("SHUNT_SIM_SEED", 1);
  const std::uint64_t count = number_from("SHUNT_SIM_SEEDS", is_replay ? 1 : 300);
  spdlog::set_pattern("            %^%l%$ %v");
  spdlog::set_level(is_replay ? spdlog::level::trace : spdlog::level::off);
  Verdict sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Scenario scenario = scenario_of(seed);
    scenario.is_traced = is_replay;
    const Verdict verdict = simulate(scenario);
    ASSERT_TRUE(verdict.ok) << "seed " << seed << ": " << verdict.reason << "\n  tools/dev sim " << seed
                            << " shows how it came to that";
    sum += verdict;
  }
  std::printf("%s\n", to_string(sum).c_str());
  if (count < 100) return;
  // A simulation in which nothing goes wrong proves nothing.
  EXPECT_GT(sum.lives, count);
  EXPECT_GT(sum.rewritten, count);
  EXPECT_GT(sum.markers, count);
  EXPECT_GT(sum.padding, 0U);
  EXPECT_GT(sum.duplicates, 0U);
  EXPECT_GT(sum.fenced, 0U);
  EXPECT_GT(sum.interruptions, count);
  EXPECT_GT(sum.others, count / 2);
  EXPECT_GT(sum.stored_maps, count / 2);
  EXPECT_GT(sum.fences, 0U);
  EXPECT_GT(sum.answers_lost, 0U);
  EXPECT_GT(sum.executed_after_death, 0U);
}

TEST(Simulation, same_seed_same_life) {
  spdlog::set_level(spdlog::level::off);
  for (std::uint64_t seed = 40; seed < 50; ++seed) {
    const Verdict once = simulate(scenario_of(seed));
    const Verdict again = simulate(scenario_of(seed));
    EXPECT_EQ(to_string(once), to_string(again)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace shunt::sim
