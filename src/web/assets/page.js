// What a page does by itself: it keeps a WebSocket open, shows what the server sends, and sends its forms without loading the
// page again. Without this script the forms work as well, and the page shows what it showed when it was loaded.

const body = document.body;
const byId = (id) => document.getElementById(id);

// --- Updates ---------------------------------------------------------------------------------------------------------------

const MAX_JOB_LINES = 300;
let jobLines = [];

/** What a page keeps for the time after it has loaded itself again. */
const RELOADED = "roadlab-reloaded";

/** Shows an update: the HTML of each part was written and escaped by the server. */
function apply(update) {
  for (const [id, html] of Object.entries(update.parts ?? {})) {
    const element = byId(id);
    if (element) replace(element, html);
    document.querySelector(`form[data-filter="${id}"]`)?.dispatchEvent(new Event("input"));
  }
  if (update.announcement) announce(update.announcement);
  if (update.note) note(update.note, update.failed);
  if (update.jobLines) jobLines = update.jobLines;
  if (update.jobLine) jobLines = [...jobLines, update.jobLine].slice(-MAX_JOB_LINES);
  if ((update.jobLine || update.jobLines) && jobLines.length) {
    const job = byId("job");
    if (job) {
      job.hidden = false;
      job.textContent = jobLines.join("\n");
      job.scrollTop = job.scrollHeight;
    }
  }
  if (update.parts?.run && !byId("run")?.querySelector(".busy")) {
    jobLines = [];
    if (byId("job")) byId("job").hidden = true;
    if (byId("job-progress")) replace(byId("job-progress"), "");
  }
  if (update.parts?.run) document.dispatchEvent(new CustomEvent("lab-state"));
  if (update.reload) reload();
}

const CONTROLS = "a[href], button, input, select, summary, textarea, [tabindex]";
const NAMES = ["id", "href", "name", "value", "aria-label", "data-copy-text"];

/** Returns the controls of an element by their names, so that each is found again in other content. */
function controls(element) {
  const found = new Map();
  for (const control of element.querySelectorAll(CONTROLS)) {
    const names = NAMES.map((name) => control.getAttribute(name));
    const name = JSON.stringify([control.localName, control.closest("form")?.getAttribute("action"), ...names]);
    let key = name;
    for (let count = 2; found.has(key); count++) key = `${name} ${count}`;
    found.set(key, control);
  }
  return found;
}

/** Returns the key of the control that has the focus. */
function focusedKey(element) {
  return [...controls(element)].find(([, control]) => control === document.activeElement)?.[0];
}

/** Moves the focus to a control of an element. One that is gone leaves it to the element, and gets it when it is there again. */
function focusControl(element, key) {
  const control = controls(element).get(key);
  element.awaited = control ? undefined : key;
  if (!control && element.tabIndex < 0) element.tabIndex = -1;
  (control ?? element).focus({ preventScroll: true });
}

/** Replaces the content of an element. The focus and what was chosen and is not sent yet stay as they are. */
function replace(element, html) {
  if (element.shown === html) return;
  element.shown = html;
  const hasFocus = element.contains(document.activeElement);
  const focused = hasFocus ? focusedKey(element) ?? element.awaited : undefined;
  const chosen = [...controls(element)].filter(([, control]) => control.checked && !control.defaultChecked);
  element.innerHTML = html;
  decorate(element);
  const now = controls(element);
  for (const [key] of chosen) if (now.has(key)) now.get(key).checked = true;
  if (hasFocus) focusControl(element, focused);
  else element.awaited = undefined;
}

/** Loads the page again, which then shows the same note and has the focus at the same place. */
function reload() {
  const shown = byId("note").hidden ? null : [byId("note-text").textContent, byId("note").className === "bad"];
  const around = document.activeElement?.closest("[id]");
  const place = around && [around.id, focusedKey(around)];
  sessionStorage.setItem(RELOADED, JSON.stringify([shown, place]));
  location.reload();
}

function announce(sentence) {
  byId("announcement").textContent = sentence;
}

// The sentence that was read aloud last since a form was sent.
let lastNote = null;

function note(sentence, failed) {
  const element = byId("note");
  // The answer to a form may come over the WebSocket as well.
  if (element.hidden || sentence !== lastNote) byId("note-text").textContent = sentence;
  lastNote = sentence;
  element.className = failed ? "bad" : "good";
  element.hidden = false;
  clearTimeout(note.timer);
  // What has more to tell stays until it is closed.
  if (!failed && !sentence.includes("\n")) note.timer = setTimeout(() => (element.hidden = true), 8000);
}

document.addEventListener("note", ({ detail }) => note(detail, true));
byId("note-close").addEventListener("click", () => (byId("note").hidden = true));

// --- The connection --------------------------------------------------------------------------------------------------------

