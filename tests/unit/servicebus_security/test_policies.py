"""Policies as they are written on the command line."""

from __future__ import annotations

import pytest

from infra.local.servicebus import AuthorizationRule
from infra.local.servicebus.server.security import LISTEN, RIGHTS, SEND, policy_of


def test_a_policy_has_every_right_unless_told_otherwise() -> None:
    policy = policy_of("root=c2VjcmV0==")

    assert policy == AuthorizationRule("root", frozenset(RIGHTS), "c2VjcmV0==", "")


def test_rights_are_listed_after_the_key() -> None:
    policy = policy_of("app=c2VjcmV0=:Listen,Send")

    assert policy == AuthorizationRule("app", frozenset({LISTEN, SEND}), "c2VjcmV0=", "")


@pytest.mark.parametrize("text", ["", "root", "=key", "root=", "root=key:Rule", "root=key:"])
def test_what_is_no_policy_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"a policy is NAME=KEY") as refusal:
        policy_of(text)

    assert not text or text not in str(refusal.value)
