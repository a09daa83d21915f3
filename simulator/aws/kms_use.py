"""The KMS operations that encrypt and decrypt: data keys, Encrypt, Decrypt, ReEncrypt."""

import base64
import os
from collections.abc import Callable, Mapping

from simulator.aws.answers import Refused
from simulator.aws.crypto import NotSealed, material_id, seal, unseal
from simulator.aws.keys import Key
from simulator.aws.kms_call import KmsCall, check_usable, invalid

Document = Mapping[str, object]
_SPECS = {"AES_256": 32, "AES_128": 16}
_MOST_PLAINTEXT, _MOST_BLOB, _MOST_DATA_KEY = 4096, 6144, 1024


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _usable(call: KmsCall, key: Key, action: str, context: Mapping[str, str]) -> Key:
    call.may(key, action, context)
    check_usable(key)
    return key


def _data_key(call: KmsCall) -> tuple[Key, bytes, bytes]:
    size = _data_key_size(call)
    context = call.context()
    key = _usable(call, call.key(), call.action, context)
    call.stop_if_dry()
    plaintext = os.urandom(size)
    return key, plaintext, seal(key.material, plaintext, context)


def _data_key_size(call: KmsCall) -> int:
    spec, size = call.params.get("KeySpec"), call.params.get("NumberOfBytes")
    if (spec is None) == (size is None):
        raise Refused("ValidationException", "Please specify either number of bytes or key spec.")
    if spec is not None:
        if spec not in _SPECS:
            raise invalid("Value at 'keySpec' must satisfy enum value set: [AES_256, AES_128]")
        return _SPECS[spec]
    if not isinstance(size, int) or not 1 <= size <= _MOST_DATA_KEY:
        raise invalid(f"Value at 'numberOfBytes' must be between 1 and {_MOST_DATA_KEY}")
    return size


def generate_data_key(call: KmsCall) -> Document:
    """Generate a data key. Return it encrypted and in plaintext."""
    key, plaintext, blob = _data_key(call)
    return {"CiphertextBlob": _text(blob), "Plaintext": _text(plaintext), "KeyId": key.arn}


def generate_data_key_without_plaintext(call: KmsCall) -> Document:
    """Generate a data key. Return it encrypted only."""
    key, _, blob = _data_key(call)
    return {"CiphertextBlob": _text(blob), "KeyId": key.arn}


def encrypt(call: KmsCall) -> Document:
    """Encrypt at most 4,096 bytes."""
    plaintext = call.octets("Plaintext", _MOST_PLAINTEXT)
    context = call.context()
    key = _usable(call, call.key(), "Encrypt", context)
    call.stop_if_dry()
    blob = seal(key.material, plaintext, context)
    return {"CiphertextBlob": _text(blob), "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def decrypt(call: KmsCall) -> Document:
    """Decrypt a blob of at most 6,144 bytes."""
    blob = call.octets("CiphertextBlob", _MOST_BLOB)
    context = call.context()
    key = _usable(call, sealing_key(call, blob, "KeyId"), "Decrypt", context)
    plaintext = _unsealed(call, key, blob, context)
    call.stop_if_dry()
    return {"Plaintext": _text(plaintext), "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def re_encrypt(call: KmsCall) -> Document:
    """Decrypt a blob and encrypt its plaintext again, under another key or context."""
    blob = call.octets("CiphertextBlob", _MOST_BLOB)
    source_context, destination_context = (
        call.context("SourceEncryptionContext"),
        call.context("DestinationEncryptionContext"),
    )
    source = sealing_key(call, blob, "SourceKeyId")
    destination = call.key("DestinationKeyId")
    call.may(source, "ReEncryptFrom", source_context)
    call.may(destination, "ReEncryptTo", destination_context)
    check_usable(source)
    check_usable(destination)
    plaintext = _unsealed(call, source, blob, source_context)
    call.stop_if_dry()
    return {
        "CiphertextBlob": _text(seal(destination.material, plaintext, destination_context)),
        "SourceKeyId": source.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }


def sealing_key(call: KmsCall, blob: bytes, name: str) -> Key:
    """Return the key named by parameter `name`, or the key that sealed the blob if the parameter is absent.

    A bare id may also name a key of another account, if that key sealed the blob. Raises Refused if no key is found.
    """
    requested = call.params.get(name)
    blob_key = _key_of_blob(call, blob) if requested is None or ":" not in requested else None
    if requested is None:
        if blob_key is None:
            raise Refused(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, "
                "or you are not allowed to access.",
            )
        return blob_key
    return blob_key if blob_key is not None and blob_key.id == requested else call.key(name)


def _key_of_blob(call: KmsCall, blob: bytes) -> Key | None:
    try:
        return call.keys.by_material(call.region, material_id(blob))
    except NotSealed:
        if call.params.get("KeyId") or call.params.get("SourceKeyId"):
            return None
        raise Refused("InvalidCiphertextException", "") from None


def _unsealed(call: KmsCall, key: Key, blob: bytes, context: Mapping[str, str]) -> bytes:
    try:
        sealed_by = material_id(blob)
        if sealed_by != key.material.id and call.keys.ever_had(sealed_by):
            message = "The key ID in the request does not identify a CMK that can perform this operation."
            raise Refused("IncorrectKeyException", message)
        return unseal(key.material, blob, context)
    except NotSealed:
        raise Refused("InvalidCiphertextException", "") from None


OPERATIONS: dict[str, Callable[[KmsCall], Document]] = {
    "GenerateDataKey": generate_data_key,
    "GenerateDataKeyWithoutPlaintext": generate_data_key_without_plaintext,
    "Encrypt": encrypt,
    "Decrypt": decrypt,
    "ReEncrypt": re_encrypt,
}
