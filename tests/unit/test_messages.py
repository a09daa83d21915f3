"""Messages carry ids and a version, nothing else."""

from shared.messages import StepMessage, decode, encode

MESSAGE = StepMessage(tenant_id="t", job_id="j", step_id="s")


def test_a_message_reads_back() -> None:
    assert decode(dict(encode(MESSAGE))) == MESSAGE


def test_a_message_of_another_version_or_shape_is_dropped() -> None:
    assert decode({**encode(MESSAGE), "version": 2}) is None
    assert decode({"version": 1, "tenant_id": "t"}) is None
