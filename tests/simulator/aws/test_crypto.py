import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.aws.crypto import Material, NotSealed, material_id, seal, unseal

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
contexts = st.dictionaries(texts, texts, max_size=3)


@given(st.binary(max_size=64), contexts)
def test_sealed_data_open_under_the_same_context(plaintext: bytes, context: dict[str, str]) -> None:
    material = Material()
    backwards = dict(reversed(context.items()))
    assert unseal(material, seal(material, plaintext, context), backwards) == plaintext


@given(contexts, contexts)
def test_a_different_context_does_not_open(context: dict[str, str], other: dict[str, str]) -> None:
    material = Material()
    blob = seal(material, b"secret", context)
    if context != other:
        with pytest.raises(NotSealed):
            unseal(material, blob, other)


@given(st.data())
def test_a_flipped_bit_does_not_open(data: st.DataObject) -> None:
    material = Material()
    blob = bytearray(seal(material, b"secret", {"tenant": "a"}))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NotSealed):
        unseal(material, bytes(blob), {"tenant": "a"})


def test_older_generations_open_after_a_rotation() -> None:
    material = Material()
    blob = seal(material, b"secret", {})
    material.rotate()
    assert seal(material, b"secret", {})[:19] != blob[:19]
    assert unseal(material, blob, {}) == b"secret"


def test_different_key_material_does_not_open() -> None:
    with pytest.raises(NotSealed):
        unseal(Material(), seal(Material(), b"secret", {}), {})


@pytest.mark.parametrize("blob", [b"", b"\x01" * 44, b"x" * 184])
def test_bytes_that_are_no_ciphertext_are_distinguished_from_ciphertexts(blob: bytes) -> None:
    with pytest.raises(NotSealed):
        material_id(blob)


def test_key_material_has_no_printed_form() -> None:
    material = Material()
    assert repr(material.secrets[0]) not in repr(material)
