// Small helps for pages that work without them: theme in place, copy, dialogs, tabs, the chart's read-out, shortcuts.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const root = document.documentElement;
root.classList.add("js");

// ---- toasts ----
function toast(text) {
  const box = document.createElement("div");
  box.className = "toast";
  box.textContent = text;
  $("#toasts").append(box);
  setTimeout(() => box.remove(), 4000);
}

// ---- theme: the server reads the cookie, so the next page comes in the right colours ----
document.addEventListener("submit", (e) => {
  if (e.target.matches("[data-theme-toggle]")) {
    e.preventDefault();
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax${secure}`;
  }
  // ---- a form that is on its way can't be sent again ----
  if (e.target.matches("[data-busy]")) {
    const button = $("button:not([type=button])", e.target);
    if (button.getAttribute("aria-busy") === "true") e.preventDefault();
    button.setAttribute("aria-busy", "true");
    // the page stays while something is downloaded: a double click is one download, and a later one is possible
    if (e.target.matches("[data-download]")) setTimeout(() => button.removeAttribute("aria-busy"), 3000);
  }
});
addEventListener("pageshow", () => $$("[aria-busy]").forEach((b) => b.removeAttribute("aria-busy")));

// ---- clicks: copy, open, close ----
document.addEventListener("click", (e) => {
  const copy = e.target.closest("[data-copy]");
  if (copy) {
    const source = $(copy.dataset.copy);
    const select = () => { getSelection().selectAllChildren(source); toast("Press Ctrl+C to copy"); };
    navigator.clipboard ? navigator.clipboard.writeText(source.textContent).then(() => toast("Copied"), select) : select();
  }
  const open = e.target.closest("[data-open]");
  if (open) $(open.dataset.open).showModal();
  if (e.target.closest("[data-close]")) e.target.closest("dialog").close();
});

// ---- dialogs: a link to a small page opens it here instead. The browser gives the focus back on closing ----
let opener = null;
document.addEventListener("htmx:afterSwap", (e) => {
  if (e.detail.target.id !== "dialog") return;
  const dialog = e.detail.target;
  opener = e.detail.requestConfig.elt;
  if (!dialog.open) dialog.showModal();
  armConfirm(dialog);
  $("input:not([type=hidden])", dialog)?.focus();
});
document.addEventListener("close", (e) => {
  if (e.target.id !== "dialog") return;
  e.target.replaceChildren();
  opener?.focus();
}, true);

// a request in the background that failed must not look like nothing happened
for (const kind of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(kind, (e) => {
    const from = e.detail.elt;
    if (from.matches("[data-dialog], .segmented a, .search, #orgs a")) toast("This did not work. Reload the page and try again.");
    if (from.matches("[data-lazy]")) { // the box stays and says so, with a link that loads it as a page
      $(".loading", from).hidden = true;
      $(".lazy-failed", from).hidden = false;
    }
    if (from.matches("[data-live]:not(.stale)")) {
      from.classList.add("stale");
      toast("What you see is no longer kept up to date. Reload the page if this lasts.");
    }
  });
}

// ---- a part that renews itself: not while nobody looks or somebody reads the chart or marks text; what is open stays open ----
let before = [];
function inUse(part) {
  const marked = getSelection();
  return document.hidden || $(".bar.on", part) || (!marked.isCollapsed && part.contains(marked.anchorNode));
}
document.addEventListener("htmx:beforeRequest", (e) => {
  if (e.detail.elt.matches("[data-live]") && inUse(e.detail.elt)) e.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (e) => {
  const part = e.detail.target;
  if (!part.matches("[data-live]")) return;
  if (inUse(part)) e.detail.shouldSwap = false;
  before = [$("[data-verdict]", part).textContent, $$("details[open]", part).map((d) => d.id)];
});
document.addEventListener("htmx:afterSwap", (e) => {
  $$("[data-says]").forEach((p) => { p.textContent = $(p.dataset.says).textContent; }); // a status that stands outside of what was swapped
  if (!e.detail.target.matches("[data-live]")) return;
  e.detail.target.classList.remove("stale");
  const [verdict, open] = before, now = $("[data-verdict]", e.detail.target).textContent;
  open.forEach((id) => { const d = document.getElementById(id); if (d) d.open = true; });
  if (now !== verdict) toast(now);
  const mark = $("#nav [data-go=s] .state"); // outside of what was swapped
  if (mark) mark.hidden = !!$("[data-verdict].ok", e.detail.target);
});

// a button that stays off until the asked-for text is typed
function armConfirm(scope) {
  $$("[data-must-be]", scope).forEach((input) => {
    const button = $("button:not([type=button])", input.form);
    const check = () => { button.disabled = input.value.trim() !== input.dataset.mustBe; };
    input.addEventListener("input", check);
    check();
  });
}
armConfirm(document);

// ---- tabs: without this, all panels stand one under the other ----
function tabs(card) {
  const list = $("[role=tablist]", card), tab = $$("[role=tab]", card), panel = $$("[role=tabpanel]", card);
  const pick = (i, focus) => {
    tab.forEach((t, j) => {
      t.setAttribute("aria-selected", i === j);
      t.tabIndex = i === j ? 0 : -1;
      panel[j].hidden = i !== j;
    });
    if (focus) { tab[i].focus(); localStorage.setItem("client", tab[i].dataset.client); }
  };
  const wanted = new URLSearchParams(location.search).get("client") ?? localStorage.getItem("client");
  pick(Math.max(0, tab.findIndex((t) => t.dataset.client === wanted)));
  list.addEventListener("click", (e) => {
    const i = tab.indexOf(e.target.closest("[role=tab]"));
    if (i >= 0) pick(i, true);
  });
  list.addEventListener("keydown", (e) => {
    const i = tab.indexOf(document.activeElement), n = tab.length;
    const to = { ArrowRight: (i + 1) % n, ArrowLeft: (i + n - 1) % n, Home: 0, End: n - 1 }[e.key];
    if (i < 0 || to === undefined) return;
    e.preventDefault();
    pick(to, true);
  });
}
$$("[data-tabs]").forEach(tabs);

// ---- chart: pointer and arrow keys read one day ----
function readOut(figure, bar) {
  const tip = $(".tip", figure);
  $$(".bar.on", figure).forEach((b) => b.classList.remove("on"));
  tip.hidden = !bar;
  if (!bar) return;
  bar.classList.add("on");
  const line = (key, label, value) => {
    const span = document.createElement("span"), dot = document.createElement("i"), figureText = document.createElement("em");
    dot.className = key;
    figureText.textContent = value;
    span.append(dot, label, figureText);
    return span;
  };
  const day = document.createElement("b");
  day.textContent = bar.dataset.day;
  tip.replaceChildren(day, ...(bar.dataset.label
    ? [line("", bar.dataset.label, bar.dataset.value)]
    : [line("k-ok", "Succeeded", bar.dataset.ok), line("k-failed", "Failed", bar.dataset.failed)]));
  const box = figure.getBoundingClientRect(), hit = $(".hit", bar).getBoundingClientRect();
  const right = hit.right - box.left + 8;
  const left = right + tip.offsetWidth > box.width - 4 ? hit.left - box.left - tip.offsetWidth - 8 : right;
  tip.style.left = `${Math.max(left, 4)}px`;
  tip.style.top = "16px";
}
document.addEventListener("pointermove", (e) => {
  const figure = e.target.closest?.("[data-chart]");
  $$("[data-chart]").forEach((f) => { if (f !== figure && f !== document.activeElement) readOut(f, null); });
  if (figure) readOut(figure, e.target.closest(".bar"));
});
document.addEventListener("focusout", (e) => {
  const figure = e.target.closest?.("[data-chart]");
  if (figure) readOut(figure, null);
});
document.addEventListener("keydown", (e) => {
  const figure = e.target.closest?.("[data-chart]");
  if (!figure || !["ArrowLeft", "ArrowRight", "Home", "End", "Escape"].includes(e.key)) return;
  e.preventDefault();
  const all = $$(".bar", figure), i = all.findIndex((b) => b.classList.contains("on")), last = all.length - 1;
  readOut(figure, {
    ArrowLeft: all[i < 0 ? last : Math.max(i - 1, 0)], ArrowRight: all[i < 0 ? 0 : Math.min(i + 1, last)],
    Home: all[0], End: all[last], Escape: null,
  }[e.key]);
});

// ---- shortcuts: g and a letter go to a page, ? lists them; they can be switched off ----
const shortcuts = $("#shortcuts"), shortcutsOn = $("#shortcuts-on");
if (shortcuts) {
  shortcutsOn.checked = localStorage.getItem("shortcuts") !== "off";
  shortcutsOn.addEventListener("change", () => localStorage.setItem("shortcuts", shortcutsOn.checked ? "on" : "off"));
  let afterG = 0;
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog") || !shortcutsOn.checked) return;
    if (e.key === "?") shortcuts.showModal();
    else if (e.key === "g") afterG = e.timeStamp;
    else if (e.timeStamp - afterG < 1500) {
      afterG = 0;
      $(`[data-go="${CSS.escape(e.key)}"]`)?.click();
    }
  });
}

// ---- a form that came back with problems: say it first ----
$("[data-focus]")?.focus();
