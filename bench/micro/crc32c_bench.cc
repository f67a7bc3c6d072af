// CRC32C over whole batches (what shunt avoids), and mended by delta (what it does instead: the same time at any size).
#include <vector>

#include <benchmark/benchmark.h>

#include "protocol/crc32c.h"

#include "batches.h"

namespace shunt::bench {
namespace {

using protocol::crc32c;
using protocol::crc32c_portable;
using protocol::crc32c_replace;

void set_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void crc32c_full(benchmark::State& state) {
  const auto bytes = random_bytes(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  set_bytes(state);
}
BENCHMARK(crc32c_full)->RangeMultiplier(16)->Range(64, 1 << 20);

void crc32c_full_portable(benchmark::State& state) {
  const auto bytes = random_bytes(static_cast<std::size_t>(state.range(0)));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(crc32c_portable(bytes));
  set_bytes(state);
}
BENCHMARK(crc32c_full_portable)->RangeMultiplier(16)->Range(64, 1 << 20);

// What a stamp replaces: 36 bytes that begin 21 bytes into the batch. The argument is the size of the batch.
void crc32c_delta(benchmark::State& state) {
  const auto before = random_bytes(36);
  const std::vector<std::byte> after(36);
  const auto tail_size = static_cast<std::uint64_t>(state.range(0) - 57);
  std::uint32_t crc = 1;
  for ([[maybe_unused]] auto _ : state) crc = crc32c_replace(crc, before, after, tail_size);
  benchmark::DoNotOptimize(crc);
}
BENCHMARK(crc32c_delta)->Arg(100)->RangeMultiplier(16)->Range(1 << 12, 1 << 24);

}  // namespace
}  // namespace shunt::bench
