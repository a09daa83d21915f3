"""The answers of AWS KMS to a probe that wiring creates."""

import pytest

from shared import wiring
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition, KeyHealth
from shared.engine.key_health import Prober
from tests.contract.engine.kms_cases import Case, Scene, deny_everywhere, deny_use
from tests.contract.engine.kms_stage import Stage


def probe_once(stage: Stage, scene: Scene, patch: pytest.MonkeyPatch) -> KeyHealth:
    """Probe the tenant's key once. Return its health."""
    patch.setenv("ENTRAKEEP_DATABASE_URL", f"sqlite:///{stage.world.database}")
    patch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", scene.kms._provider_key)
    probing = wiring.probing()
    try:
        stage.world.pass_time(2 * probing.every)
        prober = Prober(probing)
        while prober.once():  # other tests have tenants too, and a round probes a limited number
            assert prober.rest(20)
    finally:
        probing.catalog.close()
    return stage.world.catalog.health.get()


@pytest.mark.parametrize(("case", "actor"), [(deny_use, "Its owner must"), (deny_everywhere, "The operator must")])
def test_a_denied_probe_checks_the_operators_side_before_it_blames_the_owner(
    stage: Stage, scene: Scene, case: Case, actor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case(scene)
    health = probe_once(stage, scene, monkeypatch)
    assert (health.condition, health.code) == (KeyCondition.REVOKED, Code.KEY_ACCESS_REVOKED)
    assert actor in str(health.message)
    refusal = stage.world.catalog.keys.state().refusal
    assert refusal is not None
    assert refusal.message == health.message
