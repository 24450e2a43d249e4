// The learner's files: a list, an editor that keeps what is not saved yet, and how it differs from what was saved.
//
// A draft is kept with the version of the file that it was made from, so that a change made elsewhere is never written over. Each
// tab has drafts of its own; those of a tab that was closed become another's that opens the file.

const box = document.getElementById("files");

if (box) {
  const base = box.dataset.base;
  const list = document.getElementById("file-list");
  const form = document.getElementById("editor");
  const text = form.elements.text;
  const path = form.elements.path;
  const changes = document.getElementById("file-changes");
  const [labs, diff, replace, remove] = ["labs", "diff", "replace", "delete"].map((name) => form.querySelector(`[data-${name}]`));
  const note = document.getElementById("file-note");
  /** What a text area makes of a text: it knows one kind of line end. */
  const shownText = (content) => content.replace(/\r\n?/g, "\n");
  /** The line end of a text, if it has one kind only. */
  const lineEnd = (content) => {
    const ends = new Set(content.match(/\r\n|\r|\n/g) ?? []);
    return ends.size === 1 ? [...ends][0] : "\n";
  };
  const FEW = 30;
  const COMPARE_AFTER = 400;
  /** The file that is edited; null for one that is not there yet. */
  let open = null;
  /** The number of the last file that was to be opened. */
  let opening = 0;
  let questions = {};
  /** Whether a folder was opened or closed, by its path. */
  const folds = new Map();
  let leaveWithTab = false;

  const tell = (sentence, failed) => {
    note.textContent = sentence;
    note.className = failed ? "state bad" : "state";
  };

  // --- Drafts ---

  const drafts = `roadlab-draft:${base}:`;
  const tab = sessionStorage.getItem("roadlab-tab") ?? Math.random().toString(36).slice(2);
  sessionStorage.setItem("roadlab-tab", tab);
  const lockOf = (owner) => `roadlab-tab:${owner}`;
  // Other tabs see by it that this one is open.
  navigator.locks?.request(lockOf(tab), () => new Promise(() => {})).catch(() => {});
  /** The key of this tab's draft of a file; of one that is not there yet, it is that of no name. */
  const draftKey = (file) => `${drafts}${tab}:${file?.path ?? ""}`;
  const readDraft = (key) => JSON.parse(localStorage.getItem(key) ?? "null");
  /** Whether what is in the editor is neither saved nor kept as a draft. */
  let unkept = false;

  const isSaved = () => (open ? path.value === open.path && text.value === open.saved : !path.value && !text.value);
  const showSaved = () => {
    if (isSaved()) tell("", false);
    else tell(unkept ? box.dataset.unkept : box.dataset.unsaved, unkept);
  };

  /** Stores a draft and returns whether there was room for it. */
  function writeDraft(key, draft) {
    try {
      localStorage.setItem(key, JSON.stringify({ ...draft, at: Date.now() }));
      return true;
    } catch {
      return false;
    }
  }

  /** Keeps what is in the editor for when the page is loaded again. */
  function keepDraft() {
    const key = draftKey(open);
    if (isSaved()) localStorage.removeItem(key);
    unkept = !isSaved() && !writeDraft(key, { version: open?.version ?? "", path: path.value, text: text.value });
  }

  /** Returns the keys of the drafts of a file that closed tabs left, the newest first. */
  async function leftDrafts(name) {
    const locks = await navigator.locks?.query();
    const known = new Set([...(locks?.held ?? []), ...(locks?.pending ?? [])].map((lock) => lock.name));
    const isLeft = (key) => {
      const [owner, ...rest] = key.slice(drafts.length).split(":");
      return key.startsWith(drafts) && owner !== tab && rest.join(":") === name && !known.has(lockOf(owner));
    };
    const left = Object.keys(localStorage).filter(isLeft);
    return left.sort((one, other) => readDraft(other).at - readDraft(one).at);
  }

  /** Returns this tab's draft of a file, which may be one that a closed tab left; null if there is none. */
  async function findDraft(file) {
    const own = readDraft(draftKey(file));
    if (own) return own;
    const [key] = await leftDrafts(file?.path ?? "");
    const left = key ? readDraft(key) : null;
    if (left && writeDraft(draftKey(file), left)) localStorage.removeItem(key);
    return left;
  }

  /** Forgets the drafts of a file that was deleted. */
  async function forgetDrafts(file) {
    for (const key of [draftKey(file), ...(await leftDrafts(file.path))]) localStorage.removeItem(key);
  }

  /** Returns whether another file may be shown: what is kept nowhere is not given up. */
  function mayLeave() {
    if (unkept) tell(box.dataset.unkept, true);
    return !unkept;
  }

  addEventListener("beforeunload", (event) => {
    if (unkept) event.preventDefault();
  });

  // --- The server ---

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

  const getFile = (name) => get(`${base}/file?path=${encodeURIComponent(name)}`);

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

  // --- The list ---

  async function showList() {
    const answer = await get(`${base}/files`);
    if (!answer) return;
    questions = Object.fromEntries(answer.files.map((file) => [file.path, file.question]));
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.path : null;
    list.replaceChildren(...items(tree(answer)));
    if (focused) [...list.querySelectorAll("[data-path]")].find((item) => item.dataset.path === focused)?.focus({ preventScroll: true });
    if (answer.more) list.append(stateItem(answer.more));
    if (!answer.files.length) tell(box.dataset.none, false);
  }

  /** Returns the folder with everything in it. */
  function tree({ files, folders }) {
    const folder = (path, name) => ({ path, name, inside: new Map(), more: folders[path] });
    const root = folder("", "");
    // A folder that is listed in part may have nothing else to show.
    for (const at of [...Object.keys(folders).map((path) => `${path}/`), ...files.map((file) => file.path)]) {
      let above = root;
      for (const [depth, name] of at.split("/").slice(0, -1).entries()) {
        if (!name) continue;
        const here = at.split("/", depth + 1).join("/");
        if (!above.inside.has(name)) above.inside.set(name, folder(here, name));
        above = above.inside.get(name);
      }
    }
    for (const file of files) {
      const names = file.path.split("/");
      const last = names.pop();
      names.reduce((above, name) => above.inside.get(name), root).inside.set(last, file);
    }
    return root;
  }

  /** Returns the items of the list for what is in a folder, by name. */
  function items(folder) {
    const inside = [...folder.inside].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, entry]) => entry);
    const shown = inside.map((entry) => (entry.inside ? folderItem(entry) : fileItem(entry)));
    if (folder.more) shown.push(stateItem(folder.more));
    return shown;
  }

  function stateItem(sentence) {
    const item = document.createElement("li");
    item.className = "state";
    item.textContent = sentence;
    return item;
  }

  function folderItem(folder) {
    const item = document.createElement("li");
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const inside = document.createElement("ul");
    summary.textContent = `${folder.name}/`;
    summary.dataset.path = folder.path;
    inside.append(...items(folder));
    details.open = folds.get(folder.path) ?? (!folder.more && folder.inside.size <= FEW);
    summary.addEventListener("click", () => folds.set(folder.path, !details.open));
    details.append(summary, inside);
    item.append(details);
    return item;
  }

  function fileItem(file) {
    const item = document.createElement("li");
    const state = document.createElement("span");
    state.className = "state";
    state.textContent = file.state ?? "";
    if (file.deleted || file.unreadable) {
      const name = document.createElement(file.deleted ? "s" : "span");
      name.textContent = file.name;
      item.append(name, " ", state);
    } else {
      const button = listButton(file.name, file, () => mayLeave() && openFile(file.path));
      if (file.path === open?.path) button.setAttribute("aria-current", "true");
      item.append(button, " ", state);
    }
    if (file.deleted) {
      const button = listButton(box.dataset.restore, file, () => restore(file.path));
      button.setAttribute("aria-label", `${box.dataset.restore}: ${file.shown}`);
      item.append(" ", button);
    }
    return item;
  }

  function listButton(label, file, onClick) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.dataset.path = file.path;
    button.addEventListener("click", onClick);
    return button;
  }

  async function restore(name) {
    const answer = await post(`${base}/file/restore`, { path: name });
    if (!answer) return;
    await showList();
    if (answer.restored && mayLeave()) await openFile(name);
    tell(answer.note, !answer.restored);
  }

  function deleteFile() {
    const file = open;
    const done = async () => {
      const answer = await post(`${base}/file/delete`, { path: file.path, version: file.onDisk });
      if (!answer) return;
      if (answer.deleted) {
        await forgetDrafts(file);
        sessionStorage.removeItem(`roadlab-file:${base}`);
        open = null;
        unkept = false;
        form.hidden = true;
      }
      await showList();
      tell(answer.note, !answer.deleted);
      if (answer.deleted) document.getElementById("new-file").focus();
    };
    const question = questions[file.path] ?? file.path;
    document.dispatchEvent(new CustomEvent("confirm", { detail: { question, button: remove, done } }));
  }

  // --- The editor ---

  async function openFile(name) {
    const number = ++opening;
    const file = await getFile(name);
    const draft = file && (await findDraft({ path: name }));
    if (!file || number !== opening || unkept) return;
    if (file.text === null) return tell(box.dataset.notext, true);
    const saved = shownText(file.text);
    open = {
      path: name,
      version: draft?.version ?? file.version,
      onDisk: file.version,
      saved,
      end: lineEnd(file.text),
      original: file.original,
    };
    path.value = draft?.path ?? name;
    text.value = draft?.text ?? saved;
    if (isSaved()) {
      open.version = file.version;
      localStorage.removeItem(draftKey(open));
    }
    showEditor();
    await showList();
  }

  function newFile() {
    opening += 1;
    open = null;
    const draft = readDraft(draftKey(open));
    path.value = draft?.path ?? "";
    text.value = draft?.text ?? "";
    showEditor();
  }

  /** Shows what belongs to the file that is edited. */
  function showEditor() {
    form.hidden = false;
    labs.hidden = (open?.original ?? null) === null;
    diff.hidden = open === null;
    showReplace(null);
    showName();
    if (open) sessionStorage.setItem(`roadlab-file:${base}`, open.path);
    else sessionStorage.removeItem(`roadlab-file:${base}`);
    for (const button of list.querySelectorAll("button")) button.removeAttribute("aria-current");
    if (diff.hidden) fold(true);
    else compare();
    showSaved();
  }

  /** Under another name, the text is not that of the file which would be deleted. */
  const showName = () => (remove.hidden = path.value !== open?.path);

  /** The text in the editor as it is saved. */
  const content = () => (open && path.value === open.path ? text.value.replaceAll("\n", open.end) : text.value);

  async function saveNow(replaces) {
    if (!path.value) return path.focus();
    const [file, name, written] = [open, path.value, text.value];
    const isOpen = name === file?.path;
    const fields = { path: name, text: content() };
    if (isOpen) fields.version = file.version;
    if (replaces !== null) fields.replaces = replaces;
    const answer = await post(`${base}/file`, fields);
    if (!answer) return;
    const isShown = open === file && path.value === name;
    if (answer.saved && isShown) {
      localStorage.removeItem(draftKey(file));
      const { version, original } = answer;
      open = { path: name, version, onDisk: version, saved: written, end: isOpen ? file.end : "\n", original };
      // What was typed meanwhile was made from what is saved now.
      keepDraft();
      showEditor();
    } else if (answer.saved) {
      const draft = readDraft(draftKey(file));
      if (draft?.path === name && draft.text === written) localStorage.removeItem(draftKey(file));
      else if (draft && isOpen) writeDraft(draftKey(file), { ...draft, version: answer.version });
    } else if (isShown && answer.changes) {
      showChanges(answer.changes);
      fold(false);
      showReplace(answer.there);
    }
    if (answer.saved) await showList();
    const rest = answer.saved && isShown && !isSaved() ? `; ${box.dataset.unsaved}` : "";
    tell(answer.note + rest, !answer.saved);
  }

  let saving = Promise.resolve();
  /** Saves after what is being saved. A version that was made elsewhere is replaced only if it was shown. */
  const save = (replaces = null) => (saving = saving.catch(() => {}).then(() => saveNow(replaces)));

  // --- Differences ---

  let shownVersion = null;
  /** Offers to replace a version that was made elsewhere; null for none. */
  function showReplace(version) {
    shownVersion = version;
    replace.hidden = version === null;
  }

  function fold(closed) {
    changes.hidden = closed;
    diff.setAttribute("aria-expanded", String(!closed));
  }

  /** Shows how the text in the editor differs from the file and from the lab's version. */
  function showChanges({ disk, lab }) {
    const line = (content, className) => {
      const element = document.createElement("div");
      element.className = className;
      element.textContent = content;
      return element;
    };
    const part = (title, lines) =>
      lines?.length
        ? [line(title, "state"), ...lines.map((one) => line(one, { "-": "removed", "+": "added" }[one[0]] ?? ""))]
        : [];
    const shown = [...part(box.dataset.disk, disk), ...part(box.dataset.lab, lab)];
    changes.replaceChildren(...(shown.length ? shown : [line(box.dataset.same, "state")]));
  }

  async function compare() {
    const file = open;
    if (!file || changes.hidden) return;
    const answer = await post(`${base}/file/compare`, { path: file.path, text: text.value.replaceAll("\n", file.end) });
    if (answer && open === file) showChanges(answer);
  }

  // --- Events ---

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  replace.addEventListener("click", () => save(shownVersion));
  labs.addEventListener("click", () => {
    text.focus();
    text.select();
    // In place of an assignment, so that it can be undone.
    document.execCommand("insertText", false, open.original);
  });
  diff.addEventListener("click", () => {
    fold(!changes.hidden);
    compare();
  });
  remove.addEventListener("click", deleteFile);
  let comparing = 0;
  form.addEventListener("input", () => {
    keepDraft();
    showName();
    showSaved();
    clearTimeout(comparing);
    comparing = setTimeout(compare, COMPARE_AFTER);
  });
  path.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || text.value) return;
    event.preventDefault();
    text.focus();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!event.repeat) save();
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
    if (!mayLeave()) return;
    newFile();
    path.focus();
  });
  const shown = async () => {
    if (!box.open) return;
    showList();
    const number = opening;
    const draft = await findDraft(null);
    if (opening !== number || !form.hidden) return;
    const last = sessionStorage.getItem(`roadlab-file:${base}`);
    if (last) openFile(last);
    else if (draft) newFile();
  };
  box.addEventListener("toggle", () => {
    sessionStorage.setItem(`roadlab-files:${base}`, String(box.open));
    shown();
  });
  /** Shows what was changed elsewhere, but never in place of what is not saved. */
  const refresh = async () => {
    if (!box.open) return;
    await showList();
    const file = open;
    if (!file || !isSaved()) return;
    const there = await getFile(file.path);
    if (there && open === file && isSaved() && there.version !== file.onDisk) openFile(file.path);
  };
  addEventListener("focus", refresh);
  document.addEventListener("lab-state", refresh);
  if (sessionStorage.getItem(`roadlab-files:${base}`) === "true") box.open = true;
}
