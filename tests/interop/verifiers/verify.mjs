// Verifies answers with @simplewebauthn/server.
//
// Standard input: a JSON list of ceremonies. Standard output: a JSON list with an error
// or null for each.

import { text } from 'node:stream/consumers';
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

const expected = (it) => ({
  response: JSON.parse(it.answer),
  expectedChallenge: it.challenge,
  expectedOrigin: it.origin,
  expectedRPID: it.rpId,
  requireUserVerification: it.verification,
});

async function verify({ registration, signIn }) {
  const registered = await verifyRegistrationResponse({
    ...expected(registration),
    supportedAlgorithmIDs: registration.algorithms,
  });
  if (!registered.verified) {
    return 'the registration is not verified';
  }
  if (signIn !== null) {
    const { credential } = registered.registrationInfo;
    const signedIn = await verifyAuthenticationResponse({ ...expected(signIn), credential });
    if (!signedIn.verified) {
      return 'the sign-in is not verified';
    }
  }
  return null;
}

const errors = [];
for (const ceremony of JSON.parse(await text(process.stdin))) {
  errors.push(await verify(ceremony).catch((error) => String(error)));
}
process.stdout.write(JSON.stringify(errors));
