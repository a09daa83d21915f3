"""What AWS KMS answers, met by a probe as wiring makes it."""

import pytest

from shared import wiring
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyHealth
from shared.engine.key_health import Prober
from tests.contract.engine.kms_cases import Case, Scene, deny_everywhere, deny_use
from tests.contract.engine.kms_stage import Stage


def probed(stage: Stage, scene: Scene, patch: pytest.MonkeyPatch) -> KeyHealth:
    """The health of the tenant's key after one probe."""
    patch.setenv("ENTRAKEEP_DATABASE_URL", f"sqlite:///{stage.world.database}")
    patch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", scene.kms._provider_key)
    probing = wiring.probing()
    try:
        stage.world.pass_time(2 * probing.every)
        prober = Prober(probing)
        while prober.once():  # the tenants of other tests too, so many at a time
            assert prober.rest(20)
    finally:
        probing.catalog.close()
    return stage.world.of.health.get()


@pytest.mark.parametrize(("case", "who"), [(deny_use, "Its owner must"), (deny_everywhere, "The operator must")])
def test_a_probe_that_is_denied_looks_at_our_own_side_before_it_blames_the_owner(
    stage: Stage, scene: Scene, case: Case, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case(scene)
    health = probed(stage, scene, monkeypatch)
    assert (health.condition, health.code) == (KeyCondition.REVOKED, Code.KEY_ACCESS_REVOKED)
    assert who in str(health.message)
    refusal = stage.world.of.keys.state().refusal
    assert refusal is not None
    assert refusal.message == health.message
