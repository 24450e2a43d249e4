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
  let run = null;
  // The terminal that this page has opened, until it is in the list.
  let wanted = null;

  const send = (message) => document.dispatchEvent(new CustomEvent("to-server", { detail: message }));

  // --- Messages of the server ----------------------------------------------------------------------------------------------

  document.addEventListener("from-server", ({ detail: message }) => {
    if (message.connected) {
      // The server knows nothing of what this page showed before.
      for (const terminal of open.values()) terminal.rows = [];
      if (active) active.show();
    }
    if (message.terminals) list(message.terminals);
    if (message.opened !== undefined) {
      wanted = message.opened;
      selectWanted();
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
    selectWanted();
    if (!active && open.size) {
      const last = Number(sessionStorage.getItem("terminal"));
      select(open.get(last) ?? [...open.values()].at(-1), false);
    }
    setHidden(open.size === 0);
  }

  function setHidden(hidden) {
    for (const part of [panels, tabs, closes, document.getElementById("terminal-height"), document.getElementById("terminal-help")]) part.hidden = hidden;
  }

  function selectWanted() {
    if (wanted === null || !open.has(wanted)) return;
    select(open.get(wanted), true);
    wanted = null;
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
    if (run) {
      terminal.typeAtPrompt(run);
      run = null;
    }
  }

  // --- Opening, and running code -------------------------------------------------------------------------------------------

  for (const button of side.querySelectorAll("button[data-service]")) {
    button.addEventListener("click", () => openService(button.dataset.service));
  }

  function openService(service) {
    send({ do: "open", service, size: measure() });
  }

  /** Code goes to a client that understands it: the one in front, else one that is open, else one that is opened. */
  document.addEventListener("run-code", ({ detail: { pieces, services } }) => {
    const fits = (terminal) => terminal && !terminal.ended && services.includes(terminal.service);
    const found = fits(active) ? active : [...open.values()].findLast(fits);
    if (found) {
      select(found, true);
      found.type(pieces[0]);
      found.typeAtPrompt(pieces.slice(1));
    } else {
      run = pieces;
      openService(services.includes(texts.first) ? texts.first : services[0]);
    }
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
  new ResizeObserver(() => {
    clearTimeout(resized);
    resized = setTimeout(() => active?.resize(), 80);
  }).observe(panels);

  // --- One terminal --------------------------------------------------------------------------------------------------------

  class Terminal {
    constructor(number, service) {
      this.number = number;
      this.service = service;
      this.rows = [];
      this.history = [0, 0];
      this.ended = null;
      this.waiting = [];

      this.service = service;
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
      this.rows = [];
      send({ do: "show", terminal: this.number, size: measure() });
    }

    hide() {
      send({ do: "hide", terminal: this.number });
    }

    resize() {
      const size = measure();
      if (String(size) !== String(this.size)) send({ do: "resize", terminal: this.number, size });
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
      this.untyped = [...pieces];
      this.typeWhenStill();
    }

    /** Types what waits when the screen shows text and has not changed for a moment. */
    typeWhenStill() {
      clearTimeout(this.still);
      if (!this.untyped?.length || !this.screen.textContent.trim()) return;
      this.still = setTimeout(() => {
        const piece = this.untyped.shift();
        if (!this.ended) this.type(piece);
      }, 400);
    }

    drawFrame(frame) {
      const [count] = frame.size;
      this.size = frame.size;
      while (this.rows.length > count) this.rows.pop();
      while (this.screen.children.length > count) this.screen.lastChild.remove();
      while (this.screen.children.length < count) this.screen.append(element("div", "row"));
      for (const [at, runs] of frame.rows) {
        this.rows[at] = runs;
        this.screen.children[at].replaceChildren(...runs.map(drawRun));
      }
      this.history = frame.history;
      this.panel.classList.toggle("scrolled", frame.history[1] > 0);
      this.cursor.hidden = !frame.cursor;
      if (frame.cursor && cell) {
        const [row, column] = frame.cursor;
        const place = `translate(${column * cell.width}px, ${row * cell.height}px)`;
        this.cursor.style.transform = place;
        this.cursor.style.width = `${cell.width}px`;
        this.cursor.style.height = `${cell.height}px`;
        this.input.style.transform = place;
      }
      if (frame.title) this.tab.title = frame.title;
      this.typeWhenStill();
    }

    // --- Keys ---

    listen() {
      const number = this.number;
      this.panel.addEventListener("mouseup", () => {
        // What is selected stays so until something is typed.
        if (getSelection().isCollapsed) this.input.focus();
      });
      this.input.addEventListener("keydown", (event) => {
        if (event.isComposing || event.keyCode === 229) return;
        if (event.key === "F6" && !event.ctrlKey && !event.altKey) {
          this.tab.focus();
          return event.preventDefault();
        }
        if (event.shiftKey && (event.key === "PageUp" || event.key === "PageDown")) {
          const page = Math.max(1, (this.size?.[0] ?? 2) - 1);
          this.scroll(event.key === "PageUp" ? page : -page);
          return event.preventDefault();
        }
        const altGraph = event.getModifierState("AltGraph");
        const shortcut = (event.ctrlKey || event.altKey) && !altGraph;
        if (event.metaKey || (event.ctrlKey && event.shiftKey && /^[cv]$/i.test(event.key))) return;
        if (event.ctrlKey && event.key === "c" && !getSelection().isCollapsed) return;
        // Letters come as text, so that dead keys and input methods work.
        if (event.key.length === 1 && !shortcut) return;
        if (["Shift", "Control", "Alt", "Meta", "CapsLock", "Dead", "Process"].includes(event.key)) return;
        event.preventDefault();
        send({
          do: "key", terminal: number, key: event.key, ctrl: event.ctrlKey, alt: event.altKey, shift: event.shiftKey,
        });
      });
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
      });
      this.input.addEventListener("compositionend", () => {
        this.input.classList.remove("composing");
        this.input.style.removeProperty("width");
        typed();
      });
      this.input.addEventListener("paste", (event) => {
        event.preventDefault();
        const text = event.clipboardData.getData("text/plain");
        if (new TextEncoder().encode(text).length > Number(texts.paste)) {
          document.dispatchEvent(new CustomEvent("note", { detail: texts.large }));
        } else if (text) send({ do: "paste", terminal: number, text });
      });
      this.panel.addEventListener(
        "wheel",
        (event) => {
          event.preventDefault();
          const lines = Math.sign(event.deltaY) * 3;
          // On its second screen a program scrolls by itself, such as `less`.
          if (this.history[0] === 0) {
            const key = lines < 0 ? "ArrowUp" : "ArrowDown";
            for (let line = 0; line < 3; line++) send({ do: "key", terminal: number, key });
          } else this.scroll(-lines);
        },
        { passive: false },
      );
    }

    scroll(lines) {
      const [all, back] = this.history;
      const wanted = Math.min(all, Math.max(0, back + lines));
      if (wanted !== back) send({ do: "scroll", terminal: this.number, back: wanted });
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

const STYLES = [[1, "bold"], [2, "dim"], [4, "italic"], [8, "underline"], [32, "wide"]];

/** Draws a run of characters that look alike: text, both colours, and the style as bits. */
function drawRun([text, front = null, back = null, style = 0]) {
  if (front === null && back === null && style === 0) return document.createTextNode(text);
  const span = element("span", "", text);
  for (const [bit, name] of STYLES) if (style & bit) span.classList.add(name);
  const swapped = (style & 16) !== 0;
  const ink = swapped ? colorOf(back, BACK) ?? PAPER : colorOf(front, FRONT);
  const paper = swapped ? colorOf(front, FRONT) ?? INK : colorOf(back, BACK);
  if (ink) span.style.color = ink;
  if (paper) span.style.backgroundColor = paper;
  return span;
}

const INK = "#e6e9ed";
const PAPER = "#14181d";

/** The sixteen colours of a terminal, so that letters can be read on the terminal's own background, and the other way round. */
const FRONT = [
  "#8b949e", "#ff8a80", "#7ddc8c", "#f0c060", "#8ab8ff", "#e6a0f0", "#70d8e0", "#d5dae0",
  "#a3adb8", "#ffa8a0", "#a0f0ac", "#ffdc90", "#b0d0ff", "#f0c0f8", "#a0ecf0", "#ffffff",
];
const BACK = [
  "#000000", "#7a1d17", "#16532a", "#5e4300", "#16407a", "#5c2366", "#0b5058", "#49525c",
  "#3a424b", "#8f2a22", "#1f6b38", "#6b4d00", "#1f5296", "#713080", "#10646e", "#5a636d",
];

function colorOf(value, palette) {
  if (value === null || typeof value === "string") return value;
  return value < 16 ? palette[value] : xterm(value);
}

function xterm(index) {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (step) => (step ? 55 + step * 40 : 0);
  const at = index - 16;
  return `rgb(${level(Math.floor(at / 36))} ${level(Math.floor(at / 6) % 6)} ${level(at % 6)})`;
}
