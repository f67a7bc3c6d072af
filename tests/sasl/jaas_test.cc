#include "sasl/jaas.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sasl/credentials.h"
#include "sasl/kerberos.h"

namespace shunt::sasl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
constexpr std::string_view scram = "org.apache.kafka.common.security.scram.ScramLoginModule";

std::string value_of(const LoginModule& module, std::string_view option) {
  const auto entry = module.options.find(option);
  return entry == module.options.end() ? "(none)" : std::string(entry->second.reveal());
}

/// The password of an entry whose rest is as Kafka's documentation writes it.
std::string password_of(std::string_view written) {
  std::string why;
  const auto module = parse_jaas(fmt::format("{} required username=\"u\" password={};", plain, written), why);
  return module ? value_of(*module, "password") : "refused: " + why;
}

std::string refusal(std::string_view text) {
  std::string why;
  return parse_jaas(text, why) ? "(taken)" : why;
}

TEST(Jaas, ReadsTheEntryOfKafkasDocumentation) {
  std::string why;
  const auto module =
      parse_jaas(fmt::format("{} required\n  username=\"alice\"\n  password=\"alice-secret\";", scram), why);
  ASSERT_TRUE(module) << why;
  EXPECT_EQ(module->kind, LoginModule::Kind::scram);
  EXPECT_EQ(value_of(*module, "username"), "alice");
  EXPECT_EQ(value_of(*module, "password"), "alice-secret");
}

