// The one thing done to a batch on its way: its header is stamped. The size of the batch must not matter.
#include <benchmark/benchmark.h>

#include "protocol/record_batch.h"

#include "batches.h"

namespace shunt::bench {
namespace {

void stamp(benchmark::State& state) {
  auto batch = make_batch(static_cast<std::size_t>(state.range(0)));
  const auto header = std::span<std::byte>(batch).first<protocol::record_batch_header_size>();
  protocol::Stamp stamp{.producer_id = protocol::ProducerId((std::int64_t{1} << 62) + 1),
                        .producer_epoch = protocol::ProducerEpoch(0),
                        .base_sequence = protocol::Sequence(0)};
  for ([[maybe_unused]] auto _ : state) {
    protocol::stamp_record_batch(header, stamp);
    stamp.base_sequence = stamp.base_sequence.advanced(10);
    benchmark::ClobberMemory();
  }
  if (protocol::RecordBatchHeader(header).crc() != protocol::crc32c(std::span<const std::byte>(batch).subspan(21))) {
    state.SkipWithError("the stamps have lost the CRC");
  }
}
BENCHMARK(stamp)->Arg(100)->Arg(16 << 10)->Arg(256 << 10);

}  // namespace
}  // namespace shunt::bench
