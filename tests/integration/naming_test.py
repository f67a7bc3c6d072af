"""Names on the target: mapped, cut, and those that cannot be."""

from harness import integration


def failed(lab, topics, **config):
    """What a run that cannot mirror everything says."""
    run = lab.shunt("run", lab.config(topics, **config), "--until-caught-up", "--json")
    assert run.wait(90) == 1, run.log_text()
    return run


@integration(timeout_seconds=180)
def mapped_topics_get_the_names_that_were_chosen(lab):
    a, b, foreign = lab.load_all([{"topic": name, "records": 500, "partitions": 2} for name in ("a", "b", "foreign")])
    chosen, taken = lab.topic("chosen"), lab.load(lab.target, topic="taken", records=10, partitions=2, seed=5)
    summary = lab.mirror([a, b], settings={"shunt.topic.mapping": f"{a}:{chosen}"})
    assert summary["records"] == 1000, summary
    assert {chosen, b} <= set(lab.target.metadata()["topics"]) and a not in lab.target.metadata()["topics"]
    for partition in (0, 1):
        assert lab.dump(lab.target, chosen, partition) == lab.dump(lab.source, a, partition)
    # Onto a topic that others have written, not with identical offsets.
    before = [lab.dump(lab.target, taken, partition) for partition in (0, 1)]
    mapping = {"shunt.topic.mapping": f"{foreign}:{taken}"}
    run = failed(lab, [foreign], settings=mapping)
    assert f"shunt.topic.mapping = {foreign}:{taken}" in run.log_text(), run.log_text()
    assert "written by others" in run.log_text() and "shunt.offsets=mapped" in run.log_text(), run.log_text()
    assert [lab.dump(lab.target, taken, partition) for partition in (0, 1)] == before
    summary = lab.mirror([foreign], settings={**mapping, "shunt.offsets": "mapped"})
    assert summary["records"] == 500, summary
    for partition in (0, 1):
        assert lab.dump(lab.target, taken, partition).startswith(before[partition])


@integration(timeout_seconds=180)
def long_names_are_cut_and_two_that_would_be_one_are_not_mirrored(lab):
    names = [lab.topic("n" * 140 + end) for end in ("x", "y")]
    lone = lab.topic("m" * 140)
    lab.load_all([{"topic": name.removeprefix(lab.name + "."), "records": 100} for name in (*names, lone)])
    conservative = {"shunt.metadata.policy": "conservative"}
    run = failed(lab, [*names, lone], settings=conservative)
    there = lab.target.metadata()["topics"]
    assert lone[:128] in there and names[0][:128] not in there, sorted(there)
    assert lab.dump(lab.target, lone[:128]) == lab.dump(lab.source, lone)
    for name in names:
        assert f"{name}: " in run.log_text(), run.log_text()
    assert "would both be called" in run.log_text(), run.log_text()
    # Each for itself has a place.
    assert lab.mirror([names[1]], settings=conservative)["records"] == 100


@integration(timeout_seconds=180)
def a_topic_that_would_come_back_is_mirrored_in_neither_direction(lab):
    """Expressions do not say which topics go round; the topics that there are do."""
    both, here, there = lab.topic("both"), lab.topic("here"), lab.topic("there")
    lab.load_all([{"topic": name, "records": 100} for name in ("both", "here")])
    lab.load(lab.target, topic="there", records=100)
    prefix = lab.name.replace(".", "\\.")
    directions = {
        "source->target.topics": f"{prefix}\\.[bh].*",
        "target->source.enabled": "true",
        "target->source.topics": f"{prefix}\\.[bt].*",
    }
    run = failed(lab, [], settings=directions)
    assert f"{both}: it would go round for ever" in run.log_text(), run.log_text()
    assert both not in lab.target.metadata()["topics"]
    assert lab.dump(lab.target, here) == lab.dump(lab.source, here) != b""
    assert lab.dump(lab.source, there) == lab.dump(lab.target, there) != b""
    # Where the names alone tell, the file is refused.
    named = {**directions, "source->target.topics": f"{both}, x", "target->source.topics": f"{both}, y"}
    run = lab.shunt("run", lab.config([both], settings=named))
    assert run.wait(30) == 2 and f"{both}" in run.log_text() and "form a loop" in run.log_text(), run.log_text()
