#include "replicate/config/providers.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

#include "replicate/config/java_regex.h"
#include "replicate/config/values.h"

namespace shunt::replicate {
namespace {

/// `${name:path:key}`; the path is empty in `${name:key}`.
struct Reference {
  std::string_view text;  // all of it
  std::string_view provider;
  std::string_view path;
  std::string_view key;
};

/// The first reference in `text`, by the rule of Kafka's ConfigTransformer: `\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`.
std::optional<Reference> find_reference(std::string_view text) {
  for (std::size_t begin = text.find("${"); begin != std::string_view::npos; begin = text.find("${", begin + 2)) {
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view inside = text.substr(begin + 2, end - begin - 2);
    const std::size_t colon = inside.find(':');
    if (colon == std::string_view::npos) continue;
    Reference reference{text.substr(begin, end + 1 - begin), inside.substr(0, colon), {}, inside.substr(colon + 1)};
    if (const std::size_t second = reference.key.find(':'); second != std::string_view::npos) {
      reference.path = reference.key.substr(0, second);
      reference.key = reference.key.substr(second + 1);
    }
    return reference;
  }
  return std::nullopt;
}

/// Where values come from. get() throws std::runtime_error, whose message never holds a value.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual sasl::Secret get(const std::string& path, const std::string& key) = 0;
  /// Where that is; empty: in no file.
  [[nodiscard]] virtual std::string file_of(const std::string& path, const std::string& key) const = 0;
};

class EnvironmentProvider final : public Provider {
 public:
  EnvironmentProvider(const Environment& environment, std::optional<JavaRegex> allowed)
      : environment_(environment), allowed_(std::move(allowed)) {}

  sasl::Secret get(const std::string& path, const std::string& key) override {
    if (!path.empty()) throw std::runtime_error("an environment variable has no path: write ${provider:NAME}");
    if (allowed_ && !allowed_->full_match(key)) {
      throw std::runtime_error(fmt::format("the variable {} is not in this provider's param.allowlist.pattern", key));
    }
    const std::optional<std::string> value = environment_(key);
    if (!value) throw std::runtime_error(fmt::format("the environment variable {} is not set", key));
    return sasl::Secret(*value);
  }
  [[nodiscard]] std::string file_of(const std::string&, const std::string&) const override { return {}; }

 private:
  const Environment& environment_;
  std::optional<JavaRegex> allowed_;
};

/// What FileConfigProvider and DirectoryConfigProvider have in common: `param.allowed.paths` (KIP-993).
class PathProvider : public Provider {
 public:
  explicit PathProvider(const std::vector<std::string>& allowed_paths) {
    for (const std::string& path : allowed_paths) {
      if (!std::filesystem::path(path).is_absolute()) {
        throw std::runtime_error(fmt::format("param.allowed.paths: {} is not an absolute path", path));
      }
      allowed_.push_back(normal(path));
    }
  }

 protected:
  void check_allowed(const std::string& path) const {
    if (path.empty()) throw std::runtime_error("the path is missing: write ${provider:/path:key}");
    if (allowed_.empty()) return;
    const std::filesystem::path asked = normal(path);
    const bool inside = std::ranges::any_of(allowed_, [&asked](const std::filesystem::path& allowed) {
      return std::mismatch(allowed.begin(), allowed.end(), asked.begin(), asked.end()).first == allowed.end();
    });
    if (!inside) throw std::runtime_error(fmt::format("{} is not within this provider's param.allowed.paths", path));
  }

 private:
  static std::filesystem::path normal(const std::string& path) {
    std::filesystem::path result = std::filesystem::absolute(path).lexically_normal();
    return result.has_filename() ? result : result.parent_path();  // "/a/" is "/a"
  }

  std::vector<std::filesystem::path> allowed_;
};

class FileProvider final : public PathProvider {
 public:
  using PathProvider::PathProvider;

