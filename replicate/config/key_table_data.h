// The rows of the key table, in sections of keys that are treated alike. For key_table.cc alone; everyone else asks
// key_table.h.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "replicate/config/key_table.h"

namespace shunt::replicate {

struct KeySection {
  Levels levels;
  Handling handling = Handling::in_force;
  std::string_view reason = {};
  std::string_view harmless = {};
  bool connector = false;
};

struct KeyRow {
  std::string_view name;
  ValueType type;
  std::string_view default_value;
  std::string_view help;
};

inline void append(std::vector<Key>& table, const KeySection& section, std::initializer_list<KeyRow> rows) {
  for (const KeyRow& row : rows) {
    table.push_back({row.name, row.type, row.default_value, section.levels, section.handling, section.reason,
                     section.harmless, row.help, section.connector});
  }
}

void append_shunt_keys(std::vector<Key>& table);     // shunt.*
void append_mirror_keys(std::vector<Key>& table);    // MirrorMaker's driver and connectors
void append_connect_keys(std::vector<Key>& table);   // Connect's connectors and workers
void append_security_keys(std::vector<Key>& table);  // bootstrap.servers, ssl.*, sasl.*
void append_client_keys(std::vector<Key>& table);    // Kafka's consumer, producer, admin

inline std::vector<Key> make_key_table() {
  std::vector<Key> table;
  append_shunt_keys(table);
  append_mirror_keys(table);
  append_connect_keys(table);
  append_security_keys(table);
  append_client_keys(table);
  return table;
}

}  // namespace shunt::replicate
