// shunt: mirrors Kafka clusters. Command line.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "tools/shunt/commands.h"

int main(int count, char** arguments) {
  using namespace shunt::tools;  // NOLINT(google-build-using-namespace)
  CLI::App app{"Mirrors Kafka clusters, batch by batch, with identical offsets, exactly once."};
  app.name("shunt");
  app.set_version_flag("--version", "shunt " SHUNT_VERSION);
  app.require_subcommand(1);
  app.footer(
      "FILE is a MirrorMaker 2 .properties file, for example:\n"
      "  clusters = A, B\n"
      "  A.bootstrap.servers = a1:9092, a2:9092\n"
      "  B.bootstrap.servers = b1:9092\n"
      "  A->B.enabled = true\n"
      "  A->B.topics = orders, clicks.*\n"
      "\n"
      "Exit codes: 0 done, 1 the job failed, 2 wrong usage or configuration.");

  RunOptions run_options;
  std::string check_file;
  bool markdown = false;
  const CLI::IsMember levels({"trace", "debug", "info", "warn", "error", "off"});

  CLI::App* run_command =
      app.add_subcommand("run", "Mirror what FILE says. SIGTERM or SIGINT: drain and end; twice: end at once.");
  run_command->add_option("FILE", run_options.file, "MirrorMaker 2 .properties file")->required();
  run_command->add_flag("--until-caught-up", run_options.until_caught_up,
                        "End when every partition has reached the source's end as seen at the start");
  run_command->add_flag("--json", run_options.json,
                        "The summary as one JSON object on standard output; progress goes to standard error");
  run_command->add_option("--log-level", run_options.log_level, "Overrides shunt.log.level")->check(levels);

  run_command->footer(
      "Example, a copy that ends when it is complete:\n"
      "  shunt run mm2.properties --until-caught-up --json > summary.json");

  CLI::App* check_command =
      app.add_subcommand("check", "Reach every broker that FILE concerns, step by step. Changes nothing.");
  check_command->add_option("FILE", check_file, "MirrorMaker 2 .properties file")->required();
  check_command->add_option("--log-level", run_options.log_level, "Overrides shunt.log.level")->check(levels);

  check_command->footer("Ends with `Connectivity check passed.` and exit code 0, or says what failed, where and why.");

  std::string plan_file;
  bool plan_json = false;
  CLI::App* plan_command =
      app.add_subcommand("plan", "What `shunt run FILE` would do, and what would be refused. Changes nothing.");
  plan_command->add_option("FILE", plan_file, "MirrorMaker 2 .properties file")->required();
  plan_command->add_flag("--json", plan_json, "As one JSON object");
  plan_command->add_option("--log-level", run_options.log_level, "Overrides shunt.log.level")->check(levels);
  plan_command->footer("Exit code 0: shunt run can begin. 1: something would be refused, and is named.");

  FailoverArguments failover_arguments;
  const auto add_failover_options = [&](CLI::App* command) {
    command->add_option("FILE", failover_arguments.file, "MirrorMaker 2 .properties file")->required();
    command->add_option("--flow", failover_arguments.flow, "Which one, as A->B, where FILE has several");
    command->add_flag("--dry-run", failover_arguments.dry_run, "Say what is left; change nothing");
    command->add_flag("--force", failover_arguments.force, "Go ahead though something would be lost, which is named");
    command->add_flag("--json", failover_arguments.json,
                      "The result as one JSON object on standard output; the text goes to standard error");
    command->add_option("--log-level", failover_arguments.log_level, "Overrides shunt.log.level")->check(levels);
  };
  CLI::App* failover_command = app.add_subcommand(
      "failover", "Copy what is left, see that nothing is, and mark the flow as failed over: it is mirrored no more.");
  add_failover_options(failover_command);
  failover_command->footer(
      "Exit code 0: clients can go on with the target. 1: something would be lost, and is named; nothing was decided.");
  CLI::App* failback_command = app.add_subcommand(
      "failback", "Mirror back what the target of a flow that has failed over was given, and take the mark away.");
  add_failover_options(failback_command);
  failback_command->footer(
      "Exit code 0: clients can go on with the old source, and the flow be mirrored again. 1: something would be "
      "lost,\n"
      "and is named; the flow stays failed over. A flow with other names or mapped offsets on its target cannot be "
      "mirrored\n"
      "back: with --force the mark is taken away, and nothing else is done.");

  VerifyArguments verify_arguments;
  CLI::App* verify_command =
      app.add_subcommand("verify", "Compare what FILE mirrors, source with target, record by record. Changes nothing.");
  verify_command->add_option("FILE", verify_arguments.file, "MirrorMaker 2 .properties file")->required();
  verify_command->add_flag("--json", verify_arguments.json, "The result as one JSON object");
  verify_command->add_option("--since", verify_arguments.since,
                             "Only records from this time on: milliseconds since 1970, or 2026-01-31T00:00:00Z");
  verify_command->add_option("--sample", verify_arguments.sample, "Compare one in N stretches of 4 MiB")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}));
  verify_command->add_flag("--continuous", verify_arguments.continuous,
                           "Go on with what is added, beside a running mirror, until SIGTERM or SIGINT");
  verify_command->add_option("--log-level", verify_arguments.log_level, "Overrides shunt.log.level")->check(levels);
  verify_command->footer(
      "Exit code 0: all that the source held when it was asked is on the target, at the same offsets. 1: something\n"
      "differs, is not copied yet, or could not be compared; the first difference of each partition is named.");

  std::string groups_file;
  bool groups_json = false;
  CLI::App* groups_command = app.add_subcommand(
      "groups", "Where consumer groups are on both sides, and what is left to read. Changes nothing.");
  groups_command->add_option("FILE", groups_file, "MirrorMaker 2 .properties file")->required();
  groups_command->add_flag("--json", groups_json, "As one JSON object");
  groups_command->add_option("--log-level", run_options.log_level, "Overrides shunt.log.level")->check(levels);
  groups_command->footer(
      "A line for each partition that a group of the source (`groups`, `groups.exclude`) has an offset on. Exit code "
      "1:\n"
      "something could not be asked, and is named.");

  CLI::App* keys_command = app.add_subcommand("keys", "Print every key FILE may hold, and what shunt does with it.");
  keys_command->add_flag("--markdown", markdown, "As Markdown tables");

  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_done : exit_usage;
  }
  try {
    if (*run_command) return run(run_options);
    if (*verify_command) return verify(verify_arguments);
    if (*groups_command) return groups(groups_file, groups_json, run_options.log_level);
    if (*failover_command) return failover(failover_arguments);
    if (*failback_command) return failback(failover_arguments);
    if (*plan_command) return plan(plan_file, plan_json, run_options.log_level);
    if (*check_command) return check(check_file, run_options.log_level);
    return print_keys(markdown);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shunt: %s\n", error.what());
    return exit_failed;
  }
}