  sasl::Secret get(const std::string& path, const std::string& key) override {
    check_allowed(path);
    const Properties& file = read(path);
    const auto entry = file.find(key);
    if (entry == file.end()) throw std::runtime_error(fmt::format("{} has no key {}", path, key));
    return entry->second.value;
  }
  [[nodiscard]] std::string file_of(const std::string& path, const std::string&) const override { return path; }

 private:
  const Properties& read(const std::string& path) {
    if (const auto known = files_.find(path); known != files_.end()) return known->second;
    Diagnostics diagnostics;
    Properties file = read_properties(path, diagnostics);
    for (const Diagnostic& diagnostic : diagnostics.sorted()) {
      if (diagnostic.severity == Severity::error) throw std::runtime_error(diagnostic.to_string());
    }
    return files_.emplace(path, std::move(file)).first->second;
  }

  std::map<std::string, Properties> files_;
};

class DirectoryProvider final : public PathProvider {
 public:
  using PathProvider::PathProvider;

  sasl::Secret get(const std::string& path, const std::string& key) override {
    check_allowed(path);
    if (key.empty() || key == "." || key == ".." || key.find('/') != std::string::npos) {
      throw std::runtime_error(fmt::format("\"{}\" is not the name of a file in {}", key, path));
    }
    return read_file(file_of(path, key), kPropertiesValueLimitBytes);
  }
  [[nodiscard]] std::string file_of(const std::string& path, const std::string& key) const override {
    return (std::filesystem::path(path) / key).string();
  }
};

class Providers {
 public:
  Providers(const Properties& properties, const Environment& environment, Diagnostics& diagnostics) {
    const auto names = properties.find("config.providers");
    if (names == properties.end()) return;
    for (std::string& name : parse_list(names->second.value.reveal())) {
      try {
        std::unique_ptr<Provider> provider = make(properties, name, environment);
        providers_.emplace(std::move(name), std::move(provider));
      } catch (const std::runtime_error& failure) {
        diagnostics.error(names->second.where, fmt::format("config provider {}: {}", name, failure.what()));
        broken_ = true;
      }
    }
  }

  /// Throws std::runtime_error.
  sasl::Secret get(const Reference& reference) {
    return find(reference).get(std::string(reference.path), std::string(reference.key));
  }
  [[nodiscard]] std::string file_of(const Reference& reference) {
    return find(reference).file_of(std::string(reference.path), std::string(reference.key));
  }

 private:
  Provider& find(const Reference& reference) {
    const auto provider = providers_.find(reference.provider);
    if (provider == providers_.end()) {
      if (broken_) throw std::runtime_error("its config provider could not be set up");
      throw std::runtime_error(fmt::format(
          "config.providers does not name \"{0}\"; add it there, and config.providers.{0}.class", reference.provider));
    }
    return *provider->second;
  }

  static std::unique_ptr<Provider> make(const Properties& properties, const std::string& name,
                                        const Environment& environment) {
    const auto setting = [&properties, &name](std::string_view suffix) -> std::optional<std::string> {
      const auto entry = properties.find(fmt::format("config.providers.{}.{}", name, suffix));
      if (entry == properties.end()) return std::nullopt;
      return std::string(trim(entry->second.value.reveal()));
    };
    const std::string type = setting("class").value_or("");
    const std::string_view kind = std::string_view(type).substr(type.rfind('.') + 1);
    if (kind == "EnvVarConfigProvider") {
      std::optional<JavaRegex> allowed;
      if (const auto pattern = setting("param.allowlist.pattern")) allowed.emplace(*pattern);
      return std::make_unique<EnvironmentProvider>(environment, std::move(allowed));
    }
    const std::vector<std::string> paths = parse_list(setting("param.allowed.paths").value_or(""));
    if (kind == "FileConfigProvider") return std::make_unique<FileProvider>(paths);
    if (kind == "DirectoryConfigProvider") return std::make_unique<DirectoryProvider>(paths);
    if (type.empty()) throw std::runtime_error(fmt::format("config.providers.{}.class is not set", name));
    throw std::runtime_error(
        fmt::format("the class {} is not known; shunt has EnvVarConfigProvider, FileConfigProvider "
                    "and DirectoryConfigProvider",
                    type));
  }

