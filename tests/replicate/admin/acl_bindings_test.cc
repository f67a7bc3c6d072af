#include "replicate/admin/acl_bindings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::replicate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int8_t describe = 8;

AclBinding on(const std::string& name, std::int8_t operation, const std::string& user = "a") {
  return {.name = name, .principal = "User:" + user, .host = "*", .operation = operation};
}
AclBinding denied(AclBinding binding) {
  binding.permission = acl::deny;
  return binding;
}
AclBinding prefixed(AclBinding binding) {
  binding.pattern_type = acl::prefixed;
  return binding;
}
AclBinding of_group(AclBinding binding) {
  binding.resource_type = acl::group;
  return binding;
}

class AclBindingsTest : public ::testing::Test {
 protected:
  AclBindingsTest() {
    rules.prefix = "A.";
    rules.selects_group = [](std::string_view group) { return group.starts_with("mi"); };
    rules.kept_principals = {"User:mirror"};
  }
  AclBindings wanted(const AclBindings& of_source) { return wanted_bindings(of_source, topics, rules).bindings; }
  AclBindings surplus(const AclBindings& of_target, const AclBindings& wanted = {}, const AclBindings& seen = {}) {
    return surplus_bindings(of_target, wanted, seen, topics, rules);
  }
  TopicNames topics = {{"orders", "A.orders"}, {"orders.eu", "A.orders.eu"}};
  AclRules rules;
};

TEST_F(AclBindingsTest, AreTranslatedAsMirrorMaker2Does) {
  EXPECT_THAT(wanted({on("orders", acl::read), on("orders", acl::write), on("orders", acl::all, "b"),
                      denied(on("orders", acl::write, "c")), denied(on("orders", acl::all, "d")),
                      on("orders", describe), on("other", acl::read), on("*", acl::read),
                      prefixed(on("ord", acl::read)), of_group(on("mine", acl::read))}),
              UnorderedElementsAre(on("A.orders", acl::read), on("A.orders", acl::read, "b"),
                                   denied(on("A.orders", acl::write, "c")), denied(on("A.orders", acl::all, "d")),
                                   on("A.orders", describe)));
}

TEST_F(AclBindingsTest, PatternsAreCountedUnlessTheyAreAskedFor) {
  const AclBindings of_source = {on("*", acl::read), prefixed(on("ord", acl::all)), prefixed(on("none", acl::read))};
  EXPECT_EQ(wanted_bindings(of_source, topics, rules).patterns_left_out, 3U);
  rules.prefixed = true;
  EXPECT_EQ(wanted_bindings(of_source, topics, rules).patterns_left_out, 0U);
  EXPECT_THAT(wanted(of_source), UnorderedElementsAre(prefixed(on("A.", acl::read)), prefixed(on("A.ord", acl::read))));
  rules.prefix = "";
  topics = {{"orders", "orders"}, {"orders.eu", "sales"}};
  const WantedBindings same_names = wanted_bindings(of_source, topics, rules);
  EXPECT_THAT(same_names.bindings, UnorderedElementsAre(on("*", acl::read), prefixed(on("ord", acl::read))));
  EXPECT_THAT(same_names.out_of_reach, ElementsAre("orders.eu: ord"));
}

TEST_F(AclBindingsTest, GroupsKeepTheirNamesAndRights) {
  rules.groups = true;
  const AclBindings of_source = {of_group(on("mine", acl::all)), of_group(on("other", acl::read)),
                                 of_group(on("*", acl::read)), prefixed(of_group(on("o", acl::read)))};
  EXPECT_THAT(wanted(of_source), ElementsAre(of_group(on("mine", acl::all))));
  rules.prefixed = true;
  EXPECT_THAT(wanted(of_source), UnorderedElementsAre(of_group(on("mine", acl::all)), of_group(on("*", acl::read)),
                                                      prefixed(of_group(on("o", acl::read)))));
}

TEST_F(AclBindingsTest, OnlyWhatASyncWouldHaveMadeIsRemoved) {
  const AclBinding stale = on("A.orders", acl::read);
  EXPECT_THAT(surplus({stale, on("A.orders", acl::read, "b"), on("A.orders", acl::write), on("A.orders", acl::all),
                       denied(on("A.orders", acl::read)), on("A.orders", acl::read, "mirror"), on("A.x", acl::read),
                       on("orders", acl::read), of_group(on("mine", acl::read)), prefixed(on("A.o", acl::read)),
                       on("*", acl::read)},
                      {on("A.orders", acl::read, "b")}),
              ElementsAre(stale));
  rules.prefixed = true;
  EXPECT_THAT(surplus({prefixed(on("A.o", acl::read)), prefixed(on("o", acl::read))}),
              ElementsAre(prefixed(on("A.o", acl::read))));
  rules.prefix = "";
  EXPECT_THAT(surplus({prefixed(on("A.o", acl::read))}), IsEmpty()) << "anybody's";
}

TEST_F(AclBindingsTest, WhatWasWantedBeforeIsRemovedWhateverItsShape) {
  const AclBindings seen = {denied(on("A.orders", acl::read)), of_group(on("mine", acl::read)),
                            on("A.orders", acl::read, "mirror")};
  EXPECT_THAT(surplus(seen, {of_group(on("mine", acl::read))}, seen), ElementsAre(denied(on("A.orders", acl::read))));
}

TEST_F(AclBindingsTest, AreShownAsPeopleReadThem) {
  EXPECT_EQ(prefixed(denied(on("ord", acl::read))).to_string(), "DENY Read on topic ord (prefixed) for User:a");
  AclBinding from = of_group(on("g", 77));
  from.host = "10.0.0.1";
  EXPECT_EQ(from.to_string(), "ALLOW operation 77 on group g for User:a from 10.0.0.1");
}

}  // namespace
}  // namespace shunt::replicate
