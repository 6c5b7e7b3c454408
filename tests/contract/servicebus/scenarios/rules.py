"""Rules of subscriptions: filters and actions."""

from __future__ import annotations

from typing import Any

from tests.contract.servicebus import needs
from tests.contract.servicebus.broker import (
    Broker,
    Subscription,
    correlation_rule,
    sql_rule,
    subscription,
)
from tests.contract.servicebus.client import Client
from tests.contract.servicebus.messages import Message, Received, texts
from tests.contract.servicebus.scenario import Topic, refused, scenario

RULES = Topic("Rules", "topic-filters")


async def _selected(
    client: Client, broker: Broker, sent: list[Message], *rules: dict[str, Any]
) -> list[Received]:
    """Return what a subscription with these rules gets."""
    topic, [picky] = await broker.topic(subscription("picky", *rules))
    sender = await client.sender(topic)
    receiver = await client.receiver(picky)
    await sender.send_list(sent)
    await broker.forward(1)  # a topic may distribute after it has answered
    return await receiver.peek()


@scenario(RULES)
async def sql_filters_select(client: Client, broker: Broker) -> None:
    """A SQL filter selects by comparison, AND, OR, NOT and parentheses on properties."""
    sent = [
        Message(body=f"{kind}{amount}", properties={"kind": kind, "amount": amount})
        for kind in ("a", "b")
        for amount in (5, 150)
    ]
    rule = sql_rule("rule", "(kind = 'a' AND amount > 100) OR NOT (kind <> 'b' OR amount >= 6)")
    assert texts(await _selected(client, broker, sent, rule)) == ["a150", "b5"]


@scenario(RULES)
async def sql_filters_know_like_in_and_null(client: Client, broker: Broker) -> None:
    """SQL filters know LIKE, IN, IS NULL, EXISTS and arithmetic."""
    sent = [
        Message(body="like", properties={"name": "store-17"}),
        Message(body="in", properties={"name": "x", "kind": "b"}),
        Message(body="null", properties={"kind": "z"}),
        Message(body="sum", properties={"name": "x", "n": 4}),
        Message(body="none", properties={"name": "x"}),
    ]
    rule = sql_rule(
        "rule",
        "name LIKE 'store-__' OR kind IN ('a', 'b') OR name IS NULL"
        " OR (EXISTS(n) AND n * 2 + 1 = 9)",
    )
    got = await _selected(client, broker, sent, rule)
    assert texts(got) == ["like", "in", "null", "sum"]


@scenario(RULES)
async def sql_filters_see_system_properties(client: Client, broker: Broker) -> None:
    """SQL filters see system properties under `sys.`."""
    sent = [
        Message(body="yes", subject="sale", message_id="m-1", correlation_id="c"),
        Message(body="no", subject="return", message_id="m-2", correlation_id="c"),
    ]
    rule = sql_rule("rule", "sys.Label = 'sale' AND sys.MessageId LIKE 'm-%'")
    assert texts(await _selected(client, broker, sent, rule)) == ["yes"]


@scenario(RULES)
async def missing_properties_select_nothing(client: Client, broker: Broker) -> None:
    """A comparison with a property the message lacks is unknown, and so is its negation."""
    sent = [Message(body="without"), Message(body="with", properties={"color": "blue"})]
    rules = [sql_rule("is", "color = 'red'"), sql_rule("is-not", "NOT (color = 'red')")]
    assert texts(await _selected(client, broker, sent, *rules)) == ["with"]


@scenario(RULES)
async def correlation_filters_select(client: Client, broker: Broker) -> None:
    """A correlation filter selects messages that equal it in everything it names."""
    sent = [
        Message(body="both", subject="sale", properties={"store": "17"}),
        Message(body="subject", subject="sale", properties={"store": "18"}),
        Message(body="store", subject="return", properties={"store": "17"}),
    ]
    rule = correlation_rule("rule", Label="sale", Properties={"store": "17"})
    assert texts(await _selected(client, broker, sent, rule)) == ["both"]


@scenario(RULES)
async def several_matching_rules_give_one_copy(client: Client, broker: Broker) -> None:
    """A message several rules without actions select comes once."""
    rules = [sql_rule("one", "n > 0"), sql_rule("two", "n > 1")]
    sent = [Message(body="m", properties={"n": 2})]
    assert texts(await _selected(client, broker, sent, *rules)) == ["m"]


