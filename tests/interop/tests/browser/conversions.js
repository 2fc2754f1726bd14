// What Chromium reads in each of `rows`: the meaning of options in JSON, in the
// form of `conversions.txt`, or the name of the error.
rows => {
  const text = value => value.toWellFormed();
  const bytes = value => new Uint8Array(value).toBase64({alphabet: 'base64url', omitPadding: true});
  const known = (names, value, otherwise) => names.includes(value) ? value : otherwise;
  const requirement = (value, otherwise) =>
    known(['required', 'preferred', 'discouraged'], value, otherwise);
  const passkeys = list => list.filter(it => it.type === 'public-key');
  const descriptors = list => passkeys(list).map(it => ({
    id: bytes(it.id),
    type: it.type,
    // Our client reads the older name of hybrid as hybrid.
    transports: (it.transports ?? []).map(it => it === 'cable' ? 'hybrid' : it),
  }));
  const values = it => it === undefined ? null :
    {first: bytes(it.first), ...(it.second === undefined ? {} : {second: bytes(it.second)})};

  // [CTAP 2.2 §12.1]
  const policies = ['userVerificationOptional', 'userVerificationOptionalWithCredentialIDList',
    'userVerificationRequired'];
  // [WebAuthn L3 §10.1.5]: an unknown value means the same as "preferred".
  const largeBlob = it => it === undefined ? null : {
    support: known(['required'], it.support, 'preferred'),
    ...(it.read === undefined ? {} : {read: it.read}),
    ...(it.write === undefined ? {} : {write: bytes(it.write)}),
  };

  // Without an operation there is nothing to do.
  const operation = it => it?.read || it?.write !== undefined ? {
    ...(it.read ? {read: true} : {}),
    ...(it.write === undefined ? {} : {write: bytes(it.write)}),
  } : null;

  const created = it => ({
    challenge: bytes(it.challenge),
    rp: {id: it.rp.id ?? null, name: text(it.rp.name)},
    user: {
      id: bytes(it.user.id),
      name: text(it.user.name),
      displayName: text(it.user.displayName),
    },
    // [WebAuthn L3 §5.1.3]: what an empty list means.
    pubKeyCredParams: it.pubKeyCredParams.length > 0 ? passkeys(it.pubKeyCredParams) :
      [-7, -257].map(alg => ({type: 'public-key', alg})),
    excludeCredentials: descriptors(it.excludeCredentials ?? []),
    authenticatorSelection: {
      authenticatorAttachment: known(['platform', 'cross-platform'],
        it.authenticatorSelection?.authenticatorAttachment, null),
      // [WebAuthn L3 §5.4.4].
      residentKey: requirement(it.authenticatorSelection?.residentKey,
        it.authenticatorSelection?.requireResidentKey ? 'required' : 'discouraged'),
      userVerification: requirement(it.authenticatorSelection?.userVerification, 'preferred'),
    },
    attestation: known(['indirect', 'direct', 'enterprise'], it.attestation, 'none'),
    attestationFormats: it.attestationFormats ?? [],
    hints: it.hints ?? [],
    timeout: it.timeout ?? null,
    extensions: {
      appidExclude: it.extensions?.appidExclude ?? null,
      hmacCreateSecret: it.extensions?.hmacCreateSecret ?? false,
      minPinLength: it.extensions?.minPinLength ?? false,
      credProps: it.extensions?.credProps ?? false,
      prf: it.extensions?.prf ? {eval: values(it.extensions.prf.eval)} : null,
      credentialProtectionPolicy: known(policies, it.extensions?.credentialProtectionPolicy, null),
      enforceCredentialProtectionPolicy: it.extensions?.enforceCredentialProtectionPolicy ?? false,
      largeBlob: largeBlob(it.extensions?.largeBlob),
    },
  });

  const byCredential = record => record === undefined ? null :
    Object.fromEntries(Object.entries(record).map(([id, it]) => [id, values(it)]));
  const asked = it => ({
    challenge: bytes(it.challenge),
    rpId: it.rpId ?? null,
    allowCredentials: descriptors(it.allowCredentials ?? []),
    userVerification: requirement(it.userVerification, 'preferred'),
    hints: it.hints ?? [],
    timeout: it.timeout ?? null,
    extensions: {
      appid: it.extensions?.appid ?? null,
      prf: it.extensions?.prf ? {
        eval: values(it.extensions.prf.eval),
        evalByCredential: byCredential(it.extensions.prf.evalByCredential),
      } : null,
      largeBlob: operation(it.extensions?.largeBlob),
    },
  });

  return rows.map(([kind, json]) => {
    const options = JSON.parse(json);
    try {
      return {meaning: kind === 'create' ?
        created(PublicKeyCredential.parseCreationOptionsFromJSON(options)) :
        asked(PublicKeyCredential.parseRequestOptionsFromJSON(options))};
    } catch (error) {
      return {error: error.name};
    }
  });
}
