#include "protocol/compression.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "protocol/wire.h"

namespace shunt::protocol {

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t step_bytes = 64 * 1024;

// xerial's stream: magic, two versions, then blocks that begin with their size.
constexpr std::array<unsigned char, 8> xerial_magic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t xerial_header = 16;
constexpr std::size_t xerial_block = 32 * 1024;
constexpr std::int32_t xerial_version = 1;

// zlib: 15 bits of window, plus 16 for gzip's own header and trailer.
constexpr int gzip_window_bits = 15 + 16;
constexpr int gzip_memory_level = 8;

const char* chars(std::span<const std::byte> bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}

/// Room for the next piece of a result that may not grow beyond `most`.
class Output {
 public:
  explicit Output(std::size_t most) : most_(most) {}

  /// Where the next bytes go; empty: the limit is reached. One byte beyond it is granted, to tell full from too much.
  std::span<std::byte> room() {
    bytes_.resize(std::min(used_ + step_bytes, most_ + 1));
    return std::span(bytes_).subspan(used_);
  }
  void use(std::size_t size) { used_ += size; }
  [[nodiscard]] bool is_over() const { return used_ > most_; }
  Bytes take() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  std::size_t most_;
  std::size_t used_ = 0;
  Bytes bytes_;
};

std::optional<Bytes> give_up(std::string& why, std::string reason) {
  why = std::move(reason);
  return std::nullopt;
}

std::optional<Bytes> too_large(std::string& why, std::size_t most) {
  return give_up(why, fmt::format("more than {} bytes when decompressed", most));
}

std::optional<Bytes> gunzip(std::span<const std::byte> bytes, std::size_t most, std::string& why) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip_window_bits) != Z_OK) return give_up(why, "zlib: no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  Output output(most);
  while (true) {
    const std::span<std::byte> room = output.room();
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    output.use(room.size() - stream.avail_out);
    if (output.is_over()) return too_large(why, most);
    if (code == Z_STREAM_END) {
      if (stream.avail_in == 0) return output.take();
      if (inflateReset(&stream) != Z_OK) return give_up(why, "gzip: a second member cannot be read");
    } else if (code != Z_OK) {
      return give_up(why, fmt::format("gzip: {}", stream.msg != nullptr ? stream.msg : "the end is missing"));
    }
  }
}

bool append_snappy_block(std::span<const std::byte> block, std::size_t most, Bytes& out, std::string& why) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(chars(block), block.size(), &size)) {
    why = "snappy: a block without a length";
    return false;
  }
  if (size > most - out.size()) return too_large(why, most).has_value();
  const std::size_t at = out.size();
  out.resize(at + size);
  if (!snappy::RawUncompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + at))) {
    why = "snappy: a damaged block";
    return false;
  }
  return true;
}

std::optional<Bytes> unsnappy(std::span<const std::byte> bytes, std::size_t most, std::string& why) {
  Bytes out;
  const bool framed =
      bytes.size() >= xerial_header && std::memcmp(bytes.data(), xerial_magic.data(), xerial_magic.size()) == 0;
  if (!framed) {
    if (!append_snappy_block(bytes, most, out, why)) return std::nullopt;
    return out;
  }
  for (bytes = bytes.subspan(xerial_header); !bytes.empty();) {
    if (bytes.size() < sizeof(std::int32_t)) return give_up(why, "snappy: a block is cut off");
    const auto size = wire::load<std::int32_t>(bytes.data());
    bytes = bytes.subspan(sizeof size);
    if (size < 0 || static_cast<std::size_t>(size) > bytes.size()) return give_up(why, "snappy: a block is cut off");
    if (!append_snappy_block(bytes.first(static_cast<std::size_t>(size)), most, out, why)) return std::nullopt;
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return out;
}

std::optional<Bytes> unlz4(std::span<const std::byte> bytes, std::size_t most, std::string& why) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) return give_up(why, "lz4: no memory");
  const std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> end(context,
                                                                                 LZ4F_freeDecompressionContext);
  Output output(most);
  std::size_t hint = 1;
  while (hint != 0 || !bytes.empty()) {
    const std::span<std::byte> room = output.room();
    std::size_t written = room.size();
    std::size_t read = bytes.size();
    hint = LZ4F_decompress(context, room.data(), &written, bytes.data(), &read, nullptr);
    if (LZ4F_isError(hint) != 0) return give_up(why, fmt::format("lz4: {}", LZ4F_getErrorName(hint)));
    output.use(written);
    if (output.is_over()) return too_large(why, most);
    bytes = bytes.subspan(read);
    if (hint != 0 && read == 0 && written == 0) return give_up(why, "lz4: the end is missing");
  }
  return output.take();
}

