// Which lines of a file concern a flow: the rules of MirrorMaker 2's dedicated driver (MirrorMakerConfig,
// MirrorConnectorConfig), step by step, so that a file means here what it means there. Names only; nothing is
// interpreted.
//
// Worth knowing, because it surprises:
//   - A global client setting (`consumer.fetch.max.bytes=`) reaches no client at all.
//   - `A.consumer.x` wins over `A->B.consumer.x`; only `A->B.source.consumer.x` wins over both.
//   - A client setting at cluster level needs consumer., producer. or admin. before it, except bootstrap.servers and
//     the security settings.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "replicate/config/properties.h"

namespace shunt::replicate {

/// What a component is given, by the name it knows it by. The entries belong to the Properties they were found in,
/// which must outlive the Settings.
using Settings = std::map<std::string, const Entry*, std::less<>>;

/// `<alias>.*` without the alias, with connection settings handed down to the cluster's clients.
Settings cluster_settings(const Properties& properties, std::string_view alias);

/// What MirrorMaker 2 gives the connector of `source`->`target`.
Settings connector_settings(const Properties& properties, std::string_view source, std::string_view target);

enum class ClientRole { source_consumer, source_admin, target_producer, target_admin };
const char* to_string(ClientRole role);

/// What the connector gives one of its clients.
Settings client_settings(const Settings& connector, ClientRole role);

/// What a client that only asks about one cluster is given.
Settings cluster_client_settings(const Settings& cluster);

}  // namespace shunt::replicate
