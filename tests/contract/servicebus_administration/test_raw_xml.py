"""Documents as the SDKs for .NET and Java write them, and those that nobody should send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import httpx
import pytest

from infra.local.servicebus import LocalServiceBus

ATOM = "{http://www.w3.org/2005/Atom}"
CONNECT = "{http://schemas.microsoft.com/netservices/2010/10/servicebus/connect}"
COUNTS = "{http://schemas.microsoft.com/netservices/2011/06/servicebus}"
UPDATE = {"If-Match": "*"}


def entry(root: str, elements: str) -> str:
    """As .NET writes it: every element declares its own default namespace."""
    return (
        '<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">'
        f'<{root} xmlns="{CONNECT[1:-1]}">{elements}</{root}></content></entry>'
    )


def correlation(value: str) -> str:
    pair = f"<KeyValueOfstringanyType><Key>a</Key>{value}</KeyValueOfstringanyType>"
    return f'<Filter i:type="CorrelationFilter"><Properties>{pair}</Properties></Filter>'


@pytest.fixture
async def http(bus: LocalServiceBus) -> AsyncIterator[httpx.AsyncClient]:
    version = {"api-version": "2017-04"}
    async with httpx.AsyncClient(base_url=bus.admin_url, params=version) as client:
        yield client


def elements(response: httpx.Response, root: str) -> dict[str, str | None]:
    """The description's elements by name, in order."""
    described = ElementTree.fromstring(response.content).find(f".//{CONNECT}{root}")
    assert described is not None, response.text
    return {str(each.tag).removeprefix(CONNECT): each.text for each in described}


def problem(response: httpx.Response) -> tuple[int, str, str]:
    root = ElementTree.fromstring(response.content)
    assert root.tag == "Error"
    return response.status_code, root.findtext("Code", ""), root.findtext("Detail", "")


async def test_prefixes_order_and_missing_elements_do_not_matter(http: httpx.AsyncClient) -> None:
    body = (
        f'<a:entry xmlns:a="{ATOM[1:-1]}" xmlns:s="{CONNECT[1:-1]}"><a:title>ignored</a:title>'
        '<a:content type="application/xml"><s:QueueDescription><s:MaxDeliveryCount>4'
        "</s:MaxDeliveryCount><s:NotKnownYet>1</s:NotKnownYet><s:SizeInBytes>99</s:SizeInBytes>"
        "<s:LockDuration>PT1M30S</s:LockDuration></s:QueueDescription></a:content></a:entry>"
    )

    created = await http.put("/orders", content=body)

    assert created.status_code == 201
    assert created.headers["content-type"] == "application/atom+xml;type=entry;charset=utf-8"
    found = elements(created, "QueueDescription")
    assert (found["MaxDeliveryCount"], found["LockDuration"]) == ("4", "PT1M30S")
    assert (found["SizeInBytes"], found["DefaultMessageTimeToLive"]) == (
        "0",
        "P10675199DT2H48M5.4775807S",
    )


async def test_elements_come_in_the_order_of_azures_contracts(http: httpx.AsyncClient) -> None:
    queue = await http.put("/orders", content=entry("QueueDescription", ""))
    topic = await http.put("/sales", content=entry("TopicDescription", ""))
    subscription = await http.put(
        "/sales/Subscriptions/books", content=entry("SubscriptionDescription", "")
    )

    assert " ".join(elements(queue, "QueueDescription")) == (
        "LockDuration MaxSizeInMegabytes RequiresDuplicateDetection RequiresSession "
        "DefaultMessageTimeToLive DeadLetteringOnMessageExpiration "
        "DuplicateDetectionHistoryTimeWindow MaxDeliveryCount EnableBatchedOperations SizeInBytes "
        "MessageCount IsAnonymousAccessible AuthorizationRules Status CreatedAt UpdatedAt "
        "AccessedAt SupportOrdering CountDetails AutoDeleteOnIdle EnablePartitioning "
        "EntityAvailabilityStatus EnableExpress"
    )
    assert " ".join(elements(topic, "TopicDescription")) == (
        "DefaultMessageTimeToLive MaxSizeInMegabytes RequiresDuplicateDetection "
        "DuplicateDetectionHistoryTimeWindow EnableBatchedOperations SizeInBytes "
        "FilteringMessagesBeforePublishing IsAnonymousAccessible AuthorizationRules Status "
        "CreatedAt UpdatedAt AccessedAt SupportOrdering CountDetails SubscriptionCount "
        "SqlFilterCount CorrelationFilterCount AutoDeleteOnIdle EnablePartitioning "
        "EntityAvailabilityStatus EnableSubscriptionPartitioning EnableExpress"
    )
    assert " ".join(elements(subscription, "SubscriptionDescription")) == (
        "LockDuration RequiresSession DefaultMessageTimeToLive DeadLetteringOnMessageExpiration "
        "DeadLetteringOnFilterEvaluationExceptions MessageCount MaxDeliveryCount "
        "EnableBatchedOperations Status CreatedAt UpdatedAt AccessedAt CountDetails "
        "AutoDeleteOnIdle EntityAvailabilityStatus"
    )


