"""The installation's seal on what a passport page says: a JSON Web Signature with an Ed25519 key.

The key follows from the installation's secret, so it needs no place of its own; whoever changes the secret gives the
installation a new seal, and older copies of passports no longer prove anything (they say when they were made).
Source: RFC 7515 (JWS), RFC 8037 and RFC 9864 (Ed25519).
"""

import base64
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM: Final = "Ed25519"
LONGEST_SEAL: Final = 20_000
"""Characters of a text that somebody wants checked."""
_PURPOSE: Final = b"care marketplace passport seal 1"


class BrokenSeal(ValueError):
    """The text is no seal of this installation, or it was changed."""


class Seal:
    """Signs and checks.

    Args:
        secret_key: The installation's secret.
    """

    def __init__(self, secret_key: str) -> None:
        seed = HKDF(SHA256(), 32, None, _PURPOSE).derive(secret_key.encode())
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "d": _text(seed), "x": _text(public)})

    @property
    def key_id(self) -> str:
        """Name of the key: its thumbprint (RFC 7638)."""
        return self._key.thumbprint()

    def keys(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        public = {**self._key.as_dict(private=False), "kid": self.key_id, "use": "sig", "alg": ALGORITHM}
        return {"keys": [public]}

    def sign(self, facts: dict[str, Any]) -> str:
        """Return facts as a compact JSON Web Signature."""
        payload = msgspec.json.encode(facts, order="deterministic")
        return jws.serialize_compact({"alg": ALGORITHM, "kid": self.key_id}, payload, self._key, algorithms=[ALGORITHM])

    def check(self, text: str) -> dict[str, Any]:
        """Return the facts of a seal.

        Raises:
            BrokenSeal: Not made here, or changed since.
        """
        compact = "".join(text.split())
        if not compact or len(compact) > LONGEST_SEAL or not compact.isascii():
            raise BrokenSeal
        try:
            found = jws.deserialize_compact(compact, self._key, algorithms=[ALGORITHM])
            facts = msgspec.json.decode(found.payload, type=dict[str, Any])
        except (JoseError, ValueError, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BrokenSeal from error
        return facts


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
