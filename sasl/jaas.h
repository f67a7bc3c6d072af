// The value of sasl.jaas.config, read as data: nothing of it is loaded or run.
//
//   org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="...";
//   <login module> <control flag> { <option> = <value> } ;
//
// Words and quoted strings are cut as Java's StreamTokenizer cuts them in Kafka's JaasConfig: comments as in Java, strings
// in " or ' with Java's escapes. Kafka takes exactly one entry, and so does this.
//
// Only login modules that shunt knows are taken, whatever else the text says: a module's name is a class that a Java
// client would load (CVE-2023-25194).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sasl/secret.h"

namespace shunt::sasl {

struct LoginModule {
  enum class Kind { plain, scram, oauth_bearer, kerberos };
  Kind kind = Kind::plain;
  std::map<std::string, Secret, std::less<>> options;  // the last of several of one name
};

/// "PlainLoginModule".
const char* to_string(LoginModule::Kind kind);

/// Nothing: refused, and `why` says what is wrong, without quoting anything that may be a secret.
std::optional<LoginModule> parse_jaas(std::string_view text, std::string& why);

}  // namespace shunt::sasl
