// Who checks the checker: mistakes that shunt, or a broker, could make are planted one at a time, and must be found
// within a bounded number of seeds. With none planted the same seeds pass.
#include <algorithm>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "tests/sim/simulation.h"

namespace shunt::sim {
namespace {

using Start = replicate::StartPosition::Kind;

/// The scenario of a seed, with everything in it that the mistake needs to do harm.
Scenario scenario_with(Mistake mistake, bool mapped, std::uint64_t seed) {
  Scenario scenario = scenario_of(seed);
  const bool is_about_beginnings = mistake == Mistake::early_beginning || mistake == Mistake::late_beginning ||
                                   mistake == Mistake::misstated_stable_ends;
  scenario.mapped = scenario.others = mapped;
  scenario.syncs_on_target = false;
  if (!mapped) scenario.habits.opposite = -1;
  if (!mapped && !is_about_beginnings) scenario.start = Start::earliest;
  if (is_about_beginnings && scenario.start == Start::earliest) scenario.start = Start::latest;
  if (is_about_beginnings) scenario.source_goes = scenario.unclean_source = false;
  scenario.until_caught_up = mistake == Mistake::understated_ends;
  const bool is_about_choice =
      mistake == Mistake::changed_mind || mistake == Mistake::needless_map || mistake == Mistake::needless_stop;
  scenario.automatic = is_about_choice;
  scenario.continue_foreign = mistake == Mistake::unheeded_policy;
  if (scenario.continue_foreign) scenario.others = true;
  if (is_about_choice || scenario.continue_foreign)
    scenario.source_goes = scenario.target_goes = scenario.unclean_source = scenario.unclean_target = false;
  if (mistake == Mistake::understated_ends) scenario.start = Start::earliest;
  if (mistake == Mistake::late_beginning) scenario.start = Start::time;
  scenario.habits.transactions = true;
  scenario.isolation = replicate::Isolation::read_committed;
  scenario.may_write_markers = true;
  scenario.crashes = true;
  scenario.freezes = true;
  scenario.resets = true;
  scenario.request_faults = true;
  scenario.residuals = false;
  scenario.unclean_source = scenario.unclean_source || mistake == Mistake::misstated_epoch_ends;
  scenario.source_goes = mistake == Mistake::met_successor || mistake == Mistake::unasked_removal ||
                         mistake == Mistake::unchosen_stop || (scenario.source_goes && !mapped);
  scenario.target_goes = scenario.target_goes && !mapped;
  scenario.unclean_target = scenario.unclean_target && !mapped;  // others' writers know of no losses
  if (mistake == Mistake::met_successor) scenario.source_by_id = false;
  if (mistake == Mistake::unasked_removal) scenario.recreate_source = false;
  if (mistake == Mistake::unchosen_stop) scenario.recreate_source = true;
  if (mistake == Mistake::misstated_epoch_ends) {
    // Who has been there before the election relies on it.
    scenario.brokers = std::max(scenario.brokers, 2);
    scenario.crashes = scenario.freezes = scenario.resets = scenario.two_processes = false;
    scenario.source_goes = scenario.target_goes = scenario.target_retention = false;
  }
  if (mistake == Mistake::trusted_places) {
    scenario.unclean_target = true;
    scenario.brokers = std::max(scenario.brokers, 2);
    scenario.crashes = scenario.freezes = scenario.resets = scenario.request_faults = false;
  }
  scenario.mistake = mistake;
  return scenario;
}

/// The first seed that finds it, and how; 0: none of `seeds` does.
std::uint64_t found_by(Mistake mistake, bool mapped, std::uint64_t seeds, std::string& reason) {
  spdlog::set_level(spdlog::level::off);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Verdict verdict = simulate(scenario_with(mistake, mapped, seed));
    reason = verdict.reason;
    if (!verdict.ok) return seed;
  }
  return 0;
}

struct Planted {
  Mistake mistake;
  const char* name;
  std::uint64_t seeds;  // within which it must be found: several times what it took
  bool mapped = false;
};

class PlantedMistake : public ::testing::TestWithParam<Planted> {};

TEST_P(PlantedMistake, is_found) {
  std::string reason;
  const std::uint64_t seed = found_by(GetParam().mistake, GetParam().mapped, GetParam().seeds, reason);
  EXPECT_NE(seed, 0U) << GetParam().name << " was not found";
  std::printf("%s: seed %llu: %s\n", GetParam().name, static_cast<unsigned long long>(seed), reason.c_str());
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, PlantedMistake,
    ::testing::Values(Planted{Mistake::no_doubt, "no_doubt", 6000},
                      Planted{Mistake::forgotten_sequences, "forgotten_sequences", 50},
                      Planted{Mistake::repeated_producer_epochs, "repeated_producer_epochs", 500},
                      Planted{Mistake::forwarded_transactions, "forwarded_transactions", 20},
                      Planted{Mistake::copied_transactions, "copied_transactions", 20},
                      Planted{Mistake::foreign_identity, "foreign_identity", 50},
                      Planted{Mistake::foreign_identity, "mapped_foreign_identity", 50, true},
                      Planted{Mistake::forgotten_map_sequences, "forgotten_map_sequences", 3000, true},
                      Planted{Mistake::misplaced_duplicates, "misplaced_duplicates", 500, true},
                      Planted{Mistake::misstated_epoch_ends, "misstated_epoch_ends", 6000},
                      Planted{Mistake::misstated_epoch_ends, "mapped_misstated_epoch_ends", 2000, true},
                      Planted{Mistake::met_successor, "met_successor", 500},
                      Planted{Mistake::met_successor, "mapped_met_successor", 2000, true},
                      Planted{Mistake::unasked_removal, "unasked_removal", 200},
                      Planted{Mistake::unchosen_stop, "unchosen_stop", 200},
                      Planted{Mistake::unchosen_stop, "mapped_unchosen_stop", 200, true},
                      Planted{Mistake::trusted_places, "trusted_places", 2000},
                      Planted{Mistake::early_beginning, "early_beginning", 100},
                      Planted{Mistake::early_beginning, "mapped_early_beginning", 100, true},
                      Planted{Mistake::late_beginning, "late_beginning", 100},
                      Planted{Mistake::misstated_stable_ends, "misstated_stable_ends", 100},
                      Planted{Mistake::forgotten_loops, "forgotten_loops", 100, true},
                      Planted{Mistake::changed_mind, "changed_mind", 100},
                      Planted{Mistake::needless_map, "needless_map", 100},
                      Planted{Mistake::needless_stop, "needless_stop", 100},
                      Planted{Mistake::unheeded_policy, "unheeded_policy", 100},
                      Planted{Mistake::understated_ends, "understated_ends", 100},
                      Planted{Mistake::understated_ends, "mapped_understated_ends", 100, true}),
    [](const auto& planted) { return std::string(planted.param.name); });

TEST(PlantedMistake, none_is_none) {
  std::string reason;
  EXPECT_EQ(found_by(Mistake::none, false, 200, reason), 0U) << reason;
  EXPECT_EQ(found_by(Mistake::none, true, 20, reason), 0U) << reason;
}

}  // namespace
}  // namespace shunt::sim
