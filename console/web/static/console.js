// Conveniences over pages that work without them: copy buttons, keyboard shortcuts, dialogs. No HTML is made from text.
(() => {
  "use strict";
  const html = document.documentElement;
  html.classList.add("scripted");

  const say = (text) => {
    const place = document.getElementById("said");
    if (place) place.textContent = text;
  };

  // Copy buttons: <button data-copy="text">.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const note = button.querySelector(".copied");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      note.textContent = "Copied";
    } catch {
      note.textContent = "Copy it by hand";
    }
    setTimeout(() => { note.textContent = ""; }, 2000);
  });

  // Menu of small screens: closed at first.
  const menu = document.querySelector(".side .menu");
  if (menu && matchMedia("(max-width: 860px)").matches) menu.open = false;

  // Dialogs: <dialog open data-open>, a part of the page without scripts, is opened over it; a click on [data-close] or Escape
  // closes. What is closed leads to the page below it, if data-leads-to names that.
  document.querySelectorAll("dialog[data-open]").forEach((dialog) => {
    dialog.removeAttribute("open");
    dialog.showModal();
    dialog.addEventListener("close", () => { if (dialog.dataset.leadsTo) location.assign(dialog.dataset.leadsTo); });
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-close]")) event.target.closest("dialog")?.close();
  });

  // A form is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // Rows: j and k move, Enter opens, x marks.
  const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr, ul[data-rows] li")];
  const current = () => document.querySelector("[data-at]");
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    current()?.removeAttribute("data-at");
    next.setAttribute("data-at", "");
    next.scrollIntoView({ block: "nearest" });
    (next.querySelector("a, input, button") ?? next).focus({ preventScroll: true });
  };

  const follow = (selector) => {
    const link = document.querySelector(selector);
    if (link) link.click();
    return Boolean(link);
  };

  let gone = -Infinity; // When g was pressed. Time stamps begin at 0 with the page.
  const typing = (target) => target.closest?.("input, select, textarea, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (html.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key;
    let done = true;
    if (event.timeStamp - gone < 1500 && /^[a-z]$/.test(key)) {
      gone = -Infinity;
      done = follow(`[data-go="${key}"]`);
    } else if (key === "g") gone = event.timeStamp;
    else if (key === "/") document.querySelector("[role=search] input, input[type=search]")?.focus();
    else if (key === "t") follow('[data-key="t"]');
    else if (key === "?") follow('[data-key="?"]');
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === "x") current()?.querySelector("input[type=checkbox]")?.click();
    else if (key === "[") follow('[data-key="older"], [rel="prev"]');
    else if (key === "]") follow('[data-key="newer"], [rel="next"]');
    else done = false;
    if (done) event.preventDefault();
  });

  // Marking rows: Shift marks all between the last two.
  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches?.("table[data-rows] input[type=checkbox]")) return;
    const all = [...box.closest("table").querySelectorAll("tbody input[type=checkbox]")];
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      all.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
    }
    last = box;
  });

  // Parts that refresh themselves: a lost sign-in or a silent server is said, and what is shown stays.
  document.addEventListener("htmx:after:request", (event) => {
    const status = event.detail?.ctx?.response?.status;
    const lost = document.getElementById("lost");
    if (status === 401) {
      if (lost) lost.hidden = false;
      say("You are signed out. Open the page again to sign in.");
    } else if (status >= 500) say("The console does not answer; what is shown may be old.");
  });
})();
