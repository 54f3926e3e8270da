"""Public identifiers: what URLs, exports and the API show instead of row numbers."""

from __future__ import annotations

import secrets

# Crockford's base 32 without I, L, O, U: safe to read out on the phone.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 12


def new_public_id() -> str:
    """Twelve characters of base 32: 60 random bits, unique enough for billions of rows."""
    # 256 is a multiple of 32, so the low five bits of a random byte are uniform.
    return "".join(ALPHABET[byte & 31] for byte in secrets.token_bytes(LENGTH))
