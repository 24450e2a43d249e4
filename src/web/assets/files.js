// The learner's files: a list, an editor that keeps what is not saved yet, and the changes against the lab's version.

const box = document.getElementById("files");

if (box) {
  const base = box.dataset.base;
  const list = document.getElementById("file-list");
  const form = document.getElementById("editor");
  const text = form.elements.text;
  const path = form.elements.path;
  const changes = document.getElementById("file-changes");
  const [labs, diff] = [form.querySelector("[data-labs]"), form.querySelector("[data-diff]")];
  const note = document.getElementById("file-note");
  const draftKey = (name) => `roadlab-draft:${base}:${name}`;
  let open = null;
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
    const items = answer.files.map((file) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = file.shown;
      button.addEventListener("click", () => openFile(file.path));
      if (file.path === open?.path) button.setAttribute("aria-current", "true");
      const state = document.createElement("span");
      state.className = "state";
      state.textContent = file.state ?? "";
      item.append(button, " ", state);
      return item;
    });
    list.replaceChildren(...items);
    if (!items.length) tell(box.dataset.none, false);
  }

  async function openFile(name) {
    const file = await get(`${base}/file?path=${encodeURIComponent(name)}`);
    if (!file) return;
    if (file.text === null) return tell(box.dataset.notext, true);
    open = { path: name, version: file.version, saved: file.text, original: file.original };
    const draft = sessionStorage.getItem(draftKey(name));
    path.value = name;
    text.value = draft ?? file.text;
    form.hidden = false;
    labs.hidden = file.original === null;
    showChanges(file.changes);
    tell(draft !== null && draft !== file.text ? box.dataset.unsaved : "", false);
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
    const fields = new URLSearchParams({ path: name, text: text.value, version: isOpen ? open.version : "" });
    const written = text.value;
    try {
      const answer = await json(await fetch(`${base}/file`, { method: "POST", body: fields, headers: { accept: "application/json" } }));
      if (!answer) return;
      if (isOpen && answer.version !== undefined) open.version = answer.version;
      if (answer.saved) {
        if (text.value === written) sessionStorage.removeItem(draftKey(name));
        await openFile(name);
      }
      tell(answer.note, !answer.saved);
    } catch {
      tell(document.body.dataset.failed, true);
    }
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
  text.addEventListener("input", () => {
    if (!open || path.value !== open.path) return;
    const same = text.value === open.saved;
    if (same) sessionStorage.removeItem(draftKey(open.path));
    else sessionStorage.setItem(draftKey(open.path), text.value);
    tell(same ? "" : box.dataset.unsaved, false);
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
  document.getElementById("new-file").addEventListener("click", () => {
    open = null;
    form.hidden = false;
    labs.hidden = true;
    showChanges(null);
    path.value = "";
    text.value = "";
    tell("", false);
    path.focus();
  });
  const shown = () => {
    if (!box.open) return;
    showList();
    const last = sessionStorage.getItem(`roadlab-file:${base}`);
    if (!open && last) openFile(last);
  };
  box.addEventListener("toggle", () => {
    sessionStorage.setItem(`roadlab-files:${base}`, String(box.open));
    shown();
  });
  addEventListener("focus", () => box.open && showList());
  if (sessionStorage.getItem(`roadlab-files:${base}`) === "true") box.open = true;
}