  std::map<std::string, std::unique_ptr<Provider>, std::less<>> providers_;
  bool broken_ = false;  // an error was reported: do not blame the values too
};

/// `text` with what its references stand for; `files`: those that were read. Throws std::runtime_error, which names the
/// reference.
sasl::Secret resolve(std::string_view text, Providers& providers, std::vector<std::string>& files) {
  std::vector<sasl::Secret> pieces;
  std::size_t size = 0;
  const auto keep = [&pieces, &size](sasl::Secret piece) {
    size += piece.reveal().size();
    pieces.push_back(std::move(piece));
  };
  while (const auto reference = find_reference(text)) {
    const auto before = static_cast<std::size_t>(reference->text.data() - text.data());
    keep(sasl::Secret(text.substr(0, before)));
    try {
      keep(providers.get(*reference));
      if (size > kPropertiesValueLimitBytes) {
        throw std::runtime_error(fmt::format("the value becomes longer than {} bytes", kPropertiesValueLimitBytes));
      }
      if (std::string file = providers.file_of(*reference); !file.empty()) files.push_back(std::move(file));
    } catch (const std::runtime_error& failure) {
      throw std::runtime_error(fmt::format("{} cannot be resolved: {}", reference->text, failure.what()));
    }
    text.remove_prefix(before + reference->text.size());
  }
  keep(sasl::Secret(text));
  std::vector<char> whole;
  whole.reserve(size);
  for (const sasl::Secret& piece : pieces) whole.insert(whole.end(), piece.reveal().begin(), piece.reveal().end());
  sasl::Secret resolved({whole.data(), whole.size()});
  sasl::wipe(whole);
  return resolved;
}

/// `settings`: of the providers.
void expand(Entry& entry, Providers& providers, const std::shared_ptr<const Properties>& settings,
            const Environment& environment, Diagnostics& diagnostics) {
  if (!find_reference(entry.value.reveal())) return;
  ProvidedValue provided;
  sasl::Secret text = entry.value;
  try {
    entry.value = resolve(text.reveal(), providers, provided.files);
  } catch (const std::runtime_error& failure) {
    diagnostics.error(entry.where, fmt::format("{}: {}", entry.key, failure.what()));
    return;
  }
  entry.from_provider = true;
  if (provided.files.empty()) return;
  provided.read = [settings, environment, text = std::move(text)] {
    Diagnostics unheard;  // the providers were set up before
    Providers again(*settings, environment, unheard);
    std::vector<std::string> files;
    return resolve(text.reveal(), again, files);
  };
  entry.provided = std::make_shared<const ProvidedValue>(std::move(provided));
}

bool is_of_providers(std::string_view key) {
  return key == "config.providers" || key.starts_with("config.providers.");
}

}  // namespace

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::vector<std::string> provider_paths(const Properties& properties) {
  std::vector<std::string> paths;
  for (const auto& [key, entry] : properties) {
    std::string_view rest = entry.value.reveal();
    while (const auto reference = find_reference(rest)) {
      if (!reference->path.empty()) paths.emplace_back(reference->path);
      rest.remove_prefix(static_cast<std::size_t>(reference->text.data() - rest.data()) + reference->text.size());
    }
  }
  return paths;
}

void expand_providers(Properties& properties, const Environment& environment, Diagnostics& diagnostics) {
  auto settings = std::make_shared<Properties>();
  for (const auto& [key, entry] : properties) {
    if (is_of_providers(key)) settings->emplace(key, entry);
  }
  Providers providers(*settings, environment, diagnostics);
  for (auto& [key, entry] : properties) {
    if (!is_of_providers(key)) expand(entry, providers, settings, environment, diagnostics);
  }
}

}  // namespace shunt::replicate
