"""Which shared access signatures open the bus, judged against the SDK's own way of signing."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from azure.servicebus._pyamqp.utils import generate_sas_token
from hypothesis import given
from hypothesis import strategies as st

from infra.local.servicebus import AuthorizationRule, NamespaceConfig
from infra.local.servicebus.broker import Namespace
from infra.local.servicebus.server.security import LISTEN, MANAGE, SEND, Authorization, Unauthorized
from infra.local.servicebus.server.security.claims import Claim, Claims
from infra.local.servicebus.server.security.sas import read_token
from infra.local.servicebus.settings import QueueConfig, TopicConfig

NOW = 1_800_000_000_000
SOON = NOW // 1000 + 60

ROOT = AuthorizationRule("root", frozenset({MANAGE}), "root-primary", "root-secondary")
READER = AuthorizationRule("reader", frozenset({LISTEN}), "reader-primary", "")
OF_WORK = AuthorizationRule("worker", frozenset({SEND}), "worker-primary", "worker-secondary")
OF_TOPIC = AuthorizationRule("fan", frozenset({LISTEN}), "fan-primary", "fan-secondary")

CONFIG = NamespaceConfig(
    queues=(QueueConfig("work", authorization_rules=(OF_WORK,)), QueueConfig("other")),
    topics=(TopicConfig("sales", authorization_rules=(OF_TOPIC,)),),
)


def authorization(*rules: AuthorizationRule, now: int = NOW) -> Authorization:
    return Authorization(Namespace(CONFIG), rules or (ROOT, READER), now=lambda: now)


def signed(resource: str, rule: AuthorizationRule, key: str | None = None, ends: int = SOON) -> str:
    sign: Callable[..., str] = generate_sas_token
    return sign(resource, rule.name, key or rule.primary_key, ends)


@pytest.mark.parametrize("key", [ROOT.primary_key, ROOT.secondary_key])
def test_both_keys_of_a_policy_sign(key: str) -> None:
    claim = authorization().claim_of_token(signed("sb://localhost/work", ROOT, key))

    assert claim == Claim("work", ROOT.rights, SOON * 1000)


@pytest.mark.parametrize(
    "resource",
    [
        "sb://localhost:5672/Work",
        "amqps://ns.servicebus.windows.net/work/",
        "https://127.0.0.1:5300/work?api-version=2021-05",
        "ns.servicebus.windows.net/work",
    ],
)
def test_scheme_host_and_case_of_a_resource_do_not_matter(resource: str) -> None:
    assert authorization().claim_of_token(signed(resource, ROOT)).path == "work"


def test_the_signature_is_over_the_resource_as_its_sender_encoded_it() -> None:
    resource = "sb%3a%2f%2flocalhost%2fwork"  # .NET writes small digits, Python capitals
    digest = hmac.digest(ROOT.primary_key.encode(), f"{resource}\n{SOON}".encode(), "sha256")
    signature = quote(b64encode(digest), safe="")
    token = f"SharedAccessSignature sr={resource}&sig={signature}&se={SOON}&skn={ROOT.name}"

    assert authorization().claim_of_token(token).path == "work"


@given(st.data())
def test_any_change_to_a_token_is_refused(data: st.DataObject) -> None:
    token = signed("sb://localhost/work", ROOT)
    start = token.index(" ") + 1
    place = data.draw(st.integers(start, len(token) - 1))
    letter = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    changed = f"{token[:place]}{letter}{token[place + 1 :]}"

    try:
        claim = authorization().claim_of_token(changed)
    except Unauthorized:
        return
    # What is left are other spellings of the same token, such as a field's name in capitals.
    same, other = read_token(token), read_token(changed)
    assert (other.path, other.key_name, other.expires_at) == (
        same.path,
        same.key_name,
        same.expires_at,
    )
    assert claim.rights == {MANAGE}


@given(
    resource=st.sampled_from(["sb://h/work", "sb://h/other", "sb://h/"]),
    name=st.sampled_from(["root", "reader", "nobody"]),
    key=st.sampled_from(["root-primary", "root-secondary", "reader-primary", "guess", ""]),
    left=st.integers(-100, 100),
)
def test_only_the_right_key_before_its_end_opens(
    resource: str, name: str, key: str, left: int
) -> None:
    rule = AuthorizationRule(name, frozenset(), key, "")
    token = signed(resource, rule, key or "x", NOW // 1000 + left)
    keys = {"root": {"root-primary", "root-secondary"}, "reader": {"reader-primary"}}

    if key in keys.get(name, ()) and left > 0:
        assert authorization().claim_of_token(token).rights
    else:
        with pytest.raises(Unauthorized):
            authorization().claim_of_token(token)


@given(st.text() | st.text().map(lambda rest: f"SharedAccessSignature {rest}"))
def test_no_text_does_more_than_be_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        authorization().claim_of_token(token)


def test_the_reasons_are_the_services_own() -> None:
    wrong = signed("sb://localhost/work", ROOT, "guess")
    late = signed("sb://localhost/work", ROOT, ends=NOW // 1000)
    elsewhere = signed("sb://localhost/other", ROOT)

    with pytest.raises(
        Unauthorized, match=r"^InvalidSignature: The token has an invalid signature"
    ):
        authorization().claim_of_token(wrong)
    with pytest.raises(
        Unauthorized,
        match=r"^ExpiredToken: The token is expired\. Expiration time: '2027-01-15 08:00:00Z'",
    ):
        authorization().claim_of_token(late)
    with pytest.raises(Unauthorized, match=r"^InvalidAudience"):
        authorization().claim_for("sb://localhost/work", elsewhere)


def test_an_entra_token_is_refused_in_a_sentence_that_says_why() -> None:
    with pytest.raises(Unauthorized, match="cannot verify tokens of Microsoft Entra ID"):
        authorization().claim_of_token("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")


@pytest.mark.parametrize(
    ("resource", "audience", "covered"),
    [
        ("sb://h/", "sb://h/work", True),
        ("sb://h/work", "sb://h/work", True),
        ("sb://h/work", "sb://h/work/$management", True),
        ("sb://h/work", "sb://h/work2", False),
        ("sb://h/work/$management", "sb://h/work", True),
        ("sb://h/$management", "sb://h/work", False),
        ("sb://h/work", "sb://h/", False),
        ("sb://h/sales", "sb://h/sales/Subscriptions/all", True),
        ("sb://h/sales/subscriptions/all", "sb://h/sales", False),
    ],
)
def test_a_token_covers_its_resource_and_what_is_below(
    resource: str, audience: str, covered: bool
) -> None:
    token = signed(resource, ROOT)

    if covered:
        assert authorization().claim_for(audience, token).rights == {MANAGE}
    else:
        with pytest.raises(Unauthorized):
            authorization().claim_for(audience, token)


def test_the_policy_of_an_entity_signs_for_that_entity_only() -> None:
    bus = authorization()

    assert bus.claim_of_token(signed("sb://h/work", OF_WORK)).rights == {SEND}
    assert bus.claim_of_token(signed("sb://h/sales/subscriptions/all", OF_TOPIC)).rights == {LISTEN}
    for resource in ("sb://h/", "sb://h/other", "sb://h/sales"):
        with pytest.raises(Unauthorized):
            bus.claim_of_token(signed(resource, OF_WORK))


def test_rights_hold_below_their_path_until_their_end() -> None:
    now = [NOW]
    bus = Authorization(Namespace(CONFIG), (ROOT, READER), now=lambda: now[0])
    claims = Claims(bus)
    claims.take("sb://h/work", signed("sb://h/", READER))

    assert claims.allow("Work/$DeadLetterQueue", LISTEN)
    assert not claims.allow("work", SEND)
    assert not claims.allow("other", LISTEN)
    now[0] = SOON * 1000
    assert not claims.allow("work", LISTEN)


def test_a_renewed_token_replaces_the_one_before() -> None:
    now = [NOW]
    bus = Authorization(Namespace(CONFIG), (ROOT,), now=lambda: now[0])
    claims = Claims(bus)
    claims.take("sb://h/work", signed("sb://h/work", ROOT))
    claims.take("sb://h/work", signed("sb://h/work", ROOT, ends=SOON + 3600))
    now[0] = SOON * 1000

    claims.require("work", SEND)


def test_manage_includes_sending_and_listening() -> None:
    claims = authorization().claims_of_token(signed("sb://h/", ROOT))

    for right in (LISTEN, SEND, MANAGE):
        claims.require("work", right)


def test_a_policys_name_and_key_sign_in_without_a_token() -> None:
    claims = Claims(authorization())

    assert not claims.sign_in("reader", "root-primary")
    assert not claims.sign_in("nobody", "reader-primary")
    assert claims.sign_in("worker", "worker-secondary")
    assert claims.allow("work", SEND)
    assert not claims.allow("other", SEND)


def test_without_keys_everything_is_taken() -> None:
    bus = Authorization(Namespace(CONFIG), now=lambda: NOW)
    claims = Claims(bus)

    assert claims.sign_in("anybody", "anything")
    claims.require("work", MANAGE)
    bus.claims_of_token("Bearer whatever").require("", MANAGE)


@pytest.mark.parametrize(
    ("policy", "operation", "allowed"),
    [
        (READER, "com.microsoft:peek-message", True),
        (READER, "com.microsoft:add-rule", True),
        (READER, "com.microsoft:schedule-message", False),
        (READER, "com.microsoft:cancel-scheduled-message", False),
        (OF_WORK, "com.microsoft:peek-message", False),
        (OF_WORK, "com.microsoft:schedule-message", False),  # it may not listen
        (ROOT, "com.microsoft:schedule-message", True),
    ],
)
def test_management_takes_listen_and_scheduling_also_send(
    policy: AuthorizationRule, operation: str, allowed: bool
) -> None:
    claims = authorization().claims_of_token(signed("sb://h/work", policy))

    if allowed:
        claims.require_for(operation, "work")
    else:
        with pytest.raises(Unauthorized):
            claims.require_for(operation, "work")


def test_policies_nobody_checks_are_named(caplog: pytest.LogCaptureFixture) -> None:
    Authorization(Namespace(CONFIG), now=lambda: NOW)

    assert caplog.messages == [
        f"The policies of '{name}' need keys to be checked." for name in ("work", "sales")
    ]
