"""Verifies answers with py_webauthn, as a server would.

Standard input: a JSON list of ceremonies. Standard output: a JSON list with an error
or null for each.
"""

import json
import sys

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException

KNOWN = {algorithm.value for algorithm in COSEAlgorithmIdentifier}


def expected(it):
    return {
        "credential": it["answer"],
        "expected_challenge": base64url_to_bytes(it["challenge"]),
        "expected_origin": it["origin"],
        "expected_rp_id": it["rpId"],
        "require_user_verification": it["verification"],
    }


def verify(ceremony):
    registration = ceremony["registration"]
    offered = [COSEAlgorithmIdentifier(it) for it in registration["algorithms"] if it in KNOWN]
    known = verify_registration_response(
        **expected(registration), supported_pub_key_algs=offered
    )
    sign_in = ceremony["signIn"]
    if sign_in is not None:
        signed_in = verify_authentication_response(
            **expected(sign_in),
            credential_public_key=known.credential_public_key,
            credential_current_sign_count=known.sign_count,
        )
        if signed_in.credential_id != known.credential_id:
            return "another passkey"
    return None


def error(ceremony):
    try:
        return verify(ceremony)
    except WebAuthnException as exception:
        return f"{type(exception).__name__}: {exception}"


json.dump([error(ceremony) for ceremony in json.load(sys.stdin)], sys.stdout)
