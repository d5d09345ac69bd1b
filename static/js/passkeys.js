// form[data-passkey="create|get"]: sending it first asks the browser for a passkey, which goes into its field
// "credential". The challenge stands in the JSON script that data-passkey-options names, or is fetched from
// data-passkey-url. An element [data-passkey-error] of the form says why there is none.
const WHY = {
  InvalidStateError: "This device has a passkey of your account already.",
  NotSupportedError: "This device cannot make such a passkey.",
  SecurityError: "Passkeys work only at the public address of PulseOps.",
};
const WHY_ELSE = "No passkey was used: it was cancelled or took too long. Try again.";
const BINARY = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

function bytes(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
}

function base64url(buffer) {
  const text = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const named = (credentials) => (credentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

async function challenge(form) {
  if (!form.dataset.passkeyUrl) return JSON.parse(document.querySelector(form.dataset.passkeyOptions).textContent);
  const answer = await fetch(form.dataset.passkeyUrl, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) throw new Error("There is no challenge. Wait a minute, then try again.");
  return answer.json();
}

async function create(form) {
  const { publicKey } = (await challenge(form)).creation_options;
  const alone = form.elements.passwordless.checked;
  return navigator.credentials.create({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: named(publicKey.excludeCredentials),
      authenticatorSelection: {
        ...publicKey.authenticatorSelection,
        residentKey: alone ? "required" : "discouraged",
        requireResidentKey: alone,
        ...(alone && { userVerification: "required" }),
      },
    },
  });
}

async function get(form) {
  const { publicKey } = (await challenge(form)).request_options;
  return navigator.credentials.get({
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: named(publicKey.allowCredentials),
    },
  });
}

function written(credential) {
  const parts = BINARY.filter((name) => credential.response[name]?.byteLength);
  return JSON.stringify({
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    response: Object.fromEntries(parts.map((name) => [name, base64url(credential.response[name])])),
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

async function ask(form) {
  const said = form.querySelector("[data-passkey-error]");
  said.hidden = true;
  try {
    if (!window.PublicKeyCredential) throw new Error("This browser knows no passkeys.");
    const credential = await (form.dataset.passkey === "create" ? create(form) : get(form));
    form.elements.credential.value = written(credential);
    form.submit();
  } catch (error) {
    said.textContent = WHY[error.name] ?? (error.name === "Error" ? error.message : WHY_ELSE);
    said.hidden = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}
