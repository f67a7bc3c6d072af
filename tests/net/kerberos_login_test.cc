#include "net/kerberos_login.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::net {
namespace {

// With a real KDC: tests/integration/kerberos_test.py.

std::shared_ptr<const sasl::Credentials> credentials(const std::shared_ptr<KerberosLogin>& login) {
  auto made = std::make_shared<sasl::Credentials>();
  made->mechanism = sasl::Mechanism::gssapi;
  made->user = "mirror@R";
  made->slow_start = login;
  return made;
}

TEST(KerberosLogin, WithoutATicketItSaysWhy) {
  for (const sasl::KerberosSettings& settings :
       {sasl::KerberosSettings{
            .service = "kafka", .principal = "mirror@R", .keytab = "/nowhere/keytab", .ticket_cache = ""},
        sasl::KerberosSettings{.service = "kafka", .principal = "", .keytab = "", .ticket_cache = "/nowhere/cache"}}) {
    const auto login = std::make_shared<KerberosLogin>(settings);
    std::vector<std::shared_ptr<sasl::StartedExchange>> exchanges;
    for (int i = 0; i < 3; ++i) exchanges.push_back(login->begin(credentials(login), "broker"));
    for (const auto& exchange : exchanges) {
      while (!exchange->is_done) std::this_thread::yield();
      EXPECT_EQ(exchange->step, sasl::Authenticator::Step::failed);
      EXPECT_THAT(exchange->authenticator->reason(), testing::StartsWith("no ticket from /nowhere/"));
    }
  }
}

TEST(KerberosLogin, EndsWithoutThoseWhoWait) {
  const sasl::KerberosSettings settings{
      .service = "kafka", .principal = "m@R", .keytab = "/nowhere/keytab", .ticket_cache = ""};
  auto login = std::make_shared<KerberosLogin>(settings);
  for (int i = 0; i < 100; ++i) login->begin(credentials(login), "broker");
  const auto last = login->begin(credentials(login), "broker");
  login.reset();
  const KerberosLogin never_asked(settings);
}

}  // namespace
}  // namespace shunt::net
