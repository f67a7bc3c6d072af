// Kerberos credentials of a client, by MIT's GSS-API; the only file that knows it. What it does may wait for files, name
// servers and the KDC, and belongs to a thread that may.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sasl/jaas.h"

namespace shunt::sasl {

/// As Krb5LoginModule and sasl.kerberos.service.name say it.
struct KerberosSettings {
  std::string service;       // the brokers' name: service/host@REALM
  std::string principal;     // empty: whose tickets there are
  std::string keytab;        // empty: a ticket cache
  std::string ticket_cache;  // empty: the user's default one
};

/// Nothing: refused, and `why` says what is wrong. `service`: of sasl.kerberos.service.name, or empty.
std::optional<KerberosSettings> read_kerberos(const LoginModule& module, std::string service, std::string& why);

/// Tickets, shared by exchanges; a gss_cred_id_t.
using KerberosCredential = std::shared_ptr<void>;

class KerberosTickets {
 public:
  explicit KerberosTickets(KerberosSettings settings);

  /// With a key table: gets a ticket if the one there is is past half of its life, into a cache of this object alone. With a
  /// ticket cache: as that is now. Null: `why` says from where not, and why.
  KerberosCredential acquire(std::string& why) const;

  [[nodiscard]] const KerberosSettings& settings() const { return settings_; }

 private:
  [[nodiscard]] std::string source_name() const;

  const KerberosSettings settings_;
  const std::string own_cache_;
};

}  // namespace shunt::sasl
