// Passkeys: <form data-passkey="get|create" data-options="URL">. The script gets options, lets the authenticator answer, and
// sends the form with the answer.
(() => {
  "use strict";
  const SENTENCES = {
    NotAllowedError: "Nothing was signed: it was cancelled or took too long. Try again, or use another way.",
    InvalidStateError: "This authenticator has a passkey for this account already. Use another one.",
    SecurityError: "Passkeys work at this console's own address alone. Compare the address in your browser.",
    NotSupportedError: "This authenticator cannot make such passkeys. Use another one.",
    TypeError: "This browser does not know passkeys, or the console does not answer. Use another way.",
  };

  const say = (form, text) => {
    const place = form.querySelector("[data-said]");
    place.hidden = !text;
    place.querySelector("span").textContent = text;
  };

  const answer = async (form) => {
    const body = new URLSearchParams(new FormData(form));
    const response = await fetch(form.dataset.options, { method: "POST", body });
    const text = await response.json();
    if (!response.ok) return say(form, text.detail);
    const kind = form.dataset.passkey;
    const parse = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
    const publicKey = PublicKeyCredential[parse](text.options);
    const credential = await navigator.credentials[kind]({ publicKey });
    form.elements.seed.value = text.seed;
    form.elements.answer.value = JSON.stringify(credential);
    form.requestSubmit();
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.passkey || form.elements.answer.value) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    say(form, "");
    answer(form)
      .catch((error) => say(form, SENTENCES[error.name] ?? "The passkey did not answer. Try again, or use another way."))
      .finally(() => delete form.dataset.busy);
  }, true);

  addEventListener("pageshow", () => document.querySelectorAll("form[data-passkey]").forEach((form) => {
    form.elements.answer.value = "";
  }));

  // A code in the fragment never reaches the server's log: <form data-fragment="NAME"> takes it into a field and is sent.
  const form = document.querySelector("form[data-fragment]");
  if (form && location.hash.length > 1) {
    form.elements[form.dataset.fragment].value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    form.requestSubmit();
  }
})();
