"""Office files locked with a password: the two ways of ECMA-376 (agile and standard), opened in memory."""

import base64
import binascii
import hashlib
import hmac
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ...errors import Unreadable
from .office import LOCKED, STAYS_LOCKED
from .ooxml import Element, local

_SEGMENT = 4096
_MOST_SPINS = 10_000_000
_STANDARD_SPINS = 50_000
_STANDARD = "sha1"  # what the older way prescribes
_INPUT, _VALUE, _KEY = (bytes.fromhex(code) for code in ("fea7d2763b4b9e79", "d7aa0f6d3061344e", "146e0be7abacd0d6"))
_HASHES = {"SHA1": "sha1", "SHA-1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
_WRONG = "This password does not open the file."


def opened(streams: Mapping[str, bytes], password: str | None) -> bytes:
    """The file inside a locked one. Raises Unreadable: locked (no or a wrong password, or another way), damaged."""
    if password is None:
        raise Unreadable(LOCKED, code="locked")
    information, package = streams.get("encryptioninfo", b""), streams["encryptedpackage"]
    secret = password.encode("utf-16-le", "ignore")
    try:
        major, minor = struct.unpack_from("<HH", information)
        (size,) = struct.unpack_from("<Q", package)
        if (major, minor) == (4, 4):
            return _agile(ElementTree.fromstring(information[8:]), package[8:], secret)[:size]  # noqa: S314
        if minor == 2 and major in (2, 3, 4):
            return _standard(information, package[8:], secret)[:size]
    except (struct.error, KeyError, ValueError, TypeError, binascii.Error, ElementTree.ParseError) as error:
        raise Unreadable("This file is damaged: how it was locked cannot be read.", code="damaged") from error
    raise Unreadable(STAYS_LOCKED, code="locked")


def _agile(root: Element, package: bytes, secret: bytes) -> bytes:
    data = next(e for e in root.iter() if local(e) == "keyData").attrib
    key = next((e for e in root.iter() if local(e) == "encryptedKey"), None)
    if key is None or data["cipherAlgorithm"] != "AES" or int(key.attrib["spinCount"]) > _MOST_SPINS:
        raise Unreadable(STAYS_LOCKED, code="locked")
    salt = base64.b64decode(key.attrib["saltValue"])
    hashed = _spun(_HASHES[key.attrib["hashAlgorithm"]], salt, secret, int(key.attrib["spinCount"]))

    def unlocked(block: bytes, name: str) -> bytes:
        derived = hashlib.new(_HASHES[key.attrib["hashAlgorithm"]], hashed + block).digest()
        length = int(key.attrib["keyBits"]) // 8
        return _cbc(derived[:length].ljust(length, b"\x36"), salt, base64.b64decode(key.attrib[name]))

    tried = unlocked(_INPUT, "encryptedVerifierHashInput")[: int(key.attrib["saltSize"])]
    wanted = unlocked(_VALUE, "encryptedVerifierHashValue")[: int(key.attrib["hashSize"])]
    if not hmac.compare_digest(hashlib.new(_HASHES[key.attrib["hashAlgorithm"]], tried).digest(), wanted):
        raise Unreadable(_WRONG, code="locked")
    secret_key = unlocked(_KEY, "encryptedKeyValue")[: int(data["keyBits"]) // 8]
    start, name = base64.b64decode(data["saltValue"]), _HASHES[data["hashAlgorithm"]]
    block = int(data["blockSize"])
    pieces = []
    for number, at in enumerate(range(0, len(package), _SEGMENT)):
        vector = hashlib.new(name, start + struct.pack("<I", number)).digest()[:block].ljust(block, b"\x36")
        pieces.append(_cbc(secret_key, vector, package[at : at + _SEGMENT]))
    return b"".join(pieces)


def _spun(name: str, salt: bytes, secret: bytes, spins: int) -> bytes:
    hashed = hashlib.new(name, salt + secret).digest()
    make = getattr(hashlib, name)
    for number in range(spins):
        hashed = make(number.to_bytes(4, "little") + hashed).digest()
    return hashed


def _standard(information: bytes, package: bytes, secret: bytes) -> bytes:
    (head,) = struct.unpack_from("<I", information, 8)
    _, _, cipher, _, bits = struct.unpack_from("<5I", information, 12)
    if cipher not in (0x660E, 0x660F, 0x6610):
        raise Unreadable(STAYS_LOCKED, code="locked")  # RC4
    salt_size, salt, verifier, _, wanted = struct.unpack_from("<I16s16sI32s", information, 12 + head)
    hashed = _spun(_STANDARD, salt[:salt_size], secret, _STANDARD_SPINS)
    hashed = hashlib.new(_STANDARD, hashed + bytes(4)).digest()
    halves = (
        hashlib.new(_STANDARD, bytes(a ^ pad for a in hashed) + bytes([pad]) * (64 - len(hashed))).digest()
        for pad in (0x36, 0x5C)
    )
    key = b"".join(halves)[: bits // 8]
    if not hmac.compare_digest(hashlib.new(_STANDARD, _ecb(key, verifier)).digest(), _ecb(key, wanted)[:20]):
        raise Unreadable(_WRONG, code="locked")
    return _ecb(key, package)


def _cbc(key: bytes, vector: bytes, data: bytes) -> bytes:
    return _decrypted(Cipher(algorithms.AES(key), modes.CBC(vector)), data)


def _ecb(key: bytes, data: bytes) -> bytes:
    return _decrypted(Cipher(algorithms.AES(key), modes.ECB()), data)  # noqa: S305  (the format's own choice)


def _decrypted(cipher: Cipher[Any], data: bytes) -> bytes:
    decryptor = cipher.decryptor()
    return decryptor.update(data[: len(data) // 16 * 16]) + decryptor.finalize()