@scenario(RULES)
async def actions_change_the_copy(client: Client, broker: Broker) -> None:
    """A rule's action sets and removes properties of the subscription's copy and names itself."""
    rule = sql_rule("rule", "n = 2", "SET n = n + 1; SET sys.Label = 'seen'; REMOVE secret")
    sent = [Message(body="m", properties={"n": 2, "secret": "x"})]
    [got] = await _selected(client, broker, sent, rule)
    assert got.subject == "seen"
    assert got.properties["n"] == 3
    assert got.properties["RuleName"] == "rule"
    assert "secret" not in got.properties


@scenario(RULES, needs.ADMINISTRATION)
async def a_default_rule_selects_everything(client: Client, broker: Broker) -> None:
    """A new subscription has one rule, `$Default`, that selects everything."""
    _, [mine] = await broker.topic(subscription("mine"))
    rules = await client.rules(mine)
    assert await rules.list() == [{"name": "$Default", "sql": "1=1"}]


@scenario(RULES, needs.ADMINISTRATION)
async def rules_are_added_and_removed(client: Client, broker: Broker) -> None:
    """Rules added and removed count from the next message on."""
    topic, [mine] = await broker.topic(subscription("mine"))
    rules = await client.rules(mine)
    sender, receiver = await client.sender(topic), await client.receiver(mine)
    await rules.add("red", {"sql": "color = 'red'"}, "SET marked = 1")
    await rules.remove("$Default")
    await sender.send(*_colored("red", "blue"))
    await rules.add("blue", {"correlation": {"properties": {"color": "blue"}}})
    await rules.remove("red")
    await sender.send(*_colored("red", "blue"))
    await broker.forward(1)
    got = await receiver.peek()
    assert [(message.text, message.properties.get("marked")) for message in got] == [
        ("red", 1),
        ("blue", None),
    ]


@scenario(RULES, needs.ADMINISTRATION)
async def rules_are_listed_as_made(client: Client, broker: Broker) -> None:
    """Listing gives each rule's name, filter and action."""
    _, [mine] = await broker.topic(subscription("mine"))
    rules = await client.rules(mine)
    await rules.remove("$Default")
    await rules.add("sql", {"sql": "color = 'red'"}, "SET marked = 1")
    await rules.add("correlation", {"correlation": {"subject": "s", "properties": {"c": "x"}}})
    found = sorted(await rules.list(), key=lambda rule: rule["name"])
    assert found == [
        {"name": "correlation", "correlation": {"subject": "s", "properties": {"c": "x"}}},
        {"name": "sql", "sql": "color = 'red'", "action": "SET marked = 1"},
    ]


@scenario(RULES, needs.ADMINISTRATION)
async def a_rule_name_is_taken_once(client: Client, broker: Broker) -> None:
    """Adding a rule whose name is taken is refused with entity-already-exists."""
    rules = await client.rules(await _subscription(broker))
    await rules.add("mine", {"sql": "a = 1"})
    with refused("entity-already-exists"):
        await rules.add("mine", {"sql": "a = 2"})


@scenario(RULES, needs.ADMINISTRATION)
async def an_unknown_rule_is_not_found(client: Client, broker: Broker) -> None:
    """Removing a rule that does not exist is refused with not-found."""
    rules = await client.rules(await _subscription(broker))
    with refused("not-found"):
        await rules.remove("missing")


@scenario(RULES, needs.ADMINISTRATION)
async def a_wrong_expression_is_refused(client: Client, broker: Broker) -> None:
    """A filter that is no SQL is refused when the rule is made."""
    rules = await client.rules(await _subscription(broker))
    with refused("http-400", "argument-error"):
        await rules.add("bad", {"sql": "color = = 'red'"})


@scenario(RULES)
async def filters_that_fail_dead_letter(client: Client, broker: Broker) -> None:
    """A message a filter cannot be evaluated for goes to the subscription's dead-letter queue."""
    topic, [mine] = await broker.topic(subscription("mine", sql_rule("bad", "sys.Missing = 1")))
    sender = await client.sender(topic)
    await sender.send(Message(body="m"))
    dead = await (await client.receiver(mine, sub_queue="dead-letter")).one()
    assert dead.text == "m"
    assert dead.dead_letter_reason is not None


async def _subscription(broker: Broker) -> Subscription:
    _, [mine] = await broker.topic(subscription("mine"))
    return mine


def _colored(*colors: str) -> list[Message]:
    return [Message(body=color, properties={"color": color}) for color in colors]