async def test_an_update_replaces_all_but_what_cannot_change(http: httpx.AsyncClient) -> None:
    """.NET leaves an unlimited life out, which so has to make it unlimited again."""
    first = (
        "<LockDuration>PT30S</LockDuration><RequiresSession>true</RequiresSession>"
        "<DefaultMessageTimeToLive>P1D</DefaultMessageTimeToLive>"
    )
    await http.put("/orders", content=entry("QueueDescription", first))

    updated = await http.put(
        "/orders",
        content=entry("QueueDescription", "<LockDuration>PT45S</LockDuration>"),
        headers=UPDATE,
    )

    assert updated.status_code == 200
    found = elements(updated, "QueueDescription")
    assert (found["LockDuration"], found["RequiresSession"]) == ("PT45S", "true")
    assert found["DefaultMessageTimeToLive"] == "P10675199DT2H48M5.4775807S"


async def test_paths_know_no_case_and_no_encoded_slashes(http: httpx.AsyncClient) -> None:
    await http.put("/Shop%2FSales", content=entry("TopicDescription", ""))
    await http.put("/shop/sales/SUBSCRIPTIONS/Books", content=entry("SubscriptionDescription", ""))

    for path in (
        "/SHOP/SALES",
        "/shop%2Fsales/subscriptions/BOOKS",
        "/shop/sales/Subscriptions/books/RULES/$default",
        "/$RESOURCES/Topics",
        "/shop/sales/Subscriptions/",
        "/$NamespaceInfo",
    ):
        found = await http.get(path)
        assert found.status_code == 200, path
    assert '<title type="text">Shop/Sales</title>' in (await http.get("/shop/sales")).text


async def test_a_feed_names_its_next_page(http: httpx.AsyncClient) -> None:
    for number in range(3):
        await http.put(f"/q{number}", content=entry("QueueDescription", ""))

    first = await http.get("/$Resources/queues", params={"$skip": 0, "$top": 2})
    links = ElementTree.fromstring(first.content).findall(f"{ATOM}link")
    assert [link.get("rel") for link in links] == ["self", "next"]
    async with httpx.AsyncClient() as plain:
        last = await plain.get(str(links[1].get("href")))

    feed = ElementTree.fromstring(last.content)
    assert [title.text for title in feed.iterfind(f"{ATOM}entry/{ATOM}title")] == ["q2"]
    assert len(feed.findall(f"{ATOM}link")) == 1


async def test_a_subscription_can_be_created_with_its_first_rule(http: httpx.AsyncClient) -> None:
    await http.put("/sales", content=entry("TopicDescription", ""))
    rule = (
        '<DefaultRuleDescription><Filter p:type="SqlFilter" '
        'xmlns:p="http://www.w3.org/2001/XMLSchema-instance"><SqlExpression>price &gt; 5'
        "</SqlExpression></Filter><Name>dear</Name></DefaultRuleDescription>"
    )

    await http.put("/sales/Subscriptions/books", content=entry("SubscriptionDescription", rule))

    feed = await http.get("/sales/Subscriptions/books/Rules")
    assert "<Name>dear</Name>" in feed.text
    assert "price &gt; 5" in feed.text
    assert "$Default" not in feed.text


