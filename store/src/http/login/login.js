// Logging in, and making the first account by the link that the server printed at its start. Kept apart from
// the page, so that nothing of it is needed to come in.
"use strict";

const at = (id) => document.getElementById(id);
const setup = new URLSearchParams(location.hash.slice(1)).get("setup");
// The link is used once, and stays in no history.
if (setup) history.replaceState(null, "", "/login");

// Where one was, if it is of this page: a path, and nothing that a browser takes for another host.
function back() {
  const asked = new URLSearchParams(location.search).get("back") || "/";
  let to;
  try { to = new URL(asked, location.origin); } catch { return "/"; }
  const own = /^\/(?![\/\\])/.test(asked) && to.origin === location.origin && to.pathname !== "/login";
  return own ? to.pathname + to.search : "/";
}

async function ask(path, body) {
  const init = body === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, init);
  const text = await response.text();
  let answer = {};
  try { answer = text ? JSON.parse(text) : {}; } catch { answer = { message: text }; }
  return { ok: response.ok, answer };
}

function say(text) { at("said").textContent = text; }

function show(who) {
  if (who.user) {
    at("who").textContent = `You are logged in as ${who.user} (${who.roles.join(", ") || "no role"}).`;
    at("on").href = back();
    at("signed").hidden = false;
    return;
  }
  at("form").hidden = false;
  if (setup && who.no_account) {
    at("intro").textContent = "Make the first account. It may do everything; from then on everybody is asked who they are.";
    at("send").textContent = "Make the account";
    at("again-row").hidden = false;
    at("again").required = true;
    at("password").autocomplete = "new-password";
  } else if (who.no_account) {
    at("intro").textContent = "There is no account yet: the link that makes the first one was printed when the server started.";
  } else {
    if (new URLSearchParams(location.search).has("back")) {
      at("intro").textContent = "Your session is over. Log in to go on where you were.";
    } else {
      at("intro").remove();
    }
  }
  at("name").focus();
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [at("name").value, at("password").value];
  const first = !at("again-row").hidden;
  if (first && password !== at("again").value) {
    say("The two passwords are not alike.");
    return;
  }
  at("send").disabled = true;
  say("");
  try {
    const body = first
      ? { token: setup, name, password }
      : { name, password, ...(at("code").value ? { code: at("code").value } : {}) };
    const { ok, answer } = await ask(first ? "/api/v1/setup" : "/api/v1/login", body);
    if (ok) {
      location.replace(back());
      return;
    }
    if (answer.code === "code_needed" && at("code-row").hidden) {
      at("code-row").hidden = false;
      at("code").required = true;
      at("code").focus();
    } else {
      say(answer.message || "The server gave no reason.");
    }
  } catch {
    say("The server cannot be reached. Check that timberline is running.");
  }
  at("send").disabled = false;
});

at("leave").addEventListener("click", async () => {
  await ask("/api/v1/logout", {});
  location.reload();
});

ask("/api/v1/whoami").then(
  ({ answer }) => show(answer),
  () => say("The server cannot be reached. Check that timberline is running."),
);