// The server sends something every ten seconds at least.
const MAX_SILENCE = 25000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4000;

let socket = null;
let pause = FIRST_PAUSE;
let lost = false;

function connect() {
  // `ws:` or `wss:`, as the page itself.
  const own = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}${body.dataset.socket}`);
  let opened = false;
  let ended = false;
  let silence = 0;
  const end = () => {
    if (ended) return;
    ended = true;
    clearTimeout(silence);
    own.close();
    fromServer({ connected: false });
    disconnected(opened);
  };
  const watch = () => {
    clearTimeout(silence);
    silence = setTimeout(end, MAX_SILENCE);
  };
  socket = own;
  watch();
  own.addEventListener("open", () => {
    opened = true;
    watch();
    pause = FIRST_PAUSE;
    if (lost) note(body.dataset.back, false);
    lost = false;
    showVisibility();
    fromServer({ connected: true });
  });
  own.addEventListener("message", (event) => {
    if (ended) return;
    watch();
    const message = JSON.parse(event.data);
    if (message.parts) apply(message);
    else fromServer(message);
  });
  own.addEventListener("close", end);
}

/** Connects again after a pause, unless the server answers that this page is not allowed to. */
async function disconnected(opened) {
  const refused = opened ? null : await refusal();
  if (refused !== null) return note(refused, true);
  if (!lost) note(body.dataset.lost, true);
  lost = true;
  setTimeout(connect, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

/** Returns why the server refuses this page; null if it does not, or does not answer. */
async function refusal() {
  try {
    const answer = await fetch(location.pathname, { redirect: "manual", signal: AbortSignal.timeout(5000) });
    return answer.status === 403 ? (await answer.text()).trim() : null;
  } catch {
    return null;
  }
}

function toServer(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** Passes what is not about this page's parts to the other scripts. */
function fromServer(message) {
  document.dispatchEvent(new CustomEvent("from-server", { detail: message }));
}

document.addEventListener("to-server", (event) => toServer(event.detail));

function showVisibility() {
  toServer({ do: "visible", visible: !document.hidden });
}

if (body.dataset.socket) {
  // The other scripts, which use what the server sends first, run before this.
  document.addEventListener("DOMContentLoaded", connect);
  document.addEventListener("visibilitychange", showVisibility);
  // A page that is left is not a connection that is lost.
  addEventListener("pagehide", () => (lost = true));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

// --- Forms -----------------------------------------------------------------------------------------------------------------

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.filter) return event.preventDefault();
  if (form.method !== "post" || "plain" in form.dataset) return;
  event.preventDefault();
  if (form.dataset.confirm && !(await confirmed(form.dataset.confirm, event.submitter))) return;
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  lastNote = null;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { accept: "application/json" },
    });
    if (answer.headers.get("content-type") === "application/json") apply(await answer.json());
    else note(await answer.text(), true);
  } catch {
    note(body.dataset.failed, true);
  } finally {
    form.removeAttribute("aria-busy");
    buttons.forEach((button) => button.removeAttribute("aria-disabled"));
  }
});

/** Shows a question before something is lost. */
function confirmed(question, button) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  text.id = "question";
  text.textContent = question;
  dialog.setAttribute("aria-labelledby", "question");
  const form = document.createElement("form");
  form.method = "dialog";
  const choices = [
    [button?.textContent ?? "OK", "yes"],
    [body.dataset.cancel, "no"],
  ].map(([label, value]) => {
    const choice = document.createElement("button");
    choice.value = value;
    choice.textContent = label;
    return choice;
  });
  form.append(...choices);
  dialog.append(text, form);
  body.append(dialog);
  dialog.showModal();
  choices[1].focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      button?.focus();
      resolve(dialog.returnValue === "yes");
    });
  });
}

document.addEventListener("confirm", async ({ detail: { question, button, done } }) => {
  if (await confirmed(question, button)) done();
});

// --- Code ------------------------------------------------------------------------------------------------------------------

/** Adds to each block of code a button that copies it, and one that runs it where that is clear. */
function decorate(element) {
  for (const code of element.querySelectorAll("pre > code")) {
    const pre = code.parentElement;
    // A drawing is not code.
    if (pre.parentElement.classList.contains("code") || code.className === "language-text") continue;
    const frame = document.createElement("div");
    frame.className = "code";
    pre.replaceWith(frame);
    // Wide code scrolls, with the keyboard as well.
    pre.tabIndex = 0;
    const copy = document.createElement("button");
    copy.type = "button";
    copy.textContent = body.dataset.copy;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent.replace(/\n$/, ""));
      copy.textContent = body.dataset.copied;
      announce(body.dataset.copied);
      setTimeout(() => (copy.textContent = body.dataset.copy), 2000);
    });
    const buttons = document.createElement("div");
    buttons.className = "code-buttons";
    const services = servicesFor(code);
    if (services.length) buttons.append(runButton(code, services));
    buttons.append(copy);
    frame.append(buttons, pre);
  }
}

/** Returns the services whose clients understand code. */
function servicesFor(code) {
  const clients = JSON.parse(byId("terminals")?.dataset.clients ?? "[]");
  // A solution knows where it is typed.
  if (code.dataset.service !== undefined) {
    return clients.map(([service]) => service).filter((service) => service === code.dataset.service);
  }
  const language = languageOf(code, new Set(clients.map(([, known]) => known)));
  if (!language || clients.length === 1) return language ? clients.map(([service]) => service) : [];
  return clients.filter(([, known]) => known === language).map(([service]) => service);
}

const LANGUAGES = [
  ["sql", /^WITH\s+(RECURSIVE\s+)?\w+(\s*\([^)]*\))?\s+AS\s/i],
  ["cypher", /^((OPTIONAL )?MATCH|MERGE|PROFILE|UNWIND|RETURN|CREATE \(|CREATE CONSTRAINT|EXPLAIN MATCH|SHOW (CONSTRAINTS|INDEXES)|WITH|:\w)/],
  ["sql", /^(\\[a-z]|(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|BEGIN|COMMIT|ROLLBACK|EXPLAIN|SHOW|SET|CALL|GRANT|LOCK|VACUUM|ANALYZE|START|TABLE|DESCRIBE|COPY|TRUNCATE)\b)/],
  ["js", /^(db\.|rs\.|show |use |const |let |var |for \()/],
  ["redis", /^[A-Z]{2,}( |$)/],
];

/** Returns the language of code: as it is marked, else by its first line; null if it is not for a terminal of this page. */
function languageOf(code, known) {
  const marked = code.className.replace("language-", "");
  if (["sql", "js", "cypher"].includes(marked)) return marked;
  if (marked) return null;
  const first = code.textContent.split("\n").find((line) => line.trim() && !/^\s*(#|--|\/\/)/.test(line)) ?? "";
  if (/^roadlab\b/.test(first)) return null;
  return LANGUAGES.find(([language, begins]) => known.has(language) && begins.test(first))?.[0] ?? (known.has("shell") ? "shell" : "redis");
}

/** Returns a button that types code into the terminal of one of the services. */
function runButton(code, services) {
  const run = document.createElement("button");
  run.type = "button";
  const [only, ...more] = services;
  run.textContent = more.length ? body.dataset.run : byId("terminals").dataset.runIn.replace("{service}", only);
  run.addEventListener("click", () => {
    const known = new Map(JSON.parse(byId("terminals").dataset.clients));
    const pieces = known.get(only) === "js" ? statements(code.textContent) : [code.textContent];
    document.dispatchEvent(new CustomEvent("run-code", { detail: { pieces, services } }));
  });
  return run;
}

/** Returns the statements of a script: mongosh shows the result of the last one only of what is pasted at once. */
function statements(script) {
  const found = [];
  let depth = 0;
  for (const line of script.trimEnd().split("\n")) {
    if (depth === 0 && /^[A-Za-z]/.test(line)) found.push(line);
    else found.push(found.length ? `${found.pop()}\n${line}` : line);
    depth += (line.match(/[[({]/g) ?? []).length - (line.match(/[\])}]/g) ?? []).length;
  }
  return found;
}

decorate(document);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy-text]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copyText);
  announce(body.dataset.copied);
  button.textContent = body.dataset.copied;
});

// --- Logs ------------------------------------------------------------------------------------------------------------------

const logs = byId("logs");
if (logs) {
  const MAX_LINES = 3000;
  const lines = byId("log-lines");
  const filter = logs.querySelector("form").elements;
  const show = () => toServer({ do: "logs", wanted: logs.open });
  const kept = `roadlab-logs:${location.pathname.split("/")[2]}`;
  const keep = () => {
    const { service, filter: words, follow } = filter;
    sessionStorage.setItem(kept, JSON.stringify([logs.open, service.value, words.value, follow.checked]));
  };
  logs.addEventListener("toggle", () => (show(), keep()));
  document.addEventListener("from-server", ({ detail: message }) => {
    if (message.connected && logs.open) show();
    if (!message.log) return;
    if (message.begin) lines.replaceChildren();
    if (message.missed) lines.append(logLine("", logs.dataset.missed.replace("{count}", message.missed)));
    for (const [service, seconds, text] of message.log) {
      const time = new Date(seconds * 1000).toLocaleTimeString();
      lines.append(logLine(service, `${time} ${service}  ${text}`));
    }
    while (lines.children.length > MAX_LINES) lines.firstChild.remove();
    if (filter.follow.checked) lines.scrollTop = lines.scrollHeight;
    requestAnimationFrame(() => toServer({ do: "logsdrawn" }));
  });
  // What is about all services is not filtered.
  const isShown = (line) =>
    !line.dataset.service ||
    ((!filter.service.value || line.dataset.service === filter.service.value) &&
      line.textContent.toLowerCase().includes(filter.filter.value.toLowerCase()));
  function logLine(service, text) {
    const line = document.createElement("div");
    line.dataset.service = service;
    line.textContent = text;
    line.hidden = !isShown(line);
    return line;
  }
  logs.querySelector("form").addEventListener("input", () => {
    for (const line of lines.children) line.hidden = !isShown(line);
    if (filter.follow.checked) lines.scrollTop = lines.scrollHeight;
  });
  logs.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  logs.querySelector("form").addEventListener("input", keep);
  const before = JSON.parse(sessionStorage.getItem(kept) ?? "null");
  if (before) [logs.open, filter.service.value, filter.filter.value, filter.follow.checked] = before;
}

// What stays in sight begins below the bar.
const bar = document.querySelector(".bar");
const measureBar = () => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
new ResizeObserver(measureBar).observe(bar);
measureBar();

// --- The layout ------------------------------------------------------------------------------------------------------------

/** Lets a separator be moved with the mouse, a finger or the arrow keys; the browser remembers where it is. */
function movable(separator, { name, property, unit, place }) {
  const vertical = separator.getAttribute("aria-orientation") === "vertical";
  const [least, most] = ["min", "max"].map((end) => Number(separator.getAttribute(`aria-value${end}`)));
  const start = Number(separator.getAttribute("aria-valuenow"));
  const root = document.documentElement;
  let value = null;
  // Where the separator was taken hold of, beside the edge that it moves.
  let grip = 0;
  const show = (wanted) => {
    value = wanted === null ? null : Math.min(most, Math.max(least, wanted));
    if (value === null) root.style.removeProperty(property);
    else root.style.setProperty(property, `${value}${unit}`);
    separator.setAttribute("aria-valuenow", Math.round(value ?? start));
  };
  const remember = () => {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  };
  const kept = Number.parseFloat(localStorage.getItem(name));
  if (Number.isFinite(kept)) show(kept);
  separator.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    separator.focus();
    separator.setPointerCapture(event.pointerId);
    grip = place(event) - place(null);
    separator.classList.add("moved");
  });
  separator.addEventListener("pointermove", (event) => {
    if (separator.hasPointerCapture(event.pointerId)) show(place(event) - grip);
  });
  separator.addEventListener("lostpointercapture", () => {
    separator.classList.remove("moved");
    remember();
  });
  separator.addEventListener("dblclick", () => {
    show(null);
    remember();
  });
  separator.addEventListener("keydown", (event) => {
    const [less, more] = vertical ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const now = value ?? place(null);
    const next = { [less]: now - 2, [more]: now + 2, Home: least, End: most, Enter: null }[event.key];
    if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    show(next);
    remember();
  });
}

const splitter = byId("splitter");
if (splitter) {
  const text = byId("content");
  movable(splitter, {
    name: "roadlab-text-width",
    property: "--text-width",
    unit: "vw",
    // The text begins beside the outline.
    place: (event) => (((event?.clientX ?? text.getBoundingClientRect().right) - text.getBoundingClientRect().left) / innerWidth) * 100,
  });
}

const height = byId("terminal-height");
if (height) {
  const panels = byId("terminal-panels");
  movable(height, {
    name: "roadlab-terminal-height",
    property: "--terminal-height",
    unit: "vh",
    place: (event) => (((event?.clientY ?? panels.getBoundingClientRect().bottom) - panels.getBoundingClientRect().top) / innerHeight) * 100,
  });
}

// What was folded stays so.
const services = byId("services-box");
if (services) {
  if (sessionStorage.getItem("roadlab-services") === "false") services.open = false;
  services.addEventListener("toggle", () => sessionStorage.setItem("roadlab-services", services.open));
}

// --- The outline and the search --------------------------------------------------------------------------------------------

const outline = document.querySelector(".outline details");
const narrow = matchMedia("(max-width: 80rem)");
if (outline) {
  const fold = () => (outline.open = !narrow.matches);
  fold();
  narrow.addEventListener("change", fold);
}

for (const form of document.querySelectorAll("form[data-filter]")) {
  const list = byId(form.dataset.filter);
  form.addEventListener("input", () => {
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of list.children) {
      const text = item.textContent.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
  });
}

// --- After the page was loaded again by itself ------------------------------------------------------------------------------

const [shownBefore, focusBefore] = JSON.parse(sessionStorage.getItem(RELOADED) ?? "[]");
sessionStorage.removeItem(RELOADED);
if (shownBefore) note(...shownBefore);
if (focusBefore) {
  const [around, key] = focusBefore;
  if (byId(around)) focusControl(byId(around), key);
}
