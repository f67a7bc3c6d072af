#include "tests/sim/map_reader.h"

#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace shunt::sim {

namespace asio = boost::asio;
using replicate::ClusterSettings;

namespace {

constexpr auto patience = std::chrono::seconds(30);

ClusterSettings on_loop(ClusterSettings settings, SimLoop& loop) {
  settings.client.network = std::make_shared<SimNetwork>(loop);
  return settings;
}

}  // namespace

MapReader::MapReader(Network& network, const replicate::ReplicationSettings& settings)
    : world_(network.world()),
      loop_(network, [this] { is_stirred_ = true; }),
      cluster_(context_.get_executor(),
               on_loop(settings.offset_syncs_on_target ? settings.target : settings.source, loop_)),
      syncs_(cluster_, settings.offset_syncs) {}

std::string MapReader::read() {
  std::optional<std::string> outcome;
  asio::co_spawn(context_, syncs_.load(), [&outcome](const std::exception_ptr& failure) {
    outcome.emplace();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      outcome = error.what();
    }
  });
  const net::Time deadline = world_.now() + patience;
  while (!outcome && world_.now() < deadline) {
    if (!std::exchange(is_stirred_, false)) {
      world_.step(deadline);
      continue;
    }
    world_.set_stir([this] { is_stirred_ = true; });
    loop_.run([] { return true; },
              [this] {
                loop_.run_once(net::Time::max());
                return true;
              });
    context_.restart();
    context_.poll();
    world_.set_stir({});
  }
  return outcome.value_or("no end of the offset syncs topic");
}

}  // namespace shunt::sim
