// The learner's files: a list, an editor that keeps what is not saved yet, and the changes against the lab's version.
//
// A draft is kept with the version of the file that it was made from, so that a change made elsewhere is never written over.

const box = document.getElementById("files");

if (box) {
  const base = box.dataset.base;
  const list = document.getElementById("file-list");
  const form = document.getElementById("editor");
  const text = form.elements.text;
  const path = form.elements.path;
  const changes = document.getElementById("file-changes");
  const [labs, diff, remove] = ["[data-labs]", "[data-diff]", "[data-delete]"].map((name) => form.querySelector(name));
  const note = document.getElementById("file-note");
  /** What a text area makes of a text: it knows one kind of line end. */
  const shownText = (content) => content.replace(/\r\n?/g, "\n");
  /** The line end of a text, if it has one kind only. */
  const lineEnd = (content) => {
    const ends = new Set(content.match(/\r\n|\r|\n/g) ?? []);
    return ends.size === 1 ? [...ends][0] : "\n";
  };
  const draftKey = (name) => `roadlab-draft:${base}:${name}`;
  // What was typed of a file that is not there yet.
  const newKey = `roadlab-new:${base}`;
  let open = null;
  let questions = {};
  let leaveWithTab = false;

  const tell = (sentence, failed) => {
    note.textContent = sentence;
    note.className = failed ? "state bad" : "state";
  };

  /** Returns the JSON of an answer; what is none is shown. */
  async function json(answer) {
    if (answer.headers.get("content-type") === "application/json") return answer.json();
    tell(await answer.text(), true);
    return null;
  }

  async function get(address) {
    try {
      return await json(await fetch(address, { headers: { accept: "application/json" } }));
    } catch {
      tell(document.body.dataset.failed, true);
      return null;
    }
  }

  async function showList() {
    const answer = await get(`${base}/files`);
    if (!answer) return;
    questions = Object.fromEntries(answer.files.map((file) => [file.path, file.question]));
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.path : null;
    const items = answer.files.map((file) => {
      const item = document.createElement("li");
      const state = document.createElement("span");
      state.className = "state";
      state.textContent = file.state ?? "";
      if (file.deleted) {
        const name = document.createElement("s");
        name.textContent = file.shown;
        item.append(name, " ", state, " ", listButton(box.dataset.restore, file, () => restore(file.path)));
        item.lastChild.setAttribute("aria-label", `${box.dataset.restore}: ${file.shown}`);
      } else {
        const button = listButton(file.shown, file, () => openFile(file.path));
        if (file.path === open?.path) button.setAttribute("aria-current", "true");
        item.append(button, " ", state);
      }
      return item;
    });
    list.replaceChildren(...items);
    if (focused) [...list.querySelectorAll("button")].find((button) => button.dataset.path === focused)?.focus();
    if (!items.length) tell(box.dataset.none, false);
    if (answer.more) tell(answer.more, false);
  }

  function listButton(label, file, onClick) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.dataset.path = file.path;
    button.addEventListener("click", onClick);
    return button;
  }

  /** Sends a form about a file and returns the answer. */
  async function post(address, fields) {
    try {
      const body = new URLSearchParams(fields);
      return await json(await fetch(address, { method: "POST", body, headers: { accept: "application/json" } }));
    } catch {
      tell(document.body.dataset.failed, true);
      return null;
    }
  }

  async function restore(name) {
    const answer = await post(`${base}/file/restore`, { path: name });
    if (!answer) return;
    await showList();
    if (answer.restored) await openFile(name);
    tell(answer.note, !answer.restored);
  }

  function deleteFile() {
    const name = open?.path;
    if (!name) return;
    const done = async () => {
      const answer = await post(`${base}/file/delete`, { path: name, version: open.onDisk });
      if (!answer) return;
      if (answer.deleted) {
        open = null;
        form.hidden = true;
        sessionStorage.removeItem(`roadlab-file:${base}`);
      }
      await showList();
      tell(answer.note, !answer.deleted);
      if (answer.deleted) document.getElementById("new-file").focus();
    };
    const question = questions[name] ?? name;
    document.dispatchEvent(new CustomEvent("confirm", { detail: { question, button: remove, done } }));
  }

  async function openFile(name) {
    const file = await get(`${base}/file?path=${encodeURIComponent(name)}`);
    if (!file) return;
    if (file.text === null) return tell(box.dataset.notext, true);
    const saved = shownText(file.text);
    open = { path: name, version: file.version, onDisk: file.version, saved, end: lineEnd(file.text), original: file.original };
    const draft = JSON.parse(localStorage.getItem(draftKey(name)) ?? "null");
    if (draft) open.version = draft.version;
    path.value = name;
    text.value = draft?.text ?? saved;
    form.hidden = false;
    labs.hidden = file.original === null;
    remove.hidden = false;
    showChanges(file.changes);
    tell(text.value === saved ? "" : box.dataset.unsaved, false);
    sessionStorage.setItem(`roadlab-file:${base}`, name);
    for (const button of list.querySelectorAll("button")) button.removeAttribute("aria-current");
    showList();
  }

  function showChanges(lines) {
    diff.hidden = !lines?.length;
    changes.replaceChildren(
      ...(lines ?? []).map((line) => {
        const element = document.createElement("div");
        element.className = { "-": "removed", "+": "added" }[line[0]] ?? "";
        element.textContent = line;
        return element;
      }),
    );
    if (diff.hidden) changes.hidden = true;
    diff.setAttribute("aria-expanded", String(!changes.hidden));
  }

  async function save() {
    if (!path.value) return path.focus();
    const name = path.value;
    const isOpen = name === open?.path;
    const written = text.value;
    const content = isOpen ? written.replaceAll("\n", open.end) : written;
    const answer = await post(`${base}/file`, { path: name, text: content, version: isOpen ? open.version : "" });
    if (!answer) return;
    if (isOpen && answer.version !== undefined) open.version = answer.version;
    if (answer.saved) {
      if (text.value === written) localStorage.removeItem(isOpen ? draftKey(name) : newKey);
      await openFile(name);
    }
    tell(answer.note, !answer.saved);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  labs.addEventListener("click", () => {
    text.focus();
    text.select();
    // In place of an assignment, so that it can be undone.
    document.execCommand("insertText", false, open.original);
  });
  diff.addEventListener("click", () => {
    changes.hidden = !changes.hidden;
    diff.setAttribute("aria-expanded", String(!changes.hidden));
  });
  remove.addEventListener("click", deleteFile);
  form.addEventListener("input", () => {
    if (!open) return localStorage.setItem(newKey, JSON.stringify([path.value, text.value]));
    if (path.value !== open.path) return;
    const same = text.value === open.saved;
    if (same) localStorage.removeItem(draftKey(open.path));
    else localStorage.setItem(draftKey(open.path), JSON.stringify({ version: open.version, text: text.value }));
    tell(same ? "" : box.dataset.unsaved, false);
  });
  path.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || text.value) return;
    event.preventDefault();
    text.focus();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      save();
    } else if (event.key === "Escape") {
      leaveWithTab = true;
      return;
    } else if (event.key === "Tab" && !event.shiftKey && !leaveWithTab && !event.isComposing) {
      event.preventDefault();
      document.execCommand("insertText", false, "    ");
    } else if (event.key === "Enter" && !event.isComposing) {
      const before = text.value.slice(0, text.selectionStart);
      const indent = before.slice(before.lastIndexOf("\n") + 1).match(/^[ \t]*/)[0];
      if (indent) {
        event.preventDefault();
        document.execCommand("insertText", false, `\n${indent}`);
      }
    }
    leaveWithTab = false;
  });
  function newFile() {
    open = null;
    form.hidden = false;
    labs.hidden = true;
    remove.hidden = true;
    showChanges(null);
    sessionStorage.removeItem(`roadlab-file:${base}`);
    [path.value, text.value] = JSON.parse(localStorage.getItem(newKey) ?? '["", ""]');
    for (const button of list.querySelectorAll("button")) button.removeAttribute("aria-current");
    tell(text.value ? box.dataset.unsaved : "", false);
  }
  document.getElementById("new-file").addEventListener("click", () => {
    newFile();
    path.focus();
  });
  const shown = () => {
    if (!box.open) return;
    showList();
    const last = sessionStorage.getItem(`roadlab-file:${base}`);
    if (open || !form.hidden) return;
    if (last) openFile(last);
    else if (localStorage.getItem(newKey)) newFile();
  };
  box.addEventListener("toggle", () => {
    sessionStorage.setItem(`roadlab-files:${base}`, String(box.open));
    shown();
  });
  /** Shows what was changed elsewhere, but never in place of what is not saved. */
  const refresh = async () => {
    if (!box.open) return;
    await showList();
    if (open && path.value === open.path && text.value === open.saved) {
      const file = await get(`${base}/file?path=${encodeURIComponent(open.path)}`);
      if (file && file.version !== open?.onDisk && text.value === open?.saved) openFile(open.path);
    }
  };
  addEventListener("focus", refresh);
  document.addEventListener("lab-state", refresh);
  if (sessionStorage.getItem(`roadlab-files:${base}`) === "true") box.open = true;
}
