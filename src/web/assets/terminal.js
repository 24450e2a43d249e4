// The terminals of a page. The server keeps the screens; this draws their rows, and sends keys.

const side = document.getElementById("terminals");
if (side) start();

function start() {
  const tabs = document.getElementById("terminal-tabs");
  // A list of tabs has nothing but tabs: what closes the selected terminal is beside it.
  const closes = document.getElementById("terminal-closes");
  const panels = document.getElementById("terminal-panels");
  const texts = side.dataset;
  /** The terminals by number, in the order in which they were opened. */
  const open = new Map();
  let active = null;
  let connected = true;
  /** The code that each request for a terminal is about, by the number of the request. */
  const requests = new Map();
  let lastRequest = 0;
  /** The code for each terminal that this page has opened, until it is in the list. */
  const arriving = new Map();

  const send = (message) => document.dispatchEvent(new CustomEvent("to-server", { detail: message }));
  const note = (sentence) => document.dispatchEvent(new CustomEvent("note", { detail: sentence }));

  // --- Messages of the server ----------------------------------------------------------------------------------------------

  document.addEventListener("from-server", ({ detail: message }) => {
    if (message.connected !== undefined) {
      connected = message.connected;
      // Code that was not typed before is not typed any more.
      requests.clear();
      for (const terminal of open.values()) terminal.untyped = [];
      // The server knows nothing of what this page showed before.
      if (connected) active?.show();
    }
    if (message.terminals) list(message.terminals);
    if (message.opened !== undefined) {
      arriving.set(message.opened, requests.get(message.request) ?? []);
      requests.delete(message.request);
      selectOpened();
    }
    if (message.refused !== undefined) {
      requests.delete(message.refused);
      note(message.why);
    }
    if (message.screen !== undefined) open.get(message.screen)?.draw(message);
  });

  function list(terminals) {
    const there = new Set(terminals.map((one) => one.terminal));
    for (const [number, terminal] of open) {
      if (!there.has(number)) {
        terminal.remove();
        open.delete(number);
        if (active === terminal) active = null;
      }
    }
    for (const one of terminals) {
      if (!open.has(one.terminal)) open.set(one.terminal, new Terminal(one.terminal, one.service));
    }
    selectOpened();
    if (!active && open.size) {
      const last = Number(sessionStorage.getItem("terminal"));
      select(open.get(last) ?? [...open.values()].at(-1), false);
    }
    setHidden(open.size === 0);
  }

  function setHidden(hidden) {
    for (const part of [panels, tabs, closes, document.getElementById("terminal-height"), document.getElementById("terminal-help")]) part.hidden = hidden;
  }

  /** Selects the terminals that this page has opened, and types into each the code that it was opened for. */
  function selectOpened() {
    for (const [number, pieces] of arriving) {
      const terminal = open.get(number);
      if (!terminal) continue;
      arriving.delete(number);
      select(terminal, true);
      terminal.typeAtPrompt(pieces);
    }
  }

  function select(terminal, focus) {
    if (!terminal) return;
    if (active && active !== terminal) active.hide();
    active = terminal;
    sessionStorage.setItem("terminal", terminal.number);
    for (const other of open.values()) other.setSelected(other === terminal);
    terminal.show();
    if (focus) {
      terminal.input.focus({ preventScroll: true });
      panels.scrollIntoView({ block: "nearest" });
    }
  }

  // --- Opening, and running code -------------------------------------------------------------------------------------------

  for (const button of side.querySelectorAll("button[data-service]")) {
    button.addEventListener("click", () => openService(button.dataset.service));
  }

  /** Opens a terminal, into which pieces of code are typed. */
  function openService(service, pieces = []) {
    if (!connected) return note(document.body.dataset.lost);
    lastRequest += 1;
    requests.set(lastRequest, pieces);
    send({ do: "open", request: lastRequest, service, size: measure() });
  }

  /** Code goes to a client that understands it: the one in front, else one that is open, else one that is opened. */
  document.addEventListener("run-code", ({ detail: { pieces, services } }) => {
    if (!connected) return note(document.body.dataset.lost);
    const fits = (terminal) => terminal && !terminal.ended && services.includes(terminal.service);
    const found = fits(active) ? active : [...open.values()].findLast(fits);
    if (found) {
      select(found, true);
      // What waits for a prompt comes first.
      const now = found.untyped.length ? [] : pieces.slice(0, 1);
      now.forEach((piece) => found.type(piece));
      found.typeAtPrompt(pieces.slice(now.length));
    } else openService(services.includes(texts.first) ? texts.first : services[0], pieces);
  });

  // --- The size of the characters ------------------------------------------------------------------------------------------

  let cell = null;

  function cellSize() {
    const probe = document.createElement("div");
    probe.className = "screen probe";
    probe.textContent = "M".repeat(50);
    side.append(probe);
    const box = probe.getBoundingClientRect();
    probe.remove();
    return { width: box.width / 50, height: box.height };
  }

  /** Returns the rows and columns that have room. */
  function measure() {
    cell = cellSize();
    const room = (panels.hidden ? side : panels).getBoundingClientRect();
    const height = panels.hidden ? innerHeight * 0.55 : room.height;
    const columns = Math.floor((room.width - 18) / cell.width);
    const rows = Math.floor((height - 14) / cell.height);
    return [Math.max(rows, 4), Math.max(columns, 20)];
  }

  let resized = 0;
  /** Gives the terminal the size of this page. Rows that are cut off stay so: while a separator is moved, it keeps its size. */
  function fit() {
    clearTimeout(resized);
    resized = setTimeout(() => {
      if (!document.hidden && !document.querySelector(".splitter.moved")) active?.resize();
    }, 80);
  }
  new ResizeObserver(fit).observe(panels);
  document.addEventListener("lostpointercapture", fit);
  // Another page may have given it another size.
  document.addEventListener("visibilitychange", fit);
  addEventListener("focus", fit);

  // --- One terminal --------------------------------------------------------------------------------------------------------

  class Terminal {
    constructor(number, service) {
      this.number = number;
      this.service = service;
      this.history = [0, 0];
      this.place = [0, 0];
      this.ended = null;
      this.waiting = [];
      this.untyped = [];

      const others = [...open.values()].filter((one) => one.service === service);
      // Two terminals of one service have different names.
      this.order = Math.max(0, ...others.map((one) => one.order)) + 1;
      this.tab = element("button", "tab", this.order > 1 ? `${service} ${this.order}` : service);
      Object.assign(this.tab, { type: "button", id: `tab-${number}` });
      this.tab.setAttribute("role", "tab");
      this.tab.setAttribute("aria-controls", `panel-${number}`);
      this.tab.addEventListener("click", () => select(this, true));
      this.tab.addEventListener("keydown", (event) => this.moveTab(event));
      this.close = element("button", "close", "×");
      this.close.type = "button";
      this.close.setAttribute("aria-label", texts.close.replace("{service}", this.tab.textContent));
      this.close.addEventListener("click", () => send({ do: "close", terminal: number }));
      tabs.append(this.tab);
      closes.append(this.close);

      this.panel = element("div", "panel");
      this.panel.id = `panel-${number}`;
      // It has the focus while something in it is selected.
      this.panel.tabIndex = -1;
      this.panel.setAttribute("role", "tabpanel");
      this.panel.setAttribute("aria-labelledby", this.tab.id);
      this.screen = element("div", "screen");
      this.input = element("textarea", "keys");
      this.input.setAttribute("aria-label", texts.label.replace("{service}", this.tab.textContent));
      this.input.setAttribute("aria-describedby", "terminal-help");
      for (const name of ["autocomplete", "autocorrect", "autocapitalize"]) this.input.setAttribute(name, "off");
      this.input.spellcheck = false;
      this.cursor = element("div", "cursor");
      this.cursor.setAttribute("aria-hidden", "true");
      this.ending = element("div", "ended");
      this.ending.hidden = true;
      this.status = element("p", "");
      this.status.setAttribute("role", "status");
      this.again = element("button", "", texts.again);
      this.again.type = "button";
      this.again.addEventListener("click", () => {
        send({ do: "close", terminal: number });
        openService(service);
      });
      this.ending.append(this.status, this.again);
      this.panel.append(this.screen, this.cursor, this.input, this.ending);
      panels.append(this.panel);
      this.listen();
    }

    setSelected(selected) {
      this.tab.setAttribute("aria-selected", selected);
      this.tab.tabIndex = selected ? 0 : -1;
      this.panel.hidden = !selected;
      this.close.hidden = !selected;
    }

    moveTab(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const all = [...open.values()];
      const next = all[(all.indexOf(this) + step + all.length) % all.length];
      select(next, false);
      next.tab.focus();
      event.preventDefault();
    }

    show() {
      setHidden(false);
      send({ do: "show", terminal: this.number, size: measure() });
    }

    hide() {
      send({ do: "hide", terminal: this.number });
    }

    resize() {
      send({ do: "resize", terminal: this.number, size: measure() });
    }

    remove() {
      for (const part of [this.tab, this.close, this.panel]) part.remove();
    }

    // --- Drawing ---

    draw(message) {
      this.waiting.push(message);
      requestAnimationFrame(() => {
        for (const { frame, ended } of this.waiting.splice(0)) {
          if (frame) this.drawFrame(frame);
          this.ended = ended;
          this.ending.hidden = !ended;
          this.status.textContent = ended ?? "";
          this.tab.classList.toggle("over", Boolean(ended));
          send({ do: "drawn", terminal: this.number });
        }
      });
    }

    /** Types pieces of code, each once the client shows its prompt: some forget what was typed before. */
    typeAtPrompt(pieces) {
      this.untyped.push(...pieces);
      this.typeWhenStill();
    }

    /** Types what waits when the screen shows text and has not changed for a moment. */
    typeWhenStill() {
      clearTimeout(this.still);
      if (!this.untyped.length || !this.screen.textContent.trim()) return;
      this.still = setTimeout(() => {
        const piece = this.untyped.shift();
        if (piece !== undefined && !this.ended) this.type(piece);
      }, 400);
    }

    drawFrame(frame) {
      const [count] = frame.size;
      this.size = frame.size;
      while (this.screen.children.length > count) this.screen.lastChild.remove();
      while (this.screen.children.length < count) this.screen.append(element("div", "row"));
      for (const [at, runs, wrapped] of frame.rows) {
        const row = this.screen.children[at];
        row.replaceChildren(...runs.map(drawRun));
        row.classList.toggle("wrapped", wrapped);
      }
      this.history = frame.history;
      this.alternate = frame.alternate;
      this.panel.classList.toggle("scrolled", frame.history[1] > 0);
      this.cursor.hidden = !frame.cursor;
      if (frame.cursor && cell) {
        const [row, column] = frame.cursor;
        const place = `translate(${column * cell.width}px, ${row * cell.height}px)`;
        this.cursor.style.transform = place;
        this.cursor.style.width = `${cell.width}px`;
        this.cursor.style.height = `${cell.height}px`;
        this.place = frame.cursor;
        this.placeInput();
      }
      if (frame.title) this.tab.title = frame.title;
      this.typeWhenStill();
    }

    /** Puts the place for what is composed where that will stand, within the panel. */
    placeInput() {
      if (!cell) return;
      const [row, column] = this.place;
      const most = Math.max(0, this.screen.clientWidth - this.input.offsetWidth);
      this.input.style.transform = `translate(${Math.min(column * cell.width, most)}px, ${row * cell.height}px)`;
    }

    // --- Selecting ---

    /** Returns the range that is selected in this terminal; null if there is none. */
    selected() {
      const selection = getSelection();
      return !selection.isCollapsed && this.panel.contains(selection.anchorNode) ? selection.getRangeAt(0) : null;
    }

    /** Returns the text of a range: a line that goes on in the next row is one line. */
    textOf(range) {
      let text = "";
      for (const row of this.screen.children) {
        if (!range.intersectsNode(row)) continue;
        const part = document.createRange();
        part.selectNodeContents(row);
        if (row.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
        if (row.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
        text += part.toString() + (row.classList.contains("wrapped") ? "" : "\n");
      }
      return text.replace(/\n$/, "");
    }

    // --- Keys ---

    listen() {
      const number = this.number;
      this.panel.addEventListener("mouseup", () => {
        // What is selected stays so until something is typed.
        if (!this.selected()) this.input.focus();
      });
      this.panel.addEventListener("keydown", (event) => this.keyDown(event));
      const typed = () => {
        const text = this.input.value;
        this.input.value = "";
        if (text) send({ do: "text", terminal: number, text });
      };
      this.input.addEventListener("input", (event) => !event.isComposing && typed());
      // What is composed is seen where it will stand.
      this.input.addEventListener("compositionstart", () => this.input.classList.add("composing"));
      this.input.addEventListener("compositionupdate", (event) => {
        this.input.style.width = `${Math.max(1, [...event.data].length) * 2}ch`;
        this.placeInput();
      });
      this.input.addEventListener("compositionend", () => {
        this.input.classList.remove("composing");
        this.input.style.removeProperty("width");
        typed();
      });
      this.panel.addEventListener("copy", (event) => {
        const range = this.selected();
        if (!range) return;
        event.preventDefault();
        event.clipboardData.setData("text/plain", this.textOf(range));
      });
      this.panel.addEventListener("paste", (event) => {
        event.preventDefault();
        const text = event.clipboardData.getData("text/plain");
        if (new TextEncoder().encode(text).length > Number(texts.paste)) {
          note(texts.large);
        } else if (text) send({ do: "paste", terminal: number, text });
      });
      // The menu of the mouse and its middle button paste into what is under the mouse.
      for (const name of ["contextmenu", "auxclick"]) {
        this.panel.addEventListener(name, (event) => {
          if (event.button !== 1 && this.selected()) return;
          const { left, top } = this.screen.getBoundingClientRect();
          this.input.classList.add("under-mouse");
          this.input.style.transform = `translate(${event.clientX - left - 8}px, ${event.clientY - top - 8}px)`;
          this.input.focus({ preventScroll: true });
        });
      }
      this.panel.addEventListener("mousemove", () => this.input.classList.remove("under-mouse"));
      this.panel.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    }

    keyDown(event) {
      const { key, ctrlKey: ctrl, altKey: alt, shiftKey: shift } = event;
      if ((event.target !== this.input && event.target !== this.panel) || event.isComposing) return;
      if (["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"].includes(key)) return;
      if (event.metaKey || (ctrl && shift && /^[cv]$/i.test(key))) return;
      if (ctrl && key === "c" && this.selected()) return;
      if (key === "F6" && !ctrl && !alt) {
        this.tab.focus();
        return event.preventDefault();
      }
      if (shift && (key === "PageUp" || key === "PageDown")) {
        const page = Math.max(1, (this.size?.[0] ?? 2) - 1);
        this.scroll(key === "PageUp" ? -page : page);
        return event.preventDefault();
      }
      if (event.target === this.panel) {
        getSelection().removeAllRanges();
        this.input.focus({ preventScroll: true });
      }
      // Letters come as text, so that dead keys and input methods work.
      const shortcut = (ctrl || alt) && !event.getModifierState("AltGraph");
      if (event.keyCode === 229 || (key.length === 1 && !shortcut) || key === "Dead" || key === "Process") return;
      event.preventDefault();
      send({ do: "key", terminal: this.number, key, ctrl, alt, shift });
    }

    wheel(event) {
      if (event.ctrlKey || !event.deltaY) return;
      const lines = Math.sign(event.deltaY) * 3;
      const [all, back] = this.history;
      if (this.alternate) {
        // On its second screen a program scrolls by itself, such as `less`.
        const key = lines < 0 ? "ArrowUp" : "ArrowDown";
        for (let line = 0; line < 3; line++) send({ do: "key", terminal: this.number, key });
      } else if (lines < 0 ? back < all : back > 0) this.scroll(lines);
      // At an end, the page scrolls.
      else return;
      event.preventDefault();
    }

    /** Scrolls by so many lines, downwards if positive. */
    scroll(lines) {
      send({ do: "scroll", terminal: this.number, lines });
    }

    /** Types code as a person does, and Enter at its end. */
    type(code) {
      send({ do: "paste", terminal: this.number, text: code.replace(/\n+$/, "") });
      send({ do: "key", terminal: this.number, key: "Enter" });
    }
  }
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const STYLES = [[1, "bold"], [2, "italic"], [4, "underline"], [8, "wide"]];

/** Draws a run of characters that look alike: text, the colours of text and background, and the style as bits. */
function drawRun([text, front = null, back = null, style = 0]) {
  if (front === null && back === null && style === 0) return document.createTextNode(text);
  const span = element("span", "", text);
  for (const [bit, name] of STYLES) if (style & bit) span.classList.add(name);
  if (front) span.style.color = front;
  if (back) span.style.backgroundColor = back;
  return span;
}