TEST(Jaas, ValuesAreCutAsJavaCutsThem) {
  EXPECT_EQ(password_of(R"("a b;c=d'e//f/*g")"), "a b;c=d'e//f/*g");
  EXPECT_EQ(password_of(R"('single "quotes"')"), "single \"quotes\"");
  EXPECT_EQ(password_of(R"("\"\\\'\t\101\60\4000\q")"), "\"\\'\tA0 00q");
  EXPECT_EQ(password_of("\"p\xc3\xa4ss\""), "p\xc3\xa4ss");
  EXPECT_EQ(password_of("word.with-signs_$1"), "word.with-signs_$1");
  EXPECT_EQ(password_of("\"\""), "");
  EXPECT_EQ(password_of("/* here it is */ \"x\" // that was it\n"), "x");
  EXPECT_EQ(password_of("\"x\" password=\"y\""), "y");
}

TEST(Jaas, EveryControlFlagIsOneInAnyCase) {
  for (const char* flag : {"required", "REQUIRED", "Requisite", "sufficient", "optional"}) {
    EXPECT_EQ(refusal(fmt::format("{} {};", scram, flag)), "(taken)") << flag;
  }
}

TEST(Jaas, OtherModulesAreRefusedByName) {
  EXPECT_THAT(refusal("com.sun.security.auth.module.JndiLoginModule required user.provider.url=\"ldap://x\";"),
              HasSubstr("com.sun.security.auth.module.JndiLoginModule is not supported: shunt loads no Java classes"));
  EXPECT_THAT(refusal("com.sun.security.auth.module.LdapLoginModule required;"),
              HasSubstr("it knows org.apache.kafka.common.security.plain.PlainLoginModule"));
  EXPECT_THAT(refusal("PlainLoginModule required;"), HasSubstr("its login module is not supported"));
}

TEST(Jaas, WhatIsWrongIsSaid) {
  const struct {
    std::string text;
    const char* reason;
  } cases[] = {
      {"", "does not begin with the name"},
      {" ; ", "does not begin with the name"},
      {std::string(plain), "followed by `required`"},
      {fmt::format("{} username=\"u\";", plain), "followed by `required`"},
      {fmt::format("{} required username=\"u\"", plain), "does not end with ;"},
      {fmt::format("{} required username \"u\";", plain), "option 1 is not written"},
      {fmt::format("{} required username=\"u\" password=;", plain), "option 2 is not written"},
      {fmt::format("{} required username=\"u\" password=12ab;", plain), "value in quotes"},
      {fmt::format("{} required username=u password=\"x;", plain), "not closed"},
      {fmt::format("{} required username=u password=\"x\ny\";", plain), "not closed"},
      {fmt::format("{} required username=u password=a/b;", plain), "outside of quotes"},
      {fmt::format("{} required /* username=u;", plain), "is not closed"},
      {fmt::format("{0} required; {0} required;", plain), "something follows"},
      {fmt::format("{} required password=a%b;", plain), "does not end with ;"},
      {std::string(65537, ' '), "longer than"},
  };
  for (const auto& one : cases) EXPECT_THAT(refusal(one.text), HasSubstr(one.reason)) << one.text.substr(0, 200);
}

TEST(Jaas, NoRefusalQuotesWhatMayBeASecret) {
  for (const char* text : {"hunter2", "hunter2 required;", "\"hunter2LoginModule\" required;",
                           "org.apache.kafka.common.security.plain.PlainLoginModule hunter2;",
                           "org.apache.kafka.common.security.plain.PlainLoginModule required hunter2;",
                           "org.apache.kafka.common.security.plain.PlainLoginModule required password=x hunter2;",
                           "org.apache.kafka.common.security.plain.PlainLoginModule required password=\"hunter2"}) {
    EXPECT_THAT(refusal(text), AllOf(Not(HasSubstr("hunter2")), Not("(taken)"))) << text;
  }
}

TEST(Credentials, ComeFromTheModuleOfTheMechanism) {
  const auto made = [](Mechanism mechanism, std::string_view text) {
    std::string why;
    const auto module = parse_jaas(text, why);
    EXPECT_TRUE(module) << why;
    const auto credentials = make_credentials(mechanism, *module, why);
    return credentials ? credentials->user + "/" + std::string(credentials->password.reveal()) : why;
  };
  const std::string alice = " required username=\"alice\" password=\"pw\";";
  EXPECT_EQ(made(Mechanism::plain, std::string(plain) + alice), "alice/pw");
  EXPECT_EQ(made(Mechanism::scram_sha_256, std::string(scram) + alice), "alice/pw");
  EXPECT_THAT(made(Mechanism::scram_sha_512, std::string(plain) + alice), HasSubstr("which needs ScramLoginModule"));
  EXPECT_THAT(made(Mechanism::plain, std::string(scram) + alice), HasSubstr("which needs PlainLoginModule"));
  EXPECT_THAT(made(Mechanism::plain, std::string(plain) + " required username=\"alice\";"),
              HasSubstr("password is missing"));
  EXPECT_THAT(made(Mechanism::plain, std::string(plain) + " required password=\"pw\" username=\"\";"),
              HasSubstr("username is missing"));
  EXPECT_THAT(made(Mechanism::plain, std::string(plain) + " required username=\"a\" password=\"p\\0w\";"),
              HasSubstr("NUL"));
  EXPECT_THAT(made(Mechanism::scram_sha_256,
                   std::string(scram) + " required username=\"a\" password=\"p\" tokenauth=\"true\";"),
              HasSubstr("delegation tokens"));
}

TEST(Kerberos, IsWhatKrb5LoginModuleSays) {
  const auto read = [](std::string_view options, std::string_view service = "") {
    std::string why;
    const auto module =
        parse_jaas(fmt::format("com.sun.security.auth.module.Krb5LoginModule required {};", options), why);
    EXPECT_TRUE(module) << why;
    const auto settings = read_kerberos(*module, std::string(service), why);
    if (!settings) return why;
    return fmt::format("{}|{}|{}|{}", settings->service, settings->principal, settings->keytab, settings->ticket_cache);
  };
  const std::string keytab = "useKeyTab=true storeKey=true keyTab=\"/etc/m.keytab\" principal=\"mirror@R\"";
  EXPECT_EQ(read(keytab, "kafka"), "kafka|mirror@R|/etc/m.keytab|");
  EXPECT_EQ(read(keytab + " serviceName=kafka"), "kafka|mirror@R|/etc/m.keytab|");
  EXPECT_EQ(read("useTicketCache=true", "kafka"), "kafka|||");
  EXPECT_EQ(read("useTicketCache=true ticketCache=\"FILE:/tmp/cc\" principal=\"a@R\"", "k"), "k|a@R||/tmp/cc");
  EXPECT_THAT(read(keytab), HasSubstr("set sasl.kerberos.service.name"));
  EXPECT_THAT(read(keytab + " serviceName=a", "b"), HasSubstr("is not that of sasl.kerberos.service.name"));
  EXPECT_THAT(read("useKeyTab=true principal=\"a\"", "k"), HasSubstr("needs keyTab"));
  EXPECT_THAT(read("useKeyTab=true keyTab=\"/a\"", "k"), HasSubstr("needs principal"));
  EXPECT_THAT(read("doNotPrompt=true", "k"), HasSubstr("names no credentials"));
}

TEST(Mechanism, HasTheNamesThatBrokersList) {
  for (const Mechanism mechanism : every_mechanism) EXPECT_EQ(find_mechanism(to_string(mechanism)), mechanism);
  EXPECT_FALSE(find_mechanism("DIGEST-MD5"));
  EXPECT_FALSE(find_mechanism("plain"));
}

}  // namespace
}  // namespace shunt::sasl
