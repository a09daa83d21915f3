"""A key administrator revokes the KMS key in the middle of a restore."""

import time

import pytest

from tests.flow.restore.story import Story
from tests.flow.stack import LEASE, Stack, until

pytestmark = pytest.mark.flow

POLICIES = 12
"""Policies to create: Graph takes one request a second, so a restore takes longer than a lease."""


def test_revocation_stops_a_restore_within_one_lease_and_it_goes_on_after_access_is_back(stack: Stack) -> None:
    key = stack.aws.new_key()
    kms = stack.aws.client("kms")
    with Story(stack, key=key) as story:
        policies = [story.policy(f"Policy {n}") for n in range(POLICIES)]
        snapshot = story.backup()
        story.purge("conditionalAccessPolicies", *policies)
        job_id = story.request(snapshot)
        until(lambda: len(story.all("conditionalAccessPolicies")) >= 3, "policies have come back")
        kms.disable_key(KeyId=key)
        revoked = time.monotonic()
        job = story.ended(job_id)
        assert time.monotonic() - revoked < LEASE + 1
        assert (job["state"], job["code"]) == ("failed", "KEY_ACCESS_REVOKED")
        written = story.all("conditionalAccessPolicies")
        assert 3 <= len(written) < POLICIES

        kms.enable_key(KeyId=key)
        story.commands.run("key", "check", story.name)
        report = story.report(job_id)
        done = {each["new_id"] for each in report["results"] if each["state"] == "done"}
        assert done <= written.keys()
        assert len(done) >= len(written) - 1, "the result of at most one request is unknown"

        again = story.retry(job_id)
        assert again["state"] == "succeeded"
        assert {each["state"] for each in story.report(again["id"])["results"]} == {"done"}
        assert len(story.all("conditionalAccessPolicies")) == POLICIES
        assert story.created("conditionalAccessPolicies") == POLICIES