async def test_a_subscription_whose_first_rule_is_broken_is_not_created(
    http: httpx.AsyncClient,
) -> None:
    await http.put("/sales", content=entry("TopicDescription", ""))
    rule = (
        '<DefaultRuleDescription><Filter p:type="SqlFilter" '
        'xmlns:p="http://www.w3.org/2001/XMLSchema-instance"><SqlExpression>price &gt;'
        "</SqlExpression></Filter></DefaultRuleDescription>"
    )

    refused = await http.put(
        "/sales/Subscriptions/books", content=entry("SubscriptionDescription", rule)
    )

    assert problem(refused)[0] == 400
    assert (await http.get("/sales/Subscriptions/books")).status_code == 404


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("", "not XML"),
        ("<entry>", "not XML"),
        ('{"name": "orders"}', "not XML"),
        ("<entry/>", "no Atom entry"),
        (entry("RuleDescription", ""), "RuleDescription"),
        (entry("QueueDescription", "<LockDuration>soon</LockDuration>"), "LockDuration"),
        (entry("QueueDescription", "<MaxDeliveryCount>many</MaxDeliveryCount>"), "many"),
        (entry("QueueDescription", "<RequiresSession>maybe</RequiresSession>"), "maybe"),
        (entry("QueueDescription", "<RequiresSession/>"), "RequiresSession"),
        (
            entry(
                "QueueDescription", "<AuthorizationRules><AuthorizationRule/></AuthorizationRules>"
            ),
            "KeyName",
        ),
        ('<!DOCTYPE x [<!ENTITY a "b">]>' + entry("QueueDescription", "&a;"), "document type"),
        (
            '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + entry("QueueDescription", ""),
            "document type",
        ),
        (entry("QueueDescription", f"<UserMetadata>{'x' * 300_000}</UserMetadata>"), "larger than"),
    ],
)
async def test_documents_that_describe_no_entity_are_refused(
    http: httpx.AsyncClient, body: str, complaint: str
) -> None:
    refused = await http.put("/orders", content=body)

    status, code, detail = problem(refused)
    assert (status, code) == (400, "400")
    assert complaint in detail
    assert (await http.get("/orders")).status_code == 404


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ('<Filter i:type="Sql"><SqlExpression>1=1</SqlExpression></Filter>', "'Sql'"),
        ("<Filter><SqlExpression>1=1</SqlExpression></Filter>", "types"),
        ('<Filter i:type="SqlFilter"/>', "SqlExpression"),
        (
            '<Filter i:type="SqlFilter"><SqlExpression>a = @p</SqlExpression></Filter>',
            "has no value",
        ),
        ('<Action i:type="Shout"/>', "Shout"),
        (correlation('<Value i:type="x:int">seven</Value>'), "seven"),
        (correlation('<Value i:type="x:guess">7</Value>'), "guess"),
        (correlation('<Value i:type="x:boolean">maybe</Value>'), "maybe"),
        (correlation(""), "Key and a Value"),
    ],
)
async def test_rules_that_select_nothing_sensible_are_refused(
    http: httpx.AsyncClient, rule: str, complaint: str
) -> None:
    await http.put("/sales", content=entry("TopicDescription", ""))
    await http.put("/sales/Subscriptions/books", content=entry("SubscriptionDescription", ""))
    body = entry("RuleDescription", rule).replace(
        "<RuleDescription", '<RuleDescription xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    )

    refused = await http.put("/sales/Subscriptions/books/Rules/bad", content=body)

    status, _, detail = problem(refused)
    assert status == 400
    assert complaint in detail


async def test_other_methods_are_named_as_not_served(http: httpx.AsyncClient) -> None:
    await http.put("/orders", content=entry("QueueDescription", ""))

    refused = await http.post("/orders", content="")
    assert problem(refused)[:2] == (405, "405")
    assert refused.headers["allow"] == "DELETE, GET, PUT"
    assert (await http.delete("/$Resources/queues")).headers["allow"] == "GET"
    assert (await http.put("/$namespaceinfo", content="")).status_code == 405
    assert (await http.head("/orders")).status_code == 405


async def test_a_kind_of_entity_cannot_be_updated_into_another(http: httpx.AsyncClient) -> None:
    await http.put("/orders", content=entry("QueueDescription", ""))

    refused = await http.put("/orders", content=entry("TopicDescription", ""), headers=UPDATE)

    assert problem(refused)[0] == 400


async def test_pages_that_are_no_numbers_are_refused(http: httpx.AsyncClient) -> None:
    for name in ("$skip", "$top"):
        refused = await http.get("/$Resources/queues", params={name: "-1"})
        assert problem(refused)[0] == 400


async def test_an_entity_may_have_the_name_of_another_route(http: httpx.AsyncClient) -> None:
    await http.put("/health", content=entry("QueueDescription", ""))

    assert "QueueDescription" in (await http.get("/health")).text
    async with httpx.AsyncClient(base_url=http.base_url) as plain:
        assert (await plain.get("/health")).json()["status"] == "healthy"


async def test_the_port_of_the_connection_string_answers_plain_http_too(
    bus: LocalServiceBus,
) -> None:
    """.NET turns an emulator's Endpoint into http:// with the same port."""
    address = f"http://{bus.host}:{bus.amqp_port}/orders?api-version=2021-05"
    async with httpx.AsyncClient() as http:
        created = await http.put(address, content=entry("QueueDescription", ""))

    assert created.status_code == 201
    assert f"<id>{address}</id>" in created.text


async def test_a_client_that_leaves_in_the_middle_is_no_failure_of_the_bus(
    bus: LocalServiceBus, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection(bus.host, bus.admin_port)
    head = "PUT /orders?api-version=1 HTTP/1.1\r\nHost: bus\r\nContent-Length: 900\r\n\r\n<entry"
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    async with httpx.AsyncClient(base_url=bus.admin_url) as http:
        assert (await http.get("/health")).status_code == 200
    assert not caplog.records
