"""Messages carry ids and a version, nothing else."""

from shared.messages import StepMessage, decode, encode

MESSAGE = StepMessage(
    tenant_id="0e2f6a2c-6a4d-4a5e-9d0c-6f0e4c1f7a10",
    job_id="3f2b8c1e-5f0a-4f57-9f53-0d6f2f6b8a11",
    step_id="a0f1d6b4-55e2-4e0a-8d5b-1b8f0c7e2d12",
)


def test_a_message_reads_back() -> None:
    assert decode(dict(encode(MESSAGE))) == MESSAGE


def test_a_message_of_another_version_or_shape_is_dropped() -> None:
    assert decode({**encode(MESSAGE), "version": 2}) is None
    assert decode({"version": 1, "tenant_id": MESSAGE.tenant_id}) is None
    assert decode({**encode(MESSAGE), "tenant_id": "*"}) is None
