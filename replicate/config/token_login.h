// The keys of OAUTHBEARER, as Kafka's clients have them: where tokens come from, and when new ones are got.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/security.h"
#include "net/token_login.h"
#include "replicate/config/reader.h"
#include "sasl/jaas.h"

namespace shunt::replicate {

/// Every login of a configuration, by what its keys say: the clients of a cluster take the same tokens, as Kafka's do.
class TokenLogins {
 public:
  struct Login {
    std::shared_ptr<net::CredentialsSource> credentials;
    std::shared_ptr<net::TokenLogin> login;
  };
  /// Null: there is none yet.
  [[nodiscard]] const Login* find(const sasl::Secret& keys) const;
  void add(sasl::Secret keys, Login login) { logins_.emplace_back(std::move(keys), std::move(login)); }

 private:
  std::vector<std::pair<sasl::Secret, Login>> logins_;
};

/// `module`: what `jaas` says. Sets what belongs to OAUTHBEARER in `security`, or says what is wrong.
void read_token_login(Reader& reader, const Entry& jaas, const sasl::LoginModule& module, TokenLogins& logins,
                      net::Security& security);

}  // namespace shunt::replicate