std::optional<Bytes> unzstd(std::span<const std::byte> bytes, std::size_t most, std::string& why) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  if (!stream) return give_up(why, "zstd: no memory");
  ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
  Output output(most);
  while (true) {
    const std::span<std::byte> room = output.room();
    ZSTD_outBuffer out{.dst = room.data(), .size = room.size(), .pos = 0};
    const std::size_t before = in.pos;
    const std::size_t left = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return give_up(why, fmt::format("zstd: {}", ZSTD_getErrorName(left)));
    output.use(out.pos);
    if (output.is_over()) return too_large(why, most);
    if (left == 0 && in.pos == in.size) return output.take();
    if (in.pos == before && out.pos == 0) return give_up(why, "zstd: the end is missing");
  }
}

Bytes gzip(std::span<const std::byte> bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, gzip_memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib: no memory");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  Bytes out(deflateBound(&stream, static_cast<uLong>(bytes.size())));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("zlib: the bound is too small");
  out.resize(stream.total_out);
  return out;
}

Bytes xerial_snappy(std::span<const std::byte> bytes) {
  Bytes out(xerial_header);
  std::memcpy(out.data(), xerial_magic.data(), xerial_magic.size());
  wire::store(out.data() + 8, xerial_version);
  wire::store(out.data() + 12, xerial_version);
  while (!bytes.empty()) {
    const std::span<const std::byte> block = bytes.first(std::min(xerial_block, bytes.size()));
    bytes = bytes.subspan(block.size());
    const std::size_t at = out.size() + sizeof(std::int32_t);
    std::size_t size = snappy::MaxCompressedLength(block.size());
    out.resize(at + size);
    snappy::RawCompress(chars(block), block.size(), reinterpret_cast<char*>(out.data() + at), &size);
    wire::store(out.data() + at - sizeof(std::int32_t), static_cast<std::int32_t>(size));
    out.resize(at + size);
  }
  return out;
}

Bytes lz4(std::span<const std::byte> bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // the only mode Kafka's Java reader knows
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  Bytes out(LZ4F_compressFrameBound(bytes.size(), &preferences));
  const std::size_t size = LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(size) != 0) throw std::runtime_error(fmt::format("lz4: {}", LZ4F_getErrorName(size)));
  out.resize(size);
  return out;
}

Bytes zstd(std::span<const std::byte> bytes) {
  Bytes out(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size) != 0) throw std::runtime_error(fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  out.resize(size);
  return out;
}

}  // namespace

std::optional<Bytes> decompress(Codec codec, std::span<const std::byte> bytes, std::size_t most, std::string& why) {
  switch (codec) {
    case Codec::none:
      if (bytes.size() > most) return too_large(why, most);
      return Bytes(bytes.begin(), bytes.end());
    case Codec::gzip:
      return gunzip(bytes, most, why);
    case Codec::snappy:
      return unsnappy(bytes, most, why);
    case Codec::lz4:
      return unlz4(bytes, most, why);
    case Codec::zstd:
      return unzstd(bytes, most, why);
  }
  return give_up(why, fmt::format("unknown codec {}", static_cast<int>(codec)));
}

Bytes compress(Codec codec, std::span<const std::byte> bytes) {
  switch (codec) {
    case Codec::gzip:
      return gzip(bytes);
    case Codec::snappy:
      return xerial_snappy(bytes);
    case Codec::lz4:
      return lz4(bytes);
    case Codec::zstd:
      return zstd(bytes);
    case Codec::none:
      break;
  }
  return {bytes.begin(), bytes.end()};
}

}  // namespace shunt::protocol
